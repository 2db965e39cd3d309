// Headers, byte by byte: they are short, and may be split anywhere.
#include "frames.h"

#include <cstring>

#include "content.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kTwoByteLength = 126;
constexpr std::uint8_t kEightByteLength = 127;
constexpr std::size_t kMaskBytes = 4;

std::uint8_t length_bytes(std::uint8_t code) {
  return code == kTwoByteLength ? 2 : code == kEightByteLength ? 8 : 0;
}

bool known(std::uint8_t first) {
  const std::uint8_t opcode = first & 0x0f;
  return (first & kFinal) != 0 && (first & kReserved) == 0 &&
         (opcode == 1 || opcode == 2 || (opcode >= 8 && opcode <= 10));
}

}  // namespace

int take_header(FrameState& state, std::span<const std::byte> input) {
  int taken = 0;
  for (const std::byte next : input) {
    const auto byte = std::to_integer<std::uint8_t>(next);
    ++taken;
    if (state.header_bytes == 0) {
      if (!known(byte)) return -1;
      state.first = byte;
    } else if (state.header_bytes == 1) {
      if ((byte & kMasked) != 0) return -1;
      if ((state.first & 0x08) != 0 && byte > ws::kControlPayloadMaximumBytes) return -1;
      state.length_code = byte;
      state.length = length_bytes(byte) == 0 ? byte : 0;
    } else {
      if (state.length >> 24 != 0) return -1;  // longer than anything the swarm sends
      state.length = state.length << 8 | byte;
    }
    ++state.header_bytes;
    if (state.header_bytes >= 2 && state.header_bytes == 2 + length_bytes(state.length_code)) {
      if (state.length > kMessageMaximumBytes) return -1;
      state.in_payload = true;
      return taken;
    }
  }
  return taken;
}

std::size_t client_header_bytes(std::uint32_t payload_bytes) {
  return ws::server_header_bytes(payload_bytes) + kMaskBytes;
}

std::size_t write_client_header(std::span<std::byte, ws::kClientHeaderMaximumBytes> into, ws::Opcode opcode,
                                std::uint32_t payload_bytes, std::uint32_t mask) {
  const std::size_t bytes =
      ws::write_server_header(into.first<ws::kServerHeaderMaximumBytes>(), opcode, payload_bytes);
  into[1] |= std::byte{kMasked};
  std::memcpy(into.data() + bytes, &mask, kMaskBytes);
  return bytes + kMaskBytes;
}

}  // namespace holdfast::swarm
