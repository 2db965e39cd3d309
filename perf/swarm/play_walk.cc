// Plays that go once through all connections with a bounded number of them under way: closed-loop echo, ping
// and close.
#include <algorithm>

#include "play.h"

namespace holdfast::swarm {
namespace {

class Walk : public Play {
 public:
  Walk(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage,
       std::uint32_t units)
      : Play(phase, share, herds, desk, stage), most_(std::max(share.of(phase.outstanding), 1u)) {
    result_.expected = std::uint64_t{open_connections()} * units;
    for (const std::unique_ptr<Herd>& herd : herds_) ends_.push_back(herd->touched());
  }

  void turn() override {
    while (under_way_ < most_ && herd_ < herds_.size()) {
      if (slot_ == ends_[herd_]) {
        ++herd_;
        slot_ = 0;
        continue;
      }
      Herd& herd = *herds_[herd_];
      const Index slot = slot_++;
      if (herd[slot].state != State::open) continue;
      herd[slot].flags |= kInPlay;
      ++under_way_;
      start(herd, slot);
    }
    if (herd_ == herds_.size() && under_way_ == 0) finished_ = true;
  }
  void ended(Herd& herd, Index slot, State) override { leave(herd, slot); }
  void give_up() override {
    for (const State state : {State::open, State::closing}) {
      for_each(state, [&](Herd& herd, Index slot) {
        if ((herd[slot].flags & kInPlay) == 0) return;
        desk_.tally.add(missing_);
        leave(herd, slot);
      });
    }
    finished_ = true;
  }

 protected:
  virtual void start(Herd& herd, Index slot) = 0;
  void completed_unit(Herd& herd, Index slot) {
    ++result_.done;
    result_.latency.record(desk_.now_ns - herd[slot].since_ns);
  }
  void leave(Herd& herd, Index slot) {
    if ((herd[slot].flags & kInPlay) == 0) return;
    herd[slot].flags &= static_cast<std::uint16_t>(~kInPlay);
    --under_way_;
  }
  Fault missing_ = Fault::echo_missing;

 private:
  const std::uint32_t most_;
  std::vector<Index> ends_;  // connections that come later take no part
  std::size_t herd_ = 0;
  Index slot_ = 0;
  std::uint32_t under_way_ = 0;
};

class ClosedEcho final : public Walk {
 public:
  ClosedEcho(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk,
             Stage& stage)
      : Walk(phase, share, herds, desk, stage, phase.rounds) {
    desk_.expect = Expect::echoes;
    desk_.sizes = phase.bytes;
    for_each(State::open, [](Herd& herd, Index slot) {
      Connection& connection = herd[slot];
      connection.sequence_sent = connection.sequence_left = connection.sequence_echoed = 0;
    });
  }
  void echoed(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kInPlay) == 0) return;
    completed_unit(herd, slot);
    if (herd[slot].sequence_echoed == phase_.rounds) return leave(herd, slot);
    start(herd, slot);
  }

 private:
  void start(Herd& herd, Index slot) override {
    herd[slot].since_ns = desk_.now_ns;
    herd.send_echo(slot);
  }
};

class Ping final : public Walk {
 public:
  Ping(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Walk(phase, share, herds, desk, stage, 1) {
    missing_ = Fault::pong_missing;
  }
  void ponged(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kInPlay) == 0) return;
    completed_unit(herd, slot);
    leave(herd, slot);
  }

 private:
  void start(Herd& herd, Index slot) override {
    herd[slot].since_ns = desk_.now_ns;
    herd.ping(slot);
  }
};

class Close final : public Walk {
 public:
  Close(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Walk(phase, share, herds, desk, stage, 1) {
    missing_ = Fault::close_missing;
  }
  void ended(Herd& herd, Index slot, State before) override {
    if (before == State::closing && (herd[slot].flags & kCloseSeen) != 0) completed_unit(herd, slot);
    leave(herd, slot);
  }

 private:
  void start(Herd& herd, Index slot) override {
    herd[slot].since_ns = desk_.now_ns;
    herd.close(slot);
  }
};

}  // namespace

std::unique_ptr<Play> make_walk(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                Desk& desk, Stage& stage) {
  if (phase.kind == Phase::Kind::ping) return std::make_unique<Ping>(phase, share, herds, desk, stage);
  if (phase.kind == Phase::Kind::close) return std::make_unique<Close>(phase, share, herds, desk, stage);
  return std::make_unique<ClosedEcho>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
