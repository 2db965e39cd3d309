// ConnectionTable: the slots of a shard, their states and generations.
//
// Owns nothing: slots, details and counters lie in the shard's mapping. The only place where a state changes,
// so the counter per state cannot drift from the states. Shard thread only. Invariant: the sum of
// count(state) over all states is capacity().
#pragma once

#include <cstdint>

#include "base/check.h"
#include "memory/index.h"
#include "net/slot.h"

namespace holdfast::net {

struct ConnectionTableState {
  std::uint32_t counts[kStates];
};

class ConnectionTable {
 public:
  ConnectionTable() = default;
  // Formats the slots from zeroed memory without touching those never used: zero bytes are a free slot.
  ConnectionTable(ConnectionTableState* state, Slot* slots, SlotDetail* details, std::uint32_t capacity);

  Slot& operator[](memory::Index index) {
    CHECK(index < capacity_);
    return slots_[index];
  }
  SlotDetail& detail(memory::Index index) {
    CHECK(index < capacity_);
    return details_[index];
  }

  // A free slot's first step, to handshaking: fresh fields, a generation no earlier tenant had (modulo 2^24).
  void claim(memory::Index index, std::uint8_t listener);
  // Moves along the transition table; to(State::free) requires that nothing is in the kernel and nothing is
  // held.
  void to(memory::Index index, State next);

  // The slot if the generation is still its tenant's, else nullptr: a stale completion or handle.
  Slot* find(memory::Index index, std::uint32_t generation) {
    if (index >= capacity_) return nullptr;
    Slot& slot = slots_[index];
    return slot.generation == generation && slot.state() != State::free ? &slot : nullptr;
  }
  // For lists of connections that are worked off one after the other: with a million of them neither line is
  // in a cache when its turn comes.
  // No slot needs to have that index: not every tag names one.
  void prefetch(memory::Index index) const {
    if (index < capacity_) __builtin_prefetch(&slots_[index], 1);
  }
  void prefetch_detail(memory::Index index) const { __builtin_prefetch(&details_[index], 1); }

  ring::Tag tag(ring::Op op, memory::Index index) const {
    return ring::Tag{op, slots_[index].generation, index};
  }

  holdfast::time::TimerLink* first_timer() const { return &slots_[0].timer; }

  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t count(State state) const { return state_->counts[static_cast<int>(state)]; }
  std::uint32_t used() const { return capacity_ - count(State::free); }

 private:
  ConnectionTableState* state_ = nullptr;
  Slot* slots_ = nullptr;
  SlotDetail* details_ = nullptr;
  std::uint32_t capacity_ = 0;
};

}  // namespace holdfast::net
