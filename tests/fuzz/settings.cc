// Fuzz target: a settings file, from bytes to settings or problems.
//
// Files it names exist when their name is short, environment variables when theirs begins with a capital.
// What must hold besides not crashing: there are settings or problems, never both; each problem says
// something and shows no secret; sound settings describe themselves in a file that means the same.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/check.h"
#include "gateway/settings.h"

namespace {

using holdfast::gateway::differences;
using holdfast::gateway::Differences;
using holdfast::gateway::LoadedSettings;
using holdfast::gateway::Problem;
using holdfast::gateway::Settings;
using holdfast::gateway::Surroundings;

constexpr std::string_view kSecret = "the secret that nobody may see: 0123456789";

Surroundings surroundings() {
  return {[](const std::string& path) -> absl::StatusOr<std::string> {
            if (path.size() > 12) return absl::NotFoundError("no such file");
            return std::string(kSecret);
          },
          [](const std::string& name) -> std::optional<std::string> {
            if (name.empty() || name[0] < 'A' || name[0] > 'Z') return std::nullopt;
            return std::string(kSecret);
          }};
}

void check_problems(const LoadedSettings& loaded) {
  CHECK((loaded.settings == nullptr) == !loaded.problems.empty());
  for (const Problem& problem : loaded.problems) {
    CHECK(!problem.reason.empty());
    CHECK(problem.to_string().find(kSecret) == std::string::npos);
  }
}

void check_sound(const Settings& settings) {
  const std::string description = describe(settings);
  CHECK(description.find(kSecret) == std::string::npos);
  const Differences none = differences(settings, settings);
  CHECK(none.reloadable.empty() && none.need_restart.empty());
  for (std::uint32_t place = 0; place <= settings.namespaces.size(); ++place) {
    const std::string channel = place == 0 ? "x" : settings.namespaces[place - 1].name + ":x";
    CHECK(settings.rules_of(holdfast::gateway::ChannelName::parse(channel)) == place);
  }
  CHECK(settings.rules_of(holdfast::gateway::ChannelName::parse("no such namespace:x")) ==
        Settings::kNoRules);
  // Files need not be where the description is read; secrets are left out of it.
  if (!settings.token.public_key_files.empty() || !settings.token.jwks_file.path.empty()) return;
  const LoadedSettings again = parse_settings(description, "", {}, surroundings());
  CHECK(again.settings != nullptr);
  Settings without_secrets = settings;
  without_secrets.token.hmac_secret = without_secrets.token.hmac_previous_secret = {};
  without_secrets.api.key = without_secrets.api.previous_key = {};
  CHECK(describe(*again.settings) == describe(without_secrets));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  // A fuzzer that watches comparisons finds the secret and writes it into the file, as anything but a secret.
  if (text.find(kSecret.substr(0, 8)) != std::string_view::npos) return 0;
  const LoadedSettings loaded = parse_settings(text, "holdfast.toml", {}, surroundings());
  check_problems(loaded);
  if (loaded.settings != nullptr) check_sound(*loaded.settings);
  return 0;
}
