// Ticks: the coarse time deadlines are kept in.
//
// 50 ms is far below every deadline a server has and keeps a wheel with ten thousands of pings from waking
// its shard more than twenty times a second, each time for a whole batch.
#pragma once

#include <chrono>
#include <cstdint>

#include "time/wheel.h"

namespace holdfast::net {

inline constexpr std::uint64_t kTickNs = 50'000'000;

// How long an accept that failed for lack of something waits before it is armed again.
inline constexpr time::Tick kAcceptBackoffTicks = 2;

// Rounded up, so that a deadline is never early; at least one tick.
inline time::Tick ticks(std::chrono::milliseconds duration) {
  const auto ns = static_cast<std::uint64_t>(duration.count()) * 1'000'000u;
  return static_cast<time::Tick>((ns + kTickNs - 1) / kTickNs) + 1;
}

// Wrap-safe: has `now` reached `deadline`?
inline bool reached(time::Tick now, time::Tick deadline) {
  return static_cast<std::int32_t>(now - deadline) >= 0;
}

}  // namespace holdfast::net
