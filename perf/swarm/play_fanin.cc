// Fan-in: everybody sends, a few collect. The collectors are the first worker's first connections; each tells
// the server, and then sends a message to the collectors itself: when that has come back, whatever is sent
// from then on must come, too. A message names its sender, its place in the sender's order and the moment it
// was sent, so a collector's only memory is the next place of every sender.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "play.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint32_t kGreeting = 0xff'fffe;  // the sequence of a collector's message to itself
static_assert(kRoundsMaximum < kGreeting);

class Collector {
 public:
  enum class Found : std::uint8_t { incomplete, right, greeting, differs, twice, early };

  Collector(Herd* herd, Index slot, std::uint64_t numbers) : herd_(herd), slot_(slot), next_(numbers) {}

  // Judges a message piece by piece; the verdict comes with its last one.
  Found take(const Piece& piece, std::uint32_t rounds) {
    std::span<const std::byte> bytes = piece.bytes;
    std::uint32_t offset = piece.offset;
    if (offset == 0) differs_ = piece.opcode != ws::Opcode::binary || piece.length < kGatheredMinimumBytes;
    while (!differs_ && offset < kOriginBytes && !bytes.empty()) {
      first_[offset++] = bytes.front();
      bytes = bytes.subspan(1);
      if (offset == kOriginBytes) {
        origin_ = origin_of(first_);
        content_ = gathered_content(herd_->desk().run, origin_, herd_->desk().sizes);
        differs_ = content_.bytes != piece.length || !matches(content_, 0, first_);
      }
    }
    if (!differs_ && !bytes.empty()) differs_ = !matches(content_, offset, bytes);
    if (!piece.last()) return Found::incomplete;
    return differs_ || origin_.number >= next_.size() ? Found::differs : place(rounds);
  }

  Herd& herd() const { return *herd_; }
  Index slot() const { return slot_; }
  const Origin& origin() const { return origin_; }
  bool open() const { return (*herd_)[slot_].state == State::open; }
  bool ready = false;  // has received its own greeting
  std::uint64_t received = 0;

 private:
  Found place(std::uint32_t rounds) {
    if (origin_.sequence == kGreeting) return Found::greeting;
    std::uint16_t& next = next_[origin_.number];
    if (origin_.sequence < next) return Found::twice;
    if (origin_.sequence > next || next == rounds) return Found::early;
    ++next;
    return Found::right;
  }

  Herd* herd_;
  Index slot_;
  std::vector<std::uint16_t> next_;  // by the sender's number
  std::array<std::byte, kOriginBytes> first_ = {};
  Origin origin_;
  Content content_;
  bool differs_ = false;
};

class Fanin final : public Play {
 public:
  Fanin(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds, Desk& desk, Stage& stage)
      : Play(phase, share, herds, desk, stage) {
    desk_.expect = Expect::gathered;
    desk_.sizes = phase.bytes;
    result_.expected = std::uint64_t{open_connections()} * phase.rounds * phase.collectors;
    for_each(State::open, [&](Herd& herd, Index slot) {
      Connection& connection = herd[slot];
      connection.sequence_sent = connection.sequence_left = 0;
      senders_.push_back({&herd, slot});
      if (share.worker == 0 && collectors_.size() < phase.collectors) {
        connection.flags |= kCollector;
        collectors_.emplace_back(&herd, slot, stage.numbers);
        herd.send(slot, kSendCollect);
      }
    });
  }

  void turn() override {
    if (share_.worker == 0) {
      if (!stage_.collecting.load()) prepare();
      watch();
    }
    if (stage_.collecting.load()) send_more();
    if (stage_.over.load()) finished_ = true;
  }

  // At once when more could be sent: what made room for it was no event of ours, or is behind us.
  std::uint64_t next_ns() const override {
    if (!stage_.collecting.load() || all_sent_ || stage_.in_flight() >= phase_.outstanding) {
      return desk_.now_ns + kTurnNs;
    }
    return blocked_ ? desk_.now_ns + kBlockedNs : desk_.now_ns;
  }

  void gathered(Herd& herd, Index slot, const Piece& piece) override {
    for (std::size_t i = 0; i < collectors_.size(); ++i) {
      if (&collectors_[i].herd() == &herd && collectors_[i].slot() == slot) return judge(i, piece);
    }
  }

  void give_up() override {
    finished_ = true;
    if (share_.worker != 0) return;
    const std::uint64_t owed = stage_.sent.load() * phase_.collectors;
    if (owed > result_.done) desk_.tally.add(Fault::gathered_missing, owed - result_.done);
    if (!stage_.collecting.load()) desk_.tally.add(Fault::gathered_missing);  // a collector's own greeting
    leave();
  }

 private:
  struct Sender {
    Herd* herd;
    Index slot;
  };

  // Every collector declares itself, and when that has left, greets itself.
  void prepare() {
    bool ready = !collectors_.empty();
    for (Collector& collector : collectors_) {
      if (!collector.open()) continue;
      Connection& connection = collector.herd()[collector.slot()];
      if (connection.sequence_sent == 0 && connection.wanted == 0 && connection.sending == 0) {
        connection.sequence_sent = connection.sequence_left = kGreeting;
        connection.since_ns = desk_.now_ns;
        collector.herd().send_echo(collector.slot());
      }
      ready = ready && collector.ready;
    }
    if (!ready) return;
    for (const Collector& collector : collectors_) {
      Connection& connection = collector.herd()[collector.slot()];
      connection.sequence_sent = connection.sequence_left = 0;
    }
    stage_.collecting.store(true);
  }

  // Each sender's next message, round by round, while few enough are under way.
  void send_more() {
    blocked_ = false;
    while (round_ < phase_.rounds && stage_.in_flight() < phase_.outstanding) {
      if (next_ == senders_.size()) {
        next_ = 0;
        ++round_;
        continue;
      }
      const Sender& sender = senders_[next_];
      Connection& connection = (*sender.herd)[sender.slot];
      if (connection.state == State::open) {
        blocked_ = connection.sequence_left != connection.sequence_sent;  // its last one has not left yet
        if (blocked_) return;
        connection.since_ns = desk_.now_ns;
        stage_.sent.fetch_add(1);
        sender.herd->send_echo(sender.slot);
      }
      ++next_;
    }
    if (round_ == phase_.rounds && !all_sent_) {
      all_sent_ = true;
      stage_.begun.fetch_add(1);
    }
  }

  void judge(std::size_t which, const Piece& piece) {
    Collector& collector = collectors_[which];
    switch (collector.take(piece, phase_.rounds)) {
      case Collector::Found::incomplete:
        return;
      case Collector::Found::right:
        ++collector.received;
        stage_.received.store(fewest_received());
        ++result_.done;
        desk_.tally.add(Count::gathered);
        result_.latency.record(desk_.now_ns - std::min(desk_.now_ns, collector.origin().sent_ns));
        return;
      case Collector::Found::greeting:
        if (collector.origin().number == collector.herd().number_of(collector.slot())) collector.ready = true;
        return;
      case Collector::Found::differs:
        return desk_.tally.add(Fault::gathered_differs);
      case Collector::Found::twice:
        return desk_.tally.add(Fault::gathered_twice);
      case Collector::Found::early:
        return desk_.tally.add(Fault::gathered_out_of_order);
    }
  }

  std::uint64_t fewest_received() const {
    std::uint64_t fewest = ~std::uint64_t{0};
    for (const Collector& collector : collectors_) fewest = std::min(fewest, collector.received);
    return fewest;
  }

  // The first worker's part: everything has been sent and has come, and for a while nothing comes twice.
  void watch() {
    if (stage_.begun.load() < share_.workers || result_.done < stage_.sent.load() * phase_.collectors) return;
    if (all_here_ns_ == 0) all_here_ns_ = desk_.now_ns;
    if (desk_.now_ns < all_here_ns_ + kSettleNs) return;
    leave();
    stage_.over.store(true);
  }
  void leave() {
    for (const Collector& collector : collectors_) {
      if (!collector.open()) continue;
      collector.herd()[collector.slot()].flags &= static_cast<std::uint16_t>(~kCollector);
      collector.herd().send(collector.slot(), kSendLeave);
    }
  }

  static constexpr std::uint64_t kSettleNs = 200'000'000;  // in which a second copy would show
  static constexpr std::uint64_t kBlockedNs = 1'000'000;
  std::vector<Sender> senders_;
  std::vector<Collector> collectors_;
  std::size_t next_ = 0;
  std::uint32_t round_ = 0;
  bool blocked_ = false;
  bool all_sent_ = false;
  std::uint64_t all_here_ns_ = 0;
};

}  // namespace

std::unique_ptr<Play> make_fanin(const Phase& phase, Share share, std::vector<std::unique_ptr<Herd>>& herds,
                                 Desk& desk, Stage& stage) {
  return std::make_unique<Fanin>(phase, share, herds, desk, stage);
}

}  // namespace holdfast::swarm
