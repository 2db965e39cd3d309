// Arguments: the command line of holdfast-tune. Pure, but for the profile's file.
//
// Parsed here and not by a flag library: there are commands, counts like 1M, and exit status 2 for everything
// that cannot be understood.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tune/plan.h"

namespace holdfast::tune {

struct Arguments {
  std::string command;
  std::string key;   // of explain
  std::string root;  // empty: this host
  Target target;
  PlanOptions plan;
  bool json = false;
  bool every_reason = false;  // --all
  bool script = false, inverse = false;
  bool force = false;
  bool help = false;
  std::uint64_t sockets = 20'000;  // of prove
};

absl::StatusOr<Arguments> parse_arguments(const std::vector<std::string>& words);

std::string usage();

}  // namespace holdfast::tune
