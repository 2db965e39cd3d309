// FramePool: encoded messages on their way out, written once and shared by reference.
//
// A frame is a block of the shard's arena with a reference count in front; every outbox that owes it to its
// peer holds one reference, whoever is building it holds one until the end of the publish. Not shared between
// threads: a message for another shard is copied through that shard's mailbox. Invariant: live() is 0 when no
// outbox owes anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/block_arena.h"
#include "memory/index.h"

namespace holdfast::memory {

class FramePool {
 public:
  FramePool() = default;
  explicit FramePool(BlockArena* arena) : arena_(arena) {}

  // A frame of exactly `bytes` (1 .. 2^32-17) with undefined content and one reference; kNoIndex when the
  // arena is full.
  Index claim(std::size_t bytes);
  void retain(Index frame);
  // The last reference gives the memory back.
  void release(Index frame);

  std::span<std::byte> bytes(Index frame);
  std::uint32_t references(Index frame) const;
  std::uint32_t live() const { return live_; }

 private:
  struct Header {
    std::uint32_t references;
    std::uint32_t bytes;
    std::uint32_t poison;  // kAlive while claimed: a stale index is caught, not followed
    std::uint32_t spare;
  };
  Header& header(Index frame) const;

  BlockArena* arena_ = nullptr;
  std::uint32_t live_ = 0;
};

}  // namespace holdfast::memory
