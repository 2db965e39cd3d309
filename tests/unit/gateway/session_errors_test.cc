// Each command with what is wrong about it: the documented error or close code, and nothing left behind.
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
max_channels = 4
[namespaces.open]
history_size = 10
history_ttl = "1m"
presence = true
delta = true
subscribe = ["anybody"]
publish = ["anybody"]
read_presence = ["anybody"]
read_history = ["anybody"]
[namespaces.closed]
history_size = 10
history_ttl = "1m"
presence = true
[namespaces.plain]
subscribe = ["anybody"]
)";

class CommandErrorsTest : public SessionTest {
 protected:
  // The answer to one command of a connected client.
  std::string answer(std::string_view command) { return connected()->ask(command); }
  static std::string error(int id, int code, std::string_view message, bool temporary = false) {
    return absl::StrCat("{\"id\":", id, ",\"error\":{\"code\":", code, ",\"message\":\"",
                        std::string(message), "\"", temporary ? ",\"temporary\":true" : "", "}}");
  }
};

TEST_F(CommandErrorsTest, FramesThatAreNoCommandsCloseWith3501) {
  start(kSettings);
  const std::string bad = "close 3501 bad request";
  EXPECT_EQ(open()->ask(""), bad);
  EXPECT_EQ(open()->ask("{"), bad);
  EXPECT_EQ(open()->ask("[]"), bad);
  EXPECT_EQ(open()->ask(R"({"id":1,"publish":{"channel":"open:a","data":1}})"), bad);
  EXPECT_EQ(open()->ask("{}"), bad);
  EXPECT_EQ(open()->ask(R"({"id":0,"connect":{}})"), bad);
  EXPECT_EQ(answer(R"({"connect":{},"id":2})"), bad);
  EXPECT_EQ(answer("{}"), bad);
  EXPECT_EQ(answer(""), bad);
}

TEST_F(CommandErrorsTest, WhatStandsBeforeABrokenCommandIsStillAnswered) {
  start(kSettings);
  auto client = open();
  client->send("{\"connect\":{},\"id\":1}\n{\"rpc\":{\"method\":\"x\"},\"id\":2}\n{broken");
  EXPECT_TRUE(client->message().starts_with(R"({"id":1,"connect")"));
  EXPECT_EQ(client->message(), error(2, 104, "method not found"));
  EXPECT_EQ(client->message(), "close 3501 bad request");
}

TEST_F(CommandErrorsTest, AFailedConnectStopsWhatFollows) {
  start(kSettings);
  auto client = open();
  const std::string expired = token(R"({"sub":"42","exp":1000})");
  client->send(absl::StrCat(connect_command(expired), "\n{\"subscribe\":{\"channel\":\"open:a\"},\"id\":2}"));
  EXPECT_EQ(client->message(), error(1, 109, "token expired"));
  EXPECT_EQ(client->message(), "close 3501 bad request");
}

TEST_F(CommandErrorsTest, SubscribeChecksInTheOrderOfTheProtocol) {
  start(kSettings);
  EXPECT_EQ(answer(R"({"subscribe":{"channel":""},"id":2})"), "close 3501 bad request");
  const std::string long_name(256, 'x');
  EXPECT_EQ(answer(absl::StrCat("{\"subscribe\":{\"channel\":\"", long_name, "\"},\"id\":2}")),
            error(2, 107, "bad request"));
  auto client = connected();
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:a"},"id":2})"), R"({"id":2,"subscribe":{}})");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:a"},"id":3})"), error(3, 105, "already subscribed"));
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"no:a"},"id":4})"), error(4, 102, "unknown channel"));
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"closed:a"},"id":5})"),
            error(5, 103, "permission denied"));
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:b","type":1},"id":6})"),
            error(6, 108, "not available"));
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:b","tf":{"key":"a"}},"id":7})"),
            error(7, 107, "bad request"));
  for (const char* name : {"b", "c", "d"}) {
    EXPECT_EQ(client->ask(absl::StrCat("{\"subscribe\":{\"channel\":\"open:", name, "\"},\"id\":8}")),
              R"({"id":8,"subscribe":{}})");
  }
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:e"},"id":9})"), error(9, 106, "limit exceeded"));
  EXPECT_EQ(client->ask(R"({"unsubscribe":{"channel":"open:d"},"id":10})"), R"({"id":10,"unsubscribe":{}})");
  EXPECT_EQ(client->ask(R"({"unsubscribe":{"channel":"open:d"},"id":11})"), R"({"id":11,"unsubscribe":{}})");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:e"},"id":12})"), R"({"id":12,"subscribe":{}})");
  client->ask(R"({"unsubscribe":{"channel":"open:e"},"id":13})");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:e","delta":"other"},"id":14})"),
            "close 3501 bad request");
}

TEST_F(CommandErrorsTest, PublishNeedsAChannelPermissionAndPayload) {
  start(kSettings);
  EXPECT_EQ(answer(R"({"publish":{"channel":"","data":1},"id":2})"), "close 3501 bad request");
  EXPECT_EQ(answer(R"({"publish":{"channel":"no:a","data":1},"id":2})"), error(2, 102, "unknown channel"));
  EXPECT_EQ(answer(R"({"publish":{"channel":"plain:a","data":1},"id":2})"),
            error(2, 103, "permission denied"));
  EXPECT_EQ(answer(R"({"publish":{"channel":"open:a"},"id":2})"), error(2, 107, "bad request"));
  EXPECT_EQ(answer(R"({"publish":{"channel":"open:a","data":null},"id":2})"), R"({"id":2,"publish":{}})");
}

TEST_F(CommandErrorsTest, ReadingNeedsTheFeatureAndPermission) {
  start(kSettings);
  for (const char* command : {"presence", "presence_stats", "history"}) {
    const auto ask = [&](const char* channel) {
      return answer(absl::StrCat("{\"", command, "\":{\"channel\":\"", channel, "\"},\"id\":2}"));
    };
    EXPECT_EQ(ask("plain:a"), error(2, 108, "not available")) << command;
    EXPECT_EQ(ask("closed:a"), error(2, 103, "permission denied")) << command;
    EXPECT_EQ(ask("no:a"), error(2, 102, "unknown channel")) << command;
    EXPECT_EQ(ask(""), "close 3501 bad request") << command;
  }
}

TEST_F(CommandErrorsTest, AnotherEpochIsAnUnrecoverablePosition) {
  start(kSettings);
  EXPECT_EQ(answer(R"({"history":{"channel":"open:a","since":{"offset":0,"epoch":"NopeNope"}},"id":2})"),
            error(2, 112, "unrecoverable position"));
}

TEST_F(CommandErrorsTest, CommandsWithoutAHandlerAreRefused) {
  start(kSettings);
  EXPECT_EQ(answer(R"({"ping":{},"id":2})"), error(2, 108, "not available"));
  EXPECT_EQ(answer(R"({"rpc":{"method":"echo"},"id":2})"), error(2, 104, "method not found"));
  EXPECT_EQ(answer(R"({"somethingelse":{},"id":2})"), error(2, 104, "method not found"));
  EXPECT_EQ(answer(R"({"send":{"data":1}})"), "close 3508 not available");
  EXPECT_EQ(answer(R"({"refresh":{"token":"x"},"id":2})"), "close 3500 invalid token");
  EXPECT_EQ(answer(R"({"sub_refresh":{"channel":"open:a","token":"x"},"id":2})"),
            error(2, 103, "permission denied"));
}

TEST_F(CommandErrorsTest, AnonymousClientsNeedPermission) {
  start("allow_anonymous = false\n");
  EXPECT_EQ(open()->ask(connect_command("")), "close 3501 bad request");
  EXPECT_TRUE(open()->ask(connect_command(user_token("42"))).starts_with(R"({"id":1,"connect")"));
}

TEST_F(CommandErrorsTest, PayloadsThatAreNoJsonCloseJsonSubscribersAlone) {
  start(kSettings);
  auto json = connected();
  json->ask(R"({"subscribe":{"channel":"open:a"},"id":2})");
  auto protobuf = open_protobuf();
  protobuf->send(std::string_view("\x06\x08\x01\x22\x02\x32\x00\x0c\x08\x02\x2a\x08\x0a\x06open:a", 20));
  EXPECT_GT(protobuf->frame().size(), 40u);
  protobuf->send(std::string_view("\x12\x08\x03\x3a\x0e\x0a\x06open:a\x12\x04\xff\xfe{x", 19));
  EXPECT_EQ(json->message(), "close 3506 inappropriate protocol");
}

TEST_F(CommandErrorsTest, UnknownPathsAreNotFound) {
  start(kSettings);
  EXPECT_TRUE(open("/")->head().starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(open("/connection/other")->head().starts_with("HTTP/1.1 404"));
}

}  // namespace
}  // namespace holdfast::gateway
