// Fanout: one connection publishes, every connection must receive it once and in order, then the next round
// begins. The first worker publishes, from another of its connections each round; all workers count.
#pragma once

#include "play.h"

namespace holdfast::swarm {

class Fanout : public Play {
 public:
  Fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Fanout(phase, share, herds, desk, stage, 0) {}

  void turn() override;
  void delivered(Herd& herd, Index slot) override;
  void ended(Herd& herd, Index slot, State before) override;
  void give_up() override;

 protected:
  // So many of this worker's connections are slow: marked kSlow, evenly among the others, and nobody waits
  // for them.
  Fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage,
         std::uint32_t slow);

  // How many publications of this phase the connection has received.
  std::uint32_t received(const Connection& connection) const { return connection.round - first_round_; }
  // When the last round was over; 0 before.
  std::uint64_t over_ns() const { return over_ns_; }
  // Called in the turns after that, until the play is finished.
  virtual void wind_up();

  static constexpr std::uint64_t kSettleNs = 200'000'000;  // in which a second copy would show

 private:
  void direct();
  void publish(std::uint32_t round, Herd& herd, Index slot);
  Index publisher(std::uint32_t round, Herd** herd);
  void count_missing_replies();

  const std::uint32_t first_round_;
  std::uint64_t over_ns_ = 0;
};

}  // namespace holdfast::swarm
