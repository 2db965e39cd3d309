// What a subscribe and the unsubscribe after it cost the gateway for a client that has so many subscriptions
// already: its list is walked once, to see that the channel is not on it and how long it is.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/subscribers.h"

namespace {

using holdfast::gateway::LocalChannel;
using holdfast::gateway::Standing;
using holdfast::gateway::SubscriberRecords;
using holdfast::gateway::Subscribers;
using holdfast::gateway::Subscription;
using holdfast::memory::Index;
using holdfast::memory::kNoIndex;

constexpr Index kClients = 1'000;
constexpr std::uint32_t kNoBound = 0xffff'ffff;
constexpr std::string_view kChannel = "one more";

// Clients that are all in the same channels, each with its subscriptions far apart in memory, as after an
// hour of comings and goings.
class Crowd {
 public:
  explicit Crowd(std::uint32_t channels)
      : subscriptions_(std::size_t{kClients} * channels + 1),
        channels_(subscriptions_.size()),
        heads_(kClients, kNoIndex),
        subscribers_({1, 2}, SubscriberRecords::format({states_, subscriptions_.data(), channels_.data()},
                                                       static_cast<std::uint32_t>(subscriptions_.size()))) {
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      const std::string name = "channel " + std::to_string(channel);
      for (Index client = 0; client < kClients; ++client) subscribe(client, name);
    }
  }
  Index subscribe(Index client, std::string_view channel) {
    Index& head = heads_[client];
    const Standing standing = subscribers_.look_up(head, channel);
    return subscribers_.subscribe(client, head, channel, standing, kNoBound, 0).subscription;
  }
  void unsubscribe(Index client, Index subscription) {
    subscribers_.unsubscribe(heads_[client], subscription);
  }

 private:
  holdfast::memory::PoolState states_[2];
  std::vector<Subscription> subscriptions_;
  std::vector<LocalChannel> channels_;
  std::vector<Index> heads_;
  Subscribers subscribers_;
};

void gateway_subscribe_and_unsubscribe(benchmark::State& state) {
  Crowd crowd(static_cast<std::uint32_t>(state.range(0)));
  Index client = 0;
  for (auto _ : state) {
    crowd.unsubscribe(client, crowd.subscribe(client, kChannel));
    client = (client + 1) % kClients;
  }
}
BENCHMARK(gateway_subscribe_and_unsubscribe)->Arg(1)->Arg(16)->Arg(127);

}  // namespace
