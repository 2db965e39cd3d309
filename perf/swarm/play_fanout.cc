// The rounds of a fanout: who publishes, who has received, when the next one may begin.
#include "play_fanout.h"

#include <algorithm>

#include "publisher.h"

namespace holdfast::swarm {

Fanout::Fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk,
               Stage& stage, std::uint32_t slow)
    : Play(phase, share, herds, desk, stage), first_round_(stage.first_round) {
  const std::uint32_t open = open_connections();
  result_.expected = std::uint64_t{open - slow} * phase.rounds;
  result_.rounds.resize(phase.rounds);
  desk_.expect = Expect::publications;
  desk_.sizes = phase.bytes;
  std::uint32_t place = 0;
  for_each(State::open, [&](Herd& herd, Index slot) {
    herd[slot].round = static_cast<std::uint16_t>(first_round_);
    herd[slot].flags |= kInPlay;
    if (is_chosen(place++, slow, open)) herd[slot].flags |= kSlow;
  });
  stage_.listeners.fetch_add(open - slow);
  stage_.begun.fetch_add(1);
}

void Fanout::turn() {
  if (share_.worker == 0) direct();
  if (!stage_.over.load()) return;
  if (over_ns_ == 0) over_ns_ = desk_.now_ns;
  wind_up();
}

void Fanout::wind_up() {
  if (desk_.now_ns < over_ns_ + kSettleNs) return;
  count_missing_replies();
  finished_ = true;
}

// Of clients that published by a command.
void Fanout::count_missing_replies() {
  if (desk_.protocol == nullptr) return;
  for_each(State::open, [&](Herd& herd, Index slot) {
    if ((herd.client(slot).awaited & kAwaitsPublish) != 0) desk_.tally.add(Fault::reply_missing);
  });
}

void Fanout::delivered(Herd& herd, Index slot) {
  const std::uint32_t round = received(herd[slot]) - 1u;
  if (round >= result_.rounds.size()) return;
  const std::uint64_t took_ns = desk_.now_ns - std::min(desk_.now_ns, stage_.published_ns.load());
  result_.rounds[round].record(took_ns);
  result_.latency.record(took_ns);
  ++result_.done;
  stage_.waiting.fetch_sub(1);
}

void Fanout::ended(Herd& herd, Index slot, State) {
  if ((herd[slot].flags & kInPlay) == 0) return;
  stage_.listeners.fetch_sub(1);
  if (received(herd[slot]) < stage_.round.load()) stage_.waiting.fetch_sub(1);
}

void Fanout::give_up() {
  const std::uint32_t published = stage_.round.load();
  for_each(State::open, [&](Herd& herd, Index slot) {
    if ((herd[slot].flags & (kInPlay | kDeaf)) == kInPlay && received(herd[slot]) < published) {
      desk_.tally.add(Fault::broadcast_missing, published - received(herd[slot]));
    }
  });
  count_missing_replies();
  finished_ = true;
}

// The first worker's part: publishes the next round when nobody waits for the last one.
void Fanout::direct() {
  if (stage_.over.load() || stage_.begun.load() < share_.workers || stage_.waiting.load() > 0) return;
  const std::uint32_t round = stage_.round.load();
  Herd* herd = nullptr;
  const Index slot = publisher(round, &herd);
  if (round == phase_.rounds || slot == memory::kNoIndex) return stage_.over.store(true);
  // Nobody receives this round before it is sent, so these are what everybody sees when it arrives.
  stage_.waiting.store(stage_.listeners.load());
  stage_.round.store(round + 1);
  stage_.published_ns.store(desk_.now_ns);
  publish(round, *herd, slot);
}

void Fanout::publish(std::uint32_t round, Herd& herd, Index slot) {
  if (desk_.protocol == nullptr) {
    desk_.publication_round = first_round_ + round;
    herd.send(slot, kSendPublication);
  } else if (stage_.publisher != nullptr) {
    stage_.publisher->publish_round(phase_.bytes);
  } else {
    const std::uint64_t number = desk_.protocol->channels.take_next(herd.channel_of(slot));
    desk_.publication_round = static_cast<std::uint32_t>(number);
    herd.publish(slot);
  }
}

Index Fanout::publisher(std::uint32_t round, Herd** herd) {
  for (std::size_t i = 0; i < herds_.size(); ++i) {
    *herd = herds_[(round + i) % herds_.size()].get();
    const Index touched = (*herd)->touched();
    for (Index step = 0; step < touched; ++step) {
      const Index slot = (round + step) % touched;
      const Connection& connection = (**herd)[slot];
      if (connection.state == State::open && (connection.flags & kSlow) == 0) return slot;
    }
  }
  return memory::kNoIndex;
}

std::unique_ptr<Play> make_fanout(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                  Desk& desk, Stage& stage) {
  return std::make_unique<Fanout>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
