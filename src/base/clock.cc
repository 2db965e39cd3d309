// SystemClock: the kernel's clocks behind the Clock seam.
#include "base/clock.h"

#include <ctime>

namespace holdfast::base {
namespace {

std::uint64_t read_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t SystemClock::monotonic_ns() {
  return read_ns(CLOCK_MONOTONIC);
}
std::uint64_t SystemClock::wall_ns() {
  return read_ns(CLOCK_REALTIME);
}

}  // namespace holdfast::base
