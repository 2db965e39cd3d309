// Wheel against a multimap of deadlines: millions of random steps, from several starts including just before
// the 32-bit ticks wrap. Time in the model is 64 bits wide, so wrap-around cannot be wrong in both.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/entropy.h"
#include "wheel_fixture.h"

namespace holdfast::time {
namespace {

using memory::Index;

constexpr std::uint32_t kSlots = 200;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSteps = 50'000;  // a step costs fifteen times as much there; the millions run in plain builds
constexpr std::uint64_t kWrapsAtLeast = 0;
#else
constexpr int kSteps = 500'000;
constexpr std::uint64_t kWrapsAtLeast = 2;
#endif

class Comparison {
 public:
  Comparison(Tick start, std::uint64_t seed)
      : wheel_(kSlots, start), random_(seed), now_((std::uint64_t{1} << 32) + start), deadlines_(kSlots) {}

  void step() {
    const std::uint64_t choice = random_.below(100);
    const Index index = static_cast<Index>(random_.below(kSlots));
    if (choice < 45) {
      schedule(index);
    } else if (choice < 60) {
      cancel(index);
    } else if (choice < 75) {
      sleep_as_a_shard_does();
    } else {
      advance(now_ + below_power(choice < 98 ? 12 : 27));
    }
    ASSERT_EQ(wheel_->scheduled_count(), model_.size());
    ASSERT_EQ(wheel_->scheduled(index), deadlines_[index].has_value());
  }

  void validate() { wheel_->validate(); }

  void drain() {
    while (!model_.empty()) ASSERT_NO_FATAL_FAILURE(advance(model_.begin()->first));
    ASSERT_EQ(wheel_->scheduled_count(), 0u);
  }

  std::uint64_t fired() const { return fired_; }
  std::uint64_t elapsed() const { return now_; }

 private:
  void schedule(Index index) {
    forget(index);
    std::uint64_t deadline = now_ + (random_.below(50) == 0 ? random_.below(1u << 31) : below_power(27));
    if (random_.below(20) == 0) deadline = now_ - std::min(below_power(20), now_);
    wheel_->schedule(index, static_cast<Tick>(deadline));
    // Overdue deadlines are due at once, in no particular order among themselves.
    deadlines_[index] = model_.emplace(std::max(deadline, now_), index);
  }

  // Numbers of all magnitudes below 2^bits, about equally often.
  std::uint64_t below_power(std::uint64_t bits) {
    return random_.below(std::uint64_t{1} << random_.below(bits + 1));
  }

  void cancel(Index index) {
    forget(index);
    wheel_->cancel(index);
  }

  void forget(Index index) {
    if (!deadlines_[index]) return;
    model_.erase(*deadlines_[index]);
    deadlines_[index].reset();
  }

  void sleep_as_a_shard_does() {
    const Tick limit = static_cast<Tick>(1 + below_power(26));
    const Tick sleep = wheel_->ticks_until_next(limit);
    ASSERT_LE(sleep, limit);
    if (!model_.empty()) {
      ASSERT_LE(now_ + sleep, std::max(model_.begin()->first, now_)) << "slept past a deadline";
    }
    advance(now_ + sleep);
  }

  void advance(std::uint64_t now) {
    std::vector<Index> found;
    const std::size_t budget = random_.below(2) == 0 ? 1 + random_.below(8) : kSlots;
    // Between calls that ran out of budget the caller may cancel, as a handler does.
    while (true) {
      const std::size_t before = found.size();
      const bool complete = wheel_->advance(static_cast<Tick>(now), budget, found);
      ASSERT_LE(found.size() - before, budget);
      for (std::size_t i = before; i < found.size(); ++i) ASSERT_NO_FATAL_FAILURE(take(found[i], now));
      if (complete) break;
      ASSERT_EQ(wheel_->ticks_until_next(1'000), 0u);
      cancel(static_cast<Index>(random_.below(kSlots)));
    }
    now_ = now;
    ASSERT_EQ(wheel_->now(), static_cast<Tick>(now));
    if (!model_.empty()) {
      ASSERT_GT(model_.begin()->first, now) << "a due deadline was not found";
    }
  }

  void take(Index index, std::uint64_t now) {
    ASSERT_FALSE(wheel_->scheduled(index));
    ASSERT_TRUE(deadlines_[index].has_value()) << "fired twice or after a cancel";
    ASSERT_LE((*deadlines_[index])->first, now) << "fired early";
    ASSERT_EQ((*deadlines_[index])->first, model_.begin()->first) << "fired out of order";
    forget(index);
    ++fired_;
  }

  using Deadlines = std::multimap<std::uint64_t, Index>;
  OwnedWheel wheel_;
  base::Random random_;
  std::uint64_t now_;
  Deadlines model_;
  std::vector<std::optional<Deadlines::iterator>> deadlines_;
  std::uint64_t fired_ = 0;
};

TEST(WheelModel, AgreesWithASortedMapOverMillionsOfRandomSteps) {
  std::uint64_t seed = 1;
  for (const Tick start : {0u, 0xffff'0000u, 0x7fff'f000u, 0xff00'0000u, 1'234'567'890u}) {
    SCOPED_TRACE(start);
    Comparison comparison(start, seed++);
    for (int i = 0; i < kSteps; ++i) {
      ASSERT_NO_FATAL_FAILURE(comparison.step()) << "step " << i;
      if (i % 1'000 == 0) comparison.validate();
    }
    ASSERT_NO_FATAL_FAILURE(comparison.drain());
    EXPECT_GT(comparison.fired(), kSteps / 10u);
    // The model's time begins at 2^32.
    EXPECT_GE(comparison.elapsed() >> 32, 1 + kWrapsAtLeast)
        << "the ticks never wrapped: the test is too easy";
  }
}

TEST(WheelModel, FindsEveryDeadlineWhenTimePassesTickByTick) {
  OwnedWheel wheel(kSlots, 0xffff'f000u);
  base::Random random(77);
  std::vector<Tick> expected(kSlots);
  Tick now = 0xffff'f000u;
  for (Index i = 0; i < kSlots; ++i) {
    expected[i] = now + 1 + static_cast<Tick>(random.below(30'000));
    wheel->schedule(i, expected[i]);
  }
  std::uint64_t fired = 0;
  for (int step = 0; step < 300'000; ++step) {
    ++now;
    for (const Index index : wheel.due(now)) {
      ASSERT_EQ(expected[index], now);
      expected[index] = now + 1 + static_cast<Tick>(random.below(30'000));
      wheel->schedule(index, expected[index]);
      ++fired;
    }
  }
  EXPECT_GT(fired, 2'000u);
}

}  // namespace
}  // namespace holdfast::time
