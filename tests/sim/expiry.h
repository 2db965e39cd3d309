// Expiry: what a client knows of the end of its token, and whether the server keeps to it: by the wall clock
// alone, whatever that does, and within a minute.
#pragma once

#include <cstdint>
#include <optional>

#include "ring/simulated_world.h"

namespace holdfast::sim {

class Expiry {
 public:
  // Who brings no other token has `grace_s` seconds more.
  Expiry(ring::SimulatedWorld* world, std::int64_t grace_s) : world_(world), grace_s_(grace_s) {}

  std::int64_t now_s() const { return static_cast<std::int64_t>(world_->clock().wall_ns() / 1'000'000'000); }
  // From now on; 0: for ever.
  void granted(std::int64_t expires_at_s) { granted(expires_at_s, world_->wall_jumps()); }
  // By an answer that may have been under way for long: the server was asked after so many jumps.
  void granted(std::int64_t expires_at_s, std::uint64_t wall_jumps) {
    expires_at_s_ = expires_at_s;
    jumps_ = wall_jumps;
    over_since_ns_.reset();
  }
  // Somebody else may change it at any time: nothing can be said any more.
  void forget() { unknown_ = true; }

  // Is it right to be closed for it now? Whether it was over when the server looked is not known after a jump
  // of the clock.
  bool may_be_over(std::int64_t grace_s) const {
    if (unknown_) return true;
    if (expires_at_s_ == 0) return false;
    return now_s() >= expires_at_s_ + grace_s || world_->wall_jumps() != jumps_;
  }
  // It has been over for longer than the server may take to notice. To be asked now and then.
  bool overdue() {
    const bool over = !unknown_ && expires_at_s_ != 0 && now_s() >= expires_at_s_ + grace_s_;
    if (!over) {
      over_since_ns_.reset();
      return false;
    }
    if (!over_since_ns_) over_since_ns_ = world_->awake_ns();
    return world_->awake_ns() - *over_since_ns_ > kNoticedWithinNs;
  }
  static constexpr std::uint64_t kLookNs = 20'000'000'000;

 private:
  // A minute, which is how far ahead the server plans, and some time for what is on its way.
  static constexpr std::uint64_t kNoticedWithinNs = 75'000'000'000;

  ring::SimulatedWorld* world_;
  std::int64_t grace_s_;
  std::int64_t expires_at_s_ = 0;
  std::uint64_t jumps_ = 0;
  bool unknown_ = false;
  std::optional<std::uint64_t> over_since_ns_;
};

}  // namespace holdfast::sim
