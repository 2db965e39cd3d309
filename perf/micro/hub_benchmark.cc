// What a publication pays for each subscriber before anything is sent: the walk over a topic's subscribers,
// with the write to each one's slot that marks it as owed something; and what subscribing costs.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "hub/topics.h"
#include "memory/pool.h"
#include "net/slot.h"

namespace {

using holdfast::hub::Subscription;
using holdfast::hub::Topics;
using holdfast::memory::Index;
using holdfast::memory::kNoIndex;

constexpr std::string_view kTopic = "everybody";

// `connections` subscribed to one topic, each with its slot.
class Subscribed {
 public:
  explicit Subscribed(std::uint32_t connections)
      : subscriptions_(connections),
        slots_(connections),
        heads_(connections, kNoIndex),
        topics_({1, 2}, holdfast::memory::Pool<Subscription>(&state_, subscriptions_.data(), connections)) {
    for (Index slot = 0; slot < connections; ++slot) topics_.subscribe(slot, heads_[slot], kTopic);
  }
  Topics& topics() { return topics_; }
  holdfast::net::Slot& slot(Index index) { return slots_[index]; }
  Index& head(Index index) { return heads_[index]; }

 private:
  holdfast::memory::PoolState state_{};
  std::vector<Subscription> subscriptions_;
  std::vector<holdfast::net::Slot> slots_;
  std::vector<Index> heads_;
  Topics topics_;
};

void count_subscribers(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void topic_walk(benchmark::State& state) {
  Subscribed subscribed(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) {
    std::uint64_t sum = 0;
    subscribed.topics().for_each_subscriber(kTopic, [&](Index slot, Index) { sum += slot; });
    benchmark::DoNotOptimize(sum);
  }
  count_subscribers(state);
}
BENCHMARK(topic_walk)->Arg(100)->Arg(10'000)->Arg(65'536);

// As the shard does it: the slot after this one is fetched while this one is worked on.
void topic_fan_out(benchmark::State& state) {
  Subscribed subscribed(static_cast<std::uint32_t>(state.range(0)));
  for (auto _ : state) {
    subscribed.topics().for_each_subscriber(kTopic, [&](Index index, Index next) {
      if (next != kNoIndex) __builtin_prefetch(&subscribed.slot(next), 1);
      holdfast::net::Slot& slot = subscribed.slot(index);
      slot.outbox_bytes += 66;
      benchmark::DoNotOptimize(slot);
    });
  }
  count_subscribers(state);
}
BENCHMARK(topic_fan_out)->Arg(100)->Arg(10'000)->Arg(65'536);

void subscribe_and_unsubscribe(benchmark::State& state) {
  Subscribed subscribed(static_cast<std::uint32_t>(state.range(0)));
  Index index = 0;
  for (auto _ : state) {
    subscribed.topics().unsubscribe(subscribed.head(index), kTopic);
    subscribed.topics().subscribe(index, subscribed.head(index), kTopic);
    index = (index + 1) % static_cast<Index>(state.range(0));
  }
}
BENCHMARK(subscribe_and_unsubscribe)->Arg(100)->Arg(10'000)->Arg(65'536);

}  // namespace
