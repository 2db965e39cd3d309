// FailNth: scripted runs of the simulation in which one thing goes wrong, each thing once.
//
// A script is run once as it is, and what it does is counted: operations of the ring by kind, claims of the
// pools. Then again for the first, the second, the third of each, with every error the kernel may give for
// it, or with a pool that finds nothing (fail_point.h). Every run must end as any other: whoever is polite
// and was not hit is served to the end, and nothing is left behind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "scenario.h"

namespace holdfast::sim {

struct Script {
  std::string_view name;
  Scenario (*write)();
};
std::span<const Script> scripts();

struct FailNthResult {
  std::uint64_t runs = 0;
  std::string failure;  // the first one and what repeats it; empty: none
};

// Every `stride`-th operation and claim. `only`: a run as a failure names it, "echo:receive:3:ENOBUFS".
FailNthResult fail_nth(const Script& script, std::uint64_t stride, std::string_view only = {});

}  // namespace holdfast::sim
