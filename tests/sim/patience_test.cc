// Who sends without end or comes in a crowd, and who waits for it: those whose reads fill a buffer share a
// part of each turn, in turn, newcomers another, and somebody who sends a message now and then is read before
// any of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "holdfast/server.h"
#include "machine.h"
#include "shard/limits.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kMessageBytes = 1'000;
constexpr std::size_t kSocketBytes = 256 * 1024;
constexpr std::size_t kFlooders = 40;

// Counts what came from whom: a message begins with its sender.
class Counting final : public Handler {
 public:
  std::map<std::byte, std::size_t> messages;

 private:
  void on_message(Connection, Message message) override { ++messages[message.bytes[0]]; }
};

class Sender final : public ring::ClientObserver {
 public:
  Sender(ring::SimulatedWorld& world, int listener, std::size_t number)
      : name_(static_cast<std::byte>(number)), connection_(world.connect(listener, this, 1)) {}
  void on_network() override {}
  std::byte name() const { return name_; }

  void send_message() {
    const std::vector<std::byte> bytes = message();
    EXPECT_EQ(connection_->client_send(bytes), bytes.size());
  }
  // As much as its socket takes.
  void flood() {
    if (pending_.empty()) {
      for (int i = 0; i < 64; ++i) {
        const std::vector<std::byte> bytes = message();
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
      }
    }
    while (const std::size_t sent = connection_->client_send(std::span(pending_).subspan(sent_))) {
      sent_ = (sent_ + sent) % pending_.size();
    }
  }

 private:
  std::vector<std::byte> message() const {
    std::vector<std::byte> bytes(4 + kMessageBytes, std::byte{'m'});
    bytes[0] = bytes[1] = std::byte{0};
    bytes[2] = static_cast<std::byte>(kMessageBytes >> 8);
    bytes[3] = static_cast<std::byte>(kMessageBytes & 0xff);
    bytes[4] = name_;
    return bytes;
  }

  const std::byte name_;
  std::vector<std::byte> pending_;  // whole messages, over and over
  std::size_t sent_ = 0;
  ring::SimulatedConnection* connection_;
};

class Patience : public testing::Test {
 protected:
  Patience() : world_(1), entropy_(1) {
    world_.set_buffers(kSocketBytes, kSocketBytes);
    world_.set_latency_maximum_ns(1'000);
    MachineOptions options;
    options.sizes = {.slots = kFlooders + 2,
                     .outbox_nodes = 1024,
                     .subscriptions = 8,
                     .arena_bytes = 8u << 20,
                     .receive_buffers = 64};
    options.listeners = {Protocol::length_prefixed};
    options.backlog = kFlooders + 2;
    machine_ = std::make_unique<Machine>(&world_, options, &entropy_);
    auto server = Server::create(Config(), [this](std::uint32_t) {
      auto counting = std::make_unique<Counting>();
      handler_ = counting.get();
      return counting;
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
    for (std::size_t i = 0; i <= kFlooders; ++i)
      senders_.push_back(std::make_unique<Sender>(world_, machine_->parts()[0]->listeners[0], i));
    for (int turns = 0; turns < 300; ++turns) machine_->turn();
    EXPECT_EQ(machine_->counted("connections_open"), kFlooders + 1);
  }
  ~Patience() override { EXPECT_TRUE(machine_->stop_within(10'000)); }

  Sender& calm() { return *senders_[0]; }
  std::span<const std::unique_ptr<Sender>> flooders() const { return std::span(senders_).subspan(1); }
  // Everybody sends what he can, then the shard takes a turn.
  void turn() {
    for (const auto& flooder : flooders()) flooder->flood();
    machine_->turn();
  }

  ring::SimulatedWorld world_;
  base::Random entropy_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Server> server_;
  Counting* handler_ = nullptr;
  std::vector<std::unique_ptr<Sender>> senders_;
};

TEST_F(Patience, ATurnReadsNoMoreOfFloodsThanTheirPart) {
  for (int turns = 0; turns < 50; ++turns) turn();
  // What is found out after a batch of reads is one batch too much.
  constexpr std::size_t kMost =
      shard::Limits::kShareBytes + shard::Limits::kShareBatch * net::ReceivePool::kLargeBytes;
  static_assert(kMost < kFlooders * net::ReceivePool::kLargeBytes / 2, "or the test shows nothing");
  std::size_t peak = 0;
  for (int turns = 0; turns < 200; ++turns) {
    const std::uint64_t before = machine_->counted("bytes_in");
    turn();
    peak = std::max<std::size_t>(peak, machine_->counted("bytes_in") - before);
  }
  EXPECT_LE(peak, kMost);
  EXPECT_GT(peak, net::ReceivePool::kLargeBytes) << "the floods did not arrive";
}

TEST_F(Patience, AMessageAmongFloodsIsHandledInTheTurnThatFindsIt) {
  for (int turns = 0; turns < 50; ++turns) turn();
  for (std::size_t sent = 1; sent <= 100; ++sent) {
    calm().send_message();
    int turns = 0;
    for (; turns < 10 && handler_->messages[calm().name()] < sent; ++turns) turn();
    // A turn for it to arrive in, and one that reads it.
    ASSERT_LE(turns, 2) << "message " << sent;
  }
}

// Nobody has sent anything yet, and all begin at once.
TEST_F(Patience, ACrowdOfNewcomersTakesNoMoreThanItsPartAndWaitsOnlyForItself) {
  calm().send_message();
  for (int turns = 0; turns < 10 && handler_->messages[calm().name()] == 0; ++turns) machine_->turn();
  calm().send_message();
  for (const auto& newcomer : flooders()) newcomer->send_message();
  std::uint64_t before = machine_->counted("messages_in");
  constexpr std::uint64_t kMost = 1 + shard::Limits::kShareBytes / net::ReceivePool::kSmallBytes;
  static_assert(kMost <= kFlooders, "or the test shows nothing");
  int turns = 0;
  for (; turns < 10 && machine_->counted("messages_in") < 2 + kFlooders; ++turns) {
    machine_->turn();
    const std::uint64_t now = machine_->counted("messages_in");
    EXPECT_LE(now - before, kMost);
    if (now > before) {
      EXPECT_EQ(handler_->messages[calm().name()], 2u) << "the newcomers came first";
    }
    before = now;
  }
  EXPECT_EQ(before, 2 + kFlooders);
  EXPECT_GT(turns, 1);
}

// Each has sent little so far, and now, all at once, just less than a buffer.
TEST_F(Patience, OfWhoHasSentLittleLittleIsReadAhead) {
  constexpr int kMessages = 16;
  static_assert(kMessages * (4 + kMessageBytes) < net::ReceivePool::kSmallBytes);
  for (const auto& flooder : flooders()) flooder->send_message();
  for (int turns = 0; turns < 10 && machine_->counted("messages_in") < kFlooders; ++turns) machine_->turn();
  for (const auto& flooder : flooders()) {
    for (int sent = 0; sent < kMessages; ++sent) flooder->send_message();
  }
  constexpr std::size_t kMost = kFlooders * net::ReceivePool::kLittleBytes + shard::Limits::kShareBytes;
  static_assert(kMost < kFlooders * kMessages * (4 + kMessageBytes), "or the test shows nothing");
  constexpr std::uint64_t kAll = kFlooders * (1 + kMessages);
  for (int turns = 0; turns < 20 && machine_->counted("messages_in") < kAll; ++turns) {
    const std::uint64_t before = machine_->counted("bytes_in");
    machine_->turn();
    EXPECT_LE(machine_->counted("bytes_in") - before, kMost);
  }
  EXPECT_EQ(machine_->counted("messages_in"), kAll);
}

TEST_F(Patience, FloodsAreServedInTurn) {
  for (int turns = 0; turns < 50; ++turns) turn();
  handler_->messages.clear();
  for (int turns = 0; turns < 400; ++turns) turn();
  std::size_t least = ~std::size_t{0}, most = 0;
  for (const auto& flooder : flooders()) {
    least = std::min(least, handler_->messages[flooder->name()]);
    most = std::max(most, handler_->messages[flooder->name()]);
  }
  EXPECT_GT(least, 0u);
  EXPECT_LE(most, 2 * least);
}

}  // namespace
}  // namespace holdfast::sim
