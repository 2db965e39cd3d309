// How the inputs of the WebSocket fuzz targets begin: one byte of limits, two that seed the cuts, then the
// stream.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "memory/block_arena.h"
#include "ws/reader.h"

namespace holdfast::ws::testing {

struct WebsocketInput {
  static constexpr std::size_t kPrefixBytes = 3;
  ReaderLimits limits;
  std::uint64_t seed = 0;
  std::string_view stream;
};

// False when the input is too short, or long enough to make a fuzzer slow and not wiser.
inline bool read_input(const std::uint8_t* bytes, std::size_t size, WebsocketInput& input) {
  constexpr std::size_t kMaximumBytes = 80 * 1024;
  constexpr std::uint32_t kMessageBytes[] = {64 * 1024, 5000, 125, 1};
  constexpr std::uint32_t kFragments[] = {1024, 8, 2, 1};
  if (size < WebsocketInput::kPrefixBytes || size > kMaximumBytes) return false;
  input.limits.message_bytes = kMessageBytes[bytes[0] & 3];
  input.limits.fragments = kFragments[bytes[0] >> 2 & 3];
  input.limits.contexts = 1;  // one connection needs one: more lent at once would be a leak
  input.seed = static_cast<std::uint64_t>(bytes[1]) << 8 | bytes[2];
  input.stream = {reinterpret_cast<const char*>(bytes) + WebsocketInput::kPrefixBytes,
                  size - WebsocketInput::kPrefixBytes};
  return true;
}

// Memory that one connection cannot use up with messages of `message_bytes`. Small, because every input has
// its own.
inline std::size_t region_bytes(std::uint32_t message_bytes) {
  return (message_bytes > memory::BlockArena::kSmallMaximumBytes ? 8 : 4) * memory::BlockArena::kPageBytes;
}

// Aborts with both readings when they differ.
inline void expect_same(const std::string& expected, const std::string& actual, const char* way) {
  if (expected == actual) return;
  std::fprintf(stderr, "%s differs:\n  whole: %s\n  now:   %s\n", way, expected.c_str(), actual.c_str());
  std::abort();
}

}  // namespace holdfast::ws::testing
