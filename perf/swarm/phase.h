// Phase: one step of a run, as written on the command line: "ramp:connections=1000,rate=500". Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "content.h"

namespace holdfast::swarm {

struct Phase {
  enum class Kind : std::uint8_t { ramp, idle, echo, fanout, ping, close, storm, churn, half_open };

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
  double percent_per_minute = 0;

  std::string_view name() const { return std::string_view(text).substr(0, text.find(':')); }
};

// Errors name the phase, the setting and what would be right.
absl::StatusOr<Phase> parse_phase(std::string_view text);
// Whether the phases make sense in this order.
absl::Status check_scenario(const std::vector<Phase>& phases);
// "  ramp:connections=N,..." one line each, for --help and errors.
std::string list_of_phases();

}  // namespace holdfast::swarm
