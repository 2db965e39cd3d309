// The client's half of the Centrifugo protocol: commands byte by byte, replies and pushes in both encodings,
// what is not well-formed; and what channels and tokens say.
#include "centrifugo.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <set>
#include <string>
#include <vector>

#include "channels.h"
#include "tokens.h"

namespace holdfast::swarm {
namespace {

using Kind = ServerMessage::Kind;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    if (hex[i] == ' ') ++i;
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// What was read, with copies of what views pointed to.
struct Read {
  bool well_formed = false;
  std::vector<ServerMessage> messages;
  std::vector<std::string> texts;  // of every publication, or "other" for payloads of another kind
  std::vector<std::uint64_t> offsets;
  std::string channel, epoch, client;
};

Read read(Encoding encoding, std::string frame, bool stop = false) {
  MessageReader reader;
  Read result;
  const std::size_t bytes = frame.size();
  frame.append(MessageReader::kPaddingBytes, '}');  // whatever is there
  const auto take = [&result](const Publication& publication) {
    result.texts.emplace_back(publication.is_text ? publication.text : "other");
    result.offsets.push_back(publication.offset);
  };
  result.well_formed =
      reader.read(encoding, std::string_view(frame).substr(0, bytes), [&](const ServerMessage& message) {
        result.messages.push_back(message);
        for (const Publication& publication : message.publications) take(publication);
        if (message.kind == Kind::publication) take(message.publication);
        result.channel.append(message.channel);
        result.epoch.append(message.epoch);
        result.client.append(message.client);
        return !stop;
      });
  return result;
}

TEST(Commands, InJsonAreLinesOfOneFrame) {
  std::string frame;
  append_connect(Encoding::json, frame, 1, "a.b.c");
  append_subscribe(Encoding::json, frame, 2, {.channel = "chat:1", .recoverable = true});
  append_subscribe(Encoding::json, frame, 3, {.channel = "x", .recover = true, .offset = 8, .epoch = "AbCd"});
  append_publish(Encoding::json, frame, 4, "x", "\"text\"");
  append_connect(Encoding::json, frame, 5, "");
  EXPECT_EQ(frame,
            "{\"connect\":{\"token\":\"a.b.c\"},\"id\":1}\n"
            "{\"subscribe\":{\"channel\":\"chat:1\",\"recoverable\":true},\"id\":2}\n"
            "{\"subscribe\":{\"channel\":\"x\",\"recover\":true,\"offset\":8,\"epoch\":\"AbCd\"},\"id\":3}\n"
            "{\"publish\":{\"channel\":\"x\",\"data\":\"text\"},\"id\":4}\n"
            "{\"connect\":{},\"id\":5}");
  EXPECT_EQ(empty_message(Encoding::json), "{}");
  EXPECT_EQ(opcode_of(Encoding::json), ws::Opcode::text);
}

TEST(Commands, InProtobufHaveTheirLengthsInFront) {
  std::string frame;
  append_connect(Encoding::protobuf, frame, 1, "T0");
  append_subscribe(Encoding::protobuf, frame, 2, {.channel = "chat:room"});
  append_publish(Encoding::protobuf, frame, 3, "chat:room", "{\"h\":1}");
  EXPECT_EQ(frame, from_hex("08 0801 2204 0a025430"
                            "0f 0802 2a0b 0a09636861743a726f6f6d"
                            "18 0803 3a14 0a09636861743a726f6f6d 1207 7b2268223a317d"));
  frame.clear();
  append_subscribe(Encoding::protobuf, frame, 2,
                   {.channel = "c", .recoverable = true, .recover = true, .offset = 300, .epoch = "e"});
  EXPECT_EQ(frame, from_hex("11 0802 2a0d 0a0163 1801 320165 38ac02 5001"));
  EXPECT_EQ(empty_message(Encoding::protobuf), std::string(1, '\0'));
  EXPECT_EQ(opcode_of(Encoding::protobuf), ws::Opcode::binary);
}

TEST(Replies, InJsonAreReadInOrder) {
  const Read found = read(
      Encoding::json,
      "{\"id\":1,\"connect\":{\"client\":\"c-1\",\"version\":\"x\",\"ping\":25,\"pong\":true}}\n"
      "{\"id\":2,\"subscribe\":{\"recoverable\":true,\"positioned\":true,\"epoch\":\"AbCd\",\"offset\":7,"
      "\"was_recovering\":true,\"recovered\":true,\"publications\":[{\"data\":\"one\",\"offset\":8},"
      "{\"data\":{\"n\":1},\"offset\":9}]}}\n"
      "{\"push\":{\"channel\":\"c\",\"pub\":{\"data\":\"two\",\"offset\":10,\"info\":{\"client\":\"x\"}}}}\n"
      "{}\n{\"id\":3,\"publish\":{}}\n{\"id\":4,\"error\":{\"code\":103,\"message\":\"no\"}}\n"
      "{\"push\":{\"channel\":\"d\",\"join\":{}}}");
  ASSERT_TRUE(found.well_formed);
  ASSERT_EQ(found.messages.size(), 7u);
  EXPECT_EQ(found.messages[0].kind, Kind::connect);
  EXPECT_EQ(found.messages[0].id, 1u);
  EXPECT_EQ(found.messages[0].ping_s, 25u);
  EXPECT_TRUE(found.messages[0].pong);
  EXPECT_EQ(found.client, "c-1");
  EXPECT_EQ(found.messages[1].kind, Kind::subscribe);
  EXPECT_TRUE(found.messages[1].recoverable && found.messages[1].positioned);
  EXPECT_TRUE(found.messages[1].was_recovering && found.messages[1].recovered);
  EXPECT_EQ(found.messages[1].offset, 7u);
  EXPECT_EQ(found.epoch, "AbCd");
  EXPECT_EQ(found.messages[2].kind, Kind::publication);
  EXPECT_EQ(found.messages[3].kind, Kind::ping);
  EXPECT_EQ(found.messages[4].kind, Kind::publish);
  EXPECT_EQ(found.messages[5].kind, Kind::error);
  EXPECT_EQ(found.messages[5].code, 103u);
  EXPECT_EQ(found.messages[6].kind, Kind::other);
  EXPECT_EQ(found.channel, "cd");
  EXPECT_EQ(found.texts, (std::vector<std::string>{"one", "other", "two"}));
  EXPECT_EQ(found.offsets, (std::vector<std::uint64_t>{8, 9, 10}));
}

TEST(Replies, InProtobufAreReadInOrder) {
  const Read found = read(Encoding::protobuf, from_hex("0f 0801 2a0b 0a026331 120178 3801 4001"
                                                       "14 0802 3210 1801 320441624364 4807 5001 6801 7005"
                                                       "04 0803 4200"
                                                       "00"
                                                       "06 0804 1202 0867"
                                                       "0f 220d 120163 2208 2204 226f6e22 3009"));
  ASSERT_TRUE(found.well_formed);
  ASSERT_EQ(found.messages.size(), 6u);
  EXPECT_EQ(found.messages[0].kind, Kind::connect);
  EXPECT_EQ(found.messages[0].ping_s, 1u);
  EXPECT_TRUE(found.messages[0].pong);
  EXPECT_EQ(found.client, "c1");
  EXPECT_EQ(found.messages[1].kind, Kind::subscribe);
  EXPECT_EQ(found.messages[1].id, 2u);
  EXPECT_TRUE(found.messages[1].recoverable && found.messages[1].positioned);
  EXPECT_EQ(found.messages[1].offset, 7u);
  EXPECT_EQ(found.epoch, "AbCd");
  EXPECT_EQ(found.messages[2].kind, Kind::publish);
  EXPECT_EQ(found.messages[3].kind, Kind::ping);
  EXPECT_EQ(found.messages[4].code, 103u);
  EXPECT_EQ(found.messages[5].kind, Kind::publication);
  EXPECT_EQ(found.channel, "c");
  EXPECT_EQ(found.texts, std::vector<std::string>{"on"});
  EXPECT_EQ(found.offsets, std::vector<std::uint64_t>{9});
}

TEST(Replies, AreReadNoFurtherThanAskedFor) {
  EXPECT_EQ(read(Encoding::json, "{}\n{}\nnonsense", true).messages.size(), 1u);
  EXPECT_TRUE(read(Encoding::json, "{}\nnonsense", true).well_formed);
}

TEST(Replies, ThatAreNotWellFormedAreFound) {
  for (const char* frame : {"",
                            "\n",
                            "{}\n",
                            "\n{}",
                            "{",
                            "[]",
                            "7",
                            "{} {}",
                            "{\"id\":1}",
                            "{\"id\":-1,\"publish\":{}}",
                            "{\"id\":4294967296,\"publish\":{}}",
                            "{\"id\":\"1\",\"publish\":{}}",
                            "{\"id\":1,\"publish\":[]}",
                            "{\"id\":1,\"publish\":{},\"connect\":{}}",
                            "{\"id\":1,\"connect\":{\"client\":7}}",
                            "{\"id\":1,\"subscribe\":{\"offset\":-7}}",
                            "{\"id\":1,\"subscribe\":{\"recovered\":1}}",
                            "{\"id\":1,\"subscribe\":{\"publications\":{}}}",
                            "{\"id\":1,\"subscribe\":{\"publications\":[7]}}",
                            "{\"push\":{\"channel\":1,\"pub\":{}}}",
                            "{\"push\":{\"channel\":\"c\",\"pub\":[]}}",
                            "{\"id\":1,\"error\":{}}",
                            "{\"id\":1,\"error\":{\"code\":\"no\"}}",
                            "{\"id\":1,\"publish\":{}}x"}) {
    EXPECT_FALSE(read(Encoding::json, frame).well_formed) << frame;
  }
  for (const char* frame : {"", "01", "05 0801 4200", "02 0801", "04 0801 4201", "03 0a01 78",
                            "05 0801 1201 08", "06 0801 1202 0800", "08 0801 3204 1802 4807",
                            "08 0801 4200 2a02 4001", "ffffffffff7f", "04 220212 05"}) {
    EXPECT_FALSE(read(Encoding::protobuf, from_hex(frame)).well_formed) << frame;
  }
}

TEST(Channels, GiveEveryConnectionOneAndNameThemByNumber) {
  const Channels channels("news:{}.x", 3, 1);
  EXPECT_EQ(channels.name(0), "news:0.x");
  EXPECT_EQ(channels.name(2), "news:2.x");
  EXPECT_EQ(channels.of(7), 1u);
  EXPECT_EQ(Channels("one", 1, 1).name(0), "one");
}

TEST(Channels, BelieveTheFirstPositionAndNoOther) {
  Channels channels("c{}", 2, 1);
  EXPECT_TRUE(channels.is_top(0, "AbCd", 70));
  EXPECT_TRUE(channels.is_top(0, "AbCd", 70));
  EXPECT_FALSE(channels.is_top(0, "AbCd", 71));
  EXPECT_FALSE(channels.is_top(0, "AbCd", 69));
  EXPECT_FALSE(channels.is_top(0, "xxxx", 70));
  EXPECT_TRUE(channels.is_top(1, "xxxx", 0));
  EXPECT_EQ(channels.take_next(0), 0u);
  EXPECT_EQ(channels.take_next(0), 1u);
  EXPECT_EQ(channels.top(0), 72u);
  EXPECT_TRUE(channels.is_top(0, "AbCd", 72));
  EXPECT_FALSE(channels.is_top(0, "AbCd", 70));
}

TEST(Channels, SayAnotherTextInEveryPublicationEvenInTheShortestOnes) {
  const Channels channels("c{}", 20, 1), of_another_run("c{}", 20, 2);
  const Sizes shortest{kMessageMinimumBytes, kMessageMinimumBytes};
  std::set<std::string> all;
  std::string text;
  for (std::uint32_t channel = 0; channel < 20; ++channel) {
    for (std::uint64_t number = 0; number < 100; ++number) {
      channels.write_text(channel, number, shortest, text);
      EXPECT_EQ(text.size() + 2, kMessageMinimumBytes);
      all.insert(text);
      of_another_run.write_text(channel, number, shortest, text);
      all.insert(text);
    }
  }
  EXPECT_EQ(all.size(), 4000u);
  for (std::uint64_t number = 0; number < 100; ++number) {
    channels.write_text(0, number, {100, 200}, text);
    EXPECT_TRUE(text.size() + 2 >= 100 && text.size() + 2 <= 200) << text.size();
    EXPECT_EQ(text.find_first_of("\"\\\n"), std::string::npos);
  }
}

std::string decoded(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t missing = (4 - text.size() % 4) % 4;
  text.append(missing, '=');
  std::string bytes(text.size(), '\0');
  const int count =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(static_cast<std::size_t>(count) - missing);
  return bytes;
}

TEST(Tokens, AreSignedForAUserOfTheConnectionsOwn) {
  const Tokens tokens = Tokens::signed_with("secret", "");
  const std::string token = tokens.of(42);
  const std::size_t second = token.find('.') + 1, third = token.find('.', second) + 1;
  EXPECT_EQ(decoded(token.substr(0, second - 1)), R"({"alg":"HS256","typ":"JWT"})");
  EXPECT_EQ(decoded(token.substr(second, third - second - 1)).rfind(R"({"sub":"u42","exp":)", 0), 0u);
  unsigned char signature[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  HMAC(EVP_sha256(), "secret", 6, reinterpret_cast<const unsigned char*>(token.data()), third - 1, signature,
       &bytes);
  EXPECT_EQ(decoded(token.substr(third)), std::string(reinterpret_cast<char*>(signature), bytes));
  EXPECT_NE(tokens.of(43), token);
  EXPECT_EQ(tokens.of(42), token);
  EXPECT_EQ(tokens.user_of(7), "u7");
  EXPECT_EQ(Tokens::signed_with("secret", "me").user_of(7), "me");
  EXPECT_EQ(Tokens().of(7), "");
}

}  // namespace
}  // namespace holdfast::swarm
