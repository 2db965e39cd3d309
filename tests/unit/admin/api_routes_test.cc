// The API's listeners: paths, methods, keys and statuses; a whole conversation with answers that come late.
#include "admin/api_routes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "admin/conversation.h"
#include "fake_operations.h"

namespace holdfast::admin {
namespace {

using tests::FakeOperations;

const http::RequestLimits kLimits{.body_bytes = 10'000};

class Routes : public testing::Test {
 protected:
  Routes() { settings.key.text = "the key of the test"; }

  static std::string request(const std::string& start, const std::string& fields, const std::string& body) {
    return start + " HTTP/1.1\r\nHost: h\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  std::string call(const std::string& method, const std::string& body, const std::string& fields = "") {
    return request("POST /api/" + method, "X-API-Key: the key of the test\r\n" + fields, body);
  }
  void receive(std::string_view bytes) {
    conversation.receive(bytes, [this](const http::ReceivedRequest& received, std::uint64_t number) {
      routes.serve(received,
                   [this, number](const Response& response) { conversation.answer(number, response, 0); });
    });
  }
  // "200 body" of each response that has been sent.
  std::string said() {
    std::string out;
    std::string sent = std::exchange(conversation.output(), {});
    std::string_view rest = sent;
    while (!rest.empty()) {
      const std::size_t body = rest.find("\r\n\r\n") + 4;
      const std::size_t field = rest.find("Content-Length: ") + 16;
      const auto length = static_cast<std::size_t>(std::stoul(std::string(rest.substr(field, 10))));
      out.append(out.empty() ? "" : " | ").append(rest.substr(9, 4)).append(rest.substr(body, length));
      rest.remove_prefix(body + length);
    }
    return out;
  }
  std::string ask(std::string_view bytes) {
    receive(bytes);
    return said();
  }

  gateway::ApiSettings settings;
  Node node{1};
  FakeOperations operations;
  ApiRoutes routes{operations,
                   {[this]() -> const gateway::ApiSettings& { return settings; }, [] { return "metrics\n"; },
                    &node, &node.counters[0]}};
  Conversation conversation{&kLimits};
};

TEST_F(Routes, MethodsNeedTheKey) {
  EXPECT_EQ(ask(call("presence_stats", R"({"channel":"c"})")),
            R"(200 {"result":{"num_clients":3,"num_users":2}})");
  EXPECT_EQ(ask(request("POST /api/presence_stats", "", R"({"channel":"c"})")),
            R"(401 {"error":{"code":101,"message":"unauthorized"}})");
  EXPECT_EQ(ask(request("POST /api/presence_stats?api_key=the+key+of+the+test", "", R"({"channel":"c"})")),
            R"(200 {"result":{"num_clients":3,"num_users":2}})");
  EXPECT_EQ(node.counters[0].api_requests.get(), 2u);
  EXPECT_EQ(node.counters[0].api_unauthorized.get(), 1u);
  EXPECT_EQ(operations.said, "presence_stats c\npresence_stats c\n");
}

TEST_F(Routes, WithoutAKeyNothingIsToldAboutMethods) {
  EXPECT_EQ(ask(request("POST /api/nosuch", "", "{}")),
            R"(401 {"error":{"code":101,"message":"unauthorized"}})");
  EXPECT_EQ(ask(call("nosuch", "{}")), R"(404 {"error":{"code":104,"message":"method not found"}})");
}

TEST_F(Routes, TheOldFormNamesTheMethodInTheBody) {
  EXPECT_EQ(ask(request("POST /api", "X-API-Key: the key of the test\r\n",
                        R"({"method":"presence_stats","params":{"channel":"c"}})")),
            R"(200 {"result":{"num_clients":3,"num_users":2}})");
}

TEST_F(Routes, ErrorsAreInTheStatusOnlyWhenAskedFor) {
  using gateway::ErrorCode;
  operations.failure = ErrorCode::unknown_channel;
  constexpr std::string_view kBody = R"({"error":{"code":102,"message":"unknown channel"}})";
  const std::string body = R"({"channel":"c"})";
  EXPECT_EQ(ask(call("presence", body)), "200 " + std::string(kBody));
  EXPECT_EQ(ask(call("presence", body, "X-Centrifugo-Error-Mode: transport\r\n")),
            "404 " + std::string(kBody));
  EXPECT_EQ(ask(call("presence", body, "X-Centrifugo-Error-Mode: other\r\n")), "200 " + std::string(kBody));
  const std::pair<ErrorCode, std::uint16_t> statuses[] = {{ErrorCode::internal, 500},
                                                          {ErrorCode::unknown_channel, 404},
                                                          {ErrorCode::method_not_found, 404},
                                                          {ErrorCode::bad_request, 400},
                                                          {ErrorCode::not_available, 400},
                                                          {ErrorCode::unrecoverable_position, 416},
                                                          {ErrorCode::concurrent_pagination, 409},
                                                          {ErrorCode::too_many_requests, 429}};
  for (const auto& [code, status] : statuses) EXPECT_EQ(status_for(code), status);
}

TEST_F(Routes, HealthReadinessAndMetricsNeedNoKey) {
  EXPECT_EQ(ask(request("GET /health", "", "")), "200 {}");
  EXPECT_EQ(ask(request("GET /ready", "", "")), R"(200 {"ready":true})");
  EXPECT_EQ(ask(request("GET /metrics", "", "")), "200 metrics\n");
  node.draining = true;
  EXPECT_EQ(ask(request("GET /ready", "", "")), R"(503 {"ready":false,"reason":"draining"})");
  EXPECT_EQ(ask(request("GET /health", "", "")), "200 {}");
}

TEST_F(Routes, OtherPathsAndMethodsAreTurnedAway) {
  for (const char* path : {"/", "/ap", "/apix", "/healthz"}) {
    EXPECT_EQ(ask(request(std::string("GET ") + path, "", "")), "404 There is nothing at this path.\n")
        << path;
  }
  EXPECT_EQ(ask(request("GET /api/info", "", "")).substr(0, 3), "405");
  EXPECT_EQ(ask(request("POST /health", "", "")).substr(0, 3), "405");
  EXPECT_EQ(ask(call("", "{}")).substr(0, 3), "404");
  EXPECT_EQ(ask(call("publish/", "{}")).substr(0, 3), "404");
}

TEST_F(Routes, PipelinedCallsAreAnsweredInOrderThoughTheyFinishOutOfOrder) {
  operations.later = true;
  std::string stream;
  for (int i = 0; i < 3; ++i)
    stream += call("publish", R"({"channel":"c)" + std::to_string(i) + R"(","data":1})");
  stream += call("nosuch", "") + request("GET /health", "", "");
  for (std::size_t place = 0; place < stream.size(); place += 7) receive(stream.substr(place, 7));
  EXPECT_EQ(operations.waiting(), 3u);
  EXPECT_EQ(said(), "");
  operations.answer(2);
  operations.failure = gateway::ErrorCode::internal;
  EXPECT_EQ(said(), "");
  operations.answer(0);
  EXPECT_EQ(said(), R"(200 {"result":{"offset":7,"epoch":"EpochEpo"}})");
  operations.answer(0);
  EXPECT_EQ(
      said(),
      R"(200 {"result":{"offset":7,"epoch":"EpochEpo"}} | 200 {"result":{"offset":7,"epoch":"EpochEpo"}})"
      R"( | 404 {"error":{"code":104,"message":"method not found"}} | 200 {})");
}

TEST_F(Routes, ChunkedBodiesAreTaken) {
  EXPECT_EQ(ask("POST /api/presence_stats HTTP/1.1\r\nHost: h\r\nX-API-Key: the key of the test\r\n"
                "Transfer-Encoding: chunked\r\n\r\n6\r\n{\"chan\r\n9\r\nnel\":\"c\"}\r\n0\r\n\r\n"),
            R"(200 {"result":{"num_clients":3,"num_users":2}})");
}

TEST(StatusFor, HasTheStatusOfEachErrorThatCallersMayAskToSeeInIt) {
  using gateway::ErrorCode;
  const std::pair<ErrorCode, std::uint16_t> table[] = {
      {ErrorCode::internal, 500},
      {ErrorCode::unauthorized, 401},
      {ErrorCode::unknown_channel, 404},
      {ErrorCode::permission_denied, 403},
      {ErrorCode::method_not_found, 404},
      {ErrorCode::already_subscribed, 400},
      {ErrorCode::limit_exceeded, 400},
      {ErrorCode::bad_request, 400},
      {ErrorCode::not_available, 400},
      {ErrorCode::token_expired, 401},
      {ErrorCode::expired, 401},
      {ErrorCode::too_many_requests, 429},
      {ErrorCode::unrecoverable_position, 416},
      {ErrorCode::concurrent_pagination, 409},
  };
  for (const auto& [code, status] : table) EXPECT_EQ(status_for(code), status) << static_cast<int>(code);
}

}  // namespace
}  // namespace holdfast::admin
