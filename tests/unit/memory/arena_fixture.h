// A block arena over memory of its own, for tests of the arena and of what is built on it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "memory/block_arena.h"

namespace holdfast::memory {

// What ends a test that touches released memory: the CHECK, or the sanitizer, whichever sees it first.
inline constexpr const char* kCaught = "CHECK failed|AddressSanitizer";

class OwnedArena {
 public:
  explicit OwnedArena(std::size_t pages)
      : region_(allocate(pages * BlockArena::kPageBytes)),
        state_(allocate(BlockArena::state_bytes(pages * BlockArena::kPageBytes))),
        arena_(reinterpret_cast<BlockArenaState*>(state_.get()), region_.get(),
               pages * BlockArena::kPageBytes) {}

  BlockArena& arena() { return arena_; }
  BlockArena* operator->() { return &arena_; }
  BlockArenaState* state() { return reinterpret_cast<BlockArenaState*>(state_.get()); }
  std::byte* region() { return region_.get(); }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<std::byte, Free>;

  static Memory allocate(std::size_t bytes) {
    const std::size_t rounded = (bytes + 63) / 64 * 64;
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
    std::memset(memory, 0, rounded);
    return Memory(memory);
  }

  Memory region_;
  Memory state_;
  BlockArena arena_;
};

}  // namespace holdfast::memory
