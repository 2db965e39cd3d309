// The page level of a BlockArena: runs of whole 64 KiB pages from a buddy system.
//
// Free runs are aligned powers of two, found by a bit per order. A claim takes the exact number of pages and
// gives the rest of the run back at once, so a run of 65 pages costs 65, not 128. Every function is
// logarithmic in the region's pages. Invariant: no two free buddies exist, and free runs and claimed runs
// cover the region without overlap.
#pragma once

#include "memory/block_arena_state.h"

namespace holdfast::memory {

// Makes all pages of a fresh state free.
void buddy_format(BlockArenaState& state);

// First page of a run of `count` (1 .. pages) pages, kind kInside, or kNoIndex. The whole region can be
// claimed when it is all free, also when its size is no power of two.
Index buddy_claim(BlockArenaState& state, std::uint32_t count);

// Gives back any run that is not free: all or a part of what was claimed.
void buddy_release(BlockArenaState& state, Index first, std::uint32_t count);

}  // namespace holdfast::memory
