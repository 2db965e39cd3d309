// The home of channels: numbering, subscribers, repeated publishes, versions, presence, listing, and what is
// left of a channel when it is no longer used.
#include "gateway/channel_home.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "channel_home_fixture.h"

namespace holdfast::gateway {
namespace {

using Strings = std::vector<std::string>;
using Shards = std::vector<std::uint32_t>;
using Outcome = PublishResult::Outcome;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ChannelHome, NumbersPublicationsFromOneInAnEpochOfTheChannel) {
  OwnedHome home;
  const PublishResult first = home.publish("a", "1"), second = home.publish("a", "2"),
                      other = home.publish("b", "3");
  EXPECT_EQ(first.outcome, Outcome::published);
  EXPECT_EQ(first.position.offset, 1u);
  EXPECT_EQ(second.position.offset, 2u);
  EXPECT_EQ(first.position.epoch, second.position.epoch);
  EXPECT_EQ(other.position.offset, 1u);
  EXPECT_NE(other.position.epoch, first.position.epoch);
  EXPECT_EQ(second.publication->position(), second.position);
  EXPECT_EQ(home->position("a"), second.position);
  home->validate();
}

TEST(ChannelHome, DeliversToExactlyTheShardsWithSubscribers) {
  OwnedHome home;
  for (const std::uint32_t shard : {3u, 63u, 64u, 255u})
    EXPECT_TRUE(home.subscribe("a", shard, false).accepted);
  home.subscribe("a", 3, false);
  EXPECT_EQ(home.shards(home.publish("a", "x", 0).shards), (Shards{3, 63, 64, 255}));
  home->unsubscribe("a", 3);
  home->unsubscribe("a", 64);
  home->unsubscribe("a", 7);
  home->unsubscribe("unknown", 7);
  EXPECT_EQ(home.shards(home.publish("a", "x", 0).shards), (Shards{63, 255}));
  EXPECT_EQ(home.shards(home->interested("a")), (Shards{63, 255}));
  EXPECT_EQ(home.shards(home.publish("b", "x", 0).shards), Shards{});
  home->validate();
}

TEST(ChannelHome, WithoutHistorySubscribersOrPresenceAChannelLeavesNothing) {
  OwnedHome home;
  const PublishResult result = home.publish("a", "x", 0);
  EXPECT_EQ(result.outcome, Outcome::published);
  EXPECT_EQ(result.position, Position{});
  EXPECT_EQ(home->channels(), 0u);
  for (const std::uint32_t shard : {0u, 200u}) {
    home.subscribe("a", shard, false);
    EXPECT_EQ(home->channels(), 1u);
    home->unsubscribe("a", shard);
    EXPECT_EQ(home->channels(), 0u);
  }
  const ClientId id;
  ASSERT_TRUE(home->join("a", id, {}, {1}));
  EXPECT_EQ(home->channels(), 1u);
  EXPECT_TRUE(home->leave("a", id, {1}));
  EXPECT_EQ(home->channels(), 0u);
  home->remove_history("a");
  EXPECT_FALSE(home->leave("a", id, {1}));
  EXPECT_EQ(home->position("a"), Position{});
  EXPECT_EQ(home->channels(), 0u);
  EXPECT_EQ(home->next_wake_ns(0), 0u) << "nothing is waited for";
  home->validate();
}

TEST(ChannelHome, MemoryOfAHistoryReturnsWithoutTraffic) {
  OwnedHome home;
  for (int i = 0; i < 50; ++i) home.publish("a", "x");
  EXPECT_EQ(home.budget().used_bytes(), 50 * Publication::charge_of(1));
  EXPECT_GT(home->next_wake_ns(), home.now_ns());
  EXPECT_LE(home->next_wake_ns(), home.now_ns() + 61'000'000'000u) << "a timer waits for it";
  home.pass(seconds(60) - std::chrono::milliseconds(1));
  EXPECT_EQ(home.budget().used_bytes(), 50 * Publication::charge_of(1));
  home.pass(seconds(1));
  EXPECT_EQ(home.budget().used_bytes(), 0u);
  EXPECT_EQ(home->channels(), 1u) << "epoch and top are remembered";
  EXPECT_EQ(home->idle_channels(), 1u);
  EXPECT_EQ(home->position("a").offset, 50u);
  home.pass(hours(720) + seconds(1));
  EXPECT_EQ(home->channels(), 0u);
  home->validate();
}

TEST(ChannelHome, APublicationExpiresByItsOwnAge) {
  OwnedHome home;
  home.publish("a", "1");
  home.pass(seconds(30));
  home.publish("a", "2");
  home.pass(seconds(31));
  std::vector<PublicationReference> found;
  home->history("a", {.limit = -1}, found);
  EXPECT_EQ(home.payloads(found), Strings{"2"});
  home->validate();
}

TEST(ChannelHome, ANewEpochBeginsWhenTheOldOneIsForgotten) {
  OwnedHome home;
  const Position before = home.publish("a", "1").position;
  home.pass(minutes(2));
  const Position after = home.publish("a", "2").position;
  EXPECT_EQ(after.epoch, before.epoch) << "still remembered";
  EXPECT_EQ(after.offset, 2u);
  home.pass(hours(721));
  const Position later = home.publish("a", "3").position;
  EXPECT_NE(later.epoch, before.epoch);
  EXPECT_EQ(later.offset, 1u);
}

TEST(ChannelHome, AStreamNobodyPublishedToIsForgottenSoonerButNotWhileItHasSubscribers) {
  OwnedHome home;
  const Epoch epoch = home.subscribe("a", 0).position.epoch;
  EXPECT_FALSE(epoch.empty());
  home.pass(hours(1000));
  EXPECT_EQ(home.subscribe("a", 1).position.epoch, epoch);
  home.pass(hours(1000));
  home->unsubscribe("a", 0);
  home->unsubscribe("a", 1);
  home.pass(ChannelHome::kUnusedStreamTtl - seconds(1));
  EXPECT_EQ(home->position("a").epoch, epoch) << "those who were subscribed may come back";
  home.pass(seconds(2));
  EXPECT_EQ(home->channels(), 0u);
  home->validate();
}

TEST(ChannelHome, ARepeatedPublishIsAnsweredAndNotPublished) {
  OwnedHome home;
  PublishOptions options;
  options.history_size = 10;
  options.history_ttl = minutes(1);
  options.idempotency_key = "key";
  const PublishResult first = home->publish("a", home.draft("1"), options);
  const PublishResult again = home->publish("a", home.draft("2"), options);
  EXPECT_EQ(again.outcome, Outcome::duplicate);
  EXPECT_EQ(again.position, first.position);
  EXPECT_FALSE(again.publication);
  EXPECT_EQ(home->publish("b", home.draft("3"), options).outcome, Outcome::published) << "per channel";
  EXPECT_EQ(home->counters().duplicates, 1u);
  home.pass(minutes(5) - seconds(1));
  EXPECT_EQ(home->publish("a", home.draft("4"), options).outcome, Outcome::duplicate);
  home.pass(seconds(2));
  EXPECT_EQ(home->idempotency_results(), 0u) << "forgotten without being asked";
  EXPECT_EQ(home->publish("a", home.draft("5"), options).position.offset, 2u);
}

TEST(ChannelHome, RemembersPublishesWithoutHistoryToo) {
  OwnedHome home;
  PublishOptions options;
  options.idempotency_key = "key";
  EXPECT_EQ(home->publish("a", home.draft("1"), options).outcome, Outcome::published);
  EXPECT_EQ(home->publish("a", home.draft("1"), options).outcome, Outcome::duplicate);
  EXPECT_EQ(home->channels(), 0u);
}

TEST(ChannelHome, ForgetsTheOldestResultsAtTheirBound) {
  OwnedHome home(100, {.idempotency_results = 2});
  PublishOptions options;
  for (const std::string_view key : {"1", "2", "3"}) {
    options.idempotency_key = key;
    EXPECT_EQ(home->publish("a", home.draft("x"), options).outcome, Outcome::published);
  }
  EXPECT_EQ(home->idempotency_results(), 2u);
  EXPECT_EQ(home->idempotency_evictions(), 1u);
  EXPECT_EQ(home->publish("a", home.draft("x"), options).outcome, Outcome::duplicate);
  options.idempotency_key = "1";
  EXPECT_EQ(home->publish("a", home.draft("x"), options).outcome, Outcome::published);
}

TEST(ChannelHome, DropsAnOlderOrEqualVersionOfTheSameVersionEpoch) {
  OwnedHome home;
  PublishOptions options;
  options.history_size = 10;
  options.history_ttl = minutes(1);
  const auto publish = [&](std::uint64_t version, std::string_view epoch) {
    options.version = version;
    options.version_epoch = epoch;
    return home->publish("a", home.draft("x"), options);
  };
  EXPECT_EQ(publish(5, "e").position.offset, 1u);
  EXPECT_EQ(publish(5, "e").outcome, Outcome::superseded);
  EXPECT_EQ(publish(4, "e").position.offset, 1u);
  EXPECT_EQ(publish(6, "e").position.offset, 2u);
  EXPECT_EQ(publish(1, "f").position.offset, 3u) << "another epoch begins anew";
  EXPECT_EQ(publish(0, "").position.offset, 4u) << "no version";
  EXPECT_EQ(publish(1, "f").outcome, Outcome::superseded);
  EXPECT_EQ(home->counters().superseded, 3u);
  EXPECT_EQ(home.budget().used_bytes(), 4 * Publication::charge_of(1)) << "dropped ones take no memory";
  home->validate();
}

TEST(ChannelHome, AtTheBoundOfChannelsForgetsIdleOnesThenRefuses) {
  OwnedHome home(3);
  home.publish("used before", "x");
  home.pass(minutes(2));
  home.subscribe("never published", 0);
  home->unsubscribe("never published", 0);
  EXPECT_EQ(home->idle_channels(), 2u);
  EXPECT_TRUE(home.subscribe("1", 0).accepted);
  EXPECT_TRUE(home.subscribe("2", 0).accepted);
  EXPECT_EQ(home->counters().streams_evicted, 1u);
  EXPECT_EQ(home->position("used before").offset, 1u) << "one never published to goes first";
  EXPECT_TRUE(home.subscribe("3", 0).accepted);
  EXPECT_EQ(home->position("used before"), Position{});
  EXPECT_FALSE(home.subscribe("4", 0).accepted);
  EXPECT_EQ(home.publish("4", "x").outcome, Outcome::too_many_channels);
  EXPECT_EQ(home.publish("4", "x", 0).outcome, Outcome::published) << "takes no record";
  EXPECT_FALSE(home->join("4", {}, {}, {1}));
  std::vector<PublicationReference> none;
  EXPECT_EQ(home->history("4", {}, none).outcome, HistoryResult::Outcome::too_many_channels);
  EXPECT_EQ(home->counters().channels_refused, 4u);
  home->validate();
}

TEST(ChannelHome, ListsMatchingChannelsThatAreInUseInSteps) {
  OwnedHome home;
  for (int i = 0; i < 25; ++i)
    home.subscribe("chat:" + std::to_string(i), static_cast<std::uint32_t>(i % 2), false);
  home.subscribe("news", 0, false);
  home.publish("chat:only history", "x");
  ASSERT_TRUE(home->join("chat:7", {}, {}, {1}));
  std::map<std::string, std::uint32_t> seen;
  memory::Index cursor = 0;
  int steps = 0;
  do {
    cursor = home->list("chat:*", cursor, 10,
                        [&](std::string_view name, const hub::ShardSet& shards, std::uint32_t clients) {
                          EXPECT_EQ(home.shards(shards).size(), 1u);
                          EXPECT_TRUE(seen.emplace(name, clients).second);
                        });
    ++steps;
  } while (cursor != 0);
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(seen["chat:7"], 1u);
  EXPECT_EQ(seen["chat:8"], 0u);
  for (int i = 0; i < 25; ++i)
    home->unsubscribe("chat:" + std::to_string(i), static_cast<std::uint32_t>(i % 2));
  seen.clear();
  home->list("*", 0, 100,
             [&](std::string_view name, const hub::ShardSet&, std::uint32_t) { seen.emplace(name, 0); });
  EXPECT_EQ(seen.size(), 2u) << "news, and chat:7 for its presence";
}

TEST(ChannelHome, PresenceCountsClientsAndTheirUsers) {
  OwnedHome home;
  base::Random random(3);
  const ClientId one = ClientId::draw(random), two = ClientId::draw(random), three = ClientId::draw(random);
  EXPECT_EQ(home->presence("a"), nullptr);
  ASSERT_TRUE(home->join("a", one, {"42", "", "{}", "chan"}, {1}));
  ASSERT_TRUE(home->join("a", two, {"42", "", "", ""}, {2}));
  ASSERT_TRUE(home->join("a", three, {"", "", "", ""}, {3}));
  ASSERT_NE(home->presence("a"), nullptr);
  EXPECT_EQ(home->presence("a")->num_clients(), 3u);
  EXPECT_EQ(home->presence("a")->num_users(), 2u);
  ASSERT_TRUE(home->join("a", one, {"43", "", "[]", ""}, {1})) << "replaces what is known";
  EXPECT_EQ(home->presence("a")->num_clients(), 3u);
  EXPECT_EQ(home->presence("a")->num_users(), 3u);
  std::map<std::string, std::string> seen;
  home->presence("a")->for_each([&seen](const Member& member, ConnectionId) {
    seen.emplace(
        member.client,
        std::string(member.user).append("|").append(member.conn_info).append("|").append(member.chan_info));
  });
  const ClientId::Text text = one.text();
  EXPECT_EQ(seen.at(std::string(text.data(), text.size())), "43|[]|");
  EXPECT_FALSE(home->leave("a", one, {2})) << "another connection's";
  EXPECT_TRUE(home->leave("a", one, {1}));
  EXPECT_FALSE(home->leave("a", one, {1})) << "exactly once";
  EXPECT_TRUE(home->leave("a", two, {2}));
  EXPECT_EQ(home->presence("a")->num_users(), 1u);
  EXPECT_TRUE(home->leave("a", three, {3}));
  EXPECT_EQ(home->presence("a"), nullptr);
  EXPECT_EQ(home->presence_budget().used_bytes, 0u);
  EXPECT_EQ(home->channels(), 0u);
}

TEST(ChannelHome, PresenceIsBoundedInBytes) {
  OwnedHome home(100, {.presence_memory_bytes = 1000});
  base::Random random(3);
  const ClientId one = ClientId::draw(random), two = ClientId::draw(random);
  const std::string long_text(700, 'x');
  ASSERT_TRUE(home->join("a", one, {"42", "", "", ""}, {1}));
  EXPECT_FALSE(home->join("b", two, {"42", "", long_text, ""}, {2}));
  EXPECT_FALSE(home->join("a", one, {"42", "", long_text, ""}, {1}));
  EXPECT_EQ(home->presence("a")->num_clients(), 1u) << "a refused change changes nothing";
  EXPECT_EQ(home->presence_budget().refusals, 2u);
  EXPECT_EQ(home->channels(), 1u);
  EXPECT_TRUE(home->join("b", two, {"42", "", "", ""}, {2}));
  home->validate();
}

TEST(ChannelHome, GivesEverythingBackWhenItEnds) {
  OwnedHome home;
  PublishResult kept = home.publish("a", "x");
  home.publish("a", "y");
  home.subscribe("b", 200);
  ASSERT_TRUE(home->join("c", {}, {"42", "", "", ""}, {1}));
  home.end();
  EXPECT_EQ(home.budget().used_bytes(), Publication::charge_of(1));
  EXPECT_EQ(kept.publication->payload(), "x") << "outlives its history";
  kept.publication.reset();
  EXPECT_EQ(home.budget().used_bytes(), 0u);
}

}  // namespace
}  // namespace holdfast::gateway
