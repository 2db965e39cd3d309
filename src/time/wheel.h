// Wheel: one deadline per slot, hierarchical, intrusive; nothing ever walks all connections (rule R12).
//
// Four levels of 64 buckets. The links live in the slots (12 bytes each); the wheel owns only the bucket
// heads, which may be placed in the shard's mapping. Ticks are absolute and 32 bits wide; comparisons are
// wrap-safe as long as a deadline lies less than 2^31 ticks ahead; deadlines beyond the last level wait there
// and are placed again on cascade. Single-threaded. A deadline fires on the first advance() at or after its
// tick, never before, exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory/index.h"

namespace holdfast::time {

using Tick = std::uint32_t;

struct TimerLink {
  memory::Index next;  // next in the bucket, or kNoIndex
  memory::Index
      previous;  // previous in the bucket; kHeadFlag | bucket when first; kUnscheduled when in no bucket
  Tick deadline;

  static constexpr memory::Index kUnscheduled = 0xffff'ffffu;
  static constexpr memory::Index kHeadFlag = 0x8000'0000u;
  bool scheduled() const { return previous != kUnscheduled; }
  void reset() { next = memory::kNoIndex, previous = kUnscheduled, deadline = 0; }
};
static_assert(sizeof(TimerLink) == 12);

class Wheel {
 public:
  static constexpr int kLevels = 4;
  static constexpr int kBucketBits = 6;
  static constexpr int kBuckets = 1 << kBucketBits;

  // Placed in the mapping or anywhere else; format() once before first use.
  struct State {
    memory::Index heads[kLevels * kBuckets];
    std::uint64_t occupied[kLevels];  // bit per bucket: true exactly when its head is not kNoIndex
    Tick now;
    std::uint32_t scheduled;
  };

  Wheel() = default;
  // `first_link` is the link of slot 0; that of slot i lies i * stride_bytes behind it.
  Wheel(State* state, TimerLink* first_link, std::size_t stride_bytes, std::uint32_t capacity);
  static void format(State* state, Tick now);

  // Sets or moves the deadline. A deadline at or before now() fires on the next advance.
  void schedule(memory::Index index, Tick deadline);
  // No effect when nothing is scheduled.
  void cancel(memory::Index index);
  bool scheduled(memory::Index index) const { return link(index).scheduled(); }
  Tick deadline(memory::Index index) const { return link(index).deadline; }

  // Moves time to `now` and appends what is due to `due`, at most `budget` entries (unscheduled before they
  // are appended). Returns false when the budget ran out before everything due was found: call again, same or
  // later now. Placing far deadlines again is charged too, at an eighth of an entry each, so the budget
  // bounds the whole call, and a false may come with fewer than `budget` entries.
  bool advance(Tick now, std::size_t budget, std::vector<memory::Index>& due);

  // Ticks from now() until the next advance could find something due or must cascade, at most `limit`; 0 when
  // overdue.
  Tick ticks_until_next(Tick limit) const;

  Tick now() const { return state_->now; }
  std::uint32_t scheduled_count() const { return state_->scheduled; }
  // Walks everything and CHECKs the invariants. For tests and simulations: linear in the number of deadlines.
  void validate() const;

 private:
  TimerLink& link(memory::Index index) const {
    return *reinterpret_cast<TimerLink*>(reinterpret_cast<std::byte*>(first_link_) + stride_bytes_ * index);
  }
  void place(memory::Index index, Tick deadline);
  void unlink(memory::Index index);
  bool place_again(std::size_t& moves);
  bool take_due(std::size_t& budget, std::vector<memory::Index>& due);

  State* state_ = nullptr;
  TimerLink* first_link_ = nullptr;
  std::size_t stride_bytes_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace holdfast::time
