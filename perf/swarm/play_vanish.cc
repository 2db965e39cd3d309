// Vanished peers: connections whose end of the line falls silent without a FIN, as when a phone loses its
// network. Their kernel drops all that comes but a reset, so nothing is acknowledged and no ping answered;
// the reset tells when the server gave them up. At the end of the time those that saw none are probed: a
// server that has ended its side in another way answers with a reset, one that has not, with a pong.
#include "play.h"
#include "scenario.h"

namespace holdfast::swarm {
namespace {

class Vanish final : public Play {
 public:
  Vanish(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Play(phase, share, herds, desk, stage) {
    const std::uint32_t open = open_connections();
    result_.expected = left_ = part_of(open, phase.percent);
    desk_.expect = Expect::nothing;
    std::uint32_t place = 0;
    for_each(State::open, [&](Herd& herd, Index slot) {
      if (!is_chosen(place++, left_, open)) return;
      herd[slot].flags |= kInPlay;
      herd.vanish(slot);
    });
  }

  void turn() override {
    const auto since_ns = static_cast<double>(since_begin_ns());
    const double limit_ns = phase_.seconds * kSecondNs;
    if (left_ == 0) {
      finished_ = true;
    } else if (!probed_ && since_ns >= limit_ns) {
      probed_ = true;
      for_each(State::vanished, [](Herd& herd, Index slot) { herd.probe(slot); });
    } else if (since_ns >= limit_ns + kProbeNs) {
      give_up();
    }
  }
  void ponged(Herd& herd, Index slot) override { herd.fail(slot, Fault::vanished_kept); }
  void ended(Herd& herd, Index slot, State before) override {
    if (before != State::vanished) return;
    --left_;
    if ((herd[slot].flags & kCloseSeen) == 0) return;  // not the server's doing: counted as a fault
    ++result_.done;
    result_.settled.record(desk_.now_ns - herd[slot].since_ns);
    result_.latency.record(desk_.now_ns - herd[slot].since_ns);
  }
  void give_up() override {
    finished_ = true;
    for_each(State::vanished, [](Herd& herd, Index slot) { herd.fail(slot, Fault::vanished_kept); });
  }

 private:
  static constexpr double kProbeNs = 3e9;  // on which nobody answers but a server that still holds on
  std::uint32_t left_ = 0;
  bool probed_ = false;
};

}  // namespace

std::unique_ptr<Play> make_vanish(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                  Desk& desk, Stage& stage) {
  return std::make_unique<Vanish>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
