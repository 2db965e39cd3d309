// Deadlines that come due together. What one of them needs may be taken from a connection whose own deadline
// is further down the list: that one is told so, and has its time to go.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/server.h"
#include "machine.h"
#include "net/ping_moments.h"
#include "ring/simulated_world.h"
#include "run_for.h"
#include "small_machine.h"
#include "websocket_peer.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kIntervalNs = 10 * kSecondNs;
constexpr std::uint16_t kSlowCode = 3008;
constexpr std::size_t kSocketBytes = 2'048;
constexpr std::size_t kMessageBytes = 4 * kSocketBytes;  // the first one does not leave as a whole
constexpr std::uint32_t kPlaces = 64;

class Keeping final : public Handler {
 public:
  std::vector<Connection> open;

 private:
  void on_open(Connection connection) override { open.push_back(connection); }
  void on_message(Connection, Message) override {}
};

class DeadlineBatch : public testing::Test {
 protected:
  DeadlineBatch() {
    world_.set_buffers(kSocketBytes, kSocketBytes);
    world_.set_latency_maximum_ns(1);
    Config config;
    config.ping_interval =
        std::chrono::nanoseconds(kIntervalNs) / std::chrono::milliseconds(1) * std::chrono::milliseconds(1);
    config.overflow_close_code = kSlowCode;
    config.max_outbox_bytes = 2 * kPlaces * kMessageBytes;
    auto server = Server::create(config, [this](std::uint32_t) {
      auto keeping = std::make_unique<Keeping>();
      handler_ = keeping.get();
      return keeping;
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
  }
  ~DeadlineBatch() override { EXPECT_TRUE(machine_.stop_within(10'000)); }

  // They come in one after the other, so that this is their order in the handler's list, too.
  WebSocketPeer& connect() {
    peers_.push_back(std::make_unique<WebSocketPeer>(world_, machine_.parts()[0]->listeners[0]));
    run_for(world_, machine_, kSecondNs / 10);
    EXPECT_EQ(handler_->open.size(), peers_.size());
    return *peers_.back();
  }
  void on_shard(Server::Task task) {
    ASSERT_TRUE(server_->post(0, std::move(task)));
    run_for(world_, machine_, kSecondNs / 10);
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Machine machine_{&world_, small_machine(Protocol::websocket, kPlaces), &entropy_};
  Keeping* handler_ = nullptr;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<WebSocketPeer>> peers_;
};

TEST_F(DeadlineBatch, LetsWhoeverItMakesSlowHearOfThatBeforeItsOwnDeadlineCounts) {
  // Whichever way the list goes, somebody who is to be pinged stands before the one who hoards.
  WebSocketPeer& first = connect();
  WebSocketPeer& hoarder = connect();
  WebSocketPeer& other = connect();
  WebSocketPeer& last = connect();
  hoarder.reads = other.reads = false;
  hoarder.heard.clear();
  // All places in outboxes are taken: by one who has many of them, and one who has too few to lose them.
  on_shard([this](Handler& handler) {
    const SharedMessage message = handler.share(Message::text(std::string(kMessageBytes, 'm')));
    for (std::uint32_t place = 0; place < kPlaces; ++place) {
      Connection& whose = handler_->open[place < kPlaces - 2 ? 1 : 2];
      ASSERT_EQ(whose.send(message), SendResult::queued);
    }
  });
  ASSERT_EQ(machine_.counted("outbox_overflows"), 0u);
  first.heard.clear();
  last.heard.clear();
  // Their moment comes for all of them at once.
  const std::uint64_t pings = machine_.counted("pings_out");
  for (int steps = 0; steps < 400 && machine_.counted("pings_out") == pings; ++steps)
    run_for(world_, machine_, kIntervalNs / 200);
  EXPECT_TRUE(first.heard.starts_with('\x89')) << "not pinged";
  EXPECT_TRUE(last.heard.starts_with('\x89')) << "not pinged";
  ASSERT_EQ(machine_.counted("outbox_overflows"), 1u) << "the test did not reach its subject";
  EXPECT_FALSE(hoarder.was_reset()) << "ended by a deadline that it had before";
  // It gets the rest of what had begun to leave, and hears why there is no more.
  hoarder.reads = true;
  hoarder.read();
  run_for(world_, machine_, kSecondNs / 10);
  const std::string close = {'\x88', '\x06', '\x0b', '\xc0', 's', 'l', 'o', 'w'};
  EXPECT_EQ(hoarder.heard.size(), 4 + kMessageBytes + close.size());
  EXPECT_TRUE(hoarder.heard.ends_with(close)) << "the close frame is missing";
}

}  // namespace
}  // namespace holdfast::sim
