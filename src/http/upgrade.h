// The WebSocket opening handshake on the server's side: is this request one, and what to answer. May its
// Origin: see http/origin.h.
//
// Pure: reads a parsed head, writes a response into memory given to it. Source: RFC 6455 section 4.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/origin.h"
#include "http/request_head.h"
#include "http/status.h"
#include "http/syntax.h"

namespace holdfast::http {

// More offered subprotocols than this are refused: looking for duplicates compares each with each.
inline constexpr std::uint32_t kSubprotocolsMaximum = 32;

// Status::none when the request is a valid WebSocket upgrade by RFC 6455 4.2.1, else the refusal: 426 for a
// plain request or another version (RFC 6455 4.4), 400 for a broken upgrade (key, duplicates, a body,
// Transfer-Encoding, subprotocols), 405 for another method. Origin's value is not judged here.
Status check_upgrade(const RequestHead& request);

// The subprotocols offered, in order: calls visit(std::string_view) for each token of each field.
template <class Visit>
void for_each_subprotocol(const RequestHead& request, Visit visit) {
  const auto visit_and_go_on = [&visit](std::string_view token) {
    visit(token);
    return true;
  };
  for (std::uint32_t i = 0; i < request.field_count; ++i) {
    const Field& field = request.fields[i];
    if (equals_ignoring_case(field.name, "Sec-WebSocket-Protocol"))
      for_each_element(field.value, visit_and_go_on);
  }
}

// The first of `supported` (server preference) that the client offers, as a view of it; empty when none
// matches.
std::string_view choose_subprotocol(const RequestHead& request, std::span<const std::string> supported);

// Computes Sec-WebSocket-Accept without allocating. One per shard; not thread-safe.
class AcceptKey {
 public:
  static constexpr std::size_t kLength = 28;
  AcceptKey() = default;
  AcceptKey(const AcceptKey&) = delete;
  AcceptKey& operator=(const AcceptKey&) = delete;
  // `key` is the client's 24-character Sec-WebSocket-Key.
  void compute(std::string_view key, std::span<char, kLength> accept);
};

// Extra response fields must be well-formed: token name, value without control characters, none of those that
// the upgrade itself sets.
bool valid_response_field(std::string_view name, std::string_view value);

// Writes the 101 response; returns its length, or 0 when `into` is too small. `extra_fields` is zero or more
// complete "Name: value\r\n" lines, already validated.
std::size_t write_accept_response(std::span<char> into, std::span<const char, AcceptKey::kLength> accept,
                                  std::string_view subprotocol, std::string_view extra_fields);

}  // namespace holdfast::http
