// What applications ask, on any shard, about clients and channels on any other; unidirectional clients; and
// settings that change.
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
[namespaces.chat]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
presence = true
subscribe = ["anybody"]
)";

class OperationsTest : public SessionTest {
 protected:
  void target(std::uint32_t shard, const std::function<void(Operations&, Callback<TargetAnswer>)>& call,
              std::uint32_t connections) {
    operate<TargetAnswer>(shard, call, [connections](const TargetAnswer& answer) {
      EXPECT_FALSE(answer.failure);
      EXPECT_EQ(answer.connections, connections);
    });
  }
};

TEST_F(OperationsTest, ReachAUsersConnectionsOnEveryShard) {
  start(kSettings, 2);
  auto here = connected_to(0, "42");
  auto there = connected_to(1, "42");
  auto other = connected_to(1, "43");
  target(
      1,
      [](Operations& operations, Callback<TargetAnswer> done) {
        operations.subscribe({.target = {.user = "42"}, .channel = "chat:given", .data = "{\"d\":1}"},
                             std::move(done));
      },
      2);
  for (ProtocolClient* client : {here.get(), there.get()}) {
    EXPECT_EQ(masked(client->message()),
              R"({"push":{"channel":"chat:given","subscribe":{"recoverable":true,"epoch":"?",)"
              R"("positioned":true,"data":{"d":1}}}})");
  }
  publish("chat:given", "1");
  for (ProtocolClient* client : {here.get(), there.get()}) {
    EXPECT_EQ(client->message(), R"({"push":{"channel":"chat:given","pub":{"data":1,"offset":1}}})");
  }
  target(
      0,
      [](Operations& operations, Callback<TargetAnswer> done) {
        operations.unsubscribe({.target = {.user = "42"}, .channel = "chat:given"}, std::move(done));
      },
      2);
  for (ProtocolClient* client : {here.get(), there.get()}) {
    EXPECT_EQ(
        client->message(),
        R"({"push":{"channel":"chat:given","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}})");
  }
  target(
      0,
      [](Operations& operations, Callback<TargetAnswer> done) {
        operations.refresh({.target = {.user = "42"}, .expires_at_s = now_s() + 1000}, std::move(done));
      },
      2);
  for (ProtocolClient* client : {here.get(), there.get()}) {
    EXPECT_TRUE(client->message().starts_with(R"({"push":{"refresh":{"expires":true,"ttl":)"));
  }
  target(
      0,
      [](Operations& operations, Callback<TargetAnswer> done) {
        operations.disconnect({.target = {.user = "42"}}, std::move(done));
      },
      2);
  EXPECT_EQ(here->message(), "close 3503 force disconnect");
  EXPECT_EQ(there->message(), "close 3503 force disconnect");
  target(
      0,
      [](Operations& operations, Callback<TargetAnswer> done) {
        operations.refresh({.target = {.user = "43"}, .expired = true}, std::move(done));
      },
      1);
  EXPECT_EQ(other->message(), "close 3005 connection expired");
}

TEST_F(OperationsTest, ChannelsAreListedWithTheirClientsOnAllShards) {
  start(kSettings, 2);
  auto first = connected_to(0);
  auto second = connected_to(1);
  for (ProtocolClient* client : {first.get(), second.get()}) {
    client->ask(R"({"subscribe":{"channel":"chat:both"},"id":2})");
  }
  first->ask(R"({"subscribe":{"channel":"chat:one"},"id":3})");
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    operate<ChannelsAnswer>(
        shard,
        [](Operations& operations, Callback<ChannelsAnswer> done) {
          operations.channels("chat:b*", std::move(done));
        },
        [](const ChannelsAnswer& answer) {
          ASSERT_EQ(answer.channels.size(), 1u);
          EXPECT_EQ(answer.channels[0].name, "chat:both");
          EXPECT_EQ(answer.channels[0].clients, 2u);
        });
    operate<PresenceStatsAnswer>(
        shard,
        [](Operations& operations, Callback<PresenceStatsAnswer> done) {
          operations.presence_stats("chat:both", std::move(done));
        },
        [](const PresenceStatsAnswer& answer) { EXPECT_EQ(answer.clients, 2u); });
  }
}

TEST_F(OperationsTest, AUserOnSeveralShardsCountsOnce) {
  start(kSettings, 2);
  std::vector<std::unique_ptr<ProtocolClient>> clients;
  for (const char* user : {"1", "2", "a user with quite a long name"}) {
    for (std::uint32_t shard = 0; shard < 2; ++shard) clients.push_back(connected_to(shard, user));
  }
  clients.push_back(connected_to(1, "only there"));
  clients.push_back(connected_to(0));  // nobody in particular
  const auto users = [this](std::uint32_t shard) {
    std::uint64_t counted = 0;
    operate<InfoAnswer>(
        shard, [](Operations& operations, Callback<InfoAnswer> done) { operations.info(std::move(done)); },
        [&counted](const InfoAnswer& answer) { counted = answer.users; });
    return counted;
  };
  EXPECT_EQ(users(0), 4u);
  EXPECT_EQ(users(1), 4u);
  clients.resize(2);  // those of user 1
  EXPECT_TRUE(becomes_true([&users] { return users(0) == 1; }));
}

TEST_F(OperationsTest, HistoryIsReadAndRemovedFromAnyShard) {
  start(kSettings, 2);
  publish("chat:a", "1", 0);
  publish("chat:a", "2", 1);
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    operate<HistoryAnswer>(
        shard,
        [](Operations& operations, Callback<HistoryAnswer> done) {
          operations.history({.channel = "chat:a", .limit = -1}, std::move(done));
        },
        [](const HistoryAnswer& answer) {
          EXPECT_EQ(answer.position.offset, 2u);
          ASSERT_EQ(answer.publications.size(), 2u);
          EXPECT_EQ(answer.publications[0]->payload(), "1");
        });
  }
  operate<RemoveHistoryAnswer>(
      1,
      [](Operations& operations, Callback<RemoveHistoryAnswer> done) {
        operations.remove_history("chat:a", std::move(done));
      },
      [](const RemoveHistoryAnswer& answer) { EXPECT_FALSE(answer.failure); });
  operate<HistoryAnswer>(
      0,
      [](Operations& operations, Callback<HistoryAnswer> done) {
        operations.history({.channel = "chat:a", .limit = -1}, std::move(done));
      },
      [](const HistoryAnswer& answer) {
        EXPECT_EQ(answer.position.offset, 2u);
        EXPECT_TRUE(answer.publications.empty());
      });
}

TEST_F(OperationsTest, BroadcastAnswersForEachChannel) {
  start(kSettings, 2);
  operate<BroadcastAnswer>(
      0,
      [](Operations& operations, Callback<BroadcastAnswer> done) {
        const std::string_view channels[] = {"chat:a", "nowhere:b", "chat:c"};
        operations.broadcast(channels, {.payload = "1"}, std::move(done));
      },
      [](const BroadcastAnswer& answer) {
        ASSERT_EQ(answer.answers.size(), 3u);
        EXPECT_EQ(answer.answers[0].position.offset, 1u);
        EXPECT_EQ(answer.answers[1].failure, ErrorCode::unknown_channel);
        EXPECT_EQ(answer.answers[2].position.offset, 1u);
      });
}

TEST_F(OperationsTest, ABinaryBroadcastIsReadThroughOnceForAllItsChannels) {
  start(kSettings, 2);
  operate<BroadcastAnswer>(
      0,
      [](Operations& operations, Callback<BroadcastAnswer> done) {
        const std::string_view channels[] = {"chat:a", "chat:b", "chat:c"};
        operations.broadcast(channels, {.payload = "[1]", .binary = true}, std::move(done));
      },
      [](const BroadcastAnswer& answer) {
        for (const PublishAnswer& each : answer.answers) EXPECT_FALSE(each.failure);
      });
  EXPECT_EQ(counted(&Counters::publications), 3u);
  EXPECT_EQ(counted(&Counters::json_checks), 1u);
}

TEST_F(OperationsTest, AFullPublicationMemoryRefusesAndRecovers) {
  start(absl::StrCat(kSettings, "[memory]\npublication_memory_bytes = \"1MiB\"\n"), 2);
  const std::string payload = absl::StrCat("\"", std::string(40'000, 'x'), "\"");
  auto client = connected();
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    operate<PublishAnswer>(
        0,
        [&](Operations& operations, Callback<PublishAnswer> done) {
          operations.publish({.channel = absl::StrCat("chat:", i), .payload = payload}, std::move(done));
        },
        [&refused](const PublishAnswer& answer) {
          if (answer.failure == ErrorCode::too_many_requests) ++refused;
        });
  }
  EXPECT_GT(refused, 10);
  EXPECT_LT(refused, 60);
}

TEST_F(OperationsTest, UnidirectionalClientsGetBarePushes) {
  start(kSettings, 2);
  auto client = open("/connection/uni_websocket");
  client->send(R"({"subs":{"chat:a":{},"nowhere:b":{}}})");
  const std::string connect = masked(client->message());
  EXPECT_TRUE(connect.starts_with(R"({"connect":{"client":"?","version":"holdfast 0.1.0")")) << connect;
  EXPECT_NE(connect.find(R"("chat:a":{"recoverable":true)"), std::string::npos) << connect;
  EXPECT_EQ(connect.find("nowhere"), std::string::npos) << connect;
  EXPECT_NE(connect.find(R"("session":"?")"), std::string::npos) << connect;
  publish("chat:a", "1");
  EXPECT_EQ(client->message(), R"({"channel":"chat:a","pub":{"data":1,"offset":1}})");
  auto expired = open("/connection/uni_websocket");
  expired->send(absl::StrCat("{\"token\":\"", token(R"({"sub":"42","exp":1000})"), "\"}"));
  EXPECT_EQ(expired->message(), R"({"disconnect":{"code":3005,"reason":"connection expired"}})");
  EXPECT_EQ(expired->message(), "close 3005 connection expired");
}

TEST_F(OperationsTest, ANamespaceThatIsReloadedAwayLosesItsSubscribers) {
  start(kSettings, 2);
  auto client = connected();
  client->ask(R"({"subscribe":{"channel":"chat:a"},"id":2})");
  client->ask(R"({"subscribe":{"channel":"chat:b"},"id":3})");
  auto snapshot = make_snapshot(settings_of("[client]\nallow_anonymous = true\n"));
  ASSERT_TRUE(snapshot.ok());
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    on_shard(shard, [&](Gateway& gateway) { gateway.reload(*snapshot); });
  }
  for (int i = 0; i < 2; ++i) {
    const std::string push = client->message();
    EXPECT_NE(push.find(R"("unsubscribe":{"code":2000)"), std::string::npos) << push;
  }
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"chat:a"},"id":4})"),
            R"({"id":4,"error":{"code":102,"message":"unknown channel"}})");
}

TEST_F(OperationsTest, LimitsOfCommandsAreReloadedToo) {
  start(kSettings, 1);
  const auto reload = [this](const char* limits) {
    auto snapshot = make_snapshot(settings_of(absl::StrCat("[client]\nallow_anonymous = true\n", limits)));
    ASSERT_TRUE(snapshot.ok());
    on_shard(0, [&](Gateway& gateway) { gateway.reload(*snapshot); });
  };
  std::string connect = "{\"connect\":{\"subs\":{\"0\":{}";
  for (int n = 1; n < 200; ++n) absl::StrAppend(&connect, ",\"", n, "\":{}");
  connect += "}},\"id\":1}";
  EXPECT_EQ(open()->ask(connect), "close 3501 bad request");
  reload("max_channels = 200\n");
  EXPECT_TRUE(open()->ask(connect).starts_with(R"({"id":1,"connect")"));
  reload("max_channels = 199\n");
  EXPECT_EQ(open()->ask(connect), "close 3501 bad request");
}

}  // namespace
}  // namespace holdfast::gateway
