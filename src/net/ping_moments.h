// PingMoments: when connections are pinged: block by block, in the order of their slots.
//
// Every interval has a moment for each block of slots. Slots that stand beside each other share a page here,
// and their sockets often do in the kernel, so of a million cold connections the next one is half warm
// (16.7 us of CPU each in an order of their own, 10.5 us so; Linux 6.18). The moments of successive blocks
// lie apart, so that clients that arrive together do not answer together. Pure arithmetic, nothing is kept.
#pragma once

#include <algorithm>
#include <cstdint>

#include "memory/index.h"
#include "time/wheel.h"

namespace holdfast::net {

class PingMoments {
 public:
  // Slots that are pinged together: one wake-up for all of their pongs, and no more than two milliseconds of
  // pings in a row.
  static constexpr std::uint32_t kBlock = 128;

  explicit PingMoments(time::Tick interval)
      : grain_(std::max<time::Tick>(1, interval / kMomentsLeast)),
        moments_(std::max<time::Tick>(1, interval / grain_)) {}

  // The block's first moment at or after `earliest`.
  time::Tick next(memory::Index slot, time::Tick earliest) const {
    const std::uint32_t spread = slot / kBlock * kGoldenRatio;  // of 2^32
    const auto moment = static_cast<time::Tick>(std::uint64_t{spread} * moments_ >> 32) * grain_;
    return earliest + (moment + period() - earliest % period()) % period();
  }

  // From one moment of a block to the next: no more than the interval.
  time::Tick period() const { return moments_ * grain_; }
  // Moments are multiples of this many ticks: a few bigger batches cost less than many small ones, because
  // each wakes the shard and the pongs come back together.
  time::Tick grain() const { return grain_; }

 private:
  static constexpr time::Tick kMomentsLeast = 128;  // where an interval has as many ticks
  // Multiples of it, modulo 2^32, lie evenly however many there are (Knuth, volume 3, section 6.4).
  static constexpr std::uint32_t kGoldenRatio = 2'654'435'769;

  time::Tick grain_;
  time::Tick moments_;
};

}  // namespace holdfast::net
