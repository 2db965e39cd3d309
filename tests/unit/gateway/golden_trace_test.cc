// The traffic of a real SDK (centrifuge-js 5.8.0 in JSON and Protobuf) with a server: what the client sends
// is understood, what the server says comes out byte for byte.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/command_reader.h"
#include "gateway/message_writer.h"

namespace holdfast::gateway {
namespace {

using protocol::Command;
using protocol::CommandKind;
using Outcome = CommandReader::Outcome;
using namespace std::string_view_literals;

class GoldenTrace : public testing::Test {
 protected:
  void start(Encoding encoding, std::string_view frame) { reader_.start(encoding, frame); }
  // The next command, which must be there and have this id.
  const Command& next(CommandKind kind, std::uint32_t id) {
    EXPECT_EQ(reader_.next(command_), Outcome::command);
    EXPECT_EQ(command_.kind, kind);
    EXPECT_EQ(command_.id, id);
    return command_;
  }
  void expect_end() { EXPECT_EQ(reader_.next(command_), Outcome::end); }

 private:
  CommandReader reader_;
  Command command_;
};

using GoldenJson = GoldenTrace;
using GoldenProtobuf = GoldenTrace;

TEST_F(GoldenJson, FirstFrameHoldsConnectAndTwoSubscribes) {
  start(Encoding::json, R"({"connect":{"token":"T0","data":{"a":1},"name":"js"},"id":1})"
                        "\n"
                        R"({"subscribe":{"channel":"chat:room","flag":1},"id":2})"
                        "\n"
                        R"({"subscribe":{"channel":"bad","flag":1},"id":3})");
  const Command& connect = next(CommandKind::connect, 1);
  EXPECT_EQ(connect.connect.token, "T0");
  EXPECT_EQ(connect.connect.data, R"({"a":1})");
  EXPECT_EQ(connect.connect.name, "js");
  const Command& subscribe = next(CommandKind::subscribe, 2);
  EXPECT_EQ(subscribe.subscribe.channel, "chat:room");
  EXPECT_EQ(subscribe.subscribe.flag, protocol::kFlagChannelCompaction);
  EXPECT_EQ(next(CommandKind::subscribe, 3).subscribe.channel, "bad");
  expect_end();
}

TEST_F(GoldenJson, ReadsEveryOtherCommandOfTheTrace) {
  start(Encoding::json, R"({"publish":{"channel":"chat:room","data":{"hello":"w"}},"id":4})");
  const Command& publish = next(CommandKind::publish, 4);
  EXPECT_EQ(publish.publish.channel, "chat:room");
  EXPECT_EQ(publish.publish.data, R"({"hello":"w"})");
  start(Encoding::json, R"({"presence":{"channel":"chat:room"},"id":5})");
  EXPECT_EQ(next(CommandKind::presence, 5).presence.channel, "chat:room");
  start(Encoding::json, R"({"presence_stats":{"channel":"chat:room"},"id":6})");
  EXPECT_EQ(next(CommandKind::presence_stats, 6).presence_stats.channel, "chat:room");
  start(Encoding::json, R"({"history":{"channel":"chat:room","since":{"offset":1,"epoch":"AbCd"},"limit":10,)"
                        R"("reverse":true},"id":7})");
  const Command& history = next(CommandKind::history, 7);
  EXPECT_EQ(history.history.channel, "chat:room");
  EXPECT_TRUE(history.history.has_since);
  EXPECT_EQ(history.history.since_offset, 1u);
  EXPECT_EQ(history.history.since_epoch, "AbCd");
  EXPECT_EQ(history.history.limit, 10);
  EXPECT_TRUE(history.history.reverse);
  start(Encoding::json, R"({"rpc":{"method":"m","data":{"p":1}},"id":8})");
  const Command& rpc = next(CommandKind::rpc, 8);
  EXPECT_EQ(rpc.rpc.method, "m");
  EXPECT_EQ(rpc.rpc.data, R"({"p":1})");
  start(Encoding::json, R"({"send":{"data":{"one":"way"}}})");
  const Command& send = next(CommandKind::send, 0);
  EXPECT_EQ(send.send.data, R"({"one":"way"})");
  EXPECT_FALSE(is_pong(send));
  start(Encoding::json, R"({"refresh":{"token":"T1"},"id":9})");
  EXPECT_EQ(next(CommandKind::refresh, 9).refresh.token, "T1");
  start(Encoding::json, "{}");
  EXPECT_TRUE(is_pong(next(CommandKind::none, 0)));
  expect_end();
}

TEST_F(GoldenJson, ReconnectAsksForRecovery) {
  start(Encoding::json, R"({"connect":{"token":"T1"},"id":10})"
                        "\n"
                        R"({"subscribe":{"channel":"chat:room","flag":1,"recover":true,"offset":8,)"
                        R"("epoch":"AbCd"},"id":11})");
  EXPECT_EQ(next(CommandKind::connect, 10).connect.token, "T1");
  const Command& subscribe = next(CommandKind::subscribe, 11);
  EXPECT_TRUE(subscribe.subscribe.recover);
  EXPECT_EQ(subscribe.subscribe.offset, 8u);
  EXPECT_EQ(subscribe.subscribe.epoch, "AbCd");
}

TEST_F(GoldenJson, WritesTheRepliesOfTheTrace) {
  std::string frame;
  const auto expect = [&frame](std::string_view line) {
    EXPECT_EQ(frame, line);
    frame.clear();
  };
  append_reply(
      Encoding::json, frame, 1,
      protocol::ConnectResult{
          .client = "c-1", .version = "x 0.1", .ping_s = 1, .pong = true, .expires = true, .ttl_s = 2});
  expect(
      R"({"id":1,"connect":{"client":"c-1","version":"x 0.1","ping":1,"pong":true,"expires":true,"ttl":2}})");
  append_reply(Encoding::json, frame, 2,
               protocol::SubscribeResult{
                   .recoverable = true, .positioned = true, .epoch = "AbCd", .offset = 7, .id = 5});
  expect(R"({"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"AbCd","offset":7,"id":5}})");
  append_error(Encoding::json, frame, 3, ErrorCode::permission_denied);
  expect(R"({"id":3,"error":{"code":103,"message":"permission denied"}})");
  append_reply(Encoding::json, frame, 4, protocol::PublishResult{});
  expect(R"({"id":4,"publish":{}})");
  const std::array presence = {protocol::MapEntry<Member>{"c-1", {.user = "42", .client = "c-1"}}};
  append_reply(Encoding::json, frame, 5, protocol::PresenceResult{presence});
  expect(R"({"id":5,"presence":{"presence":{"c-1":{"client":"c-1","user":"42"}}}})");
  append_reply(Encoding::json, frame, 6, protocol::PresenceStatsResult{.num_clients = 1, .num_users = 1});
  expect(R"({"id":6,"presence_stats":{"num_clients":1,"num_users":1}})");
  append_reply(Encoding::json, frame, 8, protocol::RpcResult{R"({"ok":1})"});
  expect(R"({"id":8,"rpc":{"data":{"ok":1}}})");
  append_reply(Encoding::json, frame, 9,
               protocol::RefreshResult{.client = "c-1", .version = "x", .expires = true, .ttl_s = 3600});
  expect(R"({"id":9,"refresh":{"client":"c-1","version":"x","expires":true,"ttl":3600}})");
  const std::array missed = {protocol::Publication{.data = R"({"n":9})", .offset = 9}};
  append_reply(Encoding::json, frame, 11,
               protocol::SubscribeResult{.recoverable = true,
                                         .positioned = true,
                                         .epoch = "AbCd",
                                         .offset = 8,
                                         .was_recovering = true,
                                         .recovered = true,
                                         .publications = missed});
  expect(R"({"id":11,"subscribe":{"recoverable":true,"positioned":true,"epoch":"AbCd","offset":8,)"
         R"("was_recovering":true,"recovered":true,"publications":[{"data":{"n":9},"offset":9}]}})");
}

TEST_F(GoldenJson, WritesThePushesOfTheTrace) {
  std::string frame;
  append_push(Encoding::json, frame, {.id = 5}, protocol::Publication{.data = R"({"n":8})", .offset = 8});
  append_ping(Encoding::json, frame);
  EXPECT_EQ(frame, R"({"push":{"id":5,"pub":{"data":{"n":8},"offset":8}}})"
                   "\n{}");
  frame.clear();
  append_push(Encoding::json, frame, {.name = "d"},
              protocol::Publication{
                  .data = R"({"a":1,"text":"hello hello hello"})", .offset = 1, .data_as_text = true});
  EXPECT_EQ(frame, R"({"push":{"channel":"d","pub":{"data":"{\"a\":1,\"text\":\"hello hello hello\"}",)"
                   R"("offset":1}}})");
  frame.clear();
  append_push(Encoding::json, frame, {.name = "d"},
              protocol::Publication{
                  .data = "Y\n6:{\"a\":2S@6,368ORI;", .offset = 2, .delta = true, .data_as_text = true});
  EXPECT_EQ(frame, R"({"push":{"channel":"d","pub":{"data":"Y\n6:{\"a\":2S@6,368ORI;","offset":2,)"
                   R"("delta":true}}})");
  frame.clear();
  append_push(Encoding::json, frame, {.name = "d"},
              protocol::Unsubscribe{2500, reason_of(UnsubscribeCode::insufficient_state)});
  EXPECT_EQ(frame, R"({"push":{"channel":"d","unsubscribe":{"code":2500,"reason":"insufficient state"}}})");
}

TEST_F(GoldenProtobuf, ReadsTheCommandsOfTheTrace) {
  start(Encoding::protobuf,
        "\x0c\x08\x01\x22\x08\x0a\x02T0\x22\x02js"
        "\x19\x08\x02\x2a\x15\x0a\x09"
        "chat:room\x62\x06"
        "fossil\x70\x01"sv);
  const Command& connect = next(CommandKind::connect, 1);
  EXPECT_EQ(connect.connect.token, "T0");
  EXPECT_EQ(connect.connect.name, "js");
  const Command& subscribe = next(CommandKind::subscribe, 2);
  EXPECT_EQ(subscribe.subscribe.channel, "chat:room");
  EXPECT_EQ(subscribe.subscribe.delta, "fossil");
  EXPECT_EQ(subscribe.subscribe.flag, 1);
  expect_end();
  start(Encoding::protobuf,
        "\x18\x08\x03\x3a\x14\x0a\x09"
        "chat:room\x12\x07{\"h\":1}"sv);
  const Command& publish = next(CommandKind::publish, 3);
  EXPECT_EQ(publish.publish.channel, "chat:room");
  EXPECT_EQ(publish.publish.data, R"({"h":1})");
  start(Encoding::protobuf, "\0"sv);
  EXPECT_TRUE(is_pong(next(CommandKind::none, 0)));
  expect_end();
}

TEST_F(GoldenProtobuf, WritesTheMessagesOfTheTrace) {
  std::string frame;
  append_reply(Encoding::protobuf, frame, 1,
               protocol::ConnectResult{.client = "c1", .version = "x", .ping_s = 1, .pong = true});
  EXPECT_EQ(frame,
            "\x0f\x08\x01\x2a\x0b\x0a\x02"
            "c1\x12\x01x\x38\x01\x40\x01"sv);
  frame.clear();
  append_reply(
      Encoding::protobuf, frame, 2,
      protocol::SubscribeResult{
          .recoverable = true, .positioned = true, .epoch = "AbCd", .offset = 7, .id = 5, .delta = true});
  EXPECT_EQ(frame,
            "\x14\x08\x02\x32\x10\x18\x01\x32\x04"
            "AbCd\x48\x07\x50\x01\x68\x01\x70\x05"sv);
  frame.clear();
  append_reply(Encoding::protobuf, frame, 3, protocol::PublishResult{});
  append_ping(Encoding::protobuf, frame);
  EXPECT_EQ(frame, "\x04\x08\x03\x42\0\0"sv);
}

}  // namespace
}  // namespace holdfast::gateway
