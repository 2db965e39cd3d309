// BlockArena: size classes over the page level of page_buddy.h. One claim and one release happen for every
// message a server echoes, so the usual path is a table look-up, three stores into state that is warm, and no
// loop.
//
// Each class keeps its pages that have room in a list. A page that becomes wholly free returns to the page
// level, except one per class: traffic that swings around a page's edge would otherwise pay for the page
// level on every message. Those spare pages are returned too before a claim is refused. Invariant: a page is
// in its class's list exactly while it has room.
#include "memory/block_arena.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "memory/block_arena_state.h"
#include "memory/page_buddy.h"
#include "memory/poison.h"

namespace holdfast::memory {
namespace {

constexpr std::uint32_t kSmallMaximumUnits = BlockArena::kSmallMaximumBytes / BlockArena::kUnitBytes;

constexpr std::array<std::uint8_t, kSmallMaximumUnits + 1> classes_by_units() {
  std::array<std::uint8_t, kSmallMaximumUnits + 1> classes{};
  std::uint8_t size_class = 0;
  for (std::uint32_t units = 0; units <= kSmallMaximumUnits; ++units) {
    if (units > kClassUnits[size_class]) ++size_class;
    classes[units] = size_class;
  }
  return classes;
}

constexpr std::array<std::uint16_t, kClasses> blocks_per_page() {
  std::array<std::uint16_t, kClasses> blocks{};
  for (std::size_t i = 0; i < kClasses; ++i)
    blocks[i] = static_cast<std::uint16_t>(kUnitsPerPage / kClassUnits[i]);
  return blocks;
}

constexpr auto kClassOfUnits = classes_by_units();
constexpr auto kBlocksPerPage = blocks_per_page();

struct Place {
  Index page;
  std::uint32_t unit;
};

Place place_of(const BlockArenaState& state, Index block) {
  const Place place{block / kUnitsPerPage, block % kUnitsPerPage};
  CHECK(place.page < state.pages);
  return place;
}

auto link_access(BlockArenaState& state) {
  return [&state](Index index) -> ListLink& { return state.page(index).link; };
}

void count_claimed(BlockArenaState& state, std::size_t bytes) {
  state.used_bytes += bytes;
  if (state.used_bytes > state.peak_bytes) state.peak_bytes = state.used_bytes;
}

void return_page(BlockArenaState& state, Index index) {
  Page& page = state.page(index);
  CHECK(page.kind == PageKind::kSmall && page.used == 0);
  list_remove(state.class_heads[page.size_class], index, link_access(state));
  page.kind = PageKind::kInside;
  buddy_release(state, index, 1);
}

Index claim_pages(BlockArenaState& state, std::uint32_t count) {
  Index first = buddy_claim(state, count);
  if (first != kNoIndex) return first;
  bool returned = false;
  for (Index& spare : state.class_spares) {
    if (spare == kNoIndex) continue;
    return_page(state, spare);
    spare = kNoIndex;
    returned = true;
  }
  return returned ? buddy_claim(state, count) : kNoIndex;
}

Index add_page(BlockArenaState& state, std::uint8_t size_class, std::byte* region) {
  const Index index = claim_pages(state, 1);
  if (index == kNoIndex) return kNoIndex;
  Page& page = state.page(index);
  page.kind = PageKind::kSmall;
  page.size_class = size_class;
  page.free_head = kNoUnit;
  page.carved = 0;
  page.used = 0;
  list_push_front(state.class_heads[size_class], index, link_access(state));
  mark_released(region + static_cast<std::size_t>(index) * BlockArena::kPageBytes, BlockArena::kPageBytes);
  return index;
}

void release_small(BlockArenaState& state, Place place) {
  Page& page = state.page(place.page);
  const std::uint8_t size_class = page.size_class;
  UnitLink& link = state.links(place.page)[place.unit];
  CHECK(link == kClaimed);  // otherwise nothing is claimed at this place: released twice, or a wrong index
  CHECK(page.used > 0);
  link = page.free_head;
  page.free_head = static_cast<UnitLink>(place.unit);
  if (page.used == kBlocksPerPage[size_class]) {
    list_push_front(state.class_heads[size_class], place.page, link_access(state));
  }
  if (--page.used > 0) return;
  if (state.class_spares[size_class] == kNoIndex) {
    state.class_spares[size_class] = place.page;
  } else {
    return_page(state, place.page);
  }
}

}  // namespace

std::size_t BlockArena::state_bytes(std::size_t region_bytes) {
  CHECK(region_bytes % kPageBytes == 0);
  return sizeof(BlockArenaState) +
         region_bytes / kPageBytes * (sizeof(Page) + kUnitsPerPage * sizeof(UnitLink));
}

BlockArena::BlockArena(BlockArenaState* state, std::byte* region, std::size_t region_bytes)
    : state_(state), region_(region), region_bytes_(region_bytes) {
  CHECK(state != nullptr && region != nullptr);
  CHECK(reinterpret_cast<std::uintptr_t>(state) % alignof(BlockArenaState) == 0);
  CHECK(region_bytes > 0 && region_bytes % kPageBytes == 0);
  CHECK(region_bytes / kPageBytes <= kPagesMaximum);
  const std::uint32_t pages = static_cast<std::uint32_t>(region_bytes / kPageBytes);
  if (state->formatted == 0) {
    state->pages = pages;
    state->class_heads.fill(kNoIndex);
    state->class_spares.fill(kNoIndex);
    buddy_format(*state);
    state->formatted = BlockArenaState::kFormatted;
  }
  CHECK(state->formatted == BlockArenaState::kFormatted);
  CHECK(state->pages == pages);
}

Index BlockArena::claim(std::size_t bytes) {
  CHECK(bytes > 0 && bytes <= region_bytes_);
  if (bytes > kSmallMaximumBytes) return claim_large(bytes);
  BlockArenaState& state = *state_;
  std::uint8_t size_class = kClassOfUnits[(bytes + kUnitBytes - 1) / kUnitBytes];
  Index index = state.class_heads[size_class];
  if (index == kNoIndex) index = add_page(state, size_class, region_);
  // Without a page left a larger block is better than none, or the last pages of others' sizes would decide
  // who is refused.
  while (index == kNoIndex && ++size_class < kClasses) index = state.class_heads[size_class];
  if (index == kNoIndex) {
    ++state.refusals;
    return kNoIndex;
  }
  Page& page = state.page(index);
  const std::uint32_t class_units = kClassUnits[size_class];
  UnitLink* links = state.links(index);
  std::uint32_t unit = page.free_head;
  if (unit != kNoUnit) {
    page.free_head = links[unit];
  } else {
    unit = page.carved++ * class_units;
  }
  CHECK(unit + class_units <= kUnitsPerPage && links[unit] != kClaimed);
  links[unit] = kClaimed;
  if (page.used++ == 0 && state.class_spares[size_class] == index) state.class_spares[size_class] = kNoIndex;
  if (page.used == kBlocksPerPage[size_class]) {
    list_remove(state.class_heads[size_class], index, link_access(state));
  }
  count_claimed(state, class_units * kUnitBytes);
  const Index block = index * kUnitsPerPage + unit;
  mark_claimed(at(block), class_units * kUnitBytes);
  return block;
}

Index BlockArena::claim_large(std::size_t bytes) {
  const std::uint32_t pages = static_cast<std::uint32_t>((bytes + kPageBytes - 1) / kPageBytes);
  const Index first = claim_pages(*state_, pages);
  if (first == kNoIndex) {
    ++state_->refusals;
    return kNoIndex;
  }
  Page& page = state_->page(first);
  page.kind = PageKind::kLarge;
  page.run_pages = pages;
  count_claimed(*state_, pages * kPageBytes);
  const Index block = first * kUnitsPerPage;
  mark_claimed(at(block), pages * kPageBytes);
  return block;
}

void BlockArena::release(Index block) {
  const Place place = place_of(*state_, block);
  Page& page = state_->page(place.page);
  std::size_t bytes = 0;
  if (page.kind == PageKind::kSmall) {
    bytes = kClassUnits[page.size_class] * kUnitBytes;
    release_small(*state_, place);
  } else {
    CHECK(page.kind == PageKind::kLarge && place.unit == 0);
    bytes = page.run_pages * kPageBytes;
    page.kind = PageKind::kInside;
    buddy_release(*state_, place.page, page.run_pages);
  }
  CHECK(state_->used_bytes >= bytes);
  state_->used_bytes -= bytes;
  mark_released(at(block), bytes);
}

std::size_t BlockArena::usable_bytes(Index block) const {
  const Place place = place_of(*state_, block);
  const Page& page = state_->page(place.page);
  if (page.kind == PageKind::kSmall) {
    CHECK(state_->links(place.page)[place.unit] == kClaimed);
    return kClassUnits[page.size_class] * kUnitBytes;
  }
  CHECK(page.kind == PageKind::kLarge && place.unit == 0);
  return page.run_pages * kPageBytes;
}

std::size_t BlockArena::used_bytes() const {
  return state_->used_bytes;
}
std::size_t BlockArena::peak_bytes() const {
  return state_->peak_bytes;
}
std::uint64_t BlockArena::refusals() const {
  return state_->refusals;
}

}  // namespace holdfast::memory
