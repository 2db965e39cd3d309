// Recover: the server is told to disconnect everybody while publications go on; everybody comes back, says
// where it stood, and must have everything that was published, once and in order.
#include <algorithm>

#include "base/entropy.h"
#include "play.h"
#include "publisher.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint16_t kShutdown = 3001;
constexpr std::uint64_t kBeforeNs = 1'000'000'000;  // publications go on for so long before the disconnect
constexpr std::uint64_t kLookNs = 50'000'000;
constexpr std::uint64_t kSettleNs = 200'000'000;  // in which a second copy would show

// A connection is in play once it has come back.
class Recover final : public Play {
 public:
  Recover(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk,
          Stage& stage)
      : Play(phase, share, herds, desk, stage), random_(desk.run ^ share.worker) {
    result_.expected = open_connections();
    desk_.sizes = phase.bytes;
    desk_.awaited_close = kShutdown;
    stage_.begun.fetch_add(1);
  }

  void turn() override {
    if (share_.worker == 0) direct();
    if (!stage_.over.load() || desk_.now_ns < look_ns_) return;
    look_ns_ = desk_.now_ns + kLookNs;
    if (count_complete() < result_.expected) return;
    if (complete_ns_ == 0) complete_ns_ = desk_.now_ns;
    if (desk_.now_ns >= complete_ns_ + kSettleNs) finish();
  }
  std::uint64_t comes_back_ns(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kCloseSeen) == 0 || finished_) return 0;
    const std::uint64_t spread_ns = random_.below(std::uint64_t{phase_.jitter_ms} * 1'000'000 + 1);
    return desk_.now_ns + std::uint64_t{phase_.backoff_ms} * 1'000'000 + spread_ns;
  }
  void connected(Herd& herd, Index slot) override {
    result_.connect.record(desk_.now_ns - herd[slot].since_ns);
  }
  void upgraded(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kReturns) == 0) return;
    herd[slot].flags &= static_cast<std::uint16_t>(~kReturns);
    herd[slot].flags |= kInPlay;
    result_.handshake.record(desk_.now_ns - herd[slot].since_ns);
    result_.latency.record(desk_.now_ns - std::min(desk_.now_ns, stage_.published_ns.load()));
  }
  void give_up() override {
    for_each(State::connecting, [](Herd& herd, Index slot) { herd.fail(slot, Fault::connect_missing); });
    for_each(State::upgrading, [](Herd& herd, Index slot) { herd.fail(slot, Fault::handshake_missing); });
    for_each(State::joining, [](Herd& herd, Index slot) { herd.fail(slot, Fault::join_missing); });
    for_each(State::open, [&](Herd& herd, Index slot) {
      const std::uint64_t top = desk_.protocol->channels.top(herd.channel_of(slot));
      const std::uint64_t position = herd.client(slot).position;
      if (position < top) desk_.tally.add(Fault::broadcast_missing, top - position);
      if ((herd[slot].flags & kInPlay) == 0) desk_.tally.add(Fault::disconnect_missing);
    });
    finish();
  }

 private:
  void direct() {
    Publisher& publisher = *stage_.publisher;
    if (stage_.over.load() || stage_.begun.load() < share_.workers) return;
    if (flows_ns_ == 0) {
      flows_ns_ = desk_.now_ns;
      return publisher.publish_at(phase_.rate, phase_.seconds, phase_.bytes);
    }
    if (!disconnected_ && desk_.now_ns >= flows_ns_ + kBeforeNs) {
      disconnected_ = true;
      stage_.published_ns.store(desk_.now_ns);
      return publisher.disconnect(stage_.numbers, kShutdown);
    }
    if (disconnected_ && publisher.idle()) stage_.over.store(true);
  }

  // Those that are back and have everything.
  std::uint64_t count_complete() {
    std::uint64_t complete = 0;
    for_each(State::open, [&](Herd& herd, Index slot) {
      if ((herd[slot].flags & kInPlay) == 0) return;
      if (herd.client(slot).position == desk_.protocol->channels.top(herd.channel_of(slot))) ++complete;
    });
    return complete;
  }

  void finish() {
    result_.done = count_complete();
    desk_.awaited_close = 0;
    finished_ = true;
  }

  base::Random random_;
  std::uint64_t flows_ns_ = 0, look_ns_ = 0, complete_ns_ = 0;
  bool disconnected_ = false;
};

}  // namespace

std::unique_ptr<Play> make_recover(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                   Desk& desk, Stage& stage) {
  return std::make_unique<Recover>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
