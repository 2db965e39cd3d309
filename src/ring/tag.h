// Tag: what a kernel operation carries so that its completion can be recognised: {op, generation, slot},
// never a pointer.
//
// A completion whose generation is not the slot's current one belongs to an earlier tenant of the slot: it is
// counted and dropped (rule R5).
#pragma once

#include <cstdint>

#include "base/check.h"
#include "memory/index.h"

namespace holdfast::ring {

enum class Op : std::uint8_t {
  none = 0,
  accept,  // slot: listener number, not a slot
  peer_address,
  readable,  // multishot poll for input
  writable,  // one-shot poll for output
  receive,
  send,
  cancel,  // a cancel of the readable poll; its target completes under its own tag
  reset_on_close,
  close,
  wake,             // another thread or shard asked for attention; slot is not a slot
  cancel_writable,  // a cancel of the writable poll
};
inline constexpr int kOps = 12;

struct Tag {
  static constexpr std::uint32_t kGenerationBits = 24;
  static constexpr std::uint32_t kGenerationMask = (1u << kGenerationBits) - 1;

  Op op = Op::none;
  std::uint32_t generation = 0;  // 24 bits
  memory::Index slot = 0;

  std::uint64_t packed() const {
    CHECK(generation <= kGenerationMask);
    return static_cast<std::uint64_t>(op) << 56 | static_cast<std::uint64_t>(generation) << 32 | slot;
  }
  static Tag unpacked(std::uint64_t bits) {
    return Tag{static_cast<Op>(bits >> 56), static_cast<std::uint32_t>(bits >> 32) & kGenerationMask,
               static_cast<memory::Index>(bits)};
  }
  friend bool operator==(const Tag&, const Tag&) = default;
};

}  // namespace holdfast::ring
