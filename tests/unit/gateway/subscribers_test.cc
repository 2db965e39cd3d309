// A shard's subscriptions, also against a simple model.
#include "gateway/subscribers.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/entropy.h"

namespace holdfast::gateway {
namespace {

using memory::Index;
using memory::kNoIndex;
using Outcome = Subscribed::Outcome;

class SubscribersTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kSubscriptions = 64, kPerClient = 8;

  Subscribed subscribe(Index client, Index& head, std::string_view channel) {
    return subscribers_.subscribe(client, head, channel, subscribers_.look_up(head, channel), kPerClient, 5);
  }
  std::vector<Index> clients(std::string_view channel) {
    std::vector<Index> found;
    const Index index = subscribers_.find_channel(channel);
    if (index == kNoIndex) return found;
    subscribers_.for_each_subscriber(
        index, [&](Index, Subscription& subscription, Index) { found.push_back(subscription.client); });
    return found;
  }

  memory::PoolState states_[2];
  std::vector<Subscription> subscriptions_ = std::vector<Subscription>(kSubscriptions);
  std::vector<LocalChannel> channels_ = std::vector<LocalChannel>(kSubscriptions);
  PublicationBudget budget_{1 << 20};
  Subscribers subscribers_{
      base::SipKey{1, 2},
      SubscriberRecords::format({states_, subscriptions_.data(), channels_.data()}, kSubscriptions)};
};

TEST_F(SubscribersTest, TellsWhenAChannelAppearsAndDisappears) {
  Index one = kNoIndex, two = kNoIndex;
  const Subscribed first = subscribe(1, one, "news"), second = subscribe(2, two, "news");
  EXPECT_EQ(first.outcome, Outcome::added);
  EXPECT_TRUE(first.channel_is_new);
  EXPECT_FALSE(second.channel_is_new);
  EXPECT_EQ(subscribe(1, one, "news").outcome, Outcome::already);
  EXPECT_EQ(subscribers_.channel_of(first.subscription).subscribers, 2u);
  EXPECT_EQ(subscribers_.channel_of(first.subscription).channel(), "news");
  EXPECT_EQ(subscribers_.channel_of(first.subscription).rules, 5u);
  EXPECT_EQ(subscribers_.find(one, "news"), first.subscription);
  EXPECT_EQ(subscribers_.find(one, "other"), kNoIndex);
  EXPECT_FALSE(subscribers_.unsubscribe(one, first.subscription));
  EXPECT_EQ(subscribers_.find(one, "news"), kNoIndex);
  EXPECT_TRUE(subscribers_.unsubscribe(two, second.subscription));
  EXPECT_EQ(subscribers_.channels(), 0u);
  EXPECT_EQ(subscribers_.subscriptions(), 0u);
}

TEST_F(SubscribersTest, TellsOfAClientAndAChannelAllThatASubscribeMustKnow) {
  Index one = kNoIndex, two = kNoIndex;
  const Standing nothing = subscribers_.look_up(one, "a");
  EXPECT_EQ(nothing.channel, kNoIndex);
  EXPECT_EQ(nothing.subscription, kNoIndex);
  EXPECT_EQ(nothing.count, 0u);
  const Index first = subscribe(1, one, "a").subscription;
  subscribe(1, one, "b");
  subscribe(2, two, "c");
  const Standing subscribed = subscribers_.look_up(one, "a");
  EXPECT_EQ(subscribed.channel, subscribers_[first].channel);
  EXPECT_EQ(subscribed.subscription, first);
  EXPECT_EQ(subscribed.count, 2u);
  const Standing of_others = subscribers_.look_up(one, "c");
  EXPECT_EQ(of_others.channel, subscribers_.find_channel("c"));
  EXPECT_EQ(of_others.subscription, kNoIndex);
  EXPECT_EQ(of_others.count, 2u);
}

TEST_F(SubscribersTest, BeginsASubscriptionWithNothingSet) {
  Index head = kNoIndex;
  const Index first = subscribe(1, head, "a").subscription;
  subscribers_[first].position = 7;
  subscribers_[first].flags = Subscription::kPositioned;
  subscribers_[first].variant = Variant::kDelta;
  subscribers_.unsubscribe(head, first);
  const Index again = subscribe(1, head, "a").subscription;
  EXPECT_EQ(again, first) << "the same record";
  EXPECT_EQ(subscribers_[again].position, 0u);
  EXPECT_EQ(subscribers_[again].flags, 0u);
  EXPECT_EQ(subscribers_[again].variant, 0u);
}

TEST_F(SubscribersTest, RefusesAtTheBoundOfAClient) {
  Index head = kNoIndex;
  for (std::uint32_t i = 0; i < kPerClient; ++i) {
    EXPECT_EQ(subscribe(1, head, "channel " + std::to_string(i)).outcome, Outcome::added);
  }
  EXPECT_EQ(subscribe(1, head, "one more").outcome, Outcome::client_full);
  EXPECT_EQ(subscribe(1, head, "channel 0").outcome, Outcome::already);
  EXPECT_EQ(subscribers_.find_channel("one more"), kNoIndex);
}

TEST_F(SubscribersTest, RefusesAtTheBoundOfTheShard) {
  std::vector<Index> heads(kSubscriptions + 1, kNoIndex);
  for (Index client = 0; client < kSubscriptions; ++client) {
    EXPECT_EQ(subscribe(client, heads[client], std::to_string(client)).outcome, Outcome::added);
  }
  EXPECT_EQ(subscribe(kSubscriptions, heads[kSubscriptions], "x").outcome, Outcome::too_many_on_shard);
  EXPECT_EQ(subscribers_.refusals(), 1u);
  EXPECT_EQ(subscribers_.channels(), kSubscriptions);
}

TEST_F(SubscribersTest, TellsTheNextClientForPrefetching) {
  Index heads[3] = {kNoIndex, kNoIndex, kNoIndex};
  for (Index client = 0; client < 3; ++client) subscribe(client, heads[client], "a");
  std::vector<std::pair<Index, Index>> seen;
  subscribers_.for_each_subscriber(
      subscribers_.find_channel("a"),
      [&](Index, Subscription& subscription, Index next) { seen.emplace_back(subscription.client, next); });
  EXPECT_EQ(seen, (std::vector<std::pair<Index, Index>>{{2, 1}, {1, 0}, {0, kNoIndex}}));
}

TEST_F(SubscribersTest, AnEndingClientLeavesAllItsChannels) {
  Index one = kNoIndex, two = kNoIndex;
  subscribe(1, one, "shared");
  subscribe(2, two, "shared");
  subscribe(1, one, "own");
  std::map<std::string, bool> ended;
  subscribers_.unsubscribe_all(one, [&](Index subscription, bool last) {
    ended.emplace(subscribers_.channel_of(subscription).channel(), last);
  });
  EXPECT_EQ(ended, (std::map<std::string, bool>{{"own", true}, {"shared", false}}));
  EXPECT_EQ(one, kNoIndex);
  EXPECT_EQ(clients("shared"), std::vector<Index>{2});
  EXPECT_EQ(subscribers_.channels(), 1u);
}

TEST_F(SubscribersTest, NumbersOfChannelsAreNeverUsedAgain) {
  Index head = kNoIndex;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 5; ++i) {
    const Index subscription = subscribe(1, head, "a").subscription;
    EXPECT_GT(subscribers_.channel_of(subscription).numeric_id, 0u);
    EXPECT_TRUE(seen.insert(subscribers_.channel_of(subscription).numeric_id).second);
    subscribers_.unsubscribe(head, subscription);
  }
}

TEST_F(SubscribersTest, KeepsWhatTheNextDeltaRefersToAsLongAsTheChannel) {
  Index head = kNoIndex;
  const Index subscription = subscribe(1, head, "a").subscription;
  const Index channel = subscribers_[subscription].channel;
  EXPECT_FALSE(subscribers_.last(channel));
  for (const std::string_view payload : {"1", "2"}) {
    subscribers_.set_last(channel, Publication::make(budget_, {.payload = payload}));
    EXPECT_EQ(subscribers_.last(channel)->payload(), payload);
    EXPECT_EQ(budget_.used_bytes(), Publication::charge_of(1));
  }
  subscribers_.set_last(channel, {});
  EXPECT_FALSE(subscribers_.last(channel));
  EXPECT_EQ(budget_.used_bytes(), 0u);
  subscribers_.set_last(channel, Publication::make(budget_, {.payload = "3"}));
  subscribers_.unsubscribe(head, subscription);
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(SubscribersTest, ListsMatchingChannelsInSteps) {
  Index heads[20];
  for (Index client = 0; client < 20; ++client) {
    heads[client] = kNoIndex;
    subscribe(client, heads[client], (client % 2 == 0 ? "even:" : "odd:") + std::to_string(client));
    subscribe(client, heads[client], "all");
  }
  std::map<std::string, std::uint32_t> seen;
  const auto visit = [&seen](LocalChannel& channel) {
    EXPECT_TRUE(seen.emplace(channel.channel(), channel.subscribers).second);
  };
  Index cursor = 0;
  int steps = 0;
  do {
    cursor = subscribers_.list("even:*", cursor, 4, visit);
    ++steps;
  } while (cursor != 0);
  EXPECT_EQ(steps, 6) << "21 channels";
  EXPECT_EQ(seen.size(), 10u);
  subscribers_.unsubscribe_all(heads[0], [](Index, bool) {});
  seen.clear();
  subscribers_.list("*", 0, 100, visit);
  EXPECT_EQ(seen.size(), 20u);
  EXPECT_EQ(seen["all"], 19u);
}

TEST_F(SubscribersTest, AgreesWithAModelOverRandomOperations) {
  base::Random random(3);
  constexpr Index kClients = 12;
  std::vector<Index> heads(kClients, kNoIndex);
  std::map<std::string, std::map<Index, std::uint64_t>> model;  // channel, client, position
  std::vector<std::size_t> of_client(kClients);
  std::size_t total = 0;
  for (int step = 0; step < 20'000; ++step) {
    const auto client = static_cast<Index>(random.below(kClients));
    const std::string name = "channel " + std::to_string(random.below(15));
    auto& members = model[name];
    const std::uint64_t action = random.below(16);
    if (action == 0) {
      subscribers_.unsubscribe_all(heads[client], [&](Index subscription, bool last) {
        auto& left = model[std::string(subscribers_.channel_of(subscription).channel())];
        ASSERT_EQ(left.erase(client), 1u);
        ASSERT_EQ(last, left.empty());
      });
      total -= of_client[client];
      of_client[client] = 0;
    } else if (action < 9) {
      const Subscribed result = subscribe(client, heads[client], name);
      const Outcome expected = members.contains(client)          ? Outcome::already
                               : of_client[client] == kPerClient ? Outcome::client_full
                               : total == kSubscriptions         ? Outcome::too_many_on_shard
                                                                 : Outcome::added;
      ASSERT_EQ(result.outcome, expected);
      if (expected == Outcome::added) {
        ASSERT_EQ(result.channel_is_new, members.empty());
        subscribers_[result.subscription].position = static_cast<std::uint64_t>(step);
        members[client] = static_cast<std::uint64_t>(step);
        ++of_client[client];
        ++total;
      }
    } else {
      const Index subscription = subscribers_.find(heads[client], name);
      ASSERT_EQ(subscription != kNoIndex, members.contains(client));
      if (subscription != kNoIndex) {
        ASSERT_EQ(subscribers_[subscription].position, members[client]);
        members.erase(client);
        ASSERT_EQ(subscribers_.unsubscribe(heads[client], subscription), members.empty());
        --of_client[client];
        --total;
      }
    }
    ASSERT_EQ(subscribers_.subscriptions(), total);
    const std::vector<Index> now = clients(name);
    std::set<Index> expected_clients;
    for (const auto& [member, position] : members) expected_clients.insert(member);
    ASSERT_EQ(std::set<Index>(now.begin(), now.end()), expected_clients);
    ASSERT_EQ(now.size(), expected_clients.size());
    std::size_t counted = 0;
    subscribers_.for_each_of_client(heads[client], [&](Index, Subscription& subscription) {
      ASSERT_EQ(subscription.client, client);
      ++counted;
    });
    ASSERT_EQ(counted, of_client[client]);
  }
}

}  // namespace
}  // namespace holdfast::gateway
