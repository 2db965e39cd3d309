// ResponseWriter: an HTTP/1.1 response appended to a string: status line, fields, and a body of known length
// or one that is streamed in chunks. Pure.
//
// Order of the calls: constructor, field() and date() as often as wanted, then exactly one of body(),
// no_body(), head_of() and begin_stream(). Content-Length, Transfer-Encoding and Connection are the writer's
// own: they follow from that last call and from what the client can read. Source: RFC 9112 sections 4, 6, 7
// and 9; RFC 9110 sections 6.6.1 (Date) and 8.6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/request_head.h"

namespace holdfast::http {

class ResponseWriter {
 public:
  // `keep_alive` false: the connection is closed behind this response, and it says so.
  ResponseWriter(std::string* out, std::uint16_t status, bool keep_alive,
                 Version version = Version::http_1_1);

  // False, and left out, when it is not well-formed or one of the writer's own: a value may come from a
  // client.
  bool field(std::string_view name, std::string_view value);
  // Date, from seconds since 1970-01-01 UTC; years 1970 to 9999.
  void date(std::int64_t unix_time_s);

  void body(std::string_view bytes);
  // 204 and 304, which have none.
  void no_body();
  // The answer to HEAD: what body() would have said of so many bytes.
  void head_of(std::size_t body_bytes);
  // Pieces follow by append_chunk. For an HTTP/1.0 client the body ends with the connection instead: false,
  // then pieces are appended as they are, and the connection must be closed behind the last.
  bool begin_stream();

 private:
  void end_head();
  void content_length(std::size_t bytes);

  std::string* out_;
  Version version_;
  bool keep_alive_;
};

// A piece of a stream begun with begin_stream(). An empty one is left out, because it would end the stream.
void append_chunk(std::string& out, std::string_view piece);
void append_last_chunk(std::string& out);

inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t unix_time_s);

}  // namespace holdfast::http
