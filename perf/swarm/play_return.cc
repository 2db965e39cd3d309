// Plays whose connections end and come back: storm (all at once) and churn (a few at any time).
#include <algorithm>

#include "base/entropy.h"
#include "play.h"

namespace holdfast::swarm {
namespace {

// The end of a connection is followed by its return; done counts those that are back.
class Return : public Play {
 public:
  using Play::Play;

  void upgraded(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kReturns) == 0) return;
    herd[slot].flags &= static_cast<std::uint16_t>(~kReturns);
    --under_way_;
    ++result_.done;
    result_.handshake.record(desk_.now_ns - herd[slot].since_ns);
  }
  void connected(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kReturns) != 0) result_.connect.record(desk_.now_ns - herd[slot].since_ns);
  }
  void ended(Herd& herd, Index slot, State before) override {
    if ((herd[slot].flags & kReturns) != 0) {
      --under_way_;  // failed to come back
    } else if ((herd[slot].flags & kInPlay) != 0 && before == State::closing &&
               (herd[slot].flags & kCloseSeen) == 0) {
      --under_way_;  // a close without its answer: counted, and not opened again
      herd[slot].flags &= static_cast<std::uint16_t>(~kInPlay);
    }
  }
  void give_up() override {
    for_each(State::closing, [&](Herd& herd, Index slot) { herd.fail(slot, Fault::close_missing); });
    for_each(State::connecting, [&](Herd& herd, Index slot) { herd.fail(slot, Fault::connect_missing); });
    for_each(State::upgrading, [&](Herd& herd, Index slot) { herd.fail(slot, Fault::handshake_missing); });
    for_each(State::joining, [&](Herd& herd, Index slot) { herd.fail(slot, Fault::join_missing); });
    finished_ = true;
  }

 protected:
  void begin_return(Herd& herd, Index slot) {
    herd[slot].flags |= kInPlay;
    ++under_way_;
  }
  std::uint64_t under_way_ = 0;
};

class Storm final : public Return {
 public:
  Storm(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Return(phase, share, herds, desk, stage), random_(desk.run ^ share.worker) {
    result_.expected = open_connections();
    for (const std::unique_ptr<Herd>& herd : herds_) {
      ends_.push_back(herd->touched());
      empty_.push_back(0);
    }
  }

  // Drops a part of the connections each turn, so that the kernel's answers are read meanwhile.
  void turn() override {
    for (std::uint32_t dropped = 0; dropped < kDropsPerTurn && herd_ < herds_.size();) {
      if (slot_ == ends_[herd_]) {
        ++herd_;
        slot_ = 0;
        continue;
      }
      Herd& herd = *herds_[herd_];
      const Index slot = slot_++;
      if (herd[slot].state != State::open) continue;
      begin_return(herd, slot);
      herd.drop(slot);
      ++dropped;
    }
    if (herd_ < herds_.size()) return;
    for (std::size_t i = 0; i < herds_.size(); ++i) {
      for (; empty_[i] > 0; --empty_[i]) come_back(*herds_[i]);
    }
    if (under_way_ == 0) finished_ = true;
  }
  std::uint64_t next_ns() const override { return desk_.now_ns + (herd_ < herds_.size() ? 0 : kTurnNs); }
  void ended(Herd& herd, Index slot, State before) override {
    if (before == State::open && (herd[slot].flags & kInPlay) != 0) ++dropped_;
    Return::ended(herd, slot, before);
  }
  // Nobody comes back before all are gone.
  void returned(Herd& herd, Index) override {
    if (dropped_ == 0) return;
    --dropped_;
    for (std::size_t i = 0; i < herds_.size(); ++i) {
      if (herds_[i].get() == &herd) ++empty_[i];
    }
  }
  void upgraded(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kReturns) != 0) result_.latency.record(since_begin_ns());
    Return::upgraded(herd, slot);
  }

 private:
  void come_back(Herd& herd) {
    const std::uint64_t jitter_ns = random_.below(std::uint64_t{phase_.jitter_ms} * 1'000'000 + 1);
    const Index slot = phase_.jitter_ms == 0 ? herd.open() : herd.open_at(desk_.now_ns + jitter_ns);
    if (slot != memory::kNoIndex) herd[slot].flags |= kReturns;
  }

  static constexpr std::uint32_t kDropsPerTurn = 4096;
  base::Random random_;
  std::vector<Index> ends_;
  std::vector<std::uint32_t> empty_;  // by herd: slots whose connection has to come back
  std::size_t herd_ = 0;
  Index slot_ = 0;
  std::uint64_t dropped_ = 0;  // whose sockets are not closed yet
};

class Churn final : public Return {
 public:
  Churn(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Return(phase, share, herds, desk, stage),
        random_(desk.run ^ share.worker),
        rate_(open_connections() * phase.percent_per_minute / 100 / 60) {
    result_.expected = static_cast<std::uint64_t>(std::max(rate_ * phase.seconds, 1.0));
  }

  void turn() override {
    const double due = std::min(rate_ * static_cast<double>(since_begin_ns()) / kSecondNs + 1,
                                static_cast<double>(result_.expected));
    while (static_cast<double>(begun_) < due && close_one()) ++begun_;
    if (static_cast<double>(since_begin_ns()) >= phase_.seconds * kSecondNs && under_way_ == 0)
      finished_ = true;
  }
  void returned(Herd& herd, Index) override {
    if (closed_ == 0) return;
    --closed_;
    const Index slot = herd.open();
    if (slot != memory::kNoIndex) herd[slot].flags |= kReturns;
  }
  void ended(Herd& herd, Index slot, State before) override {
    if (before == State::closing && (herd[slot].flags & kCloseSeen) != 0 &&
        (herd[slot].flags & kInPlay) != 0) {
      ++closed_;
    }
    Return::ended(herd, slot, before);
  }
  void upgraded(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kReturns) != 0) result_.latency.record(desk_.now_ns - herd[slot].since_ns);
    Return::upgraded(herd, slot);
    herd[slot].flags &= static_cast<std::uint16_t>(~kInPlay);
  }

 private:
  // Somebody at random. False when nobody was found who is open.
  bool close_one() {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      Herd& herd = *herds_[static_cast<std::size_t>(random_.below(herds_.size()))];
      if (herd.touched() == 0) continue;
      const auto slot = static_cast<Index>(random_.below(herd.touched()));
      if (herd[slot].state != State::open) continue;
      begin_return(herd, slot);
      herd.close(slot);
      return true;
    }
    return false;
  }

  static constexpr int kAttempts = 64;
  base::Random random_;
  const double rate_;
  std::uint64_t begun_ = 0;
  std::uint64_t closed_ = 0;  // whose sockets are not yet back
};

}  // namespace

std::unique_ptr<Play> make_return(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                  Desk& desk, Stage& stage) {
  if (phase.kind == Phase::Kind::storm) return std::make_unique<Storm>(phase, share, herds, desk, stage);
  return std::make_unique<Churn>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
