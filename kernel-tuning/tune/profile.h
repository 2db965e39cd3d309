// Profile: what one wants of the host besides the number of connections, read from a file of `key = value`
// lines (kernel-tuning/profiles/). Its numbers are inputs of the arithmetic in knobs_*.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tune/host.h"

namespace holdfast::tune {

struct Profile {
  std::string name;
  std::uint64_t reconnect_window_s = 0;       // everybody comes back within this time
  std::uint64_t listener_stall_ms = 0;        // arrivals that wait while a shard is busy or held up
  std::uint64_t chain_length = 0;             // most sockets a chain of the established hash, on average
  std::uint64_t broadcast_millionths = 0;     // connections that are owed a message at one moment
  std::uint64_t receive_default_maximum = 0;  // tcp_rmem[1] at most
  std::uint64_t receive_limit_minimum = 0;    // tcp_rmem[2] between these
  std::uint64_t receive_limit_maximum = 0;
  std::uint64_t send_default_maximum = 0;  // tcp_wmem[1] at most
  std::uint64_t send_limit_minimum = 0;    // tcp_wmem[2] between these
  std::uint64_t send_limit_maximum = 0;
  std::uint64_t notsent_maximum = 0;  // tcp_notsent_lowat at most
  std::uint64_t fin_timeout_maximum_s = 0;
  std::uint64_t swappiness_maximum = 0;
};

// Every key must be there once, with a value in its range; an unknown key is an error.
absl::StatusOr<Profile> parse_profile(std::string_view name, std::string_view text);

// A name of a profile built in (a file of the same name in /etc/holdfast/profiles/ goes before it), or a
// path.
absl::StatusOr<Profile> load_profile(const Host& host, std::string_view name_or_path);

struct BuiltInProfile {
  std::string_view name;
  std::string_view text;
};
// The files of kernel-tuning/profiles/, put into the program by the build: it runs alone on a bare host.
const std::vector<BuiltInProfile>& built_in_profiles();

}  // namespace holdfast::tune
