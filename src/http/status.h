// The HTTP status codes the server itself refuses with, and their canned responses.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::http {

enum class Status : std::uint16_t {
  none = 0,
  bad_request = 400,
  unauthorized = 401,
  forbidden = 403,
  not_found = 404,
  method_not_allowed = 405,
  request_timeout = 408,
  content_too_large = 413,
  uri_too_long = 414,
  expectation_failed = 417,
  upgrade_required = 426,
  too_many_requests = 429,
  fields_too_large = 431,
  internal_error = 500,
  not_implemented = 501,
  unavailable = 503,
  version_not_supported = 505,
};

// A whole response with Connection: close and Content-Length, a one-line text body that says what was wrong;
// 426 carries Upgrade and Sec-WebSocket-Version: 13, 503 and 429 carry Retry-After. Static storage. Any other
// code gets a generic line.
std::string_view canned_response(Status status);
std::string_view reason_phrase(Status status);

}  // namespace holdfast::http
