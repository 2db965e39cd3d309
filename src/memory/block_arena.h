// BlockArena: variable-sized blocks from one bounded region, without the process allocator.
//
// Owns nothing: region and state are memory handed in. Small blocks (up to kSmallMaximumBytes) come in size
// classes carved out of 64 KiB pages; larger ones are runs of pages from a buddy system. Last released, first
// reused, so that steady traffic stays in warm memory; pages whose blocks are all free go back to the buddy
// system. A block is named by its offset in units of kUnitBytes, so 32 bits reach 256 GiB. One thread at a
// time; every operation is bounded (logarithmic in the region's pages). Invariant: used_bytes() never exceeds
// the region, and is 0 when all are released.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/index.h"

namespace holdfast::memory {

struct BlockArenaState;  // lives in the mapping; its size for a region is state_bytes(region)

class BlockArena {
 public:
  static constexpr std::size_t kUnitBytes = 64;
  static constexpr std::size_t kPageBytes = 64 * 1024;
  static constexpr std::size_t kSmallMaximumBytes = 32 * 1024;

  // Bytes of state for a region of `region_bytes` (a multiple of kPageBytes).
  static std::size_t state_bytes(std::size_t region_bytes);

  BlockArena() = default;
  // Formats fresh (zero) state, or attaches to formatted state.
  BlockArena(BlockArenaState* state, std::byte* region, std::size_t region_bytes);

  // A block of at least `bytes` (1 .. region), or kNoIndex when there is no room (counted in refusals()).
  Index claim(std::size_t bytes);
  void release(Index block);

  std::byte* at(Index block) const { return region_ + static_cast<std::size_t>(block) * kUnitBytes; }
  // What claim really gave: at least what was asked for.
  std::size_t usable_bytes(Index block) const;

  std::size_t used_bytes() const;  // sum of usable_bytes over claimed blocks
  std::size_t peak_bytes() const;
  std::size_t region_bytes() const { return region_bytes_; }
  std::uint64_t refusals() const;

 private:
  Index claim_large(std::size_t bytes);

  BlockArenaState* state_ = nullptr;
  std::byte* region_ = nullptr;
  std::size_t region_bytes_ = 0;
};

}  // namespace holdfast::memory
