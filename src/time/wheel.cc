// Wheel: which bucket a deadline belongs to, and how time moves from bucket to bucket without visiting empty
// ones.
//
// A bucket of level l covers 64^l ticks. A deadline within the current 64^3 ticks' block stands on the lowest
// level on which it and now() share all higher digits (base 64), so every occupied bucket lies ahead of
// now(), nearer levels before farther ones, and the first occupied bucket of the lowest occupied level is the
// next event. The bucket that now() itself points to is special: on level 0 it holds what is due; above, what
// must be placed again before time moves on. Both may outlive a call when the budget runs out, and the next
// call begins with them.
#include "time/wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"

namespace holdfast::time {
namespace {

using memory::Index;
using memory::kNoIndex;

constexpr int kTopLevel = Wheel::kLevels - 1;
constexpr Tick kBucketMask = Wheel::kBuckets - 1;
// Placing a link again costs much less than what a caller does with a due slot, but it is not free: 65,536 of
// them in one turn would be felt. So an advance places at most this many for each due entry its budget
// allows.
constexpr std::size_t kMovesPerDueEntry = 8;

constexpr int shift_of(int level) {
  return level * Wheel::kBucketBits;
}

int digit(Tick tick, int level) {
  return static_cast<int>(tick >> shift_of(level) & kBucketMask);
}

std::uint64_t bit_of(int digit) {
  return std::uint64_t{1} << digit;
}

bool at_or_before(Tick tick, Tick reference) {
  return static_cast<std::int32_t>(tick - reference) <= 0;
}

// Buckets of a level in the order time reaches them: bit 0 is the one `now` points to.
std::uint64_t in_order(std::uint64_t occupied, Tick now, int level) {
  return std::rotr(occupied, digit(now, level));
}

// The bucket, counted through all levels, in which `deadline` waits as seen from `now`.
Index bucket_of(Tick now, Tick deadline) {
  if (at_or_before(deadline, now)) return static_cast<Index>(digit(now, 0));
  const Tick blocks_ahead = (deadline >> shift_of(kTopLevel)) - (now >> shift_of(kTopLevel));
  // Blocks are numbered modulo 2^14, because ticks wrap.
  constexpr Tick kBlockMask = std::numeric_limits<Tick>::max() >> shift_of(kTopLevel);
  if ((blocks_ahead & kBlockMask) == 0) {
    const int highest_bit = static_cast<int>(std::bit_width(deadline ^ now)) - 1;
    const int level = highest_bit / Wheel::kBucketBits;
    return static_cast<Index>(level * Wheel::kBuckets + digit(deadline, level));
  }
  // Beyond the last level: as far ahead as it reaches, to be placed again from there.
  const Tick reach = std::min<Tick>(blocks_ahead & kBlockMask, Wheel::kBuckets - 1);
  const int top_digit = (digit(now, kTopLevel) + static_cast<int>(reach)) & static_cast<int>(kBucketMask);
  return static_cast<Index>(kTopLevel * Wheel::kBuckets + top_digit);
}

// The next tick after `now` at which a bucket falls due or must be placed again; false when nothing waits
// ahead.
bool next_event(const Wheel::State& state, Tick& event) {
  for (int level = 0; level < Wheel::kLevels; ++level) {
    const std::uint64_t ahead = in_order(state.occupied[level], state.now, level) & ~std::uint64_t{1};
    if (ahead == 0) continue;
    const Tick steps = static_cast<Tick>(std::countr_zero(ahead));
    event = ((state.now >> shift_of(level)) + steps) << shift_of(level);
    return true;
  }
  return false;
}

}  // namespace

Wheel::Wheel(State* state, TimerLink* first_link, std::size_t stride_bytes, std::uint32_t capacity)
    : state_(state), first_link_(first_link), stride_bytes_(stride_bytes), capacity_(capacity) {
  CHECK(state != nullptr && first_link != nullptr);
  CHECK(stride_bytes >= sizeof(TimerLink) && stride_bytes % alignof(TimerLink) == 0);
  CHECK(capacity < TimerLink::kHeadFlag);
}

void Wheel::format(State* state, Tick now) {
  std::fill(std::begin(state->heads), std::end(state->heads), kNoIndex);
  std::fill(std::begin(state->occupied), std::end(state->occupied), 0u);
  state->now = now;
  state->scheduled = 0;
}

void Wheel::schedule(Index index, Tick deadline) {
  CHECK(index < capacity_);
  if (link(index).scheduled()) unlink(index);
  place(index, deadline);
}

void Wheel::cancel(Index index) {
  CHECK(index < capacity_);
  if (link(index).scheduled()) unlink(index);
}

bool Wheel::advance(Tick now, std::size_t budget, std::vector<Index>& due) {
  CHECK(at_or_before(state_->now, now));
  std::size_t moves = budget > std::numeric_limits<std::size_t>::max() / kMovesPerDueEntry
                          ? budget
                          : budget * kMovesPerDueEntry;
  while (true) {
    if (!place_again(moves) || !take_due(budget, due)) return false;
    Tick event = now;
    if (!next_event(*state_, event) || event - state_->now > now - state_->now) {
      state_->now = now;
      return true;
    }
    state_->now = event;
  }
}

// Empties the buckets above level 0 that now() points to, farthest level first: what leaves one may land in
// the next.
bool Wheel::place_again(std::size_t& moves) {
  for (int level = kTopLevel; level > 0; --level) {
    const Index bucket = static_cast<Index>(level * kBuckets + digit(state_->now, level));
    while (state_->heads[bucket] != kNoIndex) {
      if (moves == 0) return false;
      --moves;
      const Index index = state_->heads[bucket];
      unlink(index);
      place(index, link(index).deadline);
    }
  }
  return true;
}

bool Wheel::take_due(std::size_t& budget, std::vector<Index>& due) {
  const Index bucket = static_cast<Index>(digit(state_->now, 0));
  while (state_->heads[bucket] != kNoIndex) {
    if (budget == 0) return false;
    --budget;
    const Index index = state_->heads[bucket];
    unlink(index);
    due.push_back(index);
  }
  return true;
}

Tick Wheel::ticks_until_next(Tick limit) const {
  for (int level = 0; level < kLevels; ++level) {
    if ((in_order(state_->occupied[level], state_->now, level) & 1) != 0) return 0;
  }
  Tick event = 0;
  if (!next_event(*state_, event)) return limit;
  return std::min(event - state_->now, limit);
}

void Wheel::place(Index index, Tick deadline) {
  const Index bucket = bucket_of(state_->now, deadline);
  Index& head = state_->heads[bucket];
  TimerLink& placed = link(index);
  placed.deadline = deadline;
  placed.next = head;
  placed.previous = TimerLink::kHeadFlag | bucket;
  if (head != kNoIndex) {
    CHECK(link(head).previous == placed.previous);
    link(head).previous = index;
  } else {
    state_->occupied[bucket / kBuckets] |= bit_of(static_cast<int>(bucket % kBuckets));
  }
  head = index;
  ++state_->scheduled;
}

// Keeps the deadline, for the caller that places the link again.
void Wheel::unlink(Index index) {
  TimerLink& gone = link(index);
  if (gone.next != kNoIndex) {
    CHECK(gone.next < capacity_ && link(gone.next).previous == index);
    link(gone.next).previous = gone.previous;
  }
  if ((gone.previous & TimerLink::kHeadFlag) == 0) {
    CHECK(gone.previous < capacity_ && link(gone.previous).next == index);
    link(gone.previous).next = gone.next;
  } else {
    const Index bucket = gone.previous & ~TimerLink::kHeadFlag;
    CHECK(bucket < kLevels * kBuckets && state_->heads[bucket] == index);
    state_->heads[bucket] = gone.next;
    if (gone.next == kNoIndex) {
      state_->occupied[bucket / kBuckets] &= ~bit_of(static_cast<int>(bucket % kBuckets));
    }
  }
  gone.next = kNoIndex;
  gone.previous = TimerLink::kUnscheduled;
  CHECK(state_->scheduled > 0);
  --state_->scheduled;
}

void Wheel::validate() const {
  std::uint32_t counted = 0;
  for (Index bucket = 0; bucket < kLevels * kBuckets; ++bucket) {
    const int level = static_cast<int>(bucket / kBuckets);
    const int bucket_digit = static_cast<int>(bucket % kBuckets);
    const Index head = state_->heads[bucket];
    CHECK(((state_->occupied[level] & bit_of(bucket_digit)) != 0) == (head != kNoIndex));
    const int steps = (bucket_digit - digit(state_->now, level)) & static_cast<int>(kBucketMask);
    const Tick block = (state_->now >> shift_of(level)) + static_cast<Tick>(steps);
    Index previous = TimerLink::kHeadFlag | bucket;
    for (Index index = head; index != kNoIndex; index = link(index).next) {
      CHECK(index < capacity_);
      CHECK(link(index).previous == previous);
      const Tick deadline = link(index).deadline;
      const bool waits_in_current = steps == 0 && (level > 0 || at_or_before(deadline, state_->now));
      const bool inside_block =
          (block << shift_of(level)) == (deadline >> shift_of(level) << shift_of(level));
      const bool beyond_last_level = level == kTopLevel && at_or_before(block << shift_of(level), deadline);
      CHECK(waits_in_current || inside_block || beyond_last_level);
      previous = index;
      ++counted;
      CHECK(counted <= capacity_);
    }
  }
  CHECK(counted == state_->scheduled);
}

}  // namespace holdfast::time
