// State changes of slots, with their CHECKs.
#include "net/connection_table.h"

namespace holdfast::net {

ConnectionTable::ConnectionTable(ConnectionTableState* state, Slot* slots, SlotDetail* details,
                                 std::uint32_t capacity)
    : state_(state), slots_(slots), details_(details), capacity_(capacity) {
  static_assert(static_cast<int>(State::free) == 0, "untouched memory reads as free slots");
  CHECK(capacity > 0);
  std::uint32_t counted = 0;
  for (std::uint32_t count : state_->counts) counted += count;
  CHECK(counted == 0 || counted == capacity);
  if (counted == 0) state_->counts[static_cast<int>(State::free)] = capacity;
}

void ConnectionTable::claim(memory::Index index, std::uint8_t listener) {
  constexpr State first = State::handshaking;
  Slot& slot = (*this)[index];
  CHECK(slot.state() == State::free);
  CHECK(slot.in_flight == 0);
  CHECK(legal_transition(State::free, first));
  const std::uint32_t generation = slot.generation;
  slot = Slot{};
  slot.generation = generation & ring::Tag::kGenerationMask;
  slot.state_bits = static_cast<std::uint32_t>(first) & 0xfu;
  slot.timer.reset();
  slot.outbox_head = slot.outbox_tail = memory::kNoIndex;
  slot.assembly = memory::kNoIndex;
  slot.subscriptions = memory::kNoIndex;
  slot.close_code = 1006;
  slot.listener = listener;
  details_[index] = SlotDetail{};
  details_[index].close_reason = memory::kNoIndex;
  --state_->counts[static_cast<int>(State::free)];
  ++state_->counts[static_cast<int>(first)];
}

void ConnectionTable::to(memory::Index index, State next) {
  Slot& slot = (*this)[index];
  const State from = slot.state();
  CHECK(legal_transition(from, next));
  if (next == State::releasing) CHECK((slot.in_flight & ~kClosing) == 0);
  if (next == State::free) {
    CHECK(slot.in_flight == 0);
    CHECK(!slot.is(kOpened));
    CHECK(slot.address_counted == 0);
    CHECK(!slot.timer.scheduled());
    CHECK(slot.outbox_head == memory::kNoIndex);
    CHECK(slot.assembly == memory::kNoIndex);
    CHECK(slot.subscriptions == memory::kNoIndex);
    CHECK(details_[index].close_reason == memory::kNoIndex);
    slot.generation = (slot.generation + 1) & ring::Tag::kGenerationMask;
  }
  slot.state_bits = static_cast<std::uint32_t>(next) & 0xfu;
  --state_->counts[static_cast<int>(from)];
  ++state_->counts[static_cast<int>(next)];
}

}  // namespace holdfast::net
