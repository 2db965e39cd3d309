// Scenario: the phases of a run, in order; from the command line, or from a file people can read. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "phase.h"

namespace holdfast::swarm {

// A phase a line: its name, then its settings, separated by spaces or written as on the command line. From
// '#' on a line is a comment. `name` is the file's, for errors, which also tell the line.
absl::StatusOr<std::vector<Phase>> parse_scenario(std::string_view text, std::string_view name,
                                                  Sizes otherwise = {});
// Whether the phases make sense in this order and fit the deadline of the run.
absl::Status check_scenario(const std::vector<Phase>& phases, double deadline_s = 24 * 3600);
// The most connections that are open at once.
std::uint32_t most_open(const std::vector<Phase>& phases);
// How many of `open` connections are `percent` of them: one at least.
std::uint32_t part_of(std::uint32_t open, double percent);

}  // namespace holdfast::swarm
