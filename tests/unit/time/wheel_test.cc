// Wheel, one behaviour at a time: when deadlines fire, what moves and cancels them, budgets, wrap-around, and
// how long the shard may sleep.
#include "time/wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "wheel_fixture.h"

namespace holdfast::time {
namespace {

using memory::Index;
using memory::kNoIndex;

constexpr Tick kTicksOf[] = {1, 64, 64 * 64, 64 * 64 * 64, 64 * 64 * 64 * 64};

TEST(Wheel, FiresADeadlineOnTheFirstAdvanceAtOrAfterItsTick) {
  for (const Tick start : {0u, 1u, 63u, 64u, 4'095u, 123'456u, 0xffff'ff00u, 0x7fff'fff0u}) {
    for (const Tick ahead :
         {1u,          2u,          62u,         63u,         64u,          65u,         127u,
          4'095u,      4'096u,      4'097u,      262'143u,    262'144u,     262'145u,    16'515'071u,
          16'515'072u, 16'777'215u, 16'777'216u, 16'777'217u, 100'000'000u, 0x7fff'ffffu}) {
      OwnedWheel wheel(4, start);
      wheel->schedule(2, start + ahead);
      wheel->validate();
      ASSERT_TRUE(wheel.due(start + ahead - 1).empty()) << start << " + " << ahead;
      wheel->validate();
      ASSERT_EQ(wheel.due(start + ahead), std::vector<Index>{2}) << start << " + " << ahead;
      ASSERT_FALSE(wheel->scheduled(2));
      ASSERT_TRUE(wheel.due(start + ahead + 1).empty());
      ASSERT_EQ(wheel->scheduled_count(), 0u);
      wheel->validate();
    }
  }
}

TEST(Wheel, FiresInOneJumpOverAnyDistance) {
  for (const Tick ahead : {1u, 64u, 5'000u, 300'000u, 20'000'000u, 0x7fff'ffffu}) {
    OwnedWheel wheel(4, 17);
    wheel->schedule(1, 17 + ahead);
    EXPECT_EQ(wheel.due(17 + ahead), std::vector<Index>{1}) << ahead;
  }
}

TEST(Wheel, FiresEverythingInTickOrderWhenItIsHoursLate) {
  OwnedWheel wheel(1'000, 0);
  for (Index i = 0; i < 1'000; ++i) wheel->schedule(i, 1 + (i * 7'919u) % 100'000);
  const std::vector<Index> found = wheel.due(36'000'000);
  ASSERT_EQ(found.size(), 1'000u);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), [&](Index left, Index right) {
    return wheel->deadline(left) < wheel->deadline(right);
  }));
  EXPECT_EQ(wheel->now(), 36'000'000u);
}

TEST(Wheel, ADeadlineAtOrBeforeNowFiresOnTheNextAdvanceEvenIfTimeStandsStill) {
  OwnedWheel wheel(4, 1'000);
  wheel->schedule(0, 1'000);
  wheel->schedule(1, 999);
  wheel->schedule(2, 1'000 - 0x7fff'ffffu);
  wheel->validate();
  EXPECT_EQ(wheel->ticks_until_next(50), 0u);
  std::vector<Index> found = wheel.due(1'000);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<Index>{0, 1, 2}));
}

TEST(Wheel, AnOverdueDeadlineFiresAlsoWhenTimeMovesOnFirst) {
  OwnedWheel wheel(4, 1'000);
  wheel->schedule(3, 10);
  EXPECT_EQ(wheel.due(5'000), std::vector<Index>{3});
}

TEST(Wheel, SchedulingAgainMovesTheDeadlineBothWays) {
  OwnedWheel wheel(4, 0);
  wheel->schedule(0, 100);
  wheel->schedule(0, 10'000);
  EXPECT_EQ(wheel->scheduled_count(), 1u);
  EXPECT_EQ(wheel->deadline(0), 10'000u);
  EXPECT_TRUE(wheel.due(9'999).empty());
  wheel->schedule(0, 10'001);
  wheel->schedule(0, 10'000);
  EXPECT_EQ(wheel.due(10'000), std::vector<Index>{0});
}

TEST(Wheel, ACancelledDeadlineNeverFires) {
  OwnedWheel wheel(8, 0);
  for (Index i = 0; i < 8; ++i) wheel->schedule(i, 500);
  // First, middle and last of one bucket.
  for (const Index i : {7u, 3u, 0u}) wheel->cancel(i);
  wheel->cancel(3);
  wheel->validate();
  EXPECT_EQ(wheel->scheduled_count(), 5u);
  std::vector<Index> found = wheel.due(10'000);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<Index>{1, 2, 4, 5, 6}));
}

TEST(Wheel, CancellingWhatIsNotScheduledHasNoEffect) {
  OwnedWheel wheel(2, 0);
  wheel->cancel(0);
  wheel->schedule(1, 5);
  wheel->cancel(0);
  EXPECT_EQ(wheel->scheduled_count(), 1u);
  wheel->validate();
}

TEST(Wheel, ASlotMayBeScheduledAgainWhileItIsHandled) {
  OwnedWheel wheel(2, 0);
  Tick now = 0;
  wheel->schedule(0, 25'000);
  for (int round = 0; round < 100; ++round) {
    now += 25'000;
    ASSERT_EQ(wheel.due(now), std::vector<Index>{0});
    wheel->schedule(0, now + 25'000);
  }
}

TEST(Wheel, FindsNoMoreThanItsBudgetAndTheRestOnTheNextCalls) {
  OwnedWheel wheel(100, 0);
  for (Index i = 0; i < 100; ++i) wheel->schedule(i, 10 + i / 10);
  std::vector<Index> found;
  EXPECT_FALSE(wheel->advance(50, 30, found));
  EXPECT_EQ(found.size(), 30u);
  EXPECT_EQ(wheel->ticks_until_next(1'000), 0u);
  EXPECT_FALSE(wheel->advance(50, 69, found));
  EXPECT_EQ(found.size(), 99u);
  EXPECT_TRUE(wheel->advance(60, 1, found));
  EXPECT_EQ(found.size(), 100u);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(std::unique(found.begin(), found.end()), found.end());
  EXPECT_EQ(wheel->now(), 60u);
}

TEST(Wheel, ABudgetThatIsJustEnoughIsEnough) {
  OwnedWheel wheel(10, 0);
  for (Index i = 0; i < 10; ++i) wheel->schedule(i, 5);
  std::vector<Index> found;
  EXPECT_TRUE(wheel->advance(5, 10, found));
}

TEST(Wheel, WithoutABudgetItOnlySaysWhetherSomethingIsDue) {
  OwnedWheel wheel(2, 0);
  std::vector<Index> found;
  EXPECT_TRUE(wheel->advance(3, 0, found));
  wheel->schedule(0, 10);
  EXPECT_TRUE(wheel->advance(9, 0, found));
  EXPECT_FALSE(wheel->advance(10, 0, found));
  EXPECT_TRUE(found.empty());
  EXPECT_TRUE(wheel->advance(10, 1, found));
  EXPECT_EQ(found, std::vector<Index>{0});
}

TEST(Wheel, TheBudgetBoundsTheWorkOfPlacingFarDeadlinesAgainToo) {
  constexpr std::uint32_t kSlots = 10'000;
  OwnedWheel wheel(kSlots, 0);
  // One bucket of the third level, nothing in it due when it is reached.
  for (Index i = 0; i < kSlots; ++i) wheel->schedule(i, 2 * kTicksOf[2] + 4'000);
  std::vector<Index> found;
  int calls = 1;
  while (!wheel->advance(2 * kTicksOf[2], 100, found)) {
    ++calls;
    ASSERT_LE(calls, 100);
    EXPECT_EQ(wheel->ticks_until_next(1'000), 0u);
    wheel->validate();
  }
  EXPECT_GE(calls, 10);
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(wheel.due(2 * kTicksOf[2] + 4'000).size(), kSlots);
}

TEST(Wheel, DeadlinesScheduledWhileItIsBehindFireInTheirTurn) {
  OwnedWheel wheel(2'000, 0);
  for (Index i = 0; i < 1'000; ++i) wheel->schedule(i, 100);
  std::vector<Index> found;
  ASSERT_FALSE(wheel->advance(200, 300, found));
  ASSERT_EQ(found.size(), 300u);
  wheel->schedule(1'500, 150);
  wheel->schedule(1'501, 201);
  Index left = 0;
  while (!wheel->scheduled(left)) ++left;
  wheel->cancel(left);
  found = wheel.due(200);
  EXPECT_EQ(found.size(), 1'000u - 300 - 1 + 1);
  EXPECT_EQ(found.back(), 1'500u);
  EXPECT_EQ(wheel.due(201), std::vector<Index>{1'501});
}

TEST(Wheel, TicksWrapAround) {
  OwnedWheel wheel(4, 0xffff'fff0u);
  wheel->schedule(0, 0xffff'ffffu);
  wheel->schedule(1, 0);
  wheel->schedule(2, 20);
  wheel->schedule(3, 20'000'000);
  wheel->validate();
  EXPECT_EQ(wheel->ticks_until_next(1'000), 15u);
  EXPECT_EQ(wheel.due(0xffff'ffffu), std::vector<Index>{0});
  EXPECT_EQ(wheel.due(0), std::vector<Index>{1});
  EXPECT_EQ(wheel.due(21), std::vector<Index>{2});
  EXPECT_TRUE(wheel.due(19'999'999).empty());
  EXPECT_EQ(wheel.due(20'000'000), std::vector<Index>{3});
}

TEST(Wheel, SleepsToTheLimitWhenNothingIsScheduled) {
  OwnedWheel wheel(1, 5);
  EXPECT_EQ(wheel->ticks_until_next(123), 123u);
  EXPECT_EQ(wheel->ticks_until_next(0), 0u);
}

TEST(Wheel, SleepsExactlyToANearDeadlineAndNeverPastAFarOne) {
  OwnedWheel wheel(1, 0);
  wheel->schedule(0, 40);
  EXPECT_EQ(wheel->ticks_until_next(1'000), 40u);
  EXPECT_EQ(wheel->ticks_until_next(39), 39u);
  for (const Tick deadline : {64u, 1'000u, 100'000u, 1'000'000u, 50'000'000u, 2'000'000'000u}) {
    wheel->schedule(0, deadline);
    EXPECT_LE(wheel->ticks_until_next(~0u), deadline);
    EXPECT_GE(wheel->ticks_until_next(~0u), std::min(deadline / 64 * 63 / 64, 63u * kTicksOf[3])) << deadline;
  }
}

TEST(Wheel, AFarDeadlineCostsAFewWakeUpsOnly) {
  for (const Tick ahead : {63u, 4'000u, 200'000u, 16'000'000u, 2'000'000'000u}) {
    OwnedWheel wheel(1, 12'345);
    wheel->schedule(0, 12'345 + ahead);
    Tick now = 12'345;
    std::vector<Index> found;
    int wake_ups = 0;
    while (found.empty()) {
      const Tick sleep = wheel->ticks_until_next(~0u);
      ASSERT_GT(sleep, 0u);
      now += sleep;
      ASSERT_TRUE(wheel->advance(now, 10, found));
      ++wake_ups;
    }
    EXPECT_EQ(now, 12'345 + ahead);
    // One for each level, and one for each time the last level's reach of 16.5 million ticks is used up.
    EXPECT_LE(wake_ups, 4 + static_cast<int>(ahead / (63 * kTicksOf[3]))) << ahead;
  }
}

TEST(Wheel, AnotherWheelOverTheSameStateGoesOn) {
  OwnedWheel wheel(4, 0);
  wheel->schedule(1, 10);
  wheel->schedule(2, 5'000);
  Wheel other = wheel.attach();
  EXPECT_EQ(other.scheduled_count(), 2u);
  other.cancel(1);
  other.schedule(3, 70);
  std::vector<Index> found;
  EXPECT_TRUE(other.advance(6'000, 10, found));
  EXPECT_EQ(found, (std::vector<Index>{3, 2}));
  EXPECT_EQ(wheel->scheduled_count(), 0u);
}

TEST(WheelDeathTest, CatchesTimeThatGoesBack) {
  OwnedWheel wheel(1, 1'000);
  std::vector<Index> found;
  EXPECT_DEATH(wheel->advance(999, 1, found), "CHECK failed");
}

TEST(WheelDeathTest, CatchesSlotsThatDoNotExist) {
  OwnedWheel wheel(4, 0);
  EXPECT_DEATH(wheel->schedule(4, 10), "CHECK failed");
  EXPECT_DEATH(wheel->cancel(kNoIndex), "CHECK failed");
}

TEST(WheelDeathTest, CatchesLinksThatWereOverwritten) {
  OwnedWheel wheel(4, 0);
  for (Index i = 0; i < 3; ++i) wheel->schedule(i, 10);
  const TimerLink good = wheel.link(1);
  wheel.link(1).previous = 0;
  EXPECT_DEATH(wheel->validate(), "CHECK failed");
  EXPECT_DEATH(wheel->cancel(1), "CHECK failed");
  wheel.link(1) = good;
  wheel.link(1).deadline = 4'000;
  EXPECT_DEATH(wheel->validate(), "CHECK failed");
  wheel.link(1) = good;
  wheel->validate();
  wheel.link(2).reset();
  EXPECT_DEATH(wheel->validate(), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::time
