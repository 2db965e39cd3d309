// Pool: a bounded array of equal records with a free list threaded through the free ones.
//
// Owns nothing: items and state live in memory handed in (a shard's mapping), so a pool can be attached again
// from another process. Records are handed out in address order until the first release, then
// last-released-first, so that a pool touches only as much memory as was ever in use at once, and hands out
// warm records. One thread at a time. Invariant: used + free + never-touched == capacity.
#pragma once

#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "memory/index.h"

namespace holdfast::memory {

struct PoolState {
  Index free_head = kNoIndex;  // last released record
  Index fresh = 0;             // first record never handed out
  std::uint32_t used = 0;
  std::uint32_t used_peak = 0;
  std::uint64_t refusals = 0;  // claims refused because the pool was at its bound
};

template <class T>
class Pool {
  static_assert(std::is_trivially_copyable_v<T>, "records move between processes as bytes");
  static_assert(sizeof(T) >= sizeof(Index), "a free record holds the index of the next free one");

 public:
  Pool() = default;
  // `items` has room for `capacity` records and may be untouched (zero) memory; `state` is fresh or as a Pool
  // left it.
  Pool(PoolState* state, T* items, std::uint32_t capacity)
      : state_(state), items_(items), capacity_(capacity) {
    CHECK(state != nullptr);
    CHECK(capacity < kNoIndex);
  }

  // The index of a record with undefined content, or kNoIndex when the bound is reached.
  Index claim() {
    Index index = state_->free_head;
    if (index != kNoIndex) {
      std::memcpy(&state_->free_head, &items_[index], sizeof(Index));
    } else if (state_->fresh < capacity_) {
      index = state_->fresh++;
    } else {
      ++state_->refusals;
      return kNoIndex;
    }
    CHECK(index < capacity_);
    if (++state_->used > state_->used_peak) state_->used_peak = state_->used;
    return index;
  }

  void release(Index index) {
    CHECK(index < state_->fresh);
    CHECK(state_->used > 0);
    std::memcpy(static_cast<void*>(&items_[index]), &state_->free_head, sizeof(Index));
    state_->free_head = index;
    --state_->used;
  }

  T& operator[](Index index) {
    CHECK(index < state_->fresh);
    return items_[index];
  }
  const T& operator[](Index index) const {
    CHECK(index < state_->fresh);
    return items_[index];
  }

  std::uint32_t used() const { return state_->used; }
  std::uint32_t capacity() const { return capacity_; }
  const PoolState& state() const { return *state_; }

 private:
  PoolState* state_ = nullptr;
  T* items_ = nullptr;
  std::uint32_t capacity_ = 0;
};

}  // namespace holdfast::memory
