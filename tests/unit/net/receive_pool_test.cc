// Receive buffers: lent warmest first, the other size when one is used up, none lost.
#include "net/receive_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace holdfast::net {
namespace {

TEST(ReceivePool, LendsTheBufferReturnedLast) {
  ReceivePool pool(4, 1);
  const auto first = pool.lend(false);
  const auto second = pool.lend(false);
  pool.give_back(first);
  EXPECT_EQ(pool.lend(false), first);
  pool.give_back(second);
  pool.give_back(first);
  EXPECT_EQ(pool.lent(), 0u);
}

TEST(ReceivePool, FallsBackToTheOtherSizeAndThenRefuses) {
  ReceivePool pool(2, 1);
  const auto large = pool.lend(true);
  EXPECT_EQ(pool.bytes(large).size(), ReceivePool::kLargeBytes);
  const auto instead = pool.lend(true);
  EXPECT_EQ(pool.bytes(instead).size(), ReceivePool::kSmallBytes);
  pool.give_back(large);
  const auto small = pool.lend(false);
  const auto other = pool.lend(false);
  EXPECT_EQ(other, large) << "the large one serves when the small ones are used up";
  EXPECT_EQ(pool.lend(false), memory::kNoIndex);
  EXPECT_EQ(pool.exhausted(), 1u);
  for (auto buffer : {instead, small, other}) pool.give_back(buffer);
  EXPECT_EQ(pool.lent(), 0u);
}

TEST(ReceivePool, BuffersDoNotOverlap) {
  ReceivePool pool(3, 2);
  std::set<const std::byte*> starts;
  for (int i = 0; i < 5; ++i) starts.insert(pool.bytes(pool.lend(i >= 3)).data());
  EXPECT_EQ(starts.size(), 5u);
}

}  // namespace
}  // namespace holdfast::net
