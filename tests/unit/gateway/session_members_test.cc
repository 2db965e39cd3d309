// Who is where: presence, joins and leaves across shards, and what the server subscribes clients to.
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
personal_channel = true
[namespaces.room]
presence = true
join_leave = true
force_push_join_leave = true
subscribe = ["anybody"]
publish = ["subscribers"]
read_presence = ["subscribers"]
[namespaces.personal]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
[namespaces.news]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
)";

class MembersTest : public SessionTest {
 protected:
  static std::string join(std::string_view channel, std::string_view user, const char* event = "join") {
    return absl::StrCat("{\"push\":{\"channel\":\"", std::string(channel), "\",\"", event,
                        "\":{\"info\":{\"client\":\"?\",\"user\":\"", std::string(user), "\"}}}}");
  }
};

TEST_F(MembersTest, JoinsAndLeavesReachOtherShards) {
  start(kSettings);
  auto first = connected_to(0, "1");
  auto second = connected_to(1, "2");
  EXPECT_EQ(first->ask(R"({"subscribe":{"channel":"room:a"},"id":2})"), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(masked(first->message()), join("room:a", "1"));
  EXPECT_EQ(second->ask(R"({"subscribe":{"channel":"room:a"},"id":2})"), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(masked(first->message()), join("room:a", "2"));
  EXPECT_EQ(masked(second->message()), join("room:a", "2"));
  EXPECT_EQ(first->ask(R"({"presence_stats":{"channel":"room:a"},"id":3})"),
            R"({"id":3,"presence_stats":{"num_clients":2,"num_users":2}})");
  const std::string presence = masked(second->ask(R"({"presence":{"channel":"room:a"},"id":3})"));
  EXPECT_NE(presence.find(R"("user":"1")"), std::string::npos) << presence;
  EXPECT_NE(presence.find(R"("user":"2")"), std::string::npos) << presence;
  second->end();
  EXPECT_EQ(masked(first->message()), join("room:a", "2", "leave"));
  EXPECT_EQ(first->ask(R"({"presence_stats":{"channel":"room:a"},"id":4})"),
            R"({"id":4,"presence_stats":{"num_clients":1,"num_users":1}})");
  EXPECT_EQ(first->ask(R"({"unsubscribe":{"channel":"room:a"},"id":5})"), R"({"id":5,"unsubscribe":{}})");
  EXPECT_EQ(first->ask(R"({"presence":{"channel":"room:a"},"id":6})"),
            R"({"id":6,"error":{"code":103,"message":"permission denied"}})");
}

TEST_F(MembersTest, InfoOfTokensIsShownToOthers) {
  start(kSettings);
  auto client = open();
  client->ask(connect_command(token(R"({"sub":"1","info":{"name":"A"}})")));
  client->ask(absl::StrCat("{\"subscribe\":{\"channel\":\"room:a\",\"token\":\"",
                           token(R"({"sub":"1","channel":"room:a","info":{"role":"x"}})"), "\"},\"id\":2}"));
  const std::string shown = R"({"client":"?","conn_info":{"name":"A"},"chan_info":{"role":"x"},"user":"1"})";
  const std::string other = R"({"client":"?","user":"1","conn_info":{"name":"A"},"chan_info":{"role":"x"}})";
  const std::string pushed = masked(client->message());
  EXPECT_TRUE(pushed == absl::StrCat(R"({"push":{"channel":"room:a","join":{"info":)", shown, "}}}") ||
              pushed == absl::StrCat(R"({"push":{"channel":"room:a","join":{"info":)", other, "}}}"))
      << pushed;
  EXPECT_EQ(client->ask(R"({"publish":{"channel":"room:a","data":1},"id":3})"), R"({"id":3,"publish":{}})");
  const std::string publication = masked(client->message());
  EXPECT_NE(publication.find(R"("conn_info":{"name":"A"},"chan_info":{"role":"x"})"), std::string::npos)
      << publication;
}

TEST_F(MembersTest, ServerSideSubscriptionsComeWithTheConnectReply) {
  start(kSettings);
  for (int n = 1; n <= 2; ++n) publish("news:today", absl::StrCat(n));
  auto client = open();
  const std::string claims =
      R"({"sub":"42","channels":["news:today"],"subs":{"news:later":{"data":{"d":1}}}})";
  const std::string reply = masked(client->ask(connect_command(token(claims))));
  EXPECT_NE(reply.find(R"("subs":{)"), std::string::npos) << reply;
  EXPECT_NE(reply.find(R"("news:today":{"recoverable":true,"positioned":true,"epoch":"?","offset":2})"),
            std::string::npos)
      << reply;
  EXPECT_NE(reply.find(R"("news:later":{"recoverable":true,"positioned":true,"epoch":"?","data":{"d":1}})"),
            std::string::npos)
      << reply;
  EXPECT_NE(reply.find(R"("personal:#42":{"recoverable":true,"positioned":true,"epoch":"?"})"),
            std::string::npos)
      << reply;
  publish("news:today", "3", 1);
  EXPECT_EQ(client->message(), R"({"push":{"channel":"news:today","pub":{"data":3,"offset":3}}})");
  publish("personal:#42", R"({"you":1})");
  EXPECT_EQ(client->message(), R"({"push":{"channel":"personal:#42","pub":{"data":{"you":1},"offset":1}}})");
}

TEST_F(MembersTest, ServerSideSubscriptionsRecover) {
  start(kSettings);
  publish("news:today", "1");
  const std::string first_token = token(R"({"sub":"42","channels":["news:today"]})");
  auto client = open();
  const std::string first = client->ask(connect_command(first_token));
  const std::size_t at = first.find("news:today");
  ASSERT_NE(at, std::string::npos) << first;
  const std::string epoch = value_of(first.substr(at), "epoch");
  client->end();
  publish("news:today", "2");
  auto again = open();
  const std::string reply = again->ask(absl::StrCat(
      "{\"connect\":{\"token\":\"", first_token,
      "\",\"subs\":{\"news:today\":{\"recover\":true,\"offset\":1,\"epoch\":\"", epoch, "\"}}},\"id\":1}"));
  EXPECT_NE(reply.find(R"("recovered":true,"publications":[{"data":2,"offset":2}])"), std::string::npos)
      << reply;
}

TEST_F(MembersTest, CommandsBehindConnectWaitForItsReply) {
  start(kSettings, 3);
  for (int i = 0; i < 10; ++i) {
    auto client = open();
    client->send(absl::StrCat(
        connect_command(token(R"({"sub":"42","channels":["news:a","news:b","news:c"]})")),
        "\n{\"subscribe\":{\"channel\":\"room:a\"},\"id\":2}\n{\"rpc\":{\"method\":\"x\"},\"id\":3}"));
    EXPECT_TRUE(client->message().starts_with(R"({"id":1,"connect")"));
    std::string rest;
    for (int n = 0; n < 3; ++n) rest += client->message() + "\n";
    EXPECT_NE(rest.find(R"({"id":2,"subscribe":{}})"), std::string::npos) << rest;
    EXPECT_NE(rest.find(R"({"id":3,"error":{"code":104)"), std::string::npos) << rest;
  }
}

TEST_F(MembersTest, AServerSideChannelThatCannotBeFailsConnect) {
  start(kSettings);
  EXPECT_EQ(open()->ask(connect_command(token(R"({"sub":"42","channels":["nowhere:a"]})"))),
            R"({"id":1,"error":{"code":102,"message":"unknown channel"}})");
}

TEST_F(MembersTest, ConnectionsOfAUserAreCountedAcrossShards) {
  start(absl::StrCat("max_connections_per_user = 2\n", kSettings), 3);
  auto first = connected("7");
  auto second = connected("7");
  EXPECT_EQ(open()->ask(connect_command(user_token("7"))), "close 3504 connection limit");
  auto other = connected("8");
  first->end();
  EXPECT_TRUE(becomes_true(
      [&] { return open()->ask(connect_command(user_token("7"))).starts_with(R"({"id":1,"connect")"); }));
}

TEST_F(MembersTest, NothingIsLeftOfClientsThatVanish) {
  start(kSettings, 3);
  {
    std::vector<std::unique_ptr<ProtocolClient>> clients;
    for (int i = 0; i < 30; ++i) {
      clients.push_back(open());
      clients.back()->send(absl::StrCat(connect_command(user_token(absl::StrCat("user", i))),
                                        "\n{\"subscribe\":{\"channel\":\"room:", i % 7, "\"},\"id\":2}"));
      if (i % 3 != 0) clients.back()->message();
    }
  }
  const auto left = [this] {
    return counted(&Counters::subscriptions) + counted(&Counters::clients) + counted(&Counters::users) +
           counted(&Counters::local_channels) + counted(&Counters::home_channels) -
           counted(&Counters::idle_channels) + counted(&Counters::presence_bytes);
  };
  EXPECT_TRUE(becomes_true([&] { return left() == 0; })) << left();
}

}  // namespace
}  // namespace holdfast::gateway
