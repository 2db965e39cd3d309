// Pool: bound, order of reuse, attach, and a random comparison with a plain set.
#include "memory/pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "base/entropy.h"

namespace holdfast::memory {
namespace {

struct Record {
  std::uint64_t value;
  std::uint32_t more;
};

class PoolTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kCapacity = 16;
  PoolState state_;
  std::vector<Record> items_ = std::vector<Record>(kCapacity);
  Pool<Record> pool_{&state_, items_.data(), kCapacity};
};

TEST_F(PoolTest, HandsOutFreshRecordsInAddressOrder) {
  for (Index i = 0; i < kCapacity; ++i) EXPECT_EQ(pool_.claim(), i);
}

TEST_F(PoolTest, RefusesAtItsBoundCountsItAndServesAgainAfterARelease) {
  for (Index i = 0; i < kCapacity; ++i) pool_.claim();
  EXPECT_EQ(pool_.claim(), kNoIndex);
  EXPECT_EQ(pool_.claim(), kNoIndex);
  EXPECT_EQ(pool_.state().refusals, 2u);
  EXPECT_EQ(pool_.used(), kCapacity);
  pool_.release(5);
  EXPECT_EQ(pool_.claim(), 5u);
  EXPECT_EQ(pool_.state().used_peak, kCapacity);
}

TEST_F(PoolTest, ReusesTheLastReleasedRecordFirst) {
  for (int i = 0; i < 4; ++i) pool_.claim();
  pool_.release(1);
  pool_.release(3);
  EXPECT_EQ(pool_.claim(), 3u);
  EXPECT_EQ(pool_.claim(), 1u);
  EXPECT_EQ(pool_.claim(), 4u);
}

TEST_F(PoolTest, TouchesNoRecordBeyondWhatWasEverInUse) {
  for (int i = 0; i < 1'000; ++i) {
    pool_.release(pool_.claim());
  }
  EXPECT_EQ(pool_.state().fresh, 1u);
}

TEST_F(PoolTest, GoesOnWhereAnotherPoolOverTheSameMemoryStopped) {
  pool_.claim();
  pool_[pool_.claim()].value = 77;
  pool_.release(0);
  Pool<Record> next(&state_, items_.data(), kCapacity);
  EXPECT_EQ(next.used(), 1u);
  EXPECT_EQ(next[1].value, 77u);
  EXPECT_EQ(next.claim(), 0u);
  EXPECT_EQ(next.claim(), 2u);
}

TEST_F(PoolTest, NeverHandsOutARecordTwiceAndKeepsContentUnderRandomTraffic) {
  base::Random random(3);
  std::map<Index, std::uint64_t> live;
  for (int i = 0; i < 100'000; ++i) {
    if (random.below(2) == 0) {
      const Index index = pool_.claim();
      if (index == kNoIndex) {
        ASSERT_EQ(live.size(), kCapacity);
        continue;
      }
      const std::uint64_t value = random.next();
      ASSERT_TRUE(live.emplace(index, value).second);
      pool_[index].value = value;
    } else if (!live.empty()) {
      auto chosen = std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(live.size())));
      ASSERT_EQ(pool_[chosen->first].value, chosen->second);
      pool_.release(chosen->first);
      live.erase(chosen);
    }
    ASSERT_EQ(pool_.used(), live.size());
  }
}

using PoolDeathTest = PoolTest;

TEST_F(PoolDeathTest, CatchesIndexesThatWereNeverHandedOut) {
  pool_.claim();
  EXPECT_DEATH(pool_.release(1), "CHECK failed");
  EXPECT_DEATH(pool_[1].value = 1, "CHECK failed");
  EXPECT_DEATH(pool_.release(kNoIndex), "CHECK failed");
  pool_.release(0);
  EXPECT_DEATH(pool_.release(0), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::memory
