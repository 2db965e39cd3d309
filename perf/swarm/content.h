// What the swarm sends, as a pure function of who sends it and which message it is: nothing has to be kept to
// send the rest of a message, or to compare what comes back with what was sent.
//
// Every message of a run differs from every other in its first nine bytes already, so a message that is lost,
// doubled or answered to the wrong connection never compares equal. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::swarm {

// The shortest message whose content tells it from others: one first byte and eight of content.
inline constexpr std::uint32_t kMessageMinimumBytes = 9;
inline constexpr std::uint32_t kMessageMaximumBytes = 1u << 20;
inline constexpr std::uint32_t kPingBytes = 16;
// What goes to collectors says who sent it and when in its first sixteen bytes; the rest proves it.
inline constexpr std::uint32_t kOriginBytes = 16;
inline constexpr std::uint32_t kGatheredMinimumBytes = 24;
// First bytes that holdfast-target knows: for the collectors; collect from now on; and no longer.
inline constexpr std::uint8_t kGatheredFirst = '?';
inline constexpr std::uint8_t kCollectFirst = '=';
inline constexpr std::uint8_t kLeaveFirst = '-';

struct Sizes {
  std::uint32_t smallest = 64;
  std::uint32_t largest = 64;
};

struct Content {
  std::uint64_t seed = 0;
  std::uint32_t bytes = 0;
  std::uint8_t first = 0;  // the byte at offset 0: tells a publication from an echo
  bool has_origin = false;
  std::array<std::uint64_t, kOriginBytes / 8> origin = {};  // in place of the first blocks
};

struct Origin {
  std::uint32_t number = 0;    // of the connection in the run
  std::uint32_t sequence = 0;  // 24 bits
  std::uint64_t sent_ns = 0;
};

Content echo_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence, Sizes sizes);
Content broadcast_content(std::uint64_t run, std::uint32_t round, Sizes sizes, std::uint8_t marker);
Content gathered_content(std::uint64_t run, const Origin& origin, Sizes sizes);
// What the first bytes of a gathered message say of its origin. Only the whole message tells if it is true.
Origin origin_of(std::span<const std::byte, kOriginBytes> first);
Content ping_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence);

// Writes the bytes from `offset` on, each xored with its byte of `mask` (little-endian, by offset).
void write_content(const Content& content, std::uint32_t offset, std::span<std::byte> into,
                   std::uint32_t mask);
// False also when `bytes` reaches beyond the content's end.
bool matches(const Content& content, std::uint32_t offset, std::span<const std::byte> bytes);

// A thoroughly mixed function of `value`.
std::uint64_t mixed(std::uint64_t value);

}  // namespace holdfast::swarm
