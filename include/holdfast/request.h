// Request and Admission: what a client asked for when it connected, and the answer to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/connection.h"

namespace holdfast {

// What a client asked for when it connected. Views die when on_request or on_plain_request returns.
class Request {
 public:
  virtual Protocol protocol() const = 0;
  virtual PeerAddress peer() const = 0;
  // Everything below is empty for connections to Config::listen_tcp and Config::listen_http: nothing that
  // they ask for has been read.
  virtual std::string_view method() const = 0;  // "GET"; as sent
  virtual std::string_view target() const = 0;  // path and query, as sent
  virtual std::string_view path() const = 0;
  virtual std::string_view query() const = 0;  // without the '?'
  // The value of the first field with this name (ASCII case-insensitive).
  virtual std::optional<std::string_view> field(std::string_view name) const = 0;
  // The subprotocol that will be answered unless the admission says otherwise: the first of
  // Config::subprotocols that the client offers, or empty.
  virtual std::string_view subprotocol() const = 0;

 protected:
  ~Request() = default;
};

// The answer to a request.
struct Admission {
  // 0 admits; otherwise the HTTP status to reject with (400, 401, 403, 404, 429, 500, 503; others are sent as
  // 403). A length-prefixed connection is simply ended.
  std::uint16_t reject_status = 0;
  // Initial value of Connection::word().
  std::uint64_t word = 0;
  // WebSocket: replaces Request::subprotocol(); must be one the client offered.
  std::optional<std::string> subprotocol;
  // WebSocket: complete extra response lines, each "Name: value\r\n". Malformed ones are left out.
  std::string response_fields;

  static Admission accept(std::uint64_t word = 0) {
    Admission admission;
    admission.word = word;
    return admission;
  }
  static Admission reject(std::uint16_t status) {
    Admission admission;
    admission.reject_status = status;
    return admission;
  }
};

}  // namespace holdfast
