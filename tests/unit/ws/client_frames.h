// What a client sends, right or wrong: frames built from parts that need not fit together. For tests and fuzz
// targets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ws/frame.h"

namespace holdfast::ws::testing {

inline constexpr unsigned kContinuation = 0;
inline constexpr unsigned kText = 1;
inline constexpr unsigned kBinary = 2;
inline constexpr unsigned kClose = 8;
inline constexpr unsigned kPing = 9;
inline constexpr unsigned kPong = 10;

struct FrameShape {
  bool final = true;
  unsigned reserved_bits = 0;  // RSV1 is 4, RSV2 is 2, RSV3 is 1
  bool masked = true;
  std::uint32_t key = 0x9e37'79b1;
  unsigned length_bytes = 0;                   // 1, 2 or 8 on the wire; 0: the fewest that will do
  std::optional<std::uint64_t> declared = {};  // a length that is not the payload's
};

inline std::string frame(unsigned opcode, std::string_view payload, const FrameShape& shape = {}) {
  const std::uint64_t length = shape.declared.value_or(payload.size());
  unsigned length_bytes = shape.length_bytes;
  if (length_bytes == 0) length_bytes = length < 126 ? 1 : length <= 0xffff ? 2 : 8;
  const unsigned short_length = length_bytes == 1   ? static_cast<unsigned>(length)
                                : length_bytes == 2 ? 126
                                                    : 127;
  std::string wire;
  wire += static_cast<char>((shape.final ? 0x80u : 0u) | shape.reserved_bits << 4 | opcode);
  wire += static_cast<char>((shape.masked ? 0x80u : 0u) | short_length);
  for (unsigned i = length_bytes; length_bytes > 1 && i-- > 0;) wire += static_cast<char>(length >> (8 * i));
  std::uint8_t key[4] = {};
  if (shape.masked) {
    for (unsigned i = 0; i < 4; ++i) {
      key[i] = static_cast<std::uint8_t>(shape.key >> (8 * i));
      wire += static_cast<char>(key[i]);
    }
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    wire += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]);
  }
  return wire;
}

inline std::string fragment(unsigned opcode, std::string_view payload) {
  return frame(opcode, payload, {.final = false});
}

// A close frame's payload.
inline std::string close_payload(unsigned code, std::string_view reason = "") {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  payload += reason;
  return payload;
}

}  // namespace holdfast::ws::testing
