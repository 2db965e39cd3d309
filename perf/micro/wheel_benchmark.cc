// What a connection pays for its deadline: one schedule or move per message, one cancel per close, and its
// share of time going by.
//
// Bound agreed for release builds: schedule and cancel below 10 ns each.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/entropy.h"
#include "time/wheel.h"

namespace {

using holdfast::memory::Index;
using holdfast::time::Tick;
using holdfast::time::TimerLink;
using holdfast::time::Wheel;

// A link in the middle of 96 bytes, as it is in a slot.
struct Slot {
  TimerLink link;
  std::uint32_t rest[21];
};

class Slots {
 public:
  explicit Slots(std::uint32_t count) : slots_(count) {
    for (Slot& slot : slots_) slot.link.reset();
    Wheel::format(&state_, 0);
    wheel_ = Wheel(&state_, &slots_[0].link, sizeof(Slot), count);
  }
  Wheel& wheel() { return wheel_; }

 private:
  std::vector<Slot> slots_;
  Wheel::State state_;
  Wheel wheel_;
};

void schedule_cancel(benchmark::State& state) {
  Slots slots(16);
  for (auto _ : state) {
    slots.wheel().schedule(3, 25'000);
    slots.wheel().cancel(3);
  }
}
BENCHMARK(schedule_cancel);

// Moving the deadlines of `range` connections in random order: cache misses included from 65,536 on.
void move_deadline(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  Slots slots(count);
  holdfast::base::Random random(1);
  for (Index i = 0; i < count; ++i) slots.wheel().schedule(i, static_cast<Tick>(1 + random.below(25'000)));
  for (auto _ : state) {
    const std::uint64_t draw = random.next();
    slots.wheel().schedule(static_cast<Index>(draw % count), static_cast<Tick>(1 + (draw >> 40) % 25'000));
  }
}
BENCHMARK(move_deadline)->Arg(1000)->Arg(65'536);

// The whole life of a ping deadline: 65,536 connections, one due every 25,000 ticks each, scheduled again
// when due.
void ping_cycle(benchmark::State& state) {
  constexpr std::uint32_t kConnections = 65'536;
  Slots slots(kConnections);
  holdfast::base::Random random(1);
  for (Index i = 0; i < kConnections; ++i)
    slots.wheel().schedule(i, static_cast<Tick>(1 + random.below(25'000)));
  std::vector<Index> due;
  due.reserve(kConnections);
  Tick now = 0;
  std::int64_t fired = 0;
  for (auto _ : state) {
    due.clear();
    slots.wheel().advance(++now, kConnections, due);
    for (const Index index : due) slots.wheel().schedule(index, now + 25'000);
    fired += static_cast<std::int64_t>(due.size());
  }
  state.SetItemsProcessed(fired);
}
BENCHMARK(ping_cycle);

void ticks_until_next(benchmark::State& state) {
  Slots slots(16);
  slots.wheel().schedule(3, 25'000);
  for (auto _ : state) benchmark::DoNotOptimize(slots.wheel().ticks_until_next(1'000));
}
BENCHMARK(ticks_until_next);

}  // namespace
