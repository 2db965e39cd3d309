// Responses, byte for byte.
#include "http/response_writer.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::http {
namespace {

TEST(ResponseWriter, WritesAWholeResponse) {
  std::string out = "before";
  ResponseWriter response(&out, 200, true);
  EXPECT_TRUE(response.field("Content-Type", "application/json"));
  response.date(784'111'777);
  response.body("{}");
  EXPECT_EQ(
      out,
      "beforeHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "Content-Length: 2\r\n\r\n{}");
}

TEST(ResponseWriter, SaysWhatBecomesOfTheConnection) {
  const auto written = [](bool keep_alive, Version version) {
    std::string out;
    ResponseWriter(&out, 404, keep_alive, version).body("");
    return out;
  };
  EXPECT_EQ(written(true, Version::http_1_1), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(written(false, Version::http_1_1),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(written(true, Version::http_1_0),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ResponseWriter, WritesNoBodyWhereNoneMayBe) {
  std::string out;
  ResponseWriter(&out, 204, true).no_body();
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\n\r\n");
  out.clear();
  ResponseWriter(&out, 200, true).head_of(1234);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
}

TEST(ResponseWriter, StreamsInChunks) {
  std::string out;
  ResponseWriter response(&out, 200, true);
  EXPECT_TRUE(response.begin_stream());
  append_chunk(out, "hello");
  append_chunk(out, "");
  append_chunk(out, std::string(26, 'x'));
  append_last_chunk(out);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\n" +
                     std::string(26, 'x') + "\r\n0\r\n\r\n");
}

TEST(ResponseWriter, StreamsToAnOldClientUntilTheEndOfTheConnection) {
  std::string out;
  ResponseWriter response(&out, 200, true, Version::http_1_0);
  EXPECT_FALSE(response.begin_stream());
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
}

TEST(ResponseWriter, LeavesOutFieldsThatWouldBreakTheResponse) {
  std::string out;
  ResponseWriter response(&out, 200, true);
  EXPECT_FALSE(response.field("Location", "/a\r\nSet-Cookie: b"));
  EXPECT_FALSE(response.field("Bad Name", "a"));
  EXPECT_FALSE(response.field("", "a"));
  EXPECT_FALSE(response.field("content-length", "7"));
  EXPECT_FALSE(response.field("Transfer-Encoding", "chunked"));
  EXPECT_FALSE(response.field("Connection", "upgrade"));
  EXPECT_TRUE(response.field("X-Empty", ""));
  response.body("a");
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nX-Empty: \r\nContent-Length: 1\r\n\r\na");
}

TEST(ResponseWriter, WritesAnyStatusWithOrWithoutAPhrase) {
  for (const auto& [status, line] :
       {std::pair(201, "HTTP/1.1 201 Created\r\n"), std::pair(299, "HTTP/1.1 299 \r\n"),
        std::pair(413, "HTTP/1.1 413 Content Too Large\r\n"), std::pair(418, "HTTP/1.1 418 Refused\r\n")}) {
    std::string out;
    ResponseWriter(&out, static_cast<std::uint16_t>(status), true).body("");
    EXPECT_TRUE(out.starts_with(line)) << out;
  }
}

TEST(HttpDate, IsThatOfTheCalendar) {
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(951'827'696), "Tue, 29 Feb 2000 12:34:56 GMT");
  EXPECT_EQ(http_date(4'107'542'399), "Sun, 28 Feb 2100 23:59:59 GMT");
  EXPECT_EQ(http_date(253'402'300'799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

}  // namespace
}  // namespace holdfast::http
