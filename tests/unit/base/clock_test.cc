// SystemClock: the two promises its users build on.
#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace holdfast::base {
namespace {

TEST(SystemClock, MonotonicTimeNeverGoesBack) {
  SystemClock clock;
  std::uint64_t before = clock.monotonic_ns();
  EXPECT_GT(before, 0u);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t now = clock.monotonic_ns();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(SystemClock, WallTimeCountsNanosecondsSince1970) {
  SystemClock clock;
  const std::uint64_t before = static_cast<std::uint64_t>(::time(nullptr));
  const std::uint64_t seconds = clock.wall_ns() / 1'000'000'000u;
  // time() may read a coarser clock, one tick behind; a wrong unit or epoch is off by far more than an hour.
  EXPECT_GE(seconds + 3'600, before);
  EXPECT_LE(seconds, before + 3'600);
}

}  // namespace
}  // namespace holdfast::base
