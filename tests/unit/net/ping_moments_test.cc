// Moments of blocks of slots: in order, spread, and once in a period.
#include "net/ping_moments.h"

#include <gtest/gtest.h>

#include <set>

namespace holdfast::net {
namespace {

constexpr std::uint32_t kBlock = PingMoments::kBlock;

TEST(PingMoments, TheNextMomentLiesAheadByLessThanAnInterval) {
  for (const time::Tick interval : {1u, 7u, 100u, 128u, 250u, 590u, 36'000u, 655'350u}) {
    const PingMoments moments(interval);
    for (memory::Index slot = 0; slot < 40 * kBlock; slot += kBlock / 2 + 1) {
      for (const time::Tick earliest : {0u, 1u, 12'345u, 99'999'999u}) {
        const time::Tick next = moments.next(slot, earliest);
        EXPECT_GE(next, earliest);
        EXPECT_LT(next - earliest, interval);
        EXPECT_EQ(next % moments.grain(), 0u);
      }
    }
  }
}

TEST(PingMoments, ABlockHasOneMomentInEachPeriod) {
  for (const time::Tick interval : {1u, 128u, 250u, 590u, 36'000u}) {
    const PingMoments moments(interval);
    EXPECT_LE(moments.period(), interval);
    EXPECT_GT(moments.period(), interval - moments.grain());
    for (memory::Index slot = 0; slot < 20 * kBlock; slot += kBlock) {
      const time::Tick first = moments.next(slot, 1'000);
      EXPECT_EQ(moments.next(slot, first), first);
      EXPECT_EQ(moments.next(slot, first + 1), first + moments.period());
    }
  }
}

TEST(PingMoments, SlotsOfABlockShareItsMomentAndThoseOfOthersDoNot) {
  const PingMoments moments(250);
  std::set<time::Tick> seen;
  for (std::uint32_t block = 0; block < 64; ++block) {
    const time::Tick moment = moments.next(block * kBlock, 0);
    for (memory::Index slot = block * kBlock; slot < (block + 1) * kBlock; ++slot)
      ASSERT_EQ(moments.next(slot, 0), moment);
    EXPECT_TRUE(seen.insert(moment).second) << "block " << block;
  }
}

TEST(PingMoments, BlocksSpreadEvenlyOverTheIntervalHoweverManyThereAre) {
  const PingMoments moments(500);
  for (const std::uint32_t blocks : {8u, 64u, 488u}) {
    constexpr std::uint32_t kParts = 8;
    std::uint32_t counts[kParts] = {};
    for (std::uint32_t block = 0; block < blocks; ++block)
      ++counts[moments.next(block * kBlock, 0) * kParts / moments.period()];
    for (const std::uint32_t count : counts) {
      EXPECT_GE(count, blocks / kParts / 2);
      EXPECT_LE(count, blocks / kParts * 2);
    }
  }
}

}  // namespace
}  // namespace holdfast::net
