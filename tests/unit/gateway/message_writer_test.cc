// Every message in both encodings: Protobuf byte for byte what protoc's classes write, JSON as the protocol
// has it, zero values left out of both.
#include "gateway/message_writer.h"

#include <client.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace holdfast::gateway {
namespace {

using protocol::MapEntry;
using protocol::Publication;

// The one message of a Protobuf frame.
template <class Message>
Message parse(std::string_view frame) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(frame.data()),
                                               static_cast<int>(frame.size()));
  std::uint32_t size = 0;
  EXPECT_TRUE(input.ReadVarint32(&size));
  const std::string_view bytes = frame.substr(static_cast<std::size_t>(input.CurrentPosition()));
  EXPECT_EQ(size, bytes.size());
  Message message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(message.SerializeAsString(), bytes) << "fields out of order, or unknown";
  return message;
}

template <class Result>
std::string json_reply(const Result& result) {
  std::string frame;
  append_reply(Encoding::json, frame, 7, result);
  return frame;
}

template <class Result>
client::ServerReply protobuf_reply(const Result& result) {
  std::string frame;
  append_reply(Encoding::protobuf, frame, 7, result);
  const auto reply = parse<client::ServerReply>(frame);
  EXPECT_EQ(reply.id(), 7u);
  return reply;
}

// A push as `{"push":...}` and as the bare push it holds; both must say the same.
template <class Event>
std::string json_push(const ChannelLabel& channel, const Event& event) {
  std::string bare;
  append_bare_push(Encoding::json, bare, channel, event);
  std::string whole;
  append_push(Encoding::json, whole, channel, event);
  EXPECT_EQ(whole, "{\"push\":" + bare + "}");
  return bare;
}

template <class Event>
client::Push protobuf_push(const ChannelLabel& channel, const Event& event) {
  std::string bare;
  append_bare_push(Encoding::protobuf, bare, channel, event);
  std::string whole;
  append_push(Encoding::protobuf, whole, channel, event);
  const auto push = parse<client::Push>(bare);
  EXPECT_EQ(parse<client::ServerReply>(whole).push().SerializeAsString(), push.SerializeAsString());
  return push;
}

constexpr std::array kTags = {protocol::Tag{"k", "v"}};
constexpr Member kInfo{.user = "u\"", .client = "c", .conn_info = "{\"n\":1}", .chan_info = "[2]"};
constexpr Publication kPublication{
    .data = "{\"d\":1}", .info = &kInfo, .offset = 1ull << 52, .tags = kTags, .time_ms = 1700, .delta = true};
constexpr std::string_view kPublicationJson =
    R"({"data":{"d":1},"info":{"client":"c","user":"u\"","conn_info":{"n":1},"chan_info":[2]},)"
    R"("offset":4503599627370496,"tags":{"k":"v"},"delta":true,"time":1700})";

void expect_full(const client::ClientInfo& info) {
  EXPECT_EQ(info.user(), "u\"");
  EXPECT_EQ(info.client(), "c");
  EXPECT_EQ(info.conn_info(), "{\"n\":1}");
  EXPECT_EQ(info.chan_info(), "[2]");
}

void expect_full(const client::Publication& publication) {
  EXPECT_EQ(publication.data(), "{\"d\":1}");
  expect_full(publication.info());
  EXPECT_EQ(publication.offset(), 1ull << 52);
  EXPECT_EQ(publication.tags().at("k"), "v");
  EXPECT_TRUE(publication.delta());
  EXPECT_EQ(publication.time(), 1700);
}

constexpr std::array kPublications = {kPublication, Publication{.data = "2"}};
constexpr protocol::SubscribeResult kSubscribeResult{.expires = true,
                                                     .ttl_s = 60,
                                                     .recoverable = true,
                                                     .positioned = true,
                                                     .epoch = "e",
                                                     .offset = 9,
                                                     .id = 3,
                                                     .was_recovering = true,
                                                     .recovered = true,
                                                     .publications = kPublications,
                                                     .data = "{}",
                                                     .delta = true};

std::string subscribe_result_json() {
  return R"({"expires":true,"ttl":60,"recoverable":true,"positioned":true,"epoch":"e","offset":9,"id":3,)"
         R"("was_recovering":true,"recovered":true,"publications":[)" +
         std::string(kPublicationJson) + R"(,{"data":2}],"data":{},"delta":true})";
}

void expect_full(const client::SubscribeResult& result) {
  EXPECT_TRUE(result.expires() && result.recoverable() && result.recovered() && result.positioned());
  EXPECT_TRUE(result.was_recovering() && result.delta());
  EXPECT_EQ(result.ttl(), 60u);
  EXPECT_EQ(result.epoch(), "e");
  EXPECT_EQ(result.offset(), 9u);
  EXPECT_EQ(result.id(), 3);
  EXPECT_EQ(result.data(), "{}");
  ASSERT_EQ(result.publications_size(), 2);
  expect_full(result.publications(0));
  EXPECT_EQ(result.publications(1).data(), "2");
}

constexpr std::array kSubs = {MapEntry<protocol::SubscribeResult>{"ch\n", kSubscribeResult}};
constexpr protocol::ConnectResult kConnectResult{.client = "c",
                                                 .version = "v",
                                                 .ping_s = 25,
                                                 .pong = true,
                                                 .expires = true,
                                                 .ttl_s = 300,
                                                 .data = "[]",
                                                 .subs = kSubs,
                                                 .session = "s",
                                                 .node = "n",
                                                 .time_ms = -5};

std::string connect_result_json() {
  return R"({"client":"c","version":"v","ping":25,"pong":true,"expires":true,"ttl":300,"data":[],)"
         R"("subs":{"ch\n":)" +
         subscribe_result_json() + R"(},"session":"s","node":"n","time":-5})";
}

template <class Connect>
void expect_full_connect(const Connect& connect) {
  EXPECT_EQ(connect.client(), "c");
  EXPECT_EQ(connect.version(), "v");
  EXPECT_EQ(connect.ping(), 25u);
  EXPECT_TRUE(connect.pong() && connect.expires());
  EXPECT_EQ(connect.ttl(), 300u);
  EXPECT_EQ(connect.data(), "[]");
  EXPECT_EQ(connect.session(), "s");
  EXPECT_EQ(connect.node(), "n");
  EXPECT_EQ(connect.time(), -5);
  expect_full(connect.subs().at("ch\n"));
}

TEST(Reply, WritesAConnectResult) {
  EXPECT_EQ(json_reply(kConnectResult), R"({"id":7,"connect":)" + connect_result_json() + "}");
  expect_full_connect(protobuf_reply(kConnectResult).connect());
}

TEST(Reply, WritesASubscribeResult) {
  EXPECT_EQ(json_reply(kSubscribeResult), R"({"id":7,"subscribe":)" + subscribe_result_json() + "}");
  expect_full(protobuf_reply(kSubscribeResult).subscribe());
}

TEST(Reply, WritesEmptyResultsAsEmptyObjects) {
  EXPECT_EQ(json_reply(protocol::ConnectResult{}), R"({"id":7,"connect":{}})");
  EXPECT_EQ(json_reply(protocol::SubscribeResult{}), R"({"id":7,"subscribe":{}})");
  EXPECT_EQ(json_reply(protocol::UnsubscribeResult{}), R"({"id":7,"unsubscribe":{}})");
  EXPECT_EQ(json_reply(protocol::PublishResult{}), R"({"id":7,"publish":{}})");
  EXPECT_EQ(json_reply(protocol::PresenceResult{}), R"({"id":7,"presence":{}})");
  EXPECT_EQ(json_reply(protocol::PresenceStatsResult{}), R"({"id":7,"presence_stats":{}})");
  EXPECT_EQ(json_reply(protocol::HistoryResult{}), R"({"id":7,"history":{}})");
  EXPECT_EQ(json_reply(protocol::RpcResult{}), R"({"id":7,"rpc":{}})");
  EXPECT_EQ(json_reply(protocol::RefreshResult{}), R"({"id":7,"refresh":{}})");
  EXPECT_EQ(json_reply(protocol::SubRefreshResult{}), R"({"id":7,"sub_refresh":{}})");
  EXPECT_TRUE(protobuf_reply(protocol::ConnectResult{}).has_connect());
  EXPECT_TRUE(protobuf_reply(protocol::SubscribeResult{}).has_subscribe());
  EXPECT_TRUE(protobuf_reply(protocol::UnsubscribeResult{}).has_unsubscribe());
  EXPECT_TRUE(protobuf_reply(protocol::PublishResult{}).has_publish());
  EXPECT_TRUE(protobuf_reply(protocol::PresenceResult{}).has_presence());
  EXPECT_TRUE(protobuf_reply(protocol::PresenceStatsResult{}).has_presence_stats());
  EXPECT_TRUE(protobuf_reply(protocol::HistoryResult{}).has_history());
  EXPECT_TRUE(protobuf_reply(protocol::RpcResult{}).has_rpc());
  EXPECT_TRUE(protobuf_reply(protocol::RefreshResult{}).has_refresh());
  EXPECT_TRUE(protobuf_reply(protocol::SubRefreshResult{}).has_sub_refresh());
}

TEST(Reply, WritesPresence) {
  const std::array presence = {MapEntry<Member>{"c", kInfo}, MapEntry<Member>{"d", {}}};
  EXPECT_EQ(json_reply(protocol::PresenceResult{presence}),
            R"({"id":7,"presence":{"presence":{"c":{"client":"c","user":"u\"","conn_info":{"n":1},)"
            R"("chan_info":[2]},"d":{"client":"","user":""}}}})");
  const std::array one = {presence[0]};
  expect_full(protobuf_reply(protocol::PresenceResult{one}).presence().presence().at("c"));
  const protocol::PresenceStatsResult stats{.num_clients = 300, .num_users = 2};
  EXPECT_EQ(json_reply(stats), R"({"id":7,"presence_stats":{"num_clients":300,"num_users":2}})");
  EXPECT_EQ(protobuf_reply(stats).presence_stats().num_clients(), 300u);
  EXPECT_EQ(protobuf_reply(stats).presence_stats().num_users(), 2u);
}

TEST(Reply, WritesHistory) {
  const protocol::HistoryResult history{kPublications, "e", 4};
  EXPECT_EQ(json_reply(history), R"({"id":7,"history":{"publications":[)" + std::string(kPublicationJson) +
                                     R"(,{"data":2}],"epoch":"e","offset":4}})");
  const client::ServerReply reply = protobuf_reply(history);
  ASSERT_EQ(reply.history().publications_size(), 2);
  expect_full(reply.history().publications(0));
  EXPECT_EQ(reply.history().epoch(), "e");
  EXPECT_EQ(reply.history().offset(), 4u);
}

TEST(Reply, WritesRpcAndRefreshes) {
  EXPECT_EQ(json_reply(protocol::RpcResult{"null"}), R"({"id":7,"rpc":{"data":null}})");
  EXPECT_EQ(protobuf_reply(protocol::RpcResult{"\xff"}).rpc().data(), "\xff");
  const protocol::RefreshResult refresh{"c", "v", true, 9};
  EXPECT_EQ(json_reply(refresh), R"({"id":7,"refresh":{"client":"c","version":"v","expires":true,"ttl":9}})");
  EXPECT_EQ(protobuf_reply(refresh).refresh().ttl(), 9u);
  EXPECT_EQ(protobuf_reply(refresh).refresh().version(), "v");
  const protocol::SubRefreshResult sub_refresh{true, 9};
  EXPECT_EQ(json_reply(sub_refresh), R"({"id":7,"sub_refresh":{"expires":true,"ttl":9}})");
  EXPECT_TRUE(protobuf_reply(sub_refresh).sub_refresh().expires());
}

TEST(Reply, SaysThatAnErrorIsTemporaryOnlyWhereItIs) {
  for (const ErrorCode code : kErrorCodes) {
    std::string json;
    append_error(Encoding::json, json, 7, code);
    EXPECT_EQ(json, R"({"id":7,"error":{"code":)" + std::to_string(static_cast<int>(code)) +
                        R"(,"message":")" + std::string(message_of(code)) +
                        (temporary(code) ? R"(","temporary":true}})" : "\"}}"));
    std::string protobuf;
    append_error(Encoding::protobuf, protobuf, 7, code);
    const auto reply = parse<client::ServerReply>(protobuf);
    EXPECT_EQ(reply.error().code(), static_cast<std::uint32_t>(code));
    EXPECT_EQ(reply.error().message(), message_of(code));
    EXPECT_EQ(reply.error().temporary(), temporary(code));
  }
}

TEST(Push, NamesItsChannelOrItsNumber) {
  EXPECT_EQ(json_push({.name = "a\"\xff"}, Publication{.data = "1"}),
            "{\"channel\":\"a\\\"\xef\xbf\xbd\",\"pub\":{\"data\":1}}");
  EXPECT_EQ(json_push({.name = "a", .id = 12}, Publication{.data = "1"}), R"({"id":12,"pub":{"data":1}})");
  EXPECT_EQ(protobuf_push({.name = "a"}, Publication{.data = "1"}).channel(), "a");
  const client::Push numbered = protobuf_push({.name = "a", .id = 12}, Publication{.data = "1"});
  EXPECT_EQ(numbered.id(), 12);
  EXPECT_EQ(numbered.channel(), "");
}

TEST(Push, WritesAPublication) {
  EXPECT_EQ(json_push({.name = "a"}, kPublication),
            R"({"channel":"a","pub":)" + std::string(kPublicationJson) + "}");
  expect_full(protobuf_push({.name = "a"}, kPublication).pub());
}

TEST(Push, WritesAPublicationsDataAsAStringWhereDeltasAreNegotiatedInJson) {
  const Publication full{.data = "{\"a\":\"\xc3\xa4\\n\"}", .offset = 1, .data_as_text = true};
  EXPECT_EQ(json_push({.name = "a"}, full),
            "{\"channel\":\"a\",\"pub\":{\"data\":\"{\\\"a\\\":\\\"\xc3\xa4\\\\n\\\"}\",\"offset\":1}}");
  EXPECT_EQ(protobuf_push({.name = "a"}, full).pub().data(), full.data);
}

TEST(Push, WritesPublicationsOfEverySizeOfLength) {
  for (const std::size_t bytes : {0u, 1u, 127u, 128u, 16'383u, 16'384u, 70'000u}) {
    const std::string payload(bytes, '7');
    EXPECT_EQ(protobuf_push({.name = "a"}, Publication{.data = payload}).pub().data(), payload);
  }
}

TEST(Push, WritesJoinsAndLeaves) {
  EXPECT_EQ(json_push({.name = "a"}, protocol::Join{{.user = "u", .client = "c"}}),
            R"({"channel":"a","join":{"info":{"client":"c","user":"u"}}})");
  EXPECT_EQ(json_push({.name = "a"}, protocol::Leave{{}}),
            R"({"channel":"a","leave":{"info":{"client":"","user":""}}})");
  expect_full(protobuf_push({.name = "a"}, protocol::Join{kInfo}).join().info());
  expect_full(protobuf_push({.name = "a"}, protocol::Leave{kInfo}).leave().info());
}

TEST(Push, WritesSubscribeAndUnsubscribe) {
  const protocol::Subscribe subscribe{
      .recoverable = true, .positioned = true, .epoch = "e", .offset = 3, .data = "{}"};
  EXPECT_EQ(json_push({.name = "a"}, subscribe),
            R"({"channel":"a","subscribe":{"recoverable":true,"epoch":"e","offset":3,"positioned":true,)"
            R"("data":{}}})");
  const client::Push push = protobuf_push({.name = "a"}, subscribe);
  EXPECT_TRUE(push.subscribe().recoverable() && push.subscribe().positioned());
  EXPECT_EQ(push.subscribe().epoch(), "e");
  EXPECT_EQ(push.subscribe().offset(), 3u);
  EXPECT_EQ(push.subscribe().data(), "{}");
  const protocol::Unsubscribe unsubscribe{2000, "server unsubscribe"};
  EXPECT_EQ(json_push({.name = "a"}, unsubscribe),
            R"({"channel":"a","unsubscribe":{"code":2000,"reason":"server unsubscribe"}})");
  EXPECT_EQ(protobuf_push({.name = "a"}, unsubscribe).unsubscribe().code(), 2000u);
  EXPECT_EQ(protobuf_push({.name = "a"}, unsubscribe).unsubscribe().reason(), "server unsubscribe");
}

TEST(Push, WritesWhatHasNoChannel) {
  EXPECT_EQ(json_push({}, protocol::Message{"[1]"}), R"({"message":{"data":[1]}})");
  EXPECT_EQ(protobuf_push({}, protocol::Message{"[1]"}).message().data(), "[1]");
  const protocol::Disconnect disconnect{3001, "shutdown", true};
  EXPECT_EQ(json_push({}, disconnect),
            R"({"disconnect":{"code":3001,"reason":"shutdown","reconnect":true}})");
  EXPECT_EQ(protobuf_push({}, disconnect).disconnect().code(), 3001u);
  EXPECT_TRUE(protobuf_push({}, disconnect).disconnect().reconnect());
  EXPECT_EQ(protobuf_push({}, disconnect).disconnect().reason(), "shutdown");
  EXPECT_EQ(json_push({}, protocol::Refresh{true, 60}), R"({"refresh":{"expires":true,"ttl":60}})");
  EXPECT_EQ(protobuf_push({}, protocol::Refresh{true, 60}).refresh().ttl(), 60u);
  EXPECT_TRUE(protobuf_push({}, protocol::Refresh{true, 60}).refresh().expires());
}

TEST(Push, BeginsAUnidirectionalConnection) {
  EXPECT_EQ(json_push({}, protocol::Connect{kConnectResult}), R"({"connect":)" + connect_result_json() + "}");
  expect_full_connect(protobuf_push({}, protocol::Connect{kConnectResult}).connect());
}

TEST(Frame, JoinsMessagesHoweverTheyWereWritten) {
  std::string json;
  append_ping(Encoding::json, json);
  append_reply(Encoding::json, json, 1, protocol::PublishResult{});
  append_written(Encoding::json, json, "{}\n{}");
  EXPECT_EQ(json, "{}\n{\"id\":1,\"publish\":{}}\n{}\n{}");
  std::string first;
  append_written(Encoding::json, first, "{}");
  EXPECT_EQ(first, "{}");
  std::string protobuf;
  append_ping(Encoding::protobuf, protobuf);
  append_written(Encoding::protobuf, protobuf, std::string(1, '\0'));
  EXPECT_EQ(protobuf, std::string(2, '\0'));
}

}  // namespace
}  // namespace holdfast::gateway
