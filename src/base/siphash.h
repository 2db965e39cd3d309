// SipHash-2-4 (Aumasson, Bernstein 2012): the keyed hash behind everything that is looked up by bytes a peer
// chose.
//
// With a key drawn from Entropy at start-up, a client cannot choose topic names that collide, and a name's
// home shard (rule R13) is the same on every thread. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast::base {

// The 128-bit key as two words: the little-endian reading of its bytes 0..7 and 8..15.
struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

std::uint64_t siphash(const SipKey& key, std::span<const std::byte> bytes);

inline std::uint64_t siphash(const SipKey& key, std::string_view text) {
  return siphash(key, std::as_bytes(std::span<const char>(text)));
}

}  // namespace holdfast::base
