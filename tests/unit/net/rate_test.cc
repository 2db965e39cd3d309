// Rate: bursts, the average, debts, and where it is off.
#include "net/rate.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

constexpr std::uint64_t kSecondNs = Rate::kSecondNs;
constexpr std::uint64_t kStartNs = 77 * kSecondNs;

TEST(Rate, AllowsItsBurstAtOnceAndThenNothing) {
  const Rate rate(100, kSecondNs);
  std::uint64_t account = 0;
  EXPECT_EQ(rate.allowance(account, kStartNs), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(rate.open_at_ns(account), kStartNs) << i;
    rate.charge(account, 1, kStartNs);
  }
  EXPECT_EQ(rate.allowance(account, kStartNs), 0u);
  EXPECT_LE(rate.open_at_ns(account), kStartNs) << "exactly the burst is no debt";
  rate.charge(account, 1, kStartNs);
  EXPECT_EQ(rate.open_at_ns(account), kStartNs + kSecondNs / 100);
}

TEST(Rate, HoldsTheAverageHoweverOftenItIsAsked) {
  for (const std::uint64_t step_ns : {1'000'000u, 7'000'000u, 50'000'000u}) {
    const Rate rate(1000, kSecondNs / 10);
    std::uint64_t account = 0, taken = 0;
    for (std::uint64_t now = kStartNs; now < kStartNs + 10 * kSecondNs; now += step_ns) {
      const std::uint64_t allowed = rate.allowance(account, now);
      rate.charge(account, allowed, now);
      taken += allowed;
    }
    EXPECT_GE(taken, 9'990u) << step_ns;
    EXPECT_LE(taken, 10'100u) << step_ns;
  }
}

TEST(Rate, TakesAPieceWholeAndLetsItBePaidForAfterwards) {
  const Rate rate(1024, kSecondNs);
  std::uint64_t account = 0;
  rate.charge(account, 10 * 1024, kStartNs);
  EXPECT_EQ(rate.open_at_ns(account), kStartNs + 9 * kSecondNs);
  EXPECT_EQ(rate.allowance(account, kStartNs + 9 * kSecondNs), 0u);
  EXPECT_EQ(rate.allowance(account, kStartNs + 10 * kSecondNs), 1024u);
}

TEST(Rate, SavesNoMoreThanItsBurstWhileNothingHappens) {
  const Rate rate(10, kSecondNs);
  std::uint64_t account = 0;
  rate.charge(account, 10, kStartNs);
  EXPECT_EQ(rate.allowance(account, kStartNs + 3600 * kSecondNs), 10u);
}

TEST(Rate, AtNoneASecondIsNoLimit) {
  const Rate rate(0, kSecondNs);
  EXPECT_FALSE(rate.limits());
  std::uint64_t account = 0;
  rate.charge(account, 1'000'000, kStartNs);
  EXPECT_EQ(account, 0u);
  EXPECT_EQ(rate.open_at_ns(account), 0u);
}

}  // namespace
}  // namespace holdfast::net
