// The rules of messages, the same code for every way through
// the Reader: fragmentation, limits, UTF-8, close payloads.
//
// Progress is what a connection remembers while something is incomplete; it lives in the 40 bytes of state of
// the connection's Assembly and is all zero to begin with. One thread (the shard's). Invariant: a verdict
// depends on the bytes so far, never on how they were cut; where several rules are broken, the one broken by
// the earlier byte counts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "memory/assembly.h"
#include "ws/frame.h"
#include "ws/reader.h"

namespace holdfast::ws {

struct Progress {
  std::uint32_t context_plus_one;  // the borrowed wslay context; 0: none
  std::uint32_t fragments;         // data frames of the open message, this one included
  std::uint32_t message_bytes;     // payload they announced in sum; never above the limit
  std::uint32_t validated_bytes;   // of an open text: what is known to be whole, valid characters
  std::uint32_t frame_remaining;   // payload of this frame that has not come yet
  std::uint8_t header[kClientHeaderMaximumBytes];  // of this frame, as far as it has come
  std::uint8_t header_length;                      // bytes in it; 0 between two frames
  bool header_complete;
  Opcode message_opcode;  // text or binary while a message is open, else continuation
  bool bulk;              // this frame is received straight into the assembly

  bool message_open() const { return message_opcode != Opcode::continuation; }
};
static_assert(sizeof(Progress) == memory::Assembly::kStateBytes);

inline bool is_control(Opcode opcode) {
  return opcode >= Opcode::close;
}

// Reads the header at the start of `bytes` (at least one) and holds it against the rules: complete, or
// incomplete with nothing wrong so far, or violation.
HeaderOutcome read_header(const ReaderLimits& limits, const Progress& progress,
                          std::span<const std::byte> bytes, FrameHeader& header, Violation& violation);

// Takes a frame whose header read_header() found complete into account.
void begin_frame(Progress& progress, const FrameHeader& header);

// Checks what has newly come of an open text; `payload` is the message so far, `whole` when it is all there.
Violation check_text(Progress& progress, std::span<const std::byte> payload, bool whole);

// Splits a close frame's payload into code and reason.
Violation read_close(std::span<const std::byte> payload, std::uint16_t& code, std::string_view& reason);

}  // namespace holdfast::ws
