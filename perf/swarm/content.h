// What the swarm sends, as a pure function of who sends it and which message it is: nothing has to be kept to
// send the rest of a message, or to compare what comes back with what was sent.
//
// Every message of a run differs from every other in its first nine bytes already, so a message that is lost,
// doubled or answered to the wrong connection never compares equal. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::swarm {

// The shortest message whose content tells it from others: one first byte and eight of content.
inline constexpr std::uint32_t kMessageMinimumBytes = 9;
inline constexpr std::uint32_t kMessageMaximumBytes = 1u << 20;
inline constexpr std::uint32_t kPingBytes = 16;

struct Sizes {
  std::uint32_t smallest = 64;
  std::uint32_t largest = 64;
};

struct Content {
  std::uint64_t seed = 0;
  std::uint32_t bytes = 0;
  std::uint8_t first = 0;  // the byte at offset 0: tells a publication from an echo
};

Content echo_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence, Sizes sizes);
Content broadcast_content(std::uint64_t run, std::uint32_t round, std::uint32_t bytes, std::uint8_t marker);
Content ping_content(std::uint64_t run, std::uint64_t connection, std::uint32_t sequence);

// Writes the bytes from `offset` on, each xored with its byte of `mask` (little-endian, by offset).
void write_content(const Content& content, std::uint32_t offset, std::span<std::byte> into,
                   std::uint32_t mask);
// False also when `bytes` reaches beyond the content's end.
bool matches(const Content& content, std::uint32_t offset, std::span<const std::byte> bytes);

// A thoroughly mixed function of `value`.
std::uint64_t mixed(std::uint64_t value);

}  // namespace holdfast::swarm
