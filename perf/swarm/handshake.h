// The opening handshake as a client sees it: the request, with a key of its own for every connection, and
// what is to be made of the answer. Source: RFC 6455 section 4.1. Not thread-safe: one per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/upgrade.h"

namespace holdfast::swarm {

enum class Answer : std::uint8_t {
  incomplete,
  accepted,
  refused,     // an HTTP answer that is not 101
  wrong_key,   // 101 without the Sec-WebSocket-Accept that belongs to this connection's key
  no_upgrade,  // 101 without Upgrade: websocket, or with an extension or subprotocol nobody asked for,
               // or without the subprotocol that was asked for
  malformed,   // no HTTP, or a head that does not end
};

class Handshake {
 public:
  static constexpr std::size_t kHeadMaximumBytes = 4096;

  // `host` and `path` as they stand in the request; the subprotocol must be agreed to, when one is named.
  Handshake(std::string_view host, std::string_view path, std::string_view subprotocol = {});

  // The request of the connection whose key is made of `seed`; valid until the next call.
  std::string_view request(std::uint64_t seed);
  std::size_t request_bytes() const { return request_.size(); }
  // Judges what has come so far. When accepted, *head_bytes is where the frames begin.
  Answer check(std::string_view received, std::uint64_t seed, std::size_t* head_bytes);

 private:
  static constexpr std::size_t kKeyBytes = 24;

  std::string request_;
  std::string subprotocol_;
  std::size_t key_at_ = 0;
  http::AcceptKey accept_key_;
};

}  // namespace holdfast::swarm
