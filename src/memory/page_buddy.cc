// The buddy system of page_buddy.h. Called when a small class needs or returns a page and for blocks over 32
// KiB.
#include "memory/page_buddy.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace holdfast::memory {
namespace {

std::uint32_t floor_log2(std::uint32_t value) {
  return static_cast<std::uint32_t>(std::bit_width(value)) - 1;
}

auto link_access(BlockArenaState& state) {
  return [&state](Index index) -> ListLink& { return state.page(index).link; };
}

bool is_free_run(BlockArenaState& state, Index first, std::uint32_t order) {
  const Page& page = state.page(first);
  return page.kind == PageKind::kFree && page.order == order;
}

void take_free_run(BlockArenaState& state, Index first) {
  Page& page = state.page(first);
  CHECK(page.kind == PageKind::kFree);
  list_remove(state.order_heads[page.order], first, link_access(state));
  if (state.order_heads[page.order] == kNoIndex) state.free_orders &= ~(1u << page.order);
  page.kind = PageKind::kInside;
}

void put_free_run(BlockArenaState& state, Index first, std::uint32_t order) {
  CHECK(state.page(first).kind != PageKind::kFree);
  state.page(first).kind = PageKind::kInside;
  while (order + 1 < kOrders) {
    const Index buddy = first ^ (1u << order);
    if (buddy + (1u << order) > state.pages || !is_free_run(state, buddy, order)) break;
    take_free_run(state, buddy);
    first = std::min(first, buddy);
    ++order;
  }
  Page& page = state.page(first);
  page.kind = PageKind::kFree;
  page.order = static_cast<std::uint8_t>(order);
  list_push_front(state.order_heads[order], first, link_access(state));
  state.free_orders |= 1u << order;
}

// The region's end cuts off at most one run of each order. What is left of it counts as a run when every
// piece of it is free; the pieces are the ones merging leaves there, in falling order.
bool take_truncated_run(BlockArenaState& state, Index first) {
  for (Index piece = first; piece < state.pages;) {
    const std::uint32_t order = floor_log2(state.pages - piece);
    if (!is_free_run(state, piece, order)) return false;
    piece += 1u << order;
  }
  for (Index piece = first; piece < state.pages;) {
    const std::uint32_t order = floor_log2(state.pages - piece);
    take_free_run(state, piece);
    piece += 1u << order;
  }
  return true;
}

}  // namespace

void buddy_format(BlockArenaState& state) {
  state.order_heads.fill(kNoIndex);
  state.free_orders = 0;
  buddy_release(state, 0, state.pages);
}

Index buddy_claim(BlockArenaState& state, std::uint32_t count) {
  CHECK(count > 0 && count <= state.pages);
  const std::uint32_t order = static_cast<std::uint32_t>(std::bit_width(count - 1));
  const std::uint32_t sufficient = order < kOrders ? state.free_orders >> order << order : 0;
  Index first = kNoIndex;
  std::uint32_t length = 0;
  if (sufficient != 0) {
    const std::uint32_t found = static_cast<std::uint32_t>(std::countr_zero(sufficient));
    first = state.order_heads[found];
    length = 1u << found;
    take_free_run(state, first);
  } else {
    first = state.pages >> order << order;
    length = state.pages - first;
    if (length < count || !take_truncated_run(state, first)) return kNoIndex;
  }
  if (length > count) buddy_release(state, first + count, length - count);
  return first;
}

void buddy_release(BlockArenaState& state, Index first, std::uint32_t count) {
  CHECK(first < state.pages && count > 0 && count <= state.pages - first);
  while (count > 0) {
    const std::uint32_t aligned = static_cast<std::uint32_t>(std::countr_zero(first));
    const std::uint32_t order = std::min(aligned, floor_log2(count));
    put_free_run(state, first, order);
    first += 1u << order;
    count -= 1u << order;
  }
}

}  // namespace holdfast::memory
