// The layout of what a BlockArena remembers: one head, one Page record per page, one link per 64-byte unit.
//
// Private to block_arena.cc and page_buddy.cc. Everything is an index or a count, so the state can be
// attached at any address (rule R8). Fresh zero memory is a valid "nothing claimed" for every record beyond
// the head, so that formatting a large region touches a few pages of state only. All links are kept here and
// none in free blocks: a peer's bytes, or a writer that kept a stale view, can never become an allocator's
// link.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "memory/block_arena.h"
#include "memory/index.h"
#include "memory/index_list.h"

namespace holdfast::memory {

inline constexpr std::uint32_t kUnitsPerPage = BlockArena::kPageBytes / BlockArena::kUnitBytes;
// One less than what 32-bit unit numbers reach, so that kNoIndex never names a block.
inline constexpr std::uint32_t kPagesMaximum = (1u << 22) - 1;
inline constexpr std::size_t kOrders = 22;  // runs of 1, 2, 4 ... 2^21 pages

// Units per block of each class: powers of two and the steps half-way, so a block is at most a third larger
// than asked. The step below the largest is a third of a page, not 384 units, which would fit no more often
// than 512 do.
inline constexpr std::array<std::uint16_t, 18> kClassUnits = {1,  2,  3,  4,  6,   8,   12,  16,  24,
                                                              32, 48, 64, 96, 128, 192, 256, 341, 512};
inline constexpr std::size_t kClasses = kClassUnits.size();
static_assert(kClassUnits[kClasses - 1] * BlockArena::kUnitBytes == BlockArena::kSmallMaximumBytes);

// A unit's link is kClaimed exactly while a small block that is claimed starts there.
using UnitLink = std::uint16_t;
inline constexpr UnitLink kClaimed = 0xffff;
inline constexpr UnitLink kNoUnit = 0xfffe;
static_assert(kUnitsPerPage < kNoUnit);

enum class PageKind : std::uint8_t {
  kInside = 0,  // not the first page of anything, or in transit between two owners
  kFree = 1,    // first page of a free run of 2^order pages, linked in order_heads[order]
  kSmall =
      2,  // carved into blocks of size_class; linked in class_heads[size_class] exactly while it has room
  kLarge = 3,  // first page of a claimed run of run_pages pages
};

struct alignas(32) Page {
  ListLink link;
  std::uint32_t run_pages;
  UnitLink free_head;    // small: unit of the last released block, or kNoUnit
  std::uint16_t carved;  // small: blocks that were ever handed out since the page joined its class
  std::uint16_t used;    // small: blocks claimed
  PageKind kind;
  std::uint8_t order;
  std::uint8_t size_class;
};
static_assert(sizeof(Page) == 32);

struct alignas(64) BlockArenaState {
  static constexpr std::uint64_t kFormatted =
      0x316b636f6c626668u;  // changes with the layout of anything in this file
  std::uint64_t formatted;
  std::uint32_t pages;
  std::uint32_t free_orders;  // bit per order: set exactly when order_heads[order] is not kNoIndex
  std::uint64_t used_bytes;
  std::uint64_t peak_bytes;
  std::uint64_t refusals;
  std::array<Index, kOrders> order_heads;
  std::array<Index, kClasses> class_heads;
  // The one page of each class that may be kept although all its blocks are free, or kNoIndex.
  std::array<Index, kClasses> class_spares;

  Page& page(Index index) { return reinterpret_cast<Page*>(this + 1)[index]; }
  UnitLink* links(Index index) {
    return reinterpret_cast<UnitLink*>(reinterpret_cast<Page*>(this + 1) + pages) +
           static_cast<std::size_t>(index) * kUnitsPerPage;
  }
};
static_assert(sizeof(BlockArenaState) % alignof(Page) == 0);

}  // namespace holdfast::memory
