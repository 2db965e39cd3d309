// A wheel over slots of its own, with a stride like that of a real slot.
#pragma once

#include <cstdint>
#include <vector>

#include "time/wheel.h"

namespace holdfast::time {

class OwnedWheel {
 public:
  OwnedWheel(std::uint32_t slots, Tick now) : slots_(slots) {
    for (Slot& slot : slots_) slot.link.reset();
    Wheel::format(&state_, now);
    wheel_ = attach();
  }
  Wheel* operator->() { return &wheel_; }
  Wheel attach() {
    return Wheel(&state_, &slots_[0].link, sizeof(Slot), static_cast<std::uint32_t>(slots_.size()));
  }
  // The slots that are due at `now`, with no limit on how many.
  std::vector<memory::Index> due(Tick now) {
    std::vector<memory::Index> found;
    while (!wheel_.advance(now, 1'000'000, found)) {
    }
    return found;
  }
  TimerLink& link(memory::Index index) { return slots_[index].link; }

 private:
  struct Slot {
    std::uint32_t before[3];
    TimerLink link;
    std::uint32_t after[2];
  };
  std::vector<Slot> slots_;
  Wheel::State state_;
  Wheel wheel_;
};

}  // namespace holdfast::time
