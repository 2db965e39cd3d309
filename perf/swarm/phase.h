// Phase: one step of a run, as written on the command line: "ramp:connections=1000,rate=500". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "content.h"

namespace holdfast::swarm {

inline constexpr std::uint32_t kConnectionsMaximum = 4'000'000;
inline constexpr std::uint32_t kRoundsMaximum = 10'000;

struct Phase {
  enum class Kind : std::uint8_t {
    ramp,
    idle,
    echo,
    fanout,
    fanin,
    ping,
    close,
    storm,
    churn,
    half_open,
    slow,
    vanish,
    recover,
    drop
  };
  // What has to become of slow readers.
  enum class Expected : std::uint8_t { either, kept, closed };

  Kind kind = Kind::ramp;
  std::string text;               // as written
  std::uint32_t connections = 0;  // ramp; count of half_open
  double rate = 0;                // a second; ramp: 0 for as fast as outstanding allows; echo: open loop
  std::uint32_t outstanding = 0;  // under way at once
  double seconds = 0;
  std::uint32_t rounds = 1;
  Sizes bytes;
  bool closed_loop = false;
  std::uint32_t jitter_ms = 0;
  std::uint32_t backoff_ms = 0;
  double percent_per_minute = 0;
  double percent = 0;    // of the open connections
  double read_rate = 0;  // bytes a second; 0: nothing is read
  std::uint32_t collectors = 1;
  Expected expected = Expected::either;

  std::string_view name() const { return std::string_view(text).substr(0, text.find(':')); }
};

// Errors name the phase, the setting and what would be right. A phase with messages and no `bytes` of its own
// takes `otherwise`.
absl::StatusOr<Phase> parse_phase(std::string_view text, Sizes otherwise = {});
// "B" or "B1-B2", also "B1..B2". False when that is no size of a message.
bool parse_sizes(std::string_view text, Sizes* sizes);
// How long nothing may be heard of the phase although all is well.
double quiet_seconds(const Phase& phase);
// "  ramp:connections=N,..." one line each, for --help and errors.
std::string list_of_phases();

}  // namespace holdfast::swarm
