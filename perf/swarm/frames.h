// The client's half of WebSocket framing: headers written, and frames read as pieces of payload.
//
// The reader keeps twelve bytes per connection and no payload. It takes whole, unfragmented, unmasked frames,
// which is what servers send that send one message per frame; anything else is a violation here. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ws/frame.h"

namespace holdfast::swarm {

struct FrameState {
  std::uint32_t length = 0;
  std::uint32_t offset = 0;  // into the payload
  std::uint8_t first = 0;    // the first header byte
  std::uint8_t length_code = 0;
  std::uint8_t header_bytes = 0;  // read so far
  bool in_payload = false;
};
static_assert(sizeof(FrameState) == 12);

// Some bytes of a frame's payload. An empty payload is one empty piece.
struct Piece {
  ws::Opcode opcode = ws::Opcode::binary;
  std::uint32_t length = 0;  // of the whole payload
  std::uint32_t offset = 0;
  std::span<const std::byte> bytes;
  bool last() const { return offset + bytes.size() == length; }
};

// Takes header bytes from the front of `input`; returns how many, or a negative number for a violation.
int take_header(FrameState& state, std::span<const std::byte> input);

// Calls on_piece(const Piece&) for every piece; it returns false to stop. False: a violation.
template <class OnPiece>
bool read_frames(FrameState& state, std::span<const std::byte> input, OnPiece on_piece) {
  while (!input.empty()) {
    if (!state.in_payload) {
      const int taken = take_header(state, input);
      if (taken < 0) return false;
      input = input.subspan(static_cast<std::size_t>(taken));
      if (!state.in_payload) return true;
    }
    const std::size_t count = std::min<std::size_t>(input.size(), state.length - state.offset);
    if (count == 0 && state.length != 0) return true;  // a header and nothing of its payload yet
    const Piece piece{static_cast<ws::Opcode>(state.first & 0x0f), state.length, state.offset,
                      input.first(count)};
    input = input.subspan(count);
    state.offset += static_cast<std::uint32_t>(count);
    if (state.offset == state.length) state = FrameState{};
    if (!on_piece(piece)) return true;
  }
  return true;
}

// Writes the header of a masked, final frame; returns its length.
std::size_t write_client_header(std::span<std::byte, ws::kClientHeaderMaximumBytes> into, ws::Opcode opcode,
                                std::uint32_t payload_bytes, std::uint32_t mask);
std::size_t client_header_bytes(std::uint32_t payload_bytes);

}  // namespace holdfast::swarm
