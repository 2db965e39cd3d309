// Frame heads that announce more than a message may have: each is answered with its code in the very turn
// that reads it, and not a byte is taken for what it announced, not even inside of that turn: the most memory
// there ever was in use is that of the close frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "../unit/ws/client_frames.h"
#include "holdfast/server.h"
#include "machine.h"
#include "memory/block_arena.h"
#include "run_for.h"
#include "small_machine.h"
#include "websocket_peer.h"

namespace holdfast::sim {
namespace {

using namespace ws::testing;  // NOLINT: the vocabulary of frames

constexpr std::uint32_t kMost = 60;  // a message may have: the smallest block holds it
constexpr std::size_t kFirstBytes = 40;
constexpr std::size_t kCrowd = 16;  // fewer than one turn reads of newcomers
// What a close holds until it has left: its frame, and its reason for on_close.
constexpr std::size_t kCloseBytes = 2 * memory::BlockArena::kUnitBytes;

struct Bomb {
  std::uint64_t declared;
  unsigned code;
};
constexpr Bomb kBombs[] = {{kMost + 1, 1009},        {1'000, 1009},      {(1ull << 16) + 1, 1009},
                           {(1ull << 32) + 1, 1009}, {1ull << 62, 1009}, {(1ull << 63) - 1, 1009},
                           {1ull << 63, 1002},       {~0ull, 1002}};

class Lengths final : public Handler {
 public:
  std::vector<std::size_t> lengths;  // of the messages that came

 private:
  void on_message(Connection, Message message) override { lengths.push_back(message.bytes.size()); }
};

class LengthBombs : public testing::Test {
 protected:
  LengthBombs() {
    world_.set_latency_maximum_ns(1);
    Config config;
    config.max_message_bytes = kMost;
    config.ping_interval = {};
    auto server = Server::create(config, [this](std::uint32_t) {
      auto lengths = std::make_unique<Lengths>();
      handler_ = lengths.get();
      return lengths;
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
  }
  ~LengthBombs() override {
    EXPECT_EQ(machine_.counted("memory_refusals"), 0u);
    run_for(world_, machine_, kSecondNs);
    EXPECT_EQ(machine_.counted("message_memory_used"), 0u);
    EXPECT_TRUE(machine_.stop_within(10'000));
  }

  static MachineOptions options() {
    MachineOptions options = small_machine(Protocol::websocket, 128);
    options.sizes.slots = options.backlog = kCrowd;
    return options;
  }
  std::size_t peak() { return machine_.parts()[0]->shard->message_memory_peak(); }
  // One after the other, so that the memory of one answer is the most there was. They read only when they are
  // asked what they have heard.
  void connect(std::size_t count) {
    while (peers_.size() < count) {
      peers_.push_back(std::make_unique<WebSocketPeer>(world_, machine_.parts()[0]->listeners[0]));
      run_for(world_, machine_, kSecondNs / 10);
      EXPECT_TRUE(peers_.back()->heard.starts_with("HTTP/1.1 101 "));
      peers_.back()->heard.clear();
      peers_.back()->reads = false;
    }
    ASSERT_EQ(machine_.counted("connections_open"), count);
    ASSERT_EQ(machine_.counted("message_memory_used"), 0u);
    peak_ = peak();
    ASSERT_LE(peak_, 3 * memory::BlockArena::kUnitBytes);
  }
  // Turns until one has read all that was sent, and that one.
  void turn_that_reads() {
    const std::uint64_t before = machine_.counted("bytes_in");
    for (int turns = 0; turns < 10 && machine_.counted("bytes_in") == before; ++turns) machine_.turn();
    for (auto& peer : peers_) ASSERT_EQ(peer->unread_bytes(), 0u) << "it took more than a turn";
  }
  static unsigned close_code(WebSocketPeer& peer) {
    peer.read();
    if (peer.heard.size() < 4 || peer.heard[0] != '\x88') return 0;
    return static_cast<unsigned>(static_cast<unsigned char>(peer.heard[2]) << 8 |
                                 static_cast<unsigned char>(peer.heard[3]));
  }
  // As the turn left it that answered so many.
  void expect_nothing_taken(std::size_t closes) {
    EXPECT_EQ(machine_.counted("assemblies_in_use"), 0u);
    EXPECT_EQ(machine_.counted("wslay_contexts"), 0u);
    EXPECT_EQ(machine_.counted("buffers_out"), 0u);
    EXPECT_EQ(machine_.counted("frames_live"), 2 * closes);
    EXPECT_EQ(machine_.counted("message_memory_used"), closes * kCloseBytes);
    EXPECT_EQ(peak(), std::max(peak_, closes * kCloseBytes));
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Machine machine_{&world_, options(), &entropy_};
  std::size_t peak_ = 0;  // before the bombs
  Lengths* handler_ = nullptr;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<WebSocketPeer>> peers_;
};

TEST_F(LengthBombs, AreAnsweredInTheTurnThatReadsThem) {
  connect(std::size(kBombs));
  for (std::size_t i = 0; i < std::size(kBombs); ++i) {
    SCOPED_TRACE(kBombs[i].declared);
    peers_[i]->send(frame(i % 2 == 0 ? kBinary : kText, "", {.declared = kBombs[i].declared}));
    turn_that_reads();
    EXPECT_EQ(close_code(*peers_[i]), kBombs[i].code);
    expect_nothing_taken(1);
    run_for(world_, machine_, kSecondNs / 10);
  }
  EXPECT_EQ(machine_.counted("violations"), std::size(kBombs));
}

TEST_F(LengthBombs, ThatComeTogetherAreAllAnsweredInOneTurn) {
  connect(kCrowd);
  // The payload of some follows at once.
  for (std::size_t i = 0; i < kCrowd; ++i) {
    const std::string payload(i % 3 * 400, 'x');
    peers_[i]->send(frame(kBinary, payload, {.declared = kBombs[i % std::size(kBombs)].declared}));
  }
  turn_that_reads();
  for (std::size_t i = 0; i < kCrowd; ++i)
    EXPECT_EQ(close_code(*peers_[i]), kBombs[i % std::size(kBombs)].code) << i;
  expect_nothing_taken(kCrowd);
}

TEST_F(LengthBombs, ThatComeByteByByteAreAnsweredInTheTurnOfTheByteThatDecides) {
  connect(std::size(kBombs));
  for (std::size_t i = 0; i < std::size(kBombs); ++i) {
    SCOPED_TRACE(kBombs[i].declared);
    const std::string head = frame(kBinary, "", {.declared = kBombs[i].declared});
    // Of a length beyond 63 bits the first byte says so, of all others the last; the mask says nothing.
    const std::size_t decides = kBombs[i].code == 1002 ? 2 : head.size() - 5;
    for (std::size_t byte = 0; byte <= decides; ++byte) {
      EXPECT_EQ(close_code(*peers_[i]), 0u) << byte;
      peers_[i]->send(head.substr(byte, 1));
      turn_that_reads();
    }
    EXPECT_EQ(close_code(*peers_[i]), kBombs[i].code);
    expect_nothing_taken(1);
    run_for(world_, machine_, kSecondNs / 10);
  }
}

TEST_F(LengthBombs, OfFragmentsCountWhatCameBefore) {
  connect(std::size(kBombs) + 2);
  const std::string first(kFirstBytes, 'x');
  const std::uint64_t left = kMost - first.size();
  std::vector<Bomb> bombs = {{left + 1, 1009}, {kMost, 1009}};
  bombs.insert(bombs.end(), std::begin(kBombs), std::end(kBombs));
  for (std::size_t i = 0; i < bombs.size(); ++i) {
    SCOPED_TRACE(bombs[i].declared);
    peers_[i]->send(fragment(kBinary, first));
    turn_that_reads();
    EXPECT_EQ(machine_.counted("assemblies_in_use"), 1u);
    EXPECT_EQ(close_code(*peers_[i]), 0u);
    peers_[i]->send(frame(kContinuation, "", {.final = i % 2 == 0, .declared = bombs[i].declared}));
    turn_that_reads();
    EXPECT_EQ(close_code(*peers_[i]), bombs[i].code);
    expect_nothing_taken(1);
    run_for(world_, machine_, kSecondNs / 10);
  }
  EXPECT_TRUE(handler_->lengths.empty());
}

// wslay reads a fragment that comes in pieces.
TEST_F(LengthBombs, BetweenFragmentsInPiecesGiveTheContextBack) {
  connect(2);
  for (auto& peer : peers_) {
    const std::string whole = fragment(kText, std::string(kFirstBytes, 'x'));
    peer->send(whole.substr(0, whole.size() - 1));
    turn_that_reads();
    EXPECT_EQ(machine_.counted("wslay_contexts"), 1u);
    peer->send(whole.substr(whole.size() - 1) + frame(kContinuation, "", {.declared = kMost}));
    turn_that_reads();
    EXPECT_EQ(close_code(*peer), 1009u);
    expect_nothing_taken(1);
    run_for(world_, machine_, kSecondNs / 10);
  }
}

TEST_F(LengthBombs, AreOneByteLongerThanWhatIsTaken) {
  connect(2);
  peers_[0]->send(frame(kBinary, std::string(kMost, 'x')));
  peers_[1]->send(fragment(kBinary, std::string(kFirstBytes, 'x')));
  turn_that_reads();
  peers_[1]->send(frame(kContinuation, std::string(kMost - kFirstBytes, 'x')));
  turn_that_reads();
  EXPECT_EQ(handler_->lengths, (std::vector<std::size_t>{kMost, kMost}));
  EXPECT_EQ(machine_.counted("violations"), 0u);
}

}  // namespace
}  // namespace holdfast::sim
