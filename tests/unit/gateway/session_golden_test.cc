// The protocol as it was recorded between the JavaScript client and a server, byte for byte but for ids and
// epochs.
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
rpc_echo = true
ping_interval = "25s"
[namespaces.chat]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
presence = true
subscribe = ["anybody"]
publish = ["anybody"]
read_presence = ["anybody"]
read_history = ["anybody"]
)";

class GoldenTraceTest : public SessionTest {};

TEST_F(GoldenTraceTest, JsonIsWhatTheJavaScriptClientWasSent) {
  start(kSettings);
  auto client = open();
  const std::string connect_token = token(absl::StrCat("{\"sub\":\"42\",\"exp\":", now_s() + 3600, "}"));
  client->send(absl::StrCat("{\"connect\":{\"token\":\"", connect_token,
                            "\",\"data\":{\"a\":1},\"name\":\"js\"},\"id\":1}\n"
                            "{\"subscribe\":{\"channel\":\"chat:room\"},\"id\":2}\n"
                            "{\"subscribe\":{\"channel\":\"bad:room\"},\"id\":3}"));
  std::string reply = masked(client->message());
  EXPECT_TRUE(
      reply.starts_with(R"({"id":1,"connect":{"client":"?","version":"holdfast 0.1.0","ping":25,"pong":true,)"
                        R"("expires":true,"ttl":3)"))
      << reply;
  // Replies of different homes may overtake each other; each has its id.
  std::vector<std::string> replies = {masked(client->message()), masked(client->message())};
  if (replies[0].starts_with("{\"id\":3")) std::swap(replies[0], replies[1]);
  EXPECT_EQ(replies[0], R"({"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"?"}})");
  EXPECT_EQ(replies[1], R"({"id":3,"error":{"code":102,"message":"unknown channel"}})");

  client->send(R"({"publish":{"channel":"chat:room","data":{"hello":"w"}},"id":4})");
  EXPECT_EQ(client->message(), R"({"id":4,"publish":{}})");
  EXPECT_EQ(masked(client->message()),
            R"({"push":{"channel":"chat:room","pub":{"data":{"hello":"w"},"info":{"client":"?",)"
            R"("user":"42"},"offset":1}}})");
  const std::string presence = client->ask(R"({"presence":{"channel":"chat:room"},"id":5})");
  const std::string id = value_of(presence, "client");
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(presence, absl::StrCat(R"({"id":5,"presence":{"presence":{")", id, R"(":{"client":")", id,
                                   R"(","user":"42"}}}})"));
  EXPECT_EQ(client->ask(R"({"presence_stats":{"channel":"chat:room"},"id":6})"),
            R"({"id":6,"presence_stats":{"num_clients":1,"num_users":1}})");
  const std::string history = client->ask(R"({"history":{"channel":"chat:room","limit":10},"id":7})");
  EXPECT_EQ(masked(history),
            R"({"id":7,"history":{"publications":[{"data":{"hello":"w"},"info":{"client":"?",)"
            R"("user":"42"},"offset":1}],"epoch":"?","offset":1}})");
  EXPECT_EQ(client->ask(R"({"rpc":{"method":"echo","data":{"p":1}},"id":8})"),
            R"({"id":8,"rpc":{"data":{"p":1}}})");
  reply = masked(client->ask(absl::StrCat("{\"refresh\":{\"token\":\"", connect_token, "\"},\"id\":9}")));
  EXPECT_TRUE(reply.starts_with(
      R"({"id":9,"refresh":{"client":"?","version":"holdfast 0.1.0","expires":true,"ttl":3)"))
      << reply;
}

TEST_F(GoldenTraceTest, ProtobufIsFramedByLengths) {
  start(kSettings);
  auto client = open_protobuf();
  EXPECT_NE(client->head().find("Sec-WebSocket-Protocol: centrifuge-protobuf\r\n"), std::string::npos);
  // connect without a token, and subscribe to chat:room
  client->send(
      std::string_view("\x06\x08\x01\x22\x02\x32\x00\x0f\x08\x02\x2a\x0b\x0a\x09"
                       "chat:room",
                       23));
  const std::string connect = client->frame();
  ASSERT_GT(connect.size(), 45u);
  EXPECT_EQ(connect.substr(1, 3), std::string("\x08\x01\x2a", 3));
  EXPECT_EQ(connect.substr(5, 2), std::string("\x0a\x24", 2));
  std::string rest = connect.substr(static_cast<std::size_t>(connect[0]) + 1);
  if (rest.empty()) rest = client->frame();
  EXPECT_EQ(rest.substr(0, 6), std::string("\x12\x08\x02\x32\x0e\x18", 6));
  client->send(
      std::string_view("\x18\x08\x03\x3a\x14\x0a\x09"
                       "chat:room\x12\x07{\"h\":1}",
                       25));
  std::string answer = client->frame();
  EXPECT_EQ(answer.substr(0, 5), std::string("\x04\x08\x03\x42\x00", 5));
}

}  // namespace
}  // namespace holdfast::gateway
