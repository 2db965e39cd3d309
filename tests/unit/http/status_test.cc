// Canned responses are whole, closing HTTP/1.1 responses whose length is what they say.
#include "http/status.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace holdfast::http {
namespace {

constexpr Status kAll[] = {
    Status::bad_request,       Status::unauthorized,       Status::forbidden,
    Status::not_found,         Status::method_not_allowed, Status::request_timeout,
    Status::upgrade_required,  Status::too_many_requests,  Status::fields_too_large,
    Status::internal_error,    Status::unavailable,        Status::version_not_supported,
    Status::content_too_large, Status::uri_too_long,       Status::expectation_failed,
    Status::not_implemented,
};

void expect_whole(std::string_view response, int code) {
  const std::string start = "HTTP/1.1 " + std::to_string(code) + " ";
  EXPECT_EQ(response.substr(0, start.size()), start);
  EXPECT_NE(response.find("\r\nConnection: close"), std::string_view::npos);
  const std::size_t head_end = response.find("\r\n\r\n");
  ASSERT_NE(head_end, std::string_view::npos);
  const std::string_view body = response.substr(head_end + 4);
  EXPECT_FALSE(body.empty());
  EXPECT_EQ(body.find('\n'), body.size() - 1) << "one line";
  const std::string length = "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  EXPECT_NE(response.substr(0, head_end + 2).find(length), std::string_view::npos) << response;
}

TEST(CannedResponse, IsWholeForEveryStatus) {
  for (const Status status : kAll) {
    SCOPED_TRACE(static_cast<int>(status));
    expect_whole(canned_response(status), static_cast<int>(status));
    EXPECT_NE(canned_response(status).find(reason_phrase(status)), std::string_view::npos);
  }
}

TEST(CannedResponse, ForAnotherCodeCarriesThatCode) {
  for (const int code : {402, 418, 451, 499, 502, 599}) {
    expect_whole(canned_response(static_cast<Status>(code)), code);
    EXPECT_EQ(reason_phrase(static_cast<Status>(code)), "Refused");
  }
}

TEST(CannedResponse, ForWhatIsNoRefusalIsAnInternalError) {
  for (const int code : {0, 101, 200, 399, 600, 65535}) {
    EXPECT_EQ(canned_response(static_cast<Status>(code)), canned_response(Status::internal_error)) << code;
  }
}

TEST(CannedResponse, TellsTheClientWhatToDoNext) {
  const std::string_view upgrade = canned_response(Status::upgrade_required);
  EXPECT_NE(upgrade.find("\r\nConnection: close, Upgrade\r\n"), std::string_view::npos);
  EXPECT_NE(upgrade.find("\r\nUpgrade: websocket\r\n"), std::string_view::npos);
  EXPECT_NE(upgrade.find("\r\nSec-WebSocket-Version: 13\r\n"), std::string_view::npos);
  EXPECT_NE(canned_response(Status::unavailable).find("\r\nRetry-After: "), std::string_view::npos);
  EXPECT_NE(canned_response(Status::too_many_requests).find("\r\nRetry-After: "), std::string_view::npos);
  EXPECT_NE(canned_response(Status::method_not_allowed).find("\r\nAllow: GET\r\n"), std::string_view::npos);
  EXPECT_NE(canned_response(Status::unauthorized).find("\r\nWWW-Authenticate: "), std::string_view::npos);
}

}  // namespace
}  // namespace holdfast::http
