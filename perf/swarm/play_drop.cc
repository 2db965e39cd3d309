// Drop: ends every connection by RST and waits until their slots are free. Leaves nothing behind in the
// kernel, so that as many can be opened again at once.
#include "play.h"

namespace holdfast::swarm {
namespace {

class Drop final : public Play {
 public:
  Drop(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Play(phase, share, herds, desk, stage) {
    result_.expected = open_connections();
  }

  void turn() override {
    std::uint32_t dropped = 0;
    for_each(State::open, [&](Herd& herd, Index slot) {
      if (dropped++ >= kDropsPerTurn) return;
      herd[slot].flags |= kResets;
      herd.drop(slot);
    });
    if (dropped == 0 && result_.done == result_.expected) finished_ = true;
  }
  void returned(Herd&, Index) override { ++result_.done; }
  void give_up() override { finished_ = true; }

 private:
  static constexpr std::uint32_t kDropsPerTurn = 4096;
};

}  // namespace

std::unique_ptr<Play> make_drop(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                Desk& desk, Stage& stage) {
  return std::make_unique<Drop>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
