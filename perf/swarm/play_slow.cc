// Slow readers: a fanout in which some read at a low rate or nothing at all. The others must not notice. In
// the end the slow ones read what there is; each has then received everything, or was ended by the server
// before it could, and in neither case has it seen a gap: Herd counts what comes out of order.
#include <algorithm>

#include "play_fanout.h"
#include "scenario.h"

namespace holdfast::swarm {
namespace {

// The part of a worker's connections that is slow: one at least, and never all.
std::uint32_t slow_of(std::vector<std::unique_ptr<Herd>>& herds, double percent) {
  std::uint32_t open = 0;
  for (const std::unique_ptr<Herd>& herd : herds) open += herd->open_count();
  return open < 2 ? 0 : std::min(part_of(open, percent), open - 1);
}

class Slow final : public Fanout {
 public:
  Slow(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Fanout(phase, share, herds, desk, stage, slow_of(herds, phase.percent)),
        sip_bytes_(static_cast<std::uint32_t>(
            std::clamp(phase.read_rate / kSipsPerSecond, 1.0, double{Desk::kReceiveBytes}))) {
    for_each(State::open, [&](Herd& herd, Index slot) {
      if ((herd[slot].flags & kSlow) == 0) return;
      herd.turn_deaf(slot);
      slow_.push_back({&herd, slot});
    });
    unsettled_ = slow_.size();
    result_.expected += slow_.size();
  }

  void turn() override {
    if (!reading_) sip_what_is_due();
    Fanout::turn();
  }
  void delivered(Herd& herd, Index slot) override {
    if ((herd[slot].flags & kSlow) == 0) return Fanout::delivered(herd, slot);
    if (received(herd[slot]) == phase_.rounds) settle(herd, slot, Count::slow_kept);
  }
  void ended(Herd& herd, Index slot, State before) override {
    if ((herd[slot].flags & kSlow) == 0) return Fanout::ended(herd, slot, before);
    settle(herd, slot, Count::slow_closed);
  }
  void give_up() override {
    Fanout::give_up();
    for (const Reader& reader : slow_) {
      if (!is_slow(reader)) continue;
      (*reader.herd)[reader.slot].flags &= static_cast<std::uint16_t>(~kSlow);
      reader.herd->listen(reader.slot);
    }
  }

 private:
  struct Reader {
    Herd* herd;
    Index slot;
  };

  void wind_up() override {
    const double held_ns = phase_.seconds * kSecondNs;
    if (!reading_ && static_cast<double>(desk_.now_ns - over_ns()) >= held_ns) {
      reading_ = true;
      for (const Reader& reader : slow_) {
        if (is_slow(reader)) reader.herd->listen(reader.slot);
      }
    }
    if (unsettled_ > 0) return;
    if (settled_ns_ == 0) settled_ns_ = desk_.now_ns;
    if (desk_.now_ns >= settled_ns_ + kSettleNs) finished_ = true;
  }

  // Every slow reader in turn, so often that each comes to its rate.
  void sip_what_is_due() {
    if (phase_.read_rate <= 0 || slow_.empty()) return;
    const double sips_per_second = phase_.read_rate / sip_bytes_ * static_cast<double>(slow_.size());
    const auto due =
        static_cast<std::uint64_t>(static_cast<double>(since_begin_ns()) / kSecondNs * sips_per_second);
    // After a delay no more than one each: to catch up with all of it would be a burst.
    sipped_ = std::max(sipped_, due - std::min<std::uint64_t>(due, slow_.size()));
    for (; sipped_ < due; ++sipped_) {
      const Reader& reader = slow_[sipped_ % slow_.size()];
      if (is_slow(reader) && ((*reader.herd)[reader.slot].flags & kDeaf) != 0) {
        reader.herd->sip(reader.slot, sip_bytes_);
      }
    }
  }
  static bool is_slow(const Reader& reader) {
    const Connection& connection = (*reader.herd)[reader.slot];
    return connection.state == State::open && (connection.flags & kSlow) != 0;
  }
  // One that was kept is like the others again: an end is no longer right for it.
  void settle(Herd& herd, Index slot, Count how) {
    herd[slot].flags &= static_cast<std::uint16_t>(~(kInPlay | kSlow));
    if (how == Count::slow_kept) herd.listen(slot);
    --unsettled_;
    result_.settled.record(since_begin_ns());
    desk_.tally.add(how);
    if (how == Count::slow_kept && phase_.expected == Phase::Expected::closed) {
      desk_.tally.add(Fault::slow_wrongly_kept);
    } else if (how == Count::slow_closed && phase_.expected == Phase::Expected::kept) {
      desk_.tally.add(Fault::slow_wrongly_closed);
    } else {
      ++result_.done;
    }
  }

  static constexpr double kSipsPerSecond = 10;
  const std::uint32_t sip_bytes_;
  std::vector<Reader> slow_;
  std::size_t unsettled_ = 0;
  std::uint64_t sipped_ = 0;
  std::uint64_t settled_ns_ = 0;
  bool reading_ = false;
};

}  // namespace

std::unique_ptr<Play> make_slow(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                Desk& desk, Stage& stage) {
  return std::make_unique<Slow>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
