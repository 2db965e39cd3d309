// What an accepted handshake is answered with, and which subprotocol is chosen.
#include "http/upgrade.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::http {
namespace {

std::string accept_for(std::string_view key) {
  AcceptKey keys;
  std::array<char, AcceptKey::kLength> accept;
  keys.compute(key, accept);
  return {accept.begin(), accept.end()};
}

RequestHead offering(const std::vector<std::string_view>& protocol_fields) {
  RequestHead request;
  for (const std::string_view value : protocol_fields) {
    request.fields[request.field_count++] = {"sec-websocket-PROTOCOL", value};
  }
  return request;
}

TEST(AcceptKey, AnswersTheExampleOfTheStandard) {
  EXPECT_EQ(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(AcceptKey, GivesTheSameAnswerWhateverItComputedBefore) {
  AcceptKey keys;
  std::array<char, AcceptKey::kLength> first;
  std::array<char, AcceptKey::kLength> again;
  keys.compute("AQIDBAUGBwgJCgsMDQ4PEA==", first);
  keys.compute("dGhlIHNhbXBsZSBub25jZQ==", again);
  EXPECT_NE(first, again);
  keys.compute("AQIDBAUGBwgJCgsMDQ4PEA==", again);
  EXPECT_EQ(first, again);
}

TEST(Subprotocol, VisitsEveryOfferedTokenInOrder) {
  std::vector<std::string_view> visited;
  for_each_subprotocol(offering({"a, b", "", "c,,d "}),
                       [&](std::string_view token) { visited.push_back(token); });
  EXPECT_EQ(visited, (std::vector<std::string_view>{"a", "b", "c", "d"}));
}

TEST(Subprotocol, IsTheFirstSupportedOneThatTheClientOffers) {
  const std::vector<std::string> supported = {"v3", "v2", "v1"};
  EXPECT_EQ(choose_subprotocol(offering({"v1, v2", "v4"}), supported), "v2");
  EXPECT_EQ(choose_subprotocol(offering({"v1", "v3"}), supported), "v3");
}

TEST(Subprotocol, IsNoneWithoutACommonOneOrWithAnotherCase) {
  const std::vector<std::string> supported = {"chat"};
  EXPECT_EQ(choose_subprotocol(offering({"Chat, chatter"}), supported), "");
  EXPECT_EQ(choose_subprotocol(offering({}), supported), "");
  EXPECT_EQ(choose_subprotocol(offering({"chat"}), {}), "");
}

TEST(AcceptResponse, CarriesTheAcceptKeyTheSubprotocolAndTheExtraFields) {
  std::array<char, AcceptKey::kLength> accept;
  accept.fill('k');
  std::array<char, 512> into;
  const std::size_t length = write_accept_response(into, accept, "chat", "X-Node: 7\r\nX-Zone: b\r\n");
  EXPECT_EQ(std::string_view(into.data(), length),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: kkkkkkkkkkkkkkkkkkkkkkkkkkkk\r\n"
            "Sec-WebSocket-Protocol: chat\r\n"
            "X-Node: 7\r\n"
            "X-Zone: b\r\n"
            "\r\n");
}

TEST(AcceptResponse, LeavesTheSubprotocolOutWhenNoneWasChosen) {
  std::array<char, AcceptKey::kLength> accept;
  accept.fill('k');
  std::array<char, 512> into;
  const std::size_t length = write_accept_response(into, accept, "", "");
  EXPECT_EQ(std::string_view(into.data(), length),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: kkkkkkkkkkkkkkkkkkkkkkkkkkkk\r\n"
            "\r\n");
}

TEST(AcceptResponse, WritesNothingWhereItDoesNotFit) {
  std::array<char, AcceptKey::kLength> accept;
  accept.fill('k');
  std::vector<char> into(512, '#');
  const std::size_t length = write_accept_response(into, accept, "chat", "");
  ASSERT_GT(length, 0u);
  std::vector<char> exact(length);
  EXPECT_EQ(write_accept_response(exact, accept, "chat", ""), length);
  std::vector<char> short_by_one(length - 1, '#');
  EXPECT_EQ(write_accept_response(short_by_one, accept, "chat", ""), 0u);
  EXPECT_EQ(short_by_one, std::vector<char>(length - 1, '#'));
}

TEST(ResponseField, IsATokenWithAValueFreeOfControlCharacters) {
  EXPECT_TRUE(valid_response_field("X-Node", "7"));
  EXPECT_TRUE(valid_response_field("Set-Cookie", "a=b; Path=/"));
  EXPECT_TRUE(valid_response_field("X-Empty", ""));
  EXPECT_FALSE(valid_response_field("", "7"));
  EXPECT_FALSE(valid_response_field("X Node", "7"));
  EXPECT_FALSE(valid_response_field("X:", "7"));
  EXPECT_FALSE(valid_response_field("X\r\nY", "7"));
  EXPECT_FALSE(valid_response_field("X", "7\r\nSet-Cookie: a=b"));
  EXPECT_FALSE(valid_response_field("X", "7\n"));
  EXPECT_FALSE(valid_response_field("X", std::string_view("7\0", 2)));
}

TEST(ResponseField, MayNotBeOneThatTheUpgradeSets) {
  for (const std::string_view name :
       {"Upgrade", "connection", "Sec-WebSocket-Accept", "sec-websocket-protocol", "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Version", "Content-Length", "TRANSFER-ENCODING"}) {
    EXPECT_FALSE(valid_response_field(name, "x")) << name;
  }
}

}  // namespace
}  // namespace holdfast::http
