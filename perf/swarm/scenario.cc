// Reading a scenario file, and what no phase can see alone.
#include "scenario.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace holdfast::swarm {
namespace {

constexpr std::string_view kSpaces = " \t\r";

// The line as it would stand on the command line; empty when it says nothing.
std::string as_argument(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::string argument;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kSpaces), line.size()));
    if (line.empty()) return argument;
    const std::string_view word = line.substr(0, line.find_first_of(kSpaces));
    line.remove_prefix(word.size());
    if (!argument.empty() && argument.back() != ':' && argument.back() != ',') {
      argument += argument.find(':') == std::string::npos ? ':' : ',';
    }
    argument += word;
  }
}

absl::Status refuse(const Phase& phase, std::string_view why) {
  return absl::InvalidArgumentError(std::string("--phase=").append(phase.text).append(": ").append(why));
}

bool ends_all(const Phase& phase) {
  return phase.kind == Phase::Kind::close || phase.kind == Phase::Kind::drop;
}

// Empty when the phase makes sense with that many connections open.
std::string reason_against(const Phase& phase, std::uint64_t open) {
  const bool opens = phase.kind == Phase::Kind::ramp || phase.kind == Phase::Kind::half_open;
  if (open == 0 && !opens) return "there is no connection yet: begin with ramp";
  if (open > kConnectionsMaximum) return "that makes more than 4,000,000 connections";
  if (phase.kind == Phase::Kind::slow && part_of(static_cast<std::uint32_t>(open), phase.percent) >= open) {
    return "nobody is left who reads in time: lower percent, or open more connections before";
  }
  if (phase.kind == Phase::Kind::fanin && phase.collectors > open) {
    return "there are fewer connections than collectors: open more before, or lower collectors";
  }
  return "";
}

}  // namespace

std::uint32_t part_of(std::uint32_t open, double percent) {
  return std::clamp(static_cast<std::uint32_t>(std::lround(open * percent / 100)), std::min(open, 1u), open);
}

absl::StatusOr<std::vector<Phase>> parse_scenario(std::string_view text, std::string_view name,
                                                  Sizes otherwise) {
  std::vector<Phase> phases;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string argument = as_argument(line);
    if (argument.empty()) continue;
    absl::StatusOr<Phase> phase = parse_phase(argument, otherwise);
    if (!phase.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(absl::string_view(name.data(), name.size()), ":", number,
                                                     ": ", phase.status().message()));
    }
    phases.push_back(*std::move(phase));
  }
  return phases;
}

absl::Status check_scenario(const std::vector<Phase>& phases, double deadline_s) {
  if (phases.empty()) {
    return absl::InvalidArgumentError("nothing to do: give at least one --phase=\n" + list_of_phases());
  }
  std::uint64_t open = 0, rounds = 0;
  double seconds = 0;
  for (const Phase& phase : phases) {
    if (phase.kind == Phase::Kind::ramp) open += phase.connections;
    if (const std::string why = reason_against(phase, open); !why.empty()) return refuse(phase, why);
    if (phase.kind == Phase::Kind::fanout || phase.kind == Phase::Kind::slow) rounds += phase.rounds;
    if (phase.kind == Phase::Kind::vanish) open -= part_of(static_cast<std::uint32_t>(open), phase.percent);
    if (ends_all(phase)) open = 0;
    if (phase.kind != Phase::Kind::half_open && phase.kind != Phase::Kind::vanish) seconds += phase.seconds;
  }
  if (rounds > kRoundsMaximum)
    return absl::InvalidArgumentError("more than 10,000 rounds of fanout and slow");
  if (seconds > deadline_s) {
    return absl::InvalidArgumentError(
        absl::StrCat("the phases alone take ", seconds, " s: raise --deadline_s, which is ", deadline_s));
  }
  return absl::OkStatus();
}

std::uint32_t most_open(const std::vector<Phase>& phases) {
  std::uint32_t open = 0, most = 0;
  for (const Phase& phase : phases) {
    std::uint32_t with = open;
    if (phase.kind == Phase::Kind::ramp) with = open += phase.connections;
    if (phase.kind == Phase::Kind::half_open) with = open + phase.connections;
    if (ends_all(phase)) open = 0;
    most = std::max(most, with);
  }
  return most;
}

}  // namespace holdfast::swarm
