// Open-loop echo: message n is due at n / rate seconds whether or not earlier ones have come back, and its
// latency counts from then. A server that stalls is charged for everything that was due meanwhile.
#include "play.h"

namespace holdfast::swarm {
namespace {

class OpenLoop final : public Play {
 public:
  OpenLoop(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk,
           Stage& stage)
      : Play(phase, share, herds, desk, stage),
        // A worker's part of the rate is its part of the connections.
        rate_(share.of_rate(phase.rate)),
        total_(static_cast<std::uint64_t>(rate_ * phase.seconds)) {
    desk_.expect = Expect::echoes;
    desk_.sizes = phase.bytes;
    for_each(State::open, [&](Herd& herd, Index slot) {
      Connection& connection = herd[slot];
      connection.sequence_sent = connection.sequence_left = connection.sequence_echoed = 0;
      connection.since_ns = senders_.size();  // its place in the order, while this play lasts
      connection.flags |= kInPlay;
      senders_.push_back({&herd, slot, connection.generation});
    });
    result_.expected = total_;
  }

  void turn() override {
    if (senders_.empty()) finished_ = true;
    while (begun_ < total_ && !senders_.empty() && due_ns(begun_) <= desk_.now_ns) {
      const Sender& sender = senders_[begun_ % senders_.size()];
      ++begun_;
      if (alive(sender)) {
        sender.herd->send_echo(sender.slot);
      } else {
        ++lost_;
      }
    }
    if (begun_ == total_ && result_.done + lost_ >= total_) finished_ = true;
  }
  std::uint64_t next_ns() const override { return begun_ < total_ ? due_ns(begun_) : desk_.now_ns + kTurnNs; }
  void echoed(Herd& herd, Index slot) override {
    const Connection& connection = herd[slot];
    if ((connection.flags & kInPlay) == 0) return;
    const std::uint64_t number =
        std::uint64_t{connection.sequence_echoed - 1} * senders_.size() + connection.since_ns;
    result_.latency.record(desk_.now_ns - due_ns(number));
    ++result_.done;
  }
  void ended(Herd& herd, Index slot, State) override {
    const Connection& connection = herd[slot];
    if ((connection.flags & kInPlay) != 0) lost_ += connection.sequence_sent - connection.sequence_echoed;
  }
  void give_up() override {
    for (const Sender& sender : senders_) {
      if (!alive(sender)) continue;
      const Connection& connection = (*sender.herd)[sender.slot];
      desk_.tally.add(Fault::echo_missing, connection.sequence_sent - connection.sequence_echoed);
    }
    finished_ = true;
  }

 private:
  struct Sender {
    Herd* herd;
    Index slot;
    std::uint32_t generation;
  };
  bool alive(const Sender& sender) const {
    const Connection& connection = (*sender.herd)[sender.slot];
    return connection.state == State::open && connection.generation == sender.generation;
  }
  std::uint64_t due_ns(std::uint64_t number) const {
    return begun_ns_ + static_cast<std::uint64_t>(static_cast<double>(number) / rate_ * kSecondNs);
  }

  const double rate_;
  const std::uint64_t total_;
  std::vector<Sender> senders_;
  std::uint64_t begun_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace

std::unique_ptr<Play> make_open_loop(const Phase& phase, Share share,
                                     std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage) {
  return std::make_unique<OpenLoop>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
