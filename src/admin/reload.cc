// Settings are swapped as a whole, or not at all.
#include "admin/reload.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/shared_state.h"

namespace holdfast::admin {
namespace {

using gateway::Settings;

void say(const char* what, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::fprintf(stderr, "holdfast: %s %s\n", what, line.c_str());
}

// False when the shard's mailbox stays full for seconds.
bool post_patiently(Server& server, std::uint32_t shard, const gateway::Snapshot& snapshot) {
  constexpr int kAttempts = 5'000;
  Server::Task task = [snapshot](Handler& handler) {
    static_cast<gateway::Gateway&>(handler).reload(snapshot);
  };
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (server.post(shard, std::move(task))) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

gateway::LoadedSettings load(const ProgramOptions& options) {
  std::vector<gateway::Override> overrides;
  if (options.config_file.empty()) overrides = demonstration_overrides();
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return gateway::load_settings(options.config_file, overrides, gateway::Surroundings::system());
}

void print_problems(const gateway::LoadedSettings& loaded) {
  for (const gateway::Problem& problem : loaded.problems) {
    std::fprintf(stderr, "%s\n", problem.to_string().c_str());
  }
}

void Reloader::reload(Server& server) {
  const gateway::LoadedSettings loaded = load(options_);
  if (!loaded.settings) {
    print_problems(loaded);
    std::fprintf(stderr, "holdfast: the settings stay as they are\n");
    return;
  }
  auto settings = std::make_shared<Settings>(*with_secrets(*loaded.settings, drawn_));
  const gateway::Differences found = gateway::differences(*current_, *settings);
  gateway::keep_what_needs_a_restart(*current_, *settings);
  if (const std::vector<gateway::Problem> problems = gateway::contradictions(*settings); !problems.empty()) {
    for (const gateway::Problem& problem : problems)
      std::fprintf(stderr, "holdfast: %s\n", problem.to_string().c_str());
    say("needs a restart:", found.need_restart);
    std::fprintf(stderr,
                 "holdfast: the settings stay as they are: restart the server, or take back what contradicts "
                 "the values it was started with\n");
    return;
  }
  const absl::StatusOr<gateway::Snapshot> snapshot = gateway::make_snapshot(settings);
  if (!snapshot.ok()) {
    std::fprintf(stderr, "holdfast: %s; the settings stay as they are\n",
                 std::string(snapshot.status().message()).c_str());
    return;
  }
  for (std::uint32_t shard = 0; shard < server.shards(); ++shard) {
    if (!post_patiently(server, shard, *snapshot)) {
      std::fprintf(stderr, "holdfast: shard %u is too busy to take the settings: send SIGHUP again\n", shard);
      return;
    }
  }
  current_ = std::move(settings);
  say("reloaded", found.reloadable);
  say("needs a restart:", found.need_restart);
  std::fprintf(stderr, "holdfast: settings read again, %zu changes, %zu need a restart\n",
               found.reloadable.size(), found.need_restart.size());
}

}  // namespace holdfast::admin
