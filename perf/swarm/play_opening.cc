// Plays that open connections at a rate: ramp, and half-open handshakes.
#include <algorithm>
#include <cmath>

#include "play.h"

namespace holdfast::swarm {
namespace {

class Opening : public Play {
 public:
  Opening(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk,
          Stage& stage)
      : Play(phase, share, herds, desk, stage),
        wanted_(share.of(phase.connections)),
        most_(std::max(share.of(phase.outstanding), 1u)) {
    result_.expected = wanted_;
  }

  void turn() override {
    const std::uint32_t due = due_by_now();
    while (begun_ < due && under_way_ < most_ && herd_ < herds_.size()) {
      const Index slot = herds_[herd_]->open();
      if (slot == memory::kNoIndex) {
        ++herd_;
        continue;
      }
      (*herds_[herd_])[slot].flags |= kInPlay;
      ++begun_;
      ++under_way_;
    }
    // No room left: what could not begin is not done.
    if ((begun_ == wanted_ || herd_ == herds_.size()) && under_way_ == 0) finished_ = true;
  }
  std::uint64_t next_ns() const override { return desk_.now_ns + (phase_.rate > 0 ? 1'000'000 : kTurnNs); }

  void connected(Herd& herd, Index slot) override {
    result_.connect.record(desk_.now_ns - herd[slot].since_ns);
  }
  void ended(Herd& herd, Index slot, State) override { leave(herd, slot); }
  void give_up() override {
    for_each(State::connecting, [&](Herd& herd, Index slot) { miss(herd, slot, Fault::connect_missing); });
    for_each(State::upgrading, [&](Herd& herd, Index slot) { miss(herd, slot, Fault::handshake_missing); });
    for_each(State::joining, [&](Herd& herd, Index slot) { miss(herd, slot, Fault::join_missing); });
    for_each(State::half_open, [&](Herd& herd, Index slot) { miss(herd, slot, Fault::half_open_kept); });
    finished_ = true;
  }

 protected:
  void leave(Herd& herd, Index slot) {
    if ((herd[slot].flags & kInPlay) == 0) return;
    herd[slot].flags &= static_cast<std::uint16_t>(~kInPlay);
    --under_way_;
  }

 private:
  std::uint32_t due_by_now() const {
    if (phase_.rate <= 0) return wanted_;
    const double due = share_.of_rate(phase_.rate) * static_cast<double>(since_begin_ns()) / kSecondNs;
    return static_cast<std::uint32_t>(std::min(due + 1, static_cast<double>(wanted_)));
  }
  void miss(Herd& herd, Index slot, Fault fault) { herd.fail(slot, fault); }

  const std::uint32_t wanted_;
  const std::uint32_t most_;
  std::uint32_t begun_ = 0;
  std::uint32_t under_way_ = 0;
  std::size_t herd_ = 0;
};

class Ramp final : public Opening {
 public:
  using Opening::Opening;
  void upgraded(Herd& herd, Index slot) override {
    const std::uint64_t took_ns = desk_.now_ns - herd[slot].since_ns;
    result_.handshake.record(took_ns);
    result_.latency.record(took_ns);
    ++result_.done;
    leave(herd, slot);
  }
};

// Sends half of the request and waits to be turned out.
class HalfOpen final : public Opening {
 public:
  using Opening::Opening;
  void connected(Herd& herd, Index slot) override {
    Opening::connected(herd, slot);
    herd[slot].state = State::half_open;
    herd[slot].since_ns = desk_.now_ns;
    herd.send(slot, kSendRequest);
  }
  void ended(Herd& herd, Index slot, State before) override {
    if (before == State::half_open && !finished_ && !timed_out_) {
      result_.latency.record(desk_.now_ns - herd[slot].since_ns);
      ++result_.done;
    }
    Opening::ended(herd, slot, before);
  }
  void turn() override {
    Opening::turn();
    if (!finished_ && static_cast<double>(since_begin_ns()) > phase_.seconds * kSecondNs) give_up();
  }
  void give_up() override {
    timed_out_ = true;
    Opening::give_up();
  }

 private:
  bool timed_out_ = false;
};

}  // namespace

std::unique_ptr<Play> make_opening(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                   Desk& desk, Stage& stage) {
  if (phase.kind == Phase::Kind::half_open)
    return std::make_unique<HalfOpen>(phase, share, herds, desk, stage);
  return std::make_unique<Ramp>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
