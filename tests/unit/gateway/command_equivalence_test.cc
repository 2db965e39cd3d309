// Goal: a request means the same in either encoding, and Protobuf means to us what it means to protoc's
// classes. Method: random commands, built as protoc's classes and written as Protobuf by them and as JSON
// here, are read by both readers; all three must agree. Bytes broken at random must be malformed to protoc
// and us alike.
#include <client.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/entropy.h"
#include "command_description.h"
#include "gateway/command_reader.h"
#include "gateway/json_writer.h"

namespace holdfast::gateway::tests {
namespace {

using Outcome = CommandReader::Outcome;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  client::ClientCommand command() {
    client::ClientCommand command;
    if (chance(9)) command.set_id(static_cast<std::uint32_t>(number()));
    switch (random_.below(13)) {
      case 0:
        fill(*command.mutable_connect());
        break;
      case 1:
        fill(*command.mutable_subscribe());
        break;
      case 2:
        command.mutable_unsubscribe()->set_channel(text());
        break;
      case 3:
        command.mutable_publish()->set_channel(text());
        command.mutable_publish()->set_data(payload());
        command.mutable_publish()->set_type(static_cast<std::uint32_t>(number()));
        break;
      case 4:
        command.mutable_presence()->set_channel(text());
        break;
      case 5:
        command.mutable_presence_stats()->set_channel(text());
        break;
      case 6:
        fill(*command.mutable_history());
        break;
      case 7:
        command.mutable_ping();
        break;
      case 8:
        command.mutable_send()->set_data(payload());
        break;
      case 9:
        command.mutable_rpc()->set_data(payload());
        command.mutable_rpc()->set_method(text());
        break;
      case 10:
        command.mutable_refresh()->set_token(text());
        break;
      case 11:
        command.mutable_sub_refresh()->set_channel(text());
        command.mutable_sub_refresh()->set_token(text());
        command.mutable_sub_refresh()->set_type(static_cast<std::uint32_t>(number()));
        break;
      default:
        break;
    }
    return command;
  }

  base::Random& random() { return random_; }

 private:
  bool chance(std::uint64_t of_ten) { return random_.below(10) < of_ten; }
  std::uint64_t number() { return chance(2) ? 0 : random_.next() >> random_.below(64); }

  std::string text() {
    constexpr std::string_view kPieces[] = {"a",        "chat:room",        "#",    "\"", "\\", "\n",
                                            "\xc3\xa4", "\xf0\x9f\x98\x80", "\x01", " ",  "/",  "0"};
    std::string text;
    for (std::uint64_t pieces = random_.below(5); pieces > 0; --pieces) {
      text += kPieces[random_.below(std::size(kPieces))];
    }
    return text;
  }

  std::string payload() {
    constexpr std::string_view kPayloads[] = {"",
                                              "{}",
                                              "{\"a\":[1,2,{\"b\":null}]}",
                                              "\"x\\n\"",
                                              "1e400",
                                              "[true]",
                                              "\"\\ud800\"",
                                              "-0.0",
                                              "null",
                                              "\"\xc3\xa4\"",
                                              "{ \"a\" : 1 }"};
    return std::string(kPayloads[random_.below(std::size(kPayloads))]);
  }

  void fill(client::SubscribeRequest& request) {
    request.set_channel(text());
    request.set_token(text());
    request.set_recover(chance(5));
    request.set_epoch(text());
    request.set_offset(number());
    request.set_data(payload());
    request.set_positioned(chance(5));
    request.set_recoverable(chance(5));
    request.set_join_leave(chance(5));
    if (chance(3)) request.set_delta("fossil");
    if (chance(2)) request.mutable_tf();
    request.set_flag(static_cast<std::int64_t>(number()));
    request.set_type(static_cast<std::uint32_t>(number()));
  }

  void fill(client::ConnectRequest& request) {
    request.set_token(text());
    request.set_data(payload());
    request.set_name("js");
    request.set_version("1.2");
    request.set_flag(static_cast<std::int64_t>(number()));
    for (std::uint64_t i = random_.below(4); i > 0; --i) fill((*request.mutable_subs())[text()]);
    for (std::uint64_t i = random_.below(4); i > 0; --i) (*request.mutable_headers())[text()] = text();
  }

  void fill(client::HistoryRequest& request) {
    request.set_channel(text());
    request.set_limit(static_cast<std::int32_t>(number()));
    request.set_reverse(chance(5));
    if (chance(5)) return;
    request.mutable_since()->set_offset(number());
    request.mutable_since()->set_epoch(text());
  }

  base::Random random_;
};

// Writes requests as SDKs do, zero values left out.
class Json {
 public:
  Json& text(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    writer_.key(name);
    writer_.text(value);
    return *this;
  }
  Json& payload(std::string_view value) {
    if (value.empty()) return *this;
    writer_.key("data");
    writer_.raw(value);
    return *this;
  }
  Json& number(std::string_view name, std::uint64_t value) {
    if (value == 0) return *this;
    writer_.key(name);
    writer_.number(value);
    return *this;
  }
  Json& integer(std::string_view name, std::int64_t value) {
    if (value == 0) return *this;
    writer_.key(name);
    writer_.integer(value);
    return *this;
  }
  Json& flag(std::string_view name, bool value) {
    if (!value) return *this;
    writer_.key(name);
    writer_.boolean(value);
    return *this;
  }
  Json& open(std::string_view name) {
    writer_.key(name);
    writer_.open_object();
    return *this;
  }
  Json& open_text(std::string_view name) {
    writer_.key_text(name);
    writer_.open_object();
    return *this;
  }
  Json& entry(std::string_view name, std::string_view value) {
    writer_.key_text(name);
    writer_.text(value);
    return *this;
  }
  Json& close() {
    writer_.close_object();
    return *this;
  }
  std::string take() { return "{" + text_ + "}"; }

 private:
  std::string text_;
  JsonWriter writer_{text_};
};

void write(Json& json, const client::SubscribeRequest& request) {
  json.text("channel", request.channel()).text("token", request.token()).flag("recover", request.recover());
  json.text("epoch", request.epoch()).number("offset", request.offset()).payload(request.data());
  json.flag("positioned", request.positioned()).flag("recoverable", request.recoverable());
  json.flag("join_leave", request.join_leave()).text("delta", request.delta());
  if (request.has_tf()) json.open("tf").text("key", "k").close();
  json.integer("flag", request.flag()).number("type", request.type());
}

void write(Json& json, const client::ConnectRequest& request) {
  json.text("token", request.token()).payload(request.data());
  json.open("subs");
  for (const auto& [channel, sub] : request.subs()) {
    json.open_text(channel);
    write(json, sub);
    json.close();
  }
  json.close().text("name", request.name()).text("version", request.version()).open("headers");
  for (const auto& [name, value] : request.headers()) json.entry(name, value);
  json.close().integer("flag", request.flag());
}

void write(Json& json, const client::HistoryRequest& request) {
  json.text("channel", request.channel()).integer("limit", request.limit());
  if (request.has_since()) {
    json.open("since")
        .number("offset", request.since().offset())
        .text("epoch", request.since().epoch())
        .close();
  }
  json.flag("reverse", request.reverse());
}

std::string json_of(const client::ClientCommand& command) {
  Json json;
  if (command.has_connect()) {
    write(json.open("connect"), command.connect());
    json.close();
  }
  if (command.has_subscribe()) {
    write(json.open("subscribe"), command.subscribe());
    json.close();
  }
  if (command.has_unsubscribe()) {
    json.open("unsubscribe").text("channel", command.unsubscribe().channel()).close();
  }
  if (command.has_publish()) {
    json.open("publish").text("channel", command.publish().channel()).payload(command.publish().data());
    json.number("type", command.publish().type()).close();
  }
  if (command.has_presence()) json.open("presence").text("channel", command.presence().channel()).close();
  if (command.has_presence_stats()) {
    json.open("presence_stats").text("channel", command.presence_stats().channel()).close();
  }
  if (command.has_history()) {
    write(json.open("history"), command.history());
    json.close();
  }
  if (command.has_ping()) json.open("ping").close();
  if (command.has_send()) json.open("send").payload(command.send().data()).close();
  if (command.has_rpc()) {
    json.open("rpc").text("method", command.rpc().method()).payload(command.rpc().data()).close();
  }
  if (command.has_refresh()) json.open("refresh").text("token", command.refresh().token()).close();
  if (command.has_sub_refresh()) {
    json.open("sub_refresh").text("channel", command.sub_refresh().channel());
    json.text("token", command.sub_refresh().token()).number("type", command.sub_refresh().type()).close();
  }
  return json.number("id", command.id()).take();
}

void append_delimited(std::string& frame, std::string_view message) {
  std::size_t size = message.size();
  for (; size > 0x7f; size >>= 7) frame.push_back(static_cast<char>(size | 0x80));
  frame.push_back(static_cast<char>(size));
  frame.append(message);
}

TEST(CommandEquivalence, HoldsForRandomCommandsInFramesOfSeveral) {
  Generator generator(11);
  CommandReader reader;
  protocol::Command command;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> expected;
    std::string json;
    std::string protobuf;
    for (std::uint64_t commands = 1 + generator.random().below(4); commands > 0; --commands) {
      const client::ClientCommand wanted = generator.command();
      expected.push_back(describe(wanted).words());
      if (!json.empty()) json += '\n';
      json += json_of(wanted);
      append_delimited(protobuf, wanted.SerializeAsString());
    }
    for (const Encoding encoding : {Encoding::json, Encoding::protobuf}) {
      reader.start(encoding, encoding == Encoding::json ? json : protobuf);
      for (const std::string& words : expected) {
        ASSERT_EQ(reader.next(command), Outcome::command) << json;
        ASSERT_EQ(describe(command).words(), words) << json;
      }
      ASSERT_EQ(reader.next(command), Outcome::end);
    }
  }
}

TEST(CommandEquivalence, HoldsForBrokenProtobuf) {
  const google::protobuf::LogSilencer silencer;  // of the thousands of texts that are not UTF-8
  Generator generator(12);
  base::Random& random = generator.random();
  CommandReader reader;
  protocol::Command command;
  int malformed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string message = generator.command().SerializeAsString();
    if (message.empty()) continue;
    for (std::uint64_t edits = 1 + random.below(2); edits > 0; --edits) {
      const std::size_t place = random.below(message.size());
      if (random.below(4) == 0) {
        message.resize(place + 1);
      } else {
        message[place] = static_cast<char>(random.next());
      }
    }
    client::ClientCommand wanted;
    const bool valid = wanted.ParseFromString(message);
    std::string frame;
    append_delimited(frame, message);
    reader.start(Encoding::protobuf, frame);
    const bool read = reader.next(command) == Outcome::command;
    malformed += valid ? 0 : 1;
    // A broken tag may turn anything into an over-long name or version, which is for us alone to refuse.
    const bool within_limits =
        wanted.connect().name().size() <= 16 && wanted.connect().version().size() <= 64;
    ASSERT_EQ(read, valid && within_limits) << testing::PrintToString(message);
    if (!read) continue;
    ASSERT_EQ(describe(command).words(), describe(wanted).words()) << testing::PrintToString(message);
  }
  EXPECT_GT(malformed, 1'000);
}

}  // namespace
}  // namespace holdfast::gateway::tests
