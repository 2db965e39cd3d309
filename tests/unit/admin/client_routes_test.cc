// Plain requests on the listeners for clients: streams, their commands, the page, and other origins.
#include "admin/client_routes.h"

#include <gtest/gtest.h>

#include <string>

#include "http/request_reader.h"

namespace holdfast::admin {
namespace {

using Kind = ClientRoute::Kind;

const http::RequestLimits kLimits;

ClientRoute route(const std::string& start, const std::string& fields = "", const std::string& body = "",
                  bool demonstration = true, std::vector<std::string> origins = {}) {
  const std::string text = start + "\r\nHost: example.org\r\n" + fields +
                           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  http::RequestReader reader(&kLimits);
  http::ReceivedRequest request;
  std::string_view bytes = text;
  EXPECT_EQ(reader.read(bytes, request), http::RequestReader::Outcome::request) << text;
  return route_client(request, {std::move(origins), true}, demonstration);
}

TEST(ClientRoutes, AnEventStreamBeginsWithWhatTheQuerySays) {
  const ClientRoute begun = route("GET /connection/uni_sse?cf_connect=%7B%22token%22%3A%22t%22%7D HTTP/1.1");
  EXPECT_EQ(begun.kind, Kind::stream);
  EXPECT_EQ(begun.first, R"({"token":"t"})");
  EXPECT_TRUE(begun.stream.unidirectional);
  EXPECT_EQ(begun.stream.framing, gateway::Framing::event_stream);
  EXPECT_EQ(content_type_of(begun.stream), "text/event-stream; charset=utf-8");
  EXPECT_FALSE(route("GET /connection/sse?cf_connect={} HTTP/1.1").stream.unidirectional);
}

TEST(ClientRoutes, AnHttpStreamBeginsWithTheBody) {
  const ClientRoute begun = route("POST /connection/uni_http_stream HTTP/1.1", "", "{}");
  EXPECT_EQ(begun.kind, Kind::stream);
  EXPECT_EQ(begun.first, "{}");
  EXPECT_EQ(begun.stream.encoding, gateway::Encoding::json);
  EXPECT_EQ(content_type_of(begun.stream), "application/json");
  const ClientRoute protobuf =
      route("POST /connection/http_stream HTTP/1.1", "Content-Type: application/octet-stream\r\n", "x");
  EXPECT_EQ(protobuf.stream.encoding, gateway::Encoding::protobuf);
  EXPECT_FALSE(protobuf.stream.unidirectional);
  EXPECT_EQ(content_type_of(protobuf.stream), "application/octet-stream");
}

TEST(ClientRoutes, AConnectRequestThatSaysNothingHasNoBytesInProtobuf) {
  constexpr const char* kProtobuf = "Content-Type: application/octet-stream\r\n";
  const ClientRoute begun = route("POST /connection/uni_http_stream HTTP/1.1", kProtobuf);
  EXPECT_EQ(begun.kind, Kind::stream);
  EXPECT_EQ(begun.first, "");
  // A frame of commands without any is nothing to begin with.
  EXPECT_EQ(route("POST /connection/http_stream HTTP/1.1", kProtobuf).status, 400);
}

TEST(ClientRoutes, AStreamThatCannotBeginIsRefused) {
  EXPECT_EQ(route("GET /connection/uni_sse HTTP/1.1").status, 400);
  EXPECT_EQ(route("GET /connection/uni_sse?cf_connect=%7 HTTP/1.1").status, 400);
  EXPECT_EQ(route("POST /connection/uni_http_stream HTTP/1.1").status, 400);
  EXPECT_EQ(route("GET /connection/uni_http_stream HTTP/1.1").status, 405);
  EXPECT_EQ(route("PUT /connection/uni_sse HTTP/1.1").status, 405);
  EXPECT_EQ(route("GET /connection/uni_sse?cf_connect={} HTTP/1.0").status, 505);
}

TEST(ClientRoutes, CommandsForAStreamNameItsSession) {
  const ClientRoute json =
      route("POST /emulation HTTP/1.1", "", R"({"session":"s","node":"n","data":"{\"id\":1}\n{}"})");
  EXPECT_EQ(json.kind, Kind::emulation);
  EXPECT_EQ(json.session, "s");
  EXPECT_EQ(json.node, "n");
  EXPECT_EQ(json.first, "{\"id\":1}\n{}");
  const ClientRoute binary = route("POST /emulation HTTP/1.1", "Content-Type: application/octet-stream\r\n",
                                   std::string("\x0a\x01n\x12\x01s\x1a\x02\x01\x00\x20\x05", 12));
  EXPECT_EQ(binary.kind, Kind::emulation);
  EXPECT_EQ(binary.session, "s");
  EXPECT_EQ(binary.node, "n");
  EXPECT_EQ(binary.first, std::string("\x01\x00", 2));
  EXPECT_EQ(binary.stream.encoding, gateway::Encoding::protobuf);
}

TEST(ClientRoutes, BrokenCommandsAreRefused) {
  for (const char* body : {"", "{}", "[]", R"({"session":""})", R"({"session":1})", R"({"session":"s"} x)"}) {
    EXPECT_EQ(route("POST /emulation HTTP/1.1", "", body).status, 400) << body;
  }
  for (const char* body : {"\x0a", "\x12\x05s", "\x0a\x01n", "\xff\xff\xff\xff\xff\xff"}) {
    EXPECT_EQ(route("POST /emulation HTTP/1.1", "Content-Type: application/octet-stream\r\n", body).status,
              400);
  }
  EXPECT_EQ(route("GET /emulation HTTP/1.1").status, 405);
}

TEST(ClientRoutes, ThePageIsServedOnlyAsADemonstration) {
  EXPECT_EQ(route("GET / HTTP/1.1").kind, Kind::page);
  EXPECT_EQ(route("POST / HTTP/1.1").status, 405);
  EXPECT_EQ(route("GET / HTTP/1.1", "", "", false).status, 404);
  EXPECT_TRUE(is_client_path("/", true));
  EXPECT_FALSE(is_client_path("/", false));
  EXPECT_FALSE(is_client_path("/connection/websocket", true));
}

TEST(ClientRoutes, OtherOriginsMayOnlyWhatTheSettingsSay) {
  const std::string start = "GET /connection/uni_sse?cf_connect={} HTTP/1.1";
  const std::string foreign = "Origin: https://other.example\r\n";
  EXPECT_EQ(route(start, foreign).status, 403);
  EXPECT_EQ(route(start, foreign).kind, Kind::response);
  EXPECT_EQ(route(start, "Origin: https://example.org\r\n").kind, Kind::stream);
  const ClientRoute allowed = route(start, foreign, "", true, {"https://other.example"});
  EXPECT_EQ(allowed.kind, Kind::stream);
  EXPECT_EQ(allowed.fields,
            "Access-Control-Allow-Origin: https://other.example\r\nAccess-Control-Allow-Credentials: true\r\n"
            "Vary: Origin\r\n");
  const ClientRoute asked =
      route("OPTIONS /connection/uni_http_stream HTTP/1.1", foreign, "", true, {"https://other.example"});
  EXPECT_EQ(asked.status, 200);
  EXPECT_NE(asked.fields.find("Access-Control-Allow-Headers: Content-Type"), std::string::npos);
  EXPECT_EQ(route("OPTIONS /emulation HTTP/1.1", foreign).status, 403);
}

}  // namespace
}  // namespace holdfast::admin
