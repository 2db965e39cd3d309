// Canned responses, put together by the compiler: a refusal costs no formatting and no memory.
#include "http/status.h"

#include <array>
#include <cstddef>

namespace holdfast::http {
namespace {

struct Refusal {
  Status status;
  std::string_view reason;
  std::string_view fields;  // besides Content-Type, Content-Length and Connection: close
  std::string_view body;
};

constexpr std::string_view kCodeAndReason501 = "501 Not Implemented";

constexpr std::array kRefusals = {
    Refusal{Status::bad_request, "Bad Request", "",
            "This is not a well-formed HTTP/1.1 request, or not a valid WebSocket upgrade.\n"},
    Refusal{Status::unauthorized, "Unauthorized", "WWW-Authenticate: Bearer\r\n",
            "Credentials are missing or not valid.\n"},
    Refusal{Status::forbidden, "Forbidden", "", "This origin or client is not allowed to connect.\n"},
    Refusal{Status::not_found, "Not Found", "", "There is nothing at this path.\n"},
    Refusal{Status::method_not_allowed, "Method Not Allowed", "Allow: GET\r\n",
            "Only GET is answered here.\n"},
    Refusal{Status::request_timeout, "Request Timeout", "", "The request took too long to arrive.\n"},
    Refusal{Status::content_too_large, "Content Too Large", "", "The request's body is too large.\n"},
    Refusal{Status::uri_too_long, "URI Too Long", "", "The request line is too long.\n"},
    Refusal{Status::expectation_failed, "Expectation Failed", "",
            "The only expectation known here is 100-continue.\n"},
    // RFC 9110 7.8: whoever sends Upgrade also names it in Connection.
    Refusal{Status::upgrade_required, "Upgrade Required",
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            "WebSocket is spoken here: send Upgrade: websocket, Connection: Upgrade, Sec-WebSocket-Version: "
            "13.\n"},
    Refusal{Status::too_many_requests, "Too Many Requests", "Retry-After: 5\r\n",
            "Too many requests: wait, then try again.\n"},
    Refusal{Status::fields_too_large, "Request Header Fields Too Large", "",
            "The request head is too large or has too many fields.\n"},
    Refusal{Status::internal_error, "Internal Server Error", "",
            "The server could not answer this request.\n"},
    Refusal{Status::not_implemented, kCodeAndReason501.substr(4), "",
            "Of the transfer codings only chunked is understood here.\n"},
    Refusal{Status::unavailable, "Service Unavailable", "Retry-After: 5\r\n",
            "The server takes no more connections for now: wait, then try again.\n"},
    Refusal{Status::version_not_supported, "HTTP Version Not Supported", "",
            "Only HTTP/1.1 is spoken here.\n"},
};

// Writing past the capacity does not compile, as the responses are constants.
template <std::size_t Capacity>
struct Text {
  std::array<char, Capacity> bytes{};
  std::size_t length = 0;

  constexpr void append(std::string_view more) {
    for (const char byte : more) bytes[length++] = byte;
  }
  constexpr void append(std::size_t number) {
    if (number >= 10) append(number / 10);
    bytes[length++] = static_cast<char>('0' + number % 10);
  }
  constexpr std::string_view view() const { return {bytes.data(), length}; }
};

template <std::size_t Capacity>
constexpr Text<Capacity> respond(const Refusal& refusal) {
  Text<Capacity> text;
  text.append("HTTP/1.1 ");
  text.append(static_cast<std::size_t>(refusal.status));
  text.append(" ");
  text.append(refusal.reason);
  text.append(refusal.status == Status::upgrade_required ? "\r\nConnection: close, Upgrade\r\n"
                                                         : "\r\nConnection: close\r\n");
  text.append(refusal.fields);
  text.append("Content-Type: text/plain\r\nContent-Length: ");
  text.append(refusal.body.size());
  text.append("\r\n\r\n");
  text.append(refusal.body);
  return text;
}

constexpr std::size_t kRefusalBytesMaximum = 320;
constexpr auto kResponses = [] {
  std::array<Text<kRefusalBytesMaximum>, kRefusals.size()> responses{};
  for (std::size_t i = 0; i < responses.size(); ++i) {
    responses[i] = respond<kRefusalBytesMaximum>(kRefusals[i]);
  }
  return responses;
}();

// Codes an application may refuse with and that have no text of their own: 400 to 599.
constexpr std::string_view kGenericReason = "Refused";
constexpr std::size_t kGenericFirst = 400;
constexpr std::size_t kGenericBytesMaximum = 128;
constexpr auto kGenericResponses = [] {
  std::array<Text<kGenericBytesMaximum>, 200> responses{};
  for (std::size_t i = 0; i < responses.size(); ++i) {
    responses[i] = respond<kGenericBytesMaximum>(
        Refusal{static_cast<Status>(kGenericFirst + i), kGenericReason, "", "Refused.\n"});
  }
  return responses;
}();

}  // namespace

std::string_view canned_response(Status status) {
  for (std::size_t i = 0; i < kRefusals.size(); ++i) {
    if (kRefusals[i].status == status) return kResponses[i].view();
  }
  const std::size_t generic = static_cast<std::size_t>(status) - kGenericFirst;
  if (generic < kGenericResponses.size()) return kGenericResponses[generic].view();
  return canned_response(Status::internal_error);
}

std::string_view reason_phrase(Status status) {
  for (const Refusal& refusal : kRefusals) {
    if (refusal.status == status) return refusal.reason;
  }
  return kGenericReason;
}

}  // namespace holdfast::http
