// The Clock seam: the only two clocks the server reads. Simulations hand in their own.
//
// Monotonic time drives every deadline and is read once per turn by the shard; wall time is for log lines and
// Date only, because it may jump.
#pragma once

#include <cstdint>

namespace holdfast::base {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since an arbitrary start; never goes back.
  virtual std::uint64_t monotonic_ns() = 0;
  // Nanoseconds since 1970-01-01 UTC; may jump in both directions.
  virtual std::uint64_t wall_ns() = 0;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME. Stateless, so one instance serves every thread.
class SystemClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override;
  std::uint64_t wall_ns() override;
};

}  // namespace holdfast::base
