// WebSocket frame headers: read one, write one; and the unmasking of payloads. Pure. Source: RFC 6455
// section 5.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::ws {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline constexpr std::size_t kServerHeaderMaximumBytes = 10;
inline constexpr std::size_t kClientHeaderMaximumBytes = 14;
inline constexpr std::size_t kControlPayloadMaximumBytes = 125;

struct FrameHeader {
  bool final = false;
  Opcode opcode = Opcode::continuation;
  std::uint8_t header_bytes = 0;  // 6, 8 or 14: client frames are always masked; 0 while it is not known
  std::uint8_t mask[4] = {};
  std::uint64_t payload_bytes = 0;
};

enum class HeaderOutcome { incomplete, complete, violation };

// Reads a client's frame header. violation: RSV bits, unknown opcode, no mask, non-minimal or 2^63 length, a
// control frame that is fragmented or longer than 125 bytes. Found as soon as the byte that makes it so is
// there. An incomplete header is filled in as far as it has come: final and opcode from one byte on,
// payload_bytes once header_bytes is not 0.
HeaderOutcome parse_client_header(std::span<const std::byte> bytes, FrameHeader& header, const char*& reason);

// Writes a server's (unmasked, final) frame header; returns its length, 2, 4 or 10.
std::size_t write_server_header(std::span<std::byte, kServerHeaderMaximumBytes> into, Opcode opcode,
                                std::uint64_t payload_bytes);
std::size_t server_header_bytes(std::uint64_t payload_bytes);

// Removes the mask in place, vectorised. `phase` is the offset of bytes[0] in the payload, modulo 4.
void unmask(std::span<std::byte> bytes, const std::uint8_t (&mask)[4], std::uint32_t phase);

}  // namespace holdfast::ws
