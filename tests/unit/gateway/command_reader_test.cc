// CommandReader beyond the golden traces: how frames are cut, what makes a command malformed in each
// encoding, and every limit at its edge.
#include "gateway/command_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "gateway/json_text.h"

namespace holdfast::gateway {
namespace {

using protocol::Command;
using protocol::CommandKind;
using Outcome = CommandReader::Outcome;
using namespace std::string_view_literals;

struct Reading {
  std::vector<std::uint32_t> ids;
  Outcome outcome = Outcome::command;  // the last one
};

Reading read_all(Encoding encoding, std::string_view frame, const CommandLimits& limits = {}) {
  CommandReader reader(limits);
  reader.start(encoding, frame);
  Reading reading;
  Command command;
  while ((reading.outcome = reader.next(command)) == Outcome::command) reading.ids.push_back(command.id);
  EXPECT_EQ(reader.next(command), reading.outcome) << "the end must not change";
  return reading;
}

// The only command of a frame.
Command read_json(CommandReader& reader, std::string_view frame) {
  Command command;
  reader.start(Encoding::json, frame);
  EXPECT_EQ(reader.next(command), Outcome::command) << frame;
  return command;
}

std::string nested(std::size_t depth, std::string_view innermost = "1") {
  return std::string(depth, '[').append(innermost).append(depth, ']');
}

TEST(CommandFrame, HoldsCommandsInOrderAndMayEndInOneLineBreak) {
  for (const std::string_view frame :
       {"{\"id\":1}\n{\"id\":2}"sv, "{\"id\":1}\n{\"id\":2}\n"sv, " {\"id\":1} \r\n\t{ \"id\" : 2 }\r\n"sv}) {
    const Reading reading = read_all(Encoding::json, frame);
    EXPECT_EQ(reading.ids, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(reading.outcome, Outcome::end);
  }
  const Reading reading = read_all(Encoding::protobuf, "\x02\x08\x01\x02\x08\x02\x00"sv);
  EXPECT_EQ(reading.ids, (std::vector<std::uint32_t>{1, 2, 0}));
  EXPECT_EQ(reading.outcome, Outcome::end);
}

TEST(CommandFrame, IsMalformedWhenEmpty) {
  EXPECT_EQ(read_all(Encoding::json, "").outcome, Outcome::malformed);
  EXPECT_EQ(read_all(Encoding::protobuf, "").outcome, Outcome::malformed);
}

TEST(CommandFrame, YieldsTheCommandsBeforeAMalformedOne) {
  for (const std::string_view rest : {"\n"sv, "{"sv, "x"sv, "[]"sv, "\n{}"sv}) {
    const Reading reading = read_all(Encoding::json, "{\"id\":7}\n" + std::string(rest) + "\n{\"id\":8}");
    EXPECT_EQ(reading.ids, (std::vector<std::uint32_t>{7})) << rest;
    EXPECT_EQ(reading.outcome, Outcome::malformed) << rest;
  }
  const Reading reading = read_all(Encoding::protobuf, "\x02\x08\x07\x03\x08\x08"sv);
  EXPECT_EQ(reading.ids, (std::vector<std::uint32_t>{7}));
  EXPECT_EQ(reading.outcome, Outcome::malformed);
}

TEST(CommandFrame, IsRefusedWholeBeyondItsBound) {
  const CommandLimits limits{.frame_bytes = 64};
  const auto frame_of = [](std::size_t bytes) {
    const std::string_view frame = R"({"send":{"data":""}})";
    std::string filled(frame);
    filled.insert(frame.find("\"\"") + 1, bytes - frame.size(), 'x');
    return filled;
  };
  EXPECT_EQ(read_all(Encoding::json, frame_of(64), limits).outcome, Outcome::end);
  EXPECT_EQ(read_all(Encoding::json, frame_of(65), limits).outcome, Outcome::malformed);
  EXPECT_EQ(read_all(Encoding::protobuf, std::string(64, '\0'), limits).ids.size(), 64u);
  EXPECT_TRUE(read_all(Encoding::protobuf, std::string(65, '\0'), limits).ids.empty());
  const CommandLimits usual;
  EXPECT_EQ(read_all(Encoding::json, frame_of(usual.frame_bytes)).outcome, Outcome::end);
}

TEST(JsonCommand, IsMalformedWhenItIsNotOneJsonObject) {
  for (const std::string_view frame : {
           "null"sv,
           "1"sv,
           "\"a\""sv,
           "[]"sv,
           "[{}]"sv,
           "{}{}"sv,
           "{} x"sv,
           "{},"sv,
           "{"sv,
           "}"sv,
           "{]"sv,
           "{\"id\"}"sv,
           "{\"id\":}"sv,
           "{\"id\":1,}"sv,
           "{,\"id\":1}"sv,
           "{\"id\":1 \"x\":2}"sv,
           "{id:1}"sv,
           "{'id':1}"sv,
           "{\"id\":01}"sv,
           "{\"id\":1"sv,
           "{\"id\" 1}"sv,
           "{\"id\"::1}"sv,
           "{\"id\":1}}"sv,
           "\xef\xbb\xbf{}"sv,
           "{}\0"sv,
           "// {}"sv,
           "{\"x\":/**/1}"sv,
       }) {
    EXPECT_EQ(read_all(Encoding::json, frame).outcome, Outcome::malformed) << frame;
  }
}

TEST(JsonCommand, IsMalformedWhenAnUnknownFieldIsNotJson) {
  for (const std::string_view value : {"tru",
                                       "truex",
                                       "nul",
                                       "nulll",
                                       "fals",
                                       "+1",
                                       "-",
                                       "1.",
                                       ".5",
                                       "1e",
                                       "1e+",
                                       "0x1",
                                       "00",
                                       "-01",
                                       "NaN",
                                       "Infinity",
                                       "1 2",
                                       "\"a\":1",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\",
                                       "\"\t\"",
                                       "\"\xff\"",
                                       "\"\xc0\xaf\"",
                                       "\"\xed\xa0\x80\"",
                                       "[1,]",
                                       "[,1]",
                                       "[1",
                                       "[1}",
                                       "{\"a\":1]",
                                       "{\"a\":[1,2}",
                                       "{1:2}",
                                       "{\"\\q\":1}",
                                       "{\"a\" :1,,}",
                                       "'a'",
                                       ",",
                                       ":",
                                       "",
                                       "[\"a\":1]",
                                       "[1 2]",
                                       "{\"a\",\"b\"}"}) {
    for (const std::string_view place :
         {R"({"x":@,"id":3})", R"({"id":3,"x":@})", R"({"publish":{"data":@},"id":3})",
          R"({"id":3,"connect":{"y":{"z":[@]}}})"}) {
      std::string frame(place);
      frame.replace(frame.find('@'), 1, value);
      if (frame.find("[]") != std::string::npos) continue;  // no value at all is fine in an array
      EXPECT_EQ(read_all(Encoding::json, frame).outcome, Outcome::malformed) << frame;
    }
  }
}

TEST(JsonCommand, KeepsPayloadsAsTheyCame) {
  CommandReader reader;
  for (const std::string_view payload :
       {"null", "true", "false", "0", "-0", "-1.5e+300", "1e999", "123456789012345678901234567890", "\"\"",
        "\"\\ud800\"", "\"\\udc00\\u0000\\/\"", "\"\xf0\x9f\x98\x80\"", "{}", "[]", "{ \"a\" : [ 1 , { } ] }",
        "{\"a\":1,\"a\":2,\"\\ud800\":3}", "[[],[[]],{}]", "\"}]\\\"\""}) {
    for (const std::string_view around :
         {R"({"publish":{"channel":"c","data":@}})", R"({"publish":{"data": @ , "channel":"c"}})",
          R"({"publish":{"data":@  },"channel":"c"})"}) {
      std::string frame(around);
      frame.replace(frame.find('@'), 1, payload);
      EXPECT_EQ(read_json(reader, frame).publish.data, payload) << frame;
    }
  }
}

TEST(JsonCommand, TakesCarriageReturnsOutOfPayloads) {
  CommandReader reader;
  EXPECT_EQ(
      read_json(reader, "{\"publish\":{\"data\":{\r\"a\"\r:[1,\r2]\r},\"channel\":\"c\"}}").publish.data,
      R"({"a":[1,2]})");
}

TEST(JsonCommand, TakesNullForAbsentButAsAPayload) {
  CommandReader reader;
  const Command command = read_json(
      reader,
      R"({"id":null,"connect":null,"subscribe":{"channel":null,"recover":null,"offset":null,"data":null,)"
      R"("tf":null,"flag":null}})");
  EXPECT_EQ(command.kind, CommandKind::subscribe);
  EXPECT_EQ(command.id, 0u);
  EXPECT_EQ(command.subscribe.channel, "");
  EXPECT_EQ(command.subscribe.data, "null");
  EXPECT_FALSE(command.subscribe.has_tags_filter);
  const Command history = read_json(reader, R"({"history":{"since":null}})");
  EXPECT_FALSE(history.history.has_since);
}

TEST(JsonCommand, IsMalformedWhenAFieldHasAnotherType) {
  for (const std::string_view frame : {
           R"({"id":"1"})",
           R"({"id":-1})",
           R"({"id":1.0})",
           R"({"id":1e0})",
           R"({"id":4294967296})",
           R"({"id":18446744073709551616})",
           R"({"id":true})",
           R"({"id":[]})",
           R"({"id":{}})",
           R"({"connect":1})",
           R"({"connect":[]})",
           R"({"connect":"x"})",
           R"({"connect":true})",
           R"({"connect":{"token":1}})",
           R"({"connect":{"token":{}}})",
           R"({"connect":{"name":["js"]}})",
           R"({"connect":{"subs":[]}})",
           R"({"connect":{"subs":"a"}})",
           R"({"connect":{"subs":{"a":1}}})",
           R"({"connect":{"subs":{"a":[]}}})",
           R"({"connect":{"headers":{"a":1}}})",
           R"({"connect":{"headers":{"a":{}}}})",
           R"({"subscribe":{"recover":1}})",
           R"({"subscribe":{"recover":"true"}})",
           R"({"subscribe":{"offset":-1}})",
           R"({"subscribe":{"offset":18446744073709551616}})",
           R"({"subscribe":{"flag":9223372036854775808}})",
           R"({"subscribe":{"type":4294967296}})",
           R"({"subscribe":{"tf":1}})",
           R"({"subscribe":{"tf":[]}})",
           R"({"history":{"limit":2147483648}})",
           R"({"history":{"limit":-2147483649}})",
           R"({"history":{"since":7}})",
           R"({"history":{"since":{"offset":"1"}}})",
           R"({"history":{"reverse":0}})",
           R"({"rpc":{"method":null,"data":}})",
           R"({"refresh":[]})",
           R"({"ping":1})",
           R"({"subscribe":{"channel":"\ud800"}})",
           R"({"subscribe":{"channel":"\x"}})",
       }) {
    EXPECT_EQ(read_all(Encoding::json, frame).outcome, Outcome::malformed) << frame;
  }
}

TEST(JsonCommand, ReadsNumbersUpToTheEdgesOfTheirTypes) {
  CommandReader reader;
  EXPECT_EQ(read_json(reader, R"({"id":4294967295})").id, 4294967295u);
  EXPECT_EQ(read_json(reader, R"({"subscribe":{"offset":18446744073709551615}})").subscribe.offset,
            18446744073709551615u);
  EXPECT_EQ(read_json(reader, R"({"subscribe":{"flag":-9223372036854775808}})").subscribe.flag, INT64_MIN);
  EXPECT_EQ(read_json(reader, R"({"history":{"limit":-2147483648}})").history.limit, INT32_MIN);
  EXPECT_EQ(read_json(reader, R"({"history":{"limit":2147483647}})").history.limit, INT32_MAX);
}

TEST(JsonCommand, UnescapesTextsAndNames) {
  CommandReader reader;
  const Command command =
      read_json(reader, R"({"\u0073ubscribe":{"channel":"a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00"}})");
  EXPECT_EQ(command.subscribe.channel, "a\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9f\x98\x80");
}

TEST(JsonCommand, NestsToTheBoundAndNoDeeper) {
  // The payload stands in the command and the request.
  const auto frame_of = [](std::string_view name, std::size_t depth) {
    return R"({"publish":{"channel":"c",")" + std::string(name) + R"(":)" + nested(depth) + "}}";
  };
  for (const std::string_view name : {"data", "unknown"}) {
    EXPECT_EQ(read_all(Encoding::json, frame_of(name, kJsonDepthMaximum - 2)).outcome, Outcome::end);
    EXPECT_EQ(read_all(Encoding::json, frame_of(name, kJsonDepthMaximum - 1)).outcome, Outcome::malformed);
    EXPECT_EQ(read_all(Encoding::json, frame_of(name, 30'000)).outcome, Outcome::malformed);
  }
  EXPECT_EQ(read_all(Encoding::json, std::string(60'000, '{')).outcome, Outcome::malformed);
  EXPECT_EQ(read_all(Encoding::json, R"({"x":)" + std::string(60'000, '[')).outcome, Outcome::malformed);
}

TEST(Command, TakesTheLastOfRepeatedFieldsAndMergesRepeatedRequests) {
  CommandReader reader;
  const Command json =
      read_json(reader, R"({"id":1,"publish":{"channel":"a","channel":"b"},"id":2,"publish":{"data":7}})");
  EXPECT_EQ(json.id, 2u);
  EXPECT_EQ(json.publish.channel, "b");
  EXPECT_EQ(json.publish.data, "7");
  Command protobuf;
  reader.start(Encoding::protobuf,
               "\x11\x08\x01\x3a\x06\x0a\x01"
               "a\x0a\x01"
               "b\x08\x02\x3a\x03\x12\x01"
               "7"sv);
  ASSERT_EQ(reader.next(protobuf), Outcome::command);
  EXPECT_EQ(protobuf.id, 2u);
  EXPECT_EQ(protobuf.publish.channel, "b");
  EXPECT_EQ(protobuf.publish.data, "7");
}

TEST(Command, IsTheRequestWithTheLowestNumberWhenThereAreSeveral) {
  CommandReader reader;
  EXPECT_EQ(read_json(reader, R"({"rpc":{},"publish":{},"history":{}})").kind, CommandKind::publish);
  Command command;
  reader.start(Encoding::protobuf, "\x04\x6a\x00\x3a\x00"sv);
  ASSERT_EQ(reader.next(command), Outcome::command);
  EXPECT_EQ(command.kind, CommandKind::publish);
}

TEST(Command, WithoutAnIdIsAPongUnlessItIsASend) {
  CommandReader reader;
  EXPECT_TRUE(is_pong(read_json(reader, R"({"publish":{"channel":"a"}})")));
  EXPECT_TRUE(is_pong(read_json(reader, "{}")));
  EXPECT_FALSE(is_pong(read_json(reader, R"({"send":{}})")));
  EXPECT_FALSE(is_pong(read_json(reader, R"({"id":3})")));
}

TEST(Command, KeepsNothingOfTheOneBefore) {
  CommandReader reader;
  Command command;
  reader.start(Encoding::json,
               R"({"connect":{"token":"t","subs":{"a":{"recover":true}},"headers":{"h":"v"}},"id":1})"
               "\n{}");
  ASSERT_EQ(reader.next(command), Outcome::command);
  ASSERT_EQ(command.connect.subs.size(), 1u);
  EXPECT_EQ(command.connect.subs[0].channel, "a");
  EXPECT_TRUE(command.connect.subs[0].recover);
  ASSERT_EQ(command.connect.headers.size(), 1u);
  EXPECT_EQ(command.connect.headers[0].value, "v");
  ASSERT_EQ(reader.next(command), Outcome::command);
  EXPECT_EQ(command.kind, CommandKind::none);
  EXPECT_EQ(command.id, 0u);
  EXPECT_TRUE(command.connect.subs.empty());
  EXPECT_TRUE(command.connect.headers.empty());
  EXPECT_EQ(command.connect.token, "");
}

TEST(ConnectCommand, BoundsNameAndVersion) {
  const auto frame_of = [](std::string_view field, std::size_t bytes) {
    return R"({"connect":{")" + std::string(field) + R"(":")" + std::string(bytes, 'n') + R"("}})";
  };
  for (const auto& [field, bound] : {std::pair{"name", 16u}, {"version", 64u}}) {
    EXPECT_EQ(read_all(Encoding::json, frame_of(field, bound)).outcome, Outcome::end);
    EXPECT_EQ(read_all(Encoding::json, frame_of(field, bound + 1)).outcome, Outcome::malformed);
  }
}

TEST(ConnectCommand, BoundsItsMapsAndHasEachKeyOnce) {
  const CommandLimits limits{.subs = 3, .headers = 2};
  const auto frame_of = [](std::string_view field, std::size_t entries, std::string_view value) {
    std::string frame = R"({"connect":{")" + std::string(field) + R"(":{)";
    for (std::size_t i = 0; i < entries; ++i) {
      frame.append(i == 0 ? "\"" : ",\"").append(std::to_string(i)).append("\":").append(value);
    }
    return frame + "}}}";
  };
  EXPECT_EQ(read_all(Encoding::json, frame_of("subs", 3, "{}"), limits).outcome, Outcome::end);
  EXPECT_EQ(read_all(Encoding::json, frame_of("subs", 4, "{}"), limits).outcome, Outcome::malformed);
  EXPECT_EQ(read_all(Encoding::json, frame_of("headers", 2, "\"\""), limits).outcome, Outcome::end);
  EXPECT_EQ(read_all(Encoding::json, frame_of("headers", 3, "\"\""), limits).outcome, Outcome::malformed);
  CommandReader reader(limits);
  const Command command = read_json(
      reader,
      R"({"connect":{"subs":{"a":{"recover":true,"offset":1},"b":{},"a":{"offset":2,"channel":"c"}}}})");
  ASSERT_EQ(command.connect.subs.size(), 2u);
  EXPECT_EQ(command.connect.subs[0].channel, "a");
  EXPECT_EQ(command.connect.subs[0].offset, 2u);
  EXPECT_FALSE(command.connect.subs[0].recover);
}

TEST(ProtobufCommand, IsMalformedWhenBroken) {
  for (const std::string_view frame : {
           "\x01"sv,                                                  // shorter than its length
           "\x02\x08"sv,                                              //
           "\x01\x08"sv,                                              // a tag without its value
           "\x02\x08\x80"sv,                                          // a varint that does not end
           "\x80"sv,                                                  // a length that does not end
           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"sv,              // a length of 2^64
           "\xff\xff\xff\xff\x0f"sv,                                  // a length of 2^32
           "\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,  // a varint of 11 bytes
           "\x02\x22\x05"sv,                                          // a request longer than the command
           "\x04\x22\x02\x0a\x05"sv,                                  // a text longer than its request
           "\x02\x00\x01"sv,                                          // field number 0
           "\x01\x0c"sv,
           "\x01\x0f"sv,
           "\x01\x0e"sv,      // a group's end, wire types 6 and 7
           "\x01\x0b"sv,      // a group that does not end
           "\x02\x0b\x14"sv,  // a group that ends as another
           "\x03\x0d\x01\x02"sv,
           "\x04\x09\x01\x02\x03"sv,              // truncated fixed values
           "\x06\x2a\x04\x0a\x02\xc0\xaf"sv,      // a channel that is not UTF-8
           "\x07\x22\x05\x1a\x03\x0a\x01\xff"sv,  // a map's key that is not
       }) {
    EXPECT_EQ(read_all(Encoding::protobuf, frame).outcome, Outcome::malformed)
        << testing::PrintToString(std::string(frame));
  }
}

TEST(ProtobufCommand, SkipsUnknownFieldsOfEveryWireType) {
  const Reading reading = read_all(Encoding::protobuf,
                                   "\x21"
                                   "\xa0\x06\x96\x01"                          // 100: varint
                                   "\xa1\x06\x01\x02\x03\x04\x05\x06\x07\x08"  // 100: fixed64
                                   "\xa2\x06\x02xy"                            // 100: bytes
                                   "\xa3\x06\x08\x01\xa4\x06"                  // 100: group
                                   "\xa5\x06\x01\x02\x03\x04"                  // 100: fixed32
                                   "\x08\x07"sv);
  EXPECT_EQ(reading.outcome, Outcome::end);
  EXPECT_EQ(reading.ids, (std::vector<std::uint32_t>{7}));
  // The id as bytes, the connect request as a varint: unknown, too.
  EXPECT_EQ(read_all(Encoding::protobuf, "\x05\x0a\x01x\x20\x01"sv).ids, (std::vector<std::uint32_t>{0}));
}

TEST(ProtobufCommand, BoundsTheDepthOfGroupsItSkips) {
  const auto frame_of = [](std::size_t depth) {
    std::string message(depth, '\x0b');
    message.append(depth, '\x0c');
    std::string frame;
    for (std::size_t size = message.size();; size >>= 7) {
      frame.push_back(static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
      if (size <= 0x7f) break;
    }
    return frame + message;
  };
  EXPECT_EQ(read_all(Encoding::protobuf, frame_of(50)).outcome, Outcome::end);
  EXPECT_EQ(read_all(Encoding::protobuf, frame_of(30'000)).outcome, Outcome::malformed);
}

TEST(ConnectText, IsAWholeRequestWithLineBreaksAnywhere) {
  CommandReader reader;
  Command command;
  ASSERT_TRUE(reader.read_connect(Encoding::json,
                                  "\n{\n\"token\":\"t\",\r\n\"data\":{\n  \"a\": 1\r\n},\n"
                                  "\"subs\":{\"ch\":{\"recover\":true,\"offset\":12,\"epoch\":\"x\"}}\n}\n",
                                  command));
  EXPECT_EQ(command.kind, CommandKind::connect);
  EXPECT_EQ(command.connect.token, "t");
  EXPECT_EQ(command.connect.data, R"({  "a": 1})");
  ASSERT_EQ(command.connect.subs.size(), 1u);
  EXPECT_EQ(command.connect.subs[0].channel, "ch");
  EXPECT_EQ(command.connect.subs[0].offset, 12u);
  EXPECT_EQ(command.connect.subs[0].epoch, "x");
  ASSERT_TRUE(reader.read_connect(Encoding::protobuf, "\x0a\x01t"sv, command));
  EXPECT_EQ(command.connect.token, "t");
  ASSERT_TRUE(reader.read_connect(Encoding::json, "{}", command));
  EXPECT_EQ(command.connect.token, "");
}

TEST(ConnectText, IsRefusedWhenItIsSomethingElse) {
  CommandReader reader({.frame_bytes = 100});
  Command command;
  for (const std::string_view text :
       {"", "null", "[]", "{}{}", "{\"token\":1}", "{\"name\":\"12345678901234567\"}"}) {
    EXPECT_FALSE(reader.read_connect(Encoding::json, text, command)) << text;
  }
  EXPECT_FALSE(reader.read_connect(Encoding::json, "{}" + std::string(99, ' '), command));
  EXPECT_FALSE(reader.read_connect(Encoding::protobuf, "\x0a\x05t"sv, command));
  EXPECT_FALSE(reader.read_connect(Encoding::protobuf, std::string(101, '\0'), command));
}

}  // namespace
}  // namespace holdfast::gateway
