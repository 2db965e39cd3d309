// Member: who stands behind a connection, as others in a channel get to see it (the protocol's ClientInfo),
// and the 16 random bytes that name a client.
//
// A Member is a set of views; whoever keeps one copies the bytes. Plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/entropy.h"

namespace holdfast::gateway {

// An RFC 4122 version 4 UUID.
struct ClientId {
  static constexpr std::size_t kTextBytes = 36;
  using Text = std::array<char, kTextBytes>;

  std::array<std::uint8_t, 16> bytes = {};

  static ClientId draw(base::Entropy& entropy) {
    const std::array<std::uint64_t, 2> words = {entropy.next(), entropy.next()};
    ClientId id;
    std::memcpy(id.bytes.data(), words.data(), id.bytes.size());
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
    return id;
  }

  // Lower-case hexadecimal digits with hyphens: 8-4-4-4-12.
  Text text() const;
  // Accepts exactly what text() writes.
  static std::optional<ClientId> parse(std::string_view text);

  friend bool operator==(const ClientId&, const ClientId&) = default;
};

struct Member {
  std::string_view user;       // empty: anonymous
  std::string_view client;     // ClientId as text
  std::string_view conn_info;  // JSON or any bytes; empty: none
  std::string_view chan_info;
};

}  // namespace holdfast::gateway
