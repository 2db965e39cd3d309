// What all plays share, and the play that does nothing: idle.
#include "play.h"

namespace holdfast::swarm {
namespace {

class Idle final : public Play {
 public:
  using Play::Play;

  void turn() override {
    if (static_cast<double>(since_begin_ns()) >= phase_.seconds * kSecondNs) finished_ = true;
  }
  void give_up() override { finished_ = true; }
};

}  // namespace

void Stage::clear() {
  begun = 0;
  round = 0;
  waiting = 0;
  listeners = 0;
  collecting = false;
  sent = 0;
  received = 0;
  over = false;
}

void Result::merge(const Result& other) {
  expected += other.expected;
  done += other.done;
  connect.merge(other.connect);
  handshake.merge(other.handshake);
  latency.merge(other.latency);
  settled.merge(other.settled);
  if (rounds.size() < other.rounds.size()) rounds.resize(other.rounds.size());
  for (std::size_t i = 0; i < other.rounds.size(); ++i) rounds[i].merge(other.rounds[i]);
}

std::uint32_t Play::open_connections() const {
  std::uint32_t open = 0;
  for (const std::unique_ptr<Herd>& herd : herds_) open += herd->open_count();
  return open;
}

std::unique_ptr<Play> Play::make(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                 Desk& desk, Stage& stage) {
  switch (phase.kind) {
    case Phase::Kind::ramp:
    case Phase::Kind::half_open:
      return make_opening(phase, share, herds, desk, stage);
    case Phase::Kind::idle:
      return std::make_unique<Idle>(phase, share, herds, desk, stage);
    case Phase::Kind::echo:
      if (!phase.closed_loop) return make_open_loop(phase, share, herds, desk, stage);
      [[fallthrough]];
    case Phase::Kind::ping:
    case Phase::Kind::close:
      return make_walk(phase, share, herds, desk, stage);
    case Phase::Kind::fanout:
      return make_fanout(phase, share, herds, desk, stage);
    case Phase::Kind::fanin:
      return make_fanin(phase, share, herds, desk, stage);
    case Phase::Kind::slow:
      return make_slow(phase, share, herds, desk, stage);
    case Phase::Kind::vanish:
      return make_vanish(phase, share, herds, desk, stage);
    case Phase::Kind::recover:
      return make_recover(phase, share, herds, desk, stage);
    case Phase::Kind::drop:
      return make_drop(phase, share, herds, desk, stage);
    case Phase::Kind::storm:
    case Phase::Kind::churn:
      return make_return(phase, share, herds, desk, stage);
  }
  return nullptr;
}

}  // namespace holdfast::swarm
