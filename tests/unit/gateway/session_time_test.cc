// What happens by the passing of time: pings, tokens that end, clients that say nothing. No test looks at how
// long anything takes.
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kChannels = R"(
[namespaces.open]
subscribe = ["anybody"]
)";

class SessionTimeTest : public SessionTest {};

TEST_F(SessionTimeTest, AClientThatDoesNotConnectIsClosedAsStale) {
  start("connect_timeout = \"1s\"\nallow_anonymous = true\n");
  EXPECT_EQ(open()->message(), "close 3502 stale");
  auto unidirectional = open("/connection/uni_websocket");
  EXPECT_EQ(unidirectional->message(), R"({"disconnect":{"code":3502,"reason":"stale"}})");
  EXPECT_EQ(unidirectional->message(), "close 3502 stale");
}

TEST_F(SessionTimeTest, PingsComeAndEachTakesOnePong) {
  start("allow_anonymous = true\nping_interval = \"2s\"\npong_timeout = \"1s\"\n");
  auto client = connected();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client->message(), "{}");
    client->send("{}");
  }
  EXPECT_EQ(client->ask("{}"), "close 3501 bad request");
}

TEST_F(SessionTimeTest, AMissingPongCloses) {
  start("allow_anonymous = true\nping_interval = \"2s\"\npong_timeout = \"1s\"\n");
  auto client = connected();
  EXPECT_EQ(client->message(), "{}");
  EXPECT_EQ(client->message(), "close 3012 no pong");
}

TEST_F(SessionTimeTest, ProtobufPingsAreOneByte) {
  start("allow_anonymous = true\nping_interval = \"2s\"\npong_timeout = \"1s\"\n");
  auto client = open_protobuf();
  client->send(std::string_view("\x06\x08\x01\x22\x02\x32\x00", 7));
  client->frame();
  EXPECT_EQ(client->frame(), std::string(1, '\0'));
  client->send(std::string_view("\x00", 1));
  EXPECT_EQ(client->frame(), std::string(1, '\0'));
}

TEST_F(SessionTimeTest, PongsAreNotExpectedWhereTheyAreNotAskedFor) {
  start("allow_anonymous = true\nping_interval = \"1s\"\npong_timeout = \"0s\"\n");
  auto client = open();
  const std::string reply = client->ask(connect_command(""));
  EXPECT_NE(reply.find("\"ping\":1}"), std::string::npos) << reply;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client->message(), "{}");
}

TEST_F(SessionTimeTest, ClientsThatAskForThemGetPingsOfWebSocketItself) {
  start("allow_anonymous = true\nping_interval = \"2s\"\npong_timeout = \"1s\"\n");
  for (const char* target : {"/connection/websocket?cf_ws_frame_ping_pong=true",
                             "/connection/uni_websocket?x=1&cf_ws_frame_ping_pong=true"}) {
    auto client = open(target);
    const bool unidirectional = std::string_view(target).find("uni_") != std::string_view::npos;
    const std::string reply = client->ask(unidirectional ? "{}" : connect_command(""));
    EXPECT_NE(reply.find("\"connect\""), std::string::npos) << reply;
    EXPECT_EQ(reply.find("\"ping\""), std::string::npos) << reply;
    EXPECT_EQ(reply.find("\"pong\""), std::string::npos) << reply;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(client->message(), "ping ");
      client->pong();
    }
    EXPECT_EQ(client->message(), "ping ");
    EXPECT_EQ(client->message(), "nothing") << "who does not answer is dropped";
  }
}

TEST_F(SessionTimeTest, AConnectionEndsWithItsTokenUnlessItIsRefreshed) {
  start("ping_interval = \"0s\"\nexpired_grace = \"1s\"\n");
  const auto ending_in = [](int seconds) {
    return token(absl::StrCat("{\"sub\":\"42\",\"exp\":", now_s() + seconds, "}"));
  };
  auto client = open();
  client->ask(connect_command(ending_in(2)));
  auto refreshed = open();
  refreshed->ask(connect_command(ending_in(2)));
  refreshed->ask(absl::StrCat("{\"refresh\":{\"token\":\"", ending_in(3600), "\"},\"id\":2}"));
  EXPECT_EQ(client->message(), "close 3005 connection expired");
  EXPECT_EQ(refreshed->ask(R"({"rpc":{"method":"x"},"id":3})"),
            R"({"id":3,"error":{"code":104,"message":"method not found"}})");
  EXPECT_EQ(refreshed->ask(absl::StrCat("{\"refresh\":{\"token\":\"", token(R"({"sub":"42","exp":1000})"),
                                        "\"},\"id\":4}")),
            "close 3005 connection expired");
}

TEST_F(SessionTimeTest, AnotherUsersTokenDoesNotRefresh) {
  start("ping_interval = \"0s\"\n");
  auto client = connected("42");
  EXPECT_EQ(client->ask(absl::StrCat("{\"refresh\":{\"token\":\"", user_token("43"), "\"},\"id\":2}")),
            "close 3500 invalid token");
}

TEST_F(SessionTimeTest, ASubscriptionEndsWithItsToken) {
  start(absl::StrCat("ping_interval = \"0s\"\nexpired_grace = \"1s\"\n", kChannels));
  const auto subscription = [](int seconds) {
    return token(absl::StrCat("{\"sub\":\"42\",\"channel\":\"$secret\",\"exp\":", now_s() + seconds, "}"));
  };
  auto client = connected("42");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"$secret"},"id":2})"),
            R"({"id":2,"error":{"code":103,"message":"permission denied"}})");
  EXPECT_EQ(client->ask(absl::StrCat("{\"subscribe\":{\"channel\":\"$secret\",\"token\":\"",
                                     subscription(-10), "\"},\"id\":3}")),
            R"({"id":3,"error":{"code":109,"message":"token expired"}})");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"$secret","token":"x.y.z"},"id":4})"),
            R"({"id":4,"error":{"code":103,"message":"permission denied"}})");
  const std::string reply = client->ask(
      absl::StrCat("{\"subscribe\":{\"channel\":\"$secret\",\"token\":\"", subscription(3), "\"},\"id\":5}"));
  EXPECT_TRUE(reply.starts_with(R"({"id":5,"subscribe":{"expires":true,"ttl":)")) << reply;
  const std::string refreshed = client->ask(absl::StrCat(
      "{\"sub_refresh\":{\"channel\":\"$secret\",\"token\":\"", subscription(2), "\"},\"id\":6}"));
  EXPECT_TRUE(refreshed.starts_with(R"({"id":6,"sub_refresh":{"expires":true,"ttl":)")) << refreshed;
  EXPECT_EQ(client->message(),
            R"({"push":{"channel":"$secret","unsubscribe":{"code":2501,"reason":"subscription expired"}}})");
}

// It is counted, and validate() compares the count with what is there.
TEST_F(SessionTimeTest, AClientKnowsHowManyOfItsSubscriptionsExpireHoweverTheyComeAndGo) {
  start(absl::StrCat("ping_interval = \"0s\"\n", kChannels), 1);
  auto client = connected("42");
  const auto with_token = [&client](const char* command, const std::string& channel, std::string_view end) {
    const std::string claims =
        absl::StrCat("{\"sub\":\"42\",\"channel\":\"", channel, "\"", std::string(end), "}");
    return client->ask(absl::StrCat("{\"", command, "\":{\"channel\":\"", channel, "\",\"token\":\"",
                                    token(claims), "\"},\"id\":2}"));
  };
  const auto validate = [this] { on_shard(0, [](Gateway& gateway) { gateway.validate(); }); };
  const std::string later = absl::StrCat(",\"exp\":", now_s() + 3600);
  validate();
  with_token("subscribe", "$one", later);
  with_token("subscribe", "$two", later);
  with_token("subscribe", "$three", "");
  validate();
  with_token("sub_refresh", "$two", "");
  validate();
  with_token("sub_refresh", "$two", later);
  validate();
  for (const char* channel : {"$one", "$two", "$three"})
    client->ask(absl::StrCat("{\"unsubscribe\":{\"channel\":\"", channel, "\"},\"id\":3}"));
  validate();
  with_token("subscribe", "$one", later);
  client.reset();
  EXPECT_TRUE(becomes_true([this] { return counted(&Counters::subscriptions) == 0; }));
  validate();
}

TEST_F(SessionTimeTest, ATokenForAnotherChannelOrUserCloses) {
  start(absl::StrCat("ping_interval = \"0s\"\n", kChannels));
  const auto with = [](std::string_view payload) {
    return absl::StrCat("{\"subscribe\":{\"channel\":\"$secret\",\"token\":\"", token(payload),
                        "\"},\"id\":2}");
  };
  EXPECT_EQ(connected("42")->ask(with(R"({"sub":"42","channel":"$other"})")), "close 3500 invalid token");
  EXPECT_EQ(connected("42")->ask(with(R"({"sub":"43","channel":"$secret"})")), "close 3500 invalid token");
  EXPECT_EQ(connected("42")->ask(with(R"({"sub":"42","channel":"$secret"})")), R"({"id":2,"subscribe":{}})");
}

TEST_F(SessionTimeTest, ConnectionTokensThatAreNotGoodClose) {
  start("ping_interval = \"0s\"\n");
  EXPECT_EQ(open()->ask(connect_command("x")), "close 3500 invalid token");
  EXPECT_EQ(open()->ask(connect_command(token(R"({"sub":"42","nbf":99999999999})"))),
            "close 3500 invalid token");
  EXPECT_EQ(open()->ask(connect_command(token(R"({"sub":"42","channel":"a"})"))), "close 3500 invalid token");
  EXPECT_EQ(open()->ask(connect_command(token(R"({"sub":"42","exp":1000})"))),
            R"({"id":1,"error":{"code":109,"message":"token expired"}})");
}

}  // namespace
}  // namespace holdfast::gateway
