// Start, signals, reload. Everything here runs on the main thread but obey_signals, which has its own.
#include "admin/program.h"

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "admin/credentials.h"
#include "admin/first_start.h"
#include "admin/node.h"
#include "admin/reload.h"
#include "admin/service.h"
#include "base/standard_error.h"
#include "gateway/gateway.h"
#include "gateway/shared_state.h"
#include "holdfast/server.h"

namespace holdfast::admin {
namespace {

using gateway::LoadedSettings;
using gateway::Settings;

constexpr int kExitError = 1;
constexpr int kExitSettings = 2;

void print_error(const absl::Status& status) {
  std::fprintf(stderr, "holdfast: %s\n", std::string(status.message()).c_str());
}

sigset_t signals_obeyed() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

// SIGUSR2 is how serve() ends this loop.
void obey_signals(Server& server, Node& node, Reloader& reloader, const sigset_t& set) {
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0 || signal == SIGUSR2) return;
    if (signal == SIGUSR1) {
      base::write_line("holdfast: counters " + server.counters());
    } else if (signal == SIGHUP) {
      reloader.reload(server);
    } else if (!node.draining.exchange(true)) {
      server.drain();
    } else {
      server.stop();
    }
  }
}

void print_endpoints(const Server& server) {
  for (const Endpoint& endpoint : server.endpoints()) {
    std::printf("listening %s %s\n", endpoint.protocol == Protocol::http ? "http" : "ws",
                endpoint.address.c_str());
  }
}

int serve(Server& server, Node& node, Reloader& reloader, const sigset_t& set) {
  std::thread signals([&] { obey_signals(server, node, reloader, set); });
  const absl::Status status = server.run();
  pthread_kill(signals.native_handle(), SIGUSR2);
  signals.join();
  if (status.ok()) return 0;
  print_error(status);
  return kExitError;
}

}  // namespace

int check_config(const ProgramOptions& options) {
  const LoadedSettings loaded = load(options);
  if (!loaded.settings) return print_problems(loaded), kExitSettings;
  const absl::StatusOr<gateway::Snapshot> snapshot = gateway::make_snapshot(loaded.settings);
  if (!snapshot.ok()) return print_error(snapshot.status()), kExitSettings;
  std::fputs(gateway::describe(*loaded.settings).c_str(), stdout);
  return 0;
}

int run_program(const ProgramOptions& options) {
  base::keep_standard_descriptors();
  // Blocked before any thread exists, so that every thread inherits it and only obey_signals takes them.
  const sigset_t set = signals_obeyed();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const LoadedSettings loaded = load(options);
  if (!loaded.settings) return print_problems(loaded), kExitSettings;
  const DrawnSecrets drawn = draw_secrets(*loaded.settings, options.config_file.empty());
  auto snapshot = gateway::make_snapshot(with_secrets(*loaded.settings, drawn));
  if (!snapshot.ok()) return print_error(snapshot.status()), kExitSettings;

  std::unique_ptr<Node> node;
  auto shared = gateway::SharedState::create(
      *snapshot, [&node](gateway::Gateway& of_shard) { return std::make_unique<Service>(of_shard, *node); });
  if (!shared.ok()) return print_error(shared.status()), kExitError;
  node = std::make_unique<Node>((*shared)->shards);
  node->demonstration = options.config_file.empty();
  auto server = Server::create((*shared)->config, [&shared](std::uint32_t shard) {
    return std::make_unique<gateway::Gateway>(*shared, shard);
  });
  if (!server.ok()) return print_error(server.status()), kExitError;
  print_endpoints(**server);
  print_first_steps(**server, drawn, node->demonstration);
  std::fflush(stdout);
  Reloader reloader(options, drawn, snapshot->settings);
  return serve(**server, *node, reloader, set);
}

}  // namespace holdfast::admin
