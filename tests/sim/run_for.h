// Lets a machine take turns until so much of its world's time has passed.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "machine.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

inline void run_for(ring::SimulatedWorld& world, Machine& machine, std::uint64_t duration_ns) {
  constexpr int kTurnsMaximum = 1'000'000;
  const std::uint64_t until_ns = world.now_ns() + duration_ns;
  for (int turns = 0; world.now_ns() < until_ns; ++turns) {
    ASSERT_TRUE(machine.turn());
    ASSERT_LT(turns, kTurnsMaximum);
  }
}

}  // namespace holdfast::sim
