// A flag's value goes into the settings as it is: what it may be is said, and checked, in one place.
#include "holdfast_flags.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"

ABSL_FLAG(std::string, config, "", "settings file (TOML); without one everybody may try everything");
ABSL_FLAG(bool, check_config, false, "say what is wrong with the settings, or what they are, and end");
ABSL_FLAG(bool, explain_memory, false, "say how much memory these settings can take at most, and end");
ABSL_FLAG(std::string, listen, "", "where clients connect, ADDR:PORT[,ADDR:PORT]; [::]:PORT for IPv6");
ABSL_FLAG(std::string, listen_api, "", "where applications publish by HTTP; not for the public");
ABSL_FLAG(std::string, shards, "", "threads, each with its own ring; 0: as many as are needed");
ABSL_FLAG(std::string, max_connections, "", "the most connections to hold");
ABSL_FLAG(std::string, max_connections_per_address, "",
          "connections from one IPv4 address or IPv6 /64; 0: any number");
ABSL_FLAG(std::string, max_accepts_per_second, "", "clients taken in per second; 0: any number");
ABSL_FLAG(std::string, max_messages_per_second, "",
          "of one client; one that sends more waits; 0: any number");
ABSL_FLAG(std::string, max_bytes_per_second, "", "of one client, likewise");
ABSL_FLAG(std::string, allowed_origins, "", "web pages that may connect, scheme://host[:port]; * for any");
ABSL_FLAG(std::string, drain_timeout, "", "from SIGTERM to a hard stop");
ABSL_FLAG(std::string, ping_interval, "", "how often clients are pinged; 0: never");
ABSL_FLAG(bool, anonymous, false, "clients without a token may connect");

namespace holdfast::apps {
namespace {

constexpr int kExitUsage = 2;

}  // namespace

HoldfastFlags parse_holdfast_flags(int argc, char** argv) {
  absl::SetProgramUsageMessage("holdfast: real-time messaging for clients of the Centrifugo protocol.");
  absl::FlagsUsageConfig usage;
  usage.contains_help_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "holdfast_flags.cc");
  };
  absl::SetFlagsUsageConfig(usage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "%s: \"%s\" is not a flag; --help lists the flags\n", argv[0], rest[1]);
    std::exit(kExitUsage);
  }
  HoldfastFlags flags;
  flags.check_config = absl::GetFlag(FLAGS_check_config);
  flags.explain_memory = absl::GetFlag(FLAGS_explain_memory);
  flags.options.config_file = absl::GetFlag(FLAGS_config);
  const auto add = [&flags](const char* key, const std::string& value, const char* origin) {
    if (!value.empty()) flags.options.overrides.push_back({key, value, origin});
  };
  add("listen", absl::GetFlag(FLAGS_listen), "--listen");
  add("listen_api", absl::GetFlag(FLAGS_listen_api), "--listen_api");
  add("shards", absl::GetFlag(FLAGS_shards), "--shards");
  add("max_connections", absl::GetFlag(FLAGS_max_connections), "--max_connections");
  add("max_connections_per_address", absl::GetFlag(FLAGS_max_connections_per_address),
      "--max_connections_per_address");
  add("max_accepts_per_second", absl::GetFlag(FLAGS_max_accepts_per_second), "--max_accepts_per_second");
  add("client.max_messages_per_second", absl::GetFlag(FLAGS_max_messages_per_second),
      "--max_messages_per_second");
  add("client.max_bytes_per_second", absl::GetFlag(FLAGS_max_bytes_per_second), "--max_bytes_per_second");
  add("allowed_origins", absl::GetFlag(FLAGS_allowed_origins), "--allowed_origins");
  add("drain_timeout", absl::GetFlag(FLAGS_drain_timeout), "--drain_timeout");
  add("client.ping_interval", absl::GetFlag(FLAGS_ping_interval), "--ping_interval");
  add("client.allow_anonymous", absl::GetFlag(FLAGS_anonymous) ? "true" : "", "--anonymous");
  return flags;
}

}  // namespace holdfast::apps
