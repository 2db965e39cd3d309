// Too much: lanes between shards that overrun, clients that do not keep up. Whoever misses something is told;
// nobody else notices.
#include "gateway/post.h"
#include "hub/homes.h"
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
position_check_interval = "0s"
[namespaces.chat]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
subscribe = ["anybody"]
publish = ["anybody"]
[namespaces.plain]
subscribe = ["anybody"]
[namespaces.crowded]
subscribe = ["anybody"]
)";

class OverloadTest : public SessionTest {
 protected:
  static constexpr std::uint32_t kMoreThanSocketsHold = 1'000;  // of large_
  const std::string large_ = absl::StrCat("\"", std::string(60'000, 'x'), "\"");

  // The first of space:0, space:1, ... whose home is shard 0.
  std::string channel_of(std::string_view space) const {
    for (int i = 0;; ++i) {
      const std::string name = absl::StrCat(std::string(space), ":", i);
      if (hub::home_of(shared_->names_key, name, shared_->shards) == 0) return name;
    }
  }
  static std::string subscribe_to(std::string_view channel) {
    return absl::StrCat("{\"subscribe\":{\"channel\":\"", std::string(channel), "\"},\"id\":2}");
  }
  static void publish_many(Gateway& gateway, std::string_view channel, std::uint32_t count,
                           std::string_view payload) {
    PublishOperation operation;
    operation.channel = channel;
    operation.payload = payload;
    for (std::uint32_t i = 0; i < count; ++i) gateway.operations().publish(operation, [](const auto&) {});
  }
  // From shard 0, while shard 1 sleeps: one publication, then as many on another channel as the lane to shard
  // 1 holds, and three more, which are lost on the way. Nobody on shard 1 gets those on the other channel:
  // its only subscriber ends just before, which its home has not heard yet.
  void lose_three(const std::string& channel) {
    const std::string crowded = channel_of("crowded");
    auto leaving = connected_to(1, "leaving");
    leaving->ask(subscribe_to(crowded));
    std::atomic<bool> asleep = false, wake = false, awake = false;
    ASSERT_TRUE(server_->post(1, [&](Handler& handler) {
      static_cast<Gateway&>(handler).operations().disconnect({.target = {.user = "leaving"}},
                                                             [](const TargetAnswer&) {});
      asleep = true;
      while (!wake) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      awake = true;
    }));
    ASSERT_TRUE(becomes_true([&asleep] { return asleep.load(); }));
    on_shard(0, [&](Gateway& gateway) {
      publish_many(gateway, channel, 1, "1");
      publish_many(gateway, crowded, Post::kLettersMaximum, "1");
      publish_many(gateway, channel, 3, "1");
    });
    const bool overran = becomes_true([this] { return counted(&Counters::overruns) > 0; });
    wake = true;
    EXPECT_TRUE(overran);
    EXPECT_TRUE(becomes_true([&awake] { return awake.load(); }));
  }
  // A client that has read nothing meanwhile got the first publications, without a gap, and then the end.
  static void expect_beginning_and_3008(ProtocolClient& client) {
    std::uint32_t received = 0;
    std::string message = client.message();
    while (value_of(message, "offset") == std::to_string(received + 1)) {
      ++received;
      message = client.message();
    }
    EXPECT_EQ(message.substr(0, 100), "close 3008 slow");
    EXPECT_GT(received, 0u);
    EXPECT_LT(received, kMoreThanSocketsHold);
  }
  static std::string insufficient_state(const std::string& channel) {
    return absl::StrCat("{\"push\":{\"channel\":\"", channel,
                        "\",\"unsubscribe\":{\"code\":2500,\"reason\":\"insufficient state\"}}}");
  }
};

TEST_F(OverloadTest, ALaneThatOverrunsIsAGapThatIsToldAndRecovered) {
  start(kSettings, 2);
  const std::string channel = channel_of("chat");
  auto here = connected_to(0);
  auto there = connected_to(1);
  here->ask(subscribe_to(channel));
  const std::string epoch = value_of(there->ask(subscribe_to(channel)), "epoch");
  lose_three(channel);
  EXPECT_EQ(value_of(there->message(), "offset"), "1");
  EXPECT_EQ(there->message(), insufficient_state(channel));
  const std::string again =
      there->ask(absl::StrCat("{\"subscribe\":{\"channel\":\"", channel,
                              "\",\"recover\":true,\"offset\":1,\"epoch\":\"", epoch, "\"},\"id\":3}"));
  EXPECT_NE(again.find(R"("recovered":true,"publications":[{"data":1,"offset":2},{"data":1,"offset":3},)"
                       R"({"data":1,"offset":4}])"),
            std::string::npos)
      << again;
  publish(channel, "2", 1);
  EXPECT_EQ(value_of(there->message(), "offset"), "5");
  // On the home's own shard nothing was lost.
  for (int n = 1; n <= 5; ++n) EXPECT_EQ(value_of(here->message(), "offset"), std::to_string(n));
}

TEST_F(OverloadTest, WithoutPositionsAnOverrunIsToldToo) {
  start(kSettings, 2);
  const std::string channel = channel_of("plain");
  auto there = connected_to(1);
  EXPECT_EQ(there->ask(subscribe_to(channel)), R"({"id":2,"subscribe":{}})");
  lose_three(channel);
  EXPECT_EQ(there->message(),
            absl::StrCat("{\"push\":{\"channel\":\"", channel, "\",\"pub\":{\"data\":1}}}"));
  EXPECT_EQ(there->message(), insufficient_state(channel));
}

TEST_F(OverloadTest, AServerSideSubscriptionThatMissesSomethingClosesWith3010) {
  start(kSettings, 2);
  const std::string channel = channel_of("chat");
  const std::string with_channel = token(absl::StrCat("{\"sub\":\"7\",\"channels\":[\"", channel, "\"]}"));
  std::unique_ptr<ProtocolClient> there;
  for (int i = 0; i < 200 && !there; ++i) {
    const std::uint64_t before = shared_->counters[1].connects.get();
    auto client = open();
    client->ask(connect_command(with_channel));
    if (shared_->counters[1].connects.get() > before) there = std::move(client);
  }
  ASSERT_TRUE(there);
  lose_three(channel);
  EXPECT_EQ(value_of(there->message(), "offset"), "1");
  EXPECT_EQ(there->message(), "close 3010 insufficient state");
}

TEST_F(OverloadTest, WhoReadsMayBeSentMoreAtOnceThanItMayBeOwed) {
  start(absl::StrCat("max_outbox_messages = 20\n", kSettings), 2);
  const std::string channel = channel_of("chat");
  auto client = connected_to(0);
  client->ask(subscribe_to(channel));
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, 100, "1"); });
  for (int n = 1; n <= 100; ++n) EXPECT_EQ(value_of(client->message(), "offset"), std::to_string(n));
}

TEST_F(OverloadTest, WhoDoesNotReadAndIsOwedMoreMessagesThanItMayIsClosedWith3008) {
  start(absl::StrCat("max_outbox_messages = 20\n", kSettings), 2);
  const std::string channel = channel_of("chat");
  auto first = connected_to(0);
  auto second = connected_to(0);
  auto other = connected_to(0);
  first->ask(subscribe_to(channel));
  second->ask(subscribe_to(channel));
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, kMoreThanSocketsHold, large_); });
  expect_beginning_and_3008(*first);
  expect_beginning_and_3008(*second);
  EXPECT_EQ(value_of(other->ask(subscribe_to(channel)), "offset"), std::to_string(kMoreThanSocketsHold));
}

TEST_F(OverloadTest, WhoDoesNotReadAndIsOwedMoreBytesThanItMayIsClosedWith3008) {
  start(kSettings, 2);
  const std::string channel = channel_of("chat");
  auto client = connected_to(0);
  client->ask(subscribe_to(channel));
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, kMoreThanSocketsHold, large_); });
  expect_beginning_and_3008(*client);
}

// The publisher's own connection ends in the call that delivers to it; its command is not answered, what it
// published is.
TEST_F(OverloadTest, WhatIsPublishedWhileItsPublisherIsClosedReachesTheOthers) {
  start(absl::StrCat("max_outbox_messages = 16\n", kSettings), 2);
  const std::string channel = channel_of("chat");
  auto publisher = connected_to(0);
  auto other = connected_to(1);
  publisher->ask(subscribe_to(channel));
  other->ask(subscribe_to(channel));
  std::uint32_t published = 0;
  while (server_->counters().find(" outbox_overflows=0 ") != std::string::npos) {
    ASSERT_LT(published, kMoreThanSocketsHold);
    publisher->send(absl::StrCat("{\"publish\":{\"channel\":\"", channel, "\",\"data\":", large_,
                                 "},\"id\":", ++published + 2, "}"));
    ASSERT_EQ(value_of(other->message(), "offset"), std::to_string(published));
  }
  publish(channel, "0", 0);
  EXPECT_EQ(value_of(other->message(), "offset"), std::to_string(published + 1));
  std::string message = publisher->message();
  while (message != "nothing" && !message.starts_with("close")) message = publisher->message();
  EXPECT_EQ(message, "close 3008 slow");
  EXPECT_EQ(counted(&Counters::gaps), 0u);
}

}  // namespace
}  // namespace holdfast::gateway
