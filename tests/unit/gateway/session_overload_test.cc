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

TEST_F(OverloadTest, OneMessageMoreThanAClientMayBeOwedClosesItWith3008) {
  start(absl::StrCat("max_outbox_messages = 20\n", kSettings), 2);
  const std::string channel = channel_of("chat");
  auto first = connected_to(0);
  auto second = connected_to(0);
  auto other = connected_to(0);
  first->ask(subscribe_to(channel));
  second->ask(subscribe_to(channel));
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, 20, "1"); });
  for (int n = 1; n <= 20; ++n) {
    for (ProtocolClient* client : {first.get(), second.get()}) {
      EXPECT_EQ(value_of(client->message(), "offset"), std::to_string(n));
    }
  }
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, 21, "1"); });
  for (ProtocolClient* client : {first.get(), second.get()}) {
    EXPECT_EQ(client->message(), "close 3008 slow");  // nothing had begun to leave
  }
  EXPECT_EQ(value_of(other->ask(subscribe_to(channel)), "offset"), "41");
}

TEST_F(OverloadTest, OneByteMoreThanAClientMayBeOwedClosesItWith3008) {
  start(absl::StrCat("max_message_bytes = \"16KiB\"\n", "max_outbox_bytes = \"32KiB\"\n", kSettings,
                     "[history]\nmax_answer_bytes = \"16KiB\"\n"),
        2);
  const std::string channel = channel_of("chat");
  auto client = connected_to(0);
  client->ask(subscribe_to(channel));
  const std::string payload = absl::StrCat("\"", std::string(10'000, 'x'), "\"");
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, 3, payload); });
  for (int n = 1; n <= 3; ++n) EXPECT_EQ(value_of(client->message(), "offset"), std::to_string(n));
  on_shard(0, [&](Gateway& gateway) { publish_many(gateway, channel, 4, payload); });
  EXPECT_EQ(client->message(), "close 3008 slow");
}

// The publisher's own connection ends in the call that delivers to it; its command is not answered, what it
// published is.
TEST_F(OverloadTest, WhatIsPublishedWhileItsPublisherIsClosedReachesTheOthers) {
  start(absl::StrCat("max_outbox_messages = 16\n", kSettings), 2);
  const std::string channel = channel_of("chat");
  auto publisher = connected_to(0);
  auto other = connected_to(1);
  publisher->ask(subscribe_to(channel));
  const std::string epoch = value_of(other->ask(subscribe_to(channel)), "epoch");
  std::string frame;
  for (int n = 1; n <= 40; ++n) {
    absl::StrAppend(&frame, n > 1 ? "\n" : "", "{\"publish\":{\"channel\":\"", channel, "\",\"data\":", n,
                    "},\"id\":", n + 2, "}");
  }
  publisher->send(frame);
  std::string message = publisher->message();
  while (!message.starts_with("close")) message = publisher->message();
  EXPECT_EQ(message, "close 3008 slow");
  // What was executed was published whole, what was not was not published at all: no hole for the others.
  publish(channel, "0", 0);
  std::uint64_t offset = 0;
  while (true) {
    message = other->message();
    if (message.starts_with("close")) break;
    ASSERT_EQ(value_of(message, "offset"), std::to_string(++offset)) << message;
    if (value_of(message, "data") == "0") break;
    EXPECT_EQ(value_of(message, "data"), std::to_string(offset));
  }
  EXPECT_EQ(counted(&Counters::gaps), 0u);
}

}  // namespace
}  // namespace holdfast::gateway
