// Fan-out: one connection publishes, every connection must receive it once and in order, then the next round
// begins. The first worker publishes, from another of its connections each round; all workers count.
#include <algorithm>

#include "play.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint64_t kSettleNs = 200'000'000;  // in which a second copy would show

class Fanout final : public Play {
 public:
  Fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Play(phase, share, herds, desk, stage), first_round_(stage.first_round) {
    result_.expected = std::uint64_t{open_connections()} * phase.rounds;
    result_.rounds.resize(phase.rounds);
    desk_.expect = Expect::publications;
    desk_.publication_bytes = phase.bytes.smallest;
    for_each(State::open, [&](Herd& herd, Index slot) {
      herd[slot].round = static_cast<std::uint16_t>(first_round_);
      herd[slot].flags |= kInPlay;
    });
    stage_.begun.fetch_add(1);
  }

  void turn() override {
    if (share_.worker == 0) direct();
    if (!stage_.fanout_over.load()) return;
    if (over_ns_ == 0) over_ns_ = desk_.now_ns;
    if (desk_.now_ns >= over_ns_ + kSettleNs) finished_ = true;
  }

  void delivered(Herd& herd, Index slot) override {
    const std::uint32_t round = herd[slot].round - 1u - first_round_;
    if (round >= result_.rounds.size()) return;
    const std::uint64_t took_ns = desk_.now_ns - std::min(desk_.now_ns, stage_.published_ns.load());
    result_.rounds[round].record(took_ns);
    result_.latency.record(took_ns);
    ++result_.done;
    stage_.waiting.fetch_sub(1);
  }
  void ended(Herd& herd, Index slot, State) override {
    if ((herd[slot].flags & kInPlay) == 0) return;
    if (herd[slot].round - first_round_ < stage_.round.load()) stage_.waiting.fetch_sub(1);
  }
  void give_up() override {
    const std::uint32_t published = stage_.round.load();
    for_each(State::open, [&](Herd& herd, Index slot) {
      const std::uint32_t received = herd[slot].round - first_round_;
      if ((herd[slot].flags & kInPlay) != 0 && received < published) {
        desk_.tally.add(Fault::broadcast_missing, published - received);
      }
    });
    finished_ = true;
  }

 private:
  // The first worker's part: publishes the next round when nobody waits for the last one.
  void direct() {
    if (stage_.fanout_over.load() || stage_.begun.load() < share_.workers || stage_.waiting.load() > 0)
      return;
    const std::uint32_t round = stage_.round.load();
    Herd* herd = nullptr;
    const Index slot = publisher(round, &herd);
    if (round == phase_.rounds || slot == memory::kNoIndex) return stage_.fanout_over.store(true);
    desk_.publication_round = first_round_ + round;
    // Nobody receives this round before it is sent, so these are what everybody sees when it arrives.
    stage_.waiting.store(stage_.open_now());
    stage_.round.store(round + 1);
    stage_.published_ns.store(desk_.now_ns);
    herd->send(slot, kSendPublication);
  }
  Index publisher(std::uint32_t round, Herd** herd) {
    for (std::size_t i = 0; i < herds_.size(); ++i) {
      *herd = herds_[(round + i) % herds_.size()].get();
      const Index touched = (*herd)->touched();
      for (Index step = 0; step < touched; ++step) {
        const Index slot = (round + step) % touched;
        if ((**herd)[slot].state == State::open) return slot;
      }
    }
    return memory::kNoIndex;
  }

  const std::uint32_t first_round_;
  std::uint64_t over_ns_ = 0;
};

}  // namespace

std::unique_ptr<Play> make_fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                  Desk& desk, Stage& stage) {
  return std::make_unique<Fanout>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
