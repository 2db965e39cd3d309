// A client that pings without end and reads nothing: of all the pongs it is owed at most one waits, besides
// what its socket has taken.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "../unit/ws/client_frames.h"
#include "holdfast/server.h"
#include "machine.h"
#include "run_for.h"
#include "silent.h"
#include "small_machine.h"
#include "websocket_peer.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kSocketBytes = 2'048;
constexpr std::size_t kPayloadBytes = 125;
constexpr std::size_t kPongBytes = 2 + kPayloadBytes;
constexpr std::size_t kFrameBytes = 192;  // of memory, for a pong

class PingFlood : public testing::Test {
 protected:
  PingFlood() {
    world_.set_buffers(64 * 1024, kSocketBytes);
    world_.set_latency_maximum_ns(1);
    Config config;
    config.ping_interval = {};
    config.stall_timeout = std::chrono::hours(1);
    auto server = Server::create(config, [](std::uint32_t) { return std::make_unique<Silent>(); });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
    peer_ = std::make_unique<WebSocketPeer>(world_, machine_.parts()[0]->listeners[0]);
    run_for(world_, machine_, kSecondNs / 10);
    EXPECT_EQ(machine_.counted("connections_open"), 1u);
    peer_->heard.clear();
    peer_->reads = false;
  }
  ~PingFlood() override { EXPECT_TRUE(machine_.stop_within(10'000)); }

  static std::string ping(int number) {
    std::string payload = std::to_string(number);
    return ws::testing::frame(ws::testing::kPing, payload.append(kPayloadBytes - payload.size(), '.'));
  }
  // So many pings, as many at a time as one read finds.
  void flood(int count, int at_a_time) {
    for (int sent = 0; sent < count; sent += at_a_time) {
      std::string pings;
      for (int i = 0; i < at_a_time; ++i) pings += ping(sent_++);
      peer_->send(pings);
      for (int turns = 0; turns < 1'000 && peer_->unread_bytes() > 0; ++turns) turn();
      ASSERT_EQ(peer_->unread_bytes(), 0u);
      turn();
    }
  }
  void turn() {
    ASSERT_TRUE(machine_.turn());
    most_frames_ = std::max(most_frames_, machine_.counted("frames_live"));
    most_bytes_ = std::max(most_bytes_, machine_.counted("message_memory_used"));
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Machine machine_{&world_, small_machine(Protocol::websocket), &entropy_};
  std::unique_ptr<Server> server_;
  std::unique_ptr<WebSocketPeer> peer_;
  int sent_ = 0;
  std::uint64_t most_frames_ = 0;
  std::uint64_t most_bytes_ = 0;
};

TEST_F(PingFlood, OfWhoDoesNotReadLeavesOnePongWaiting) {
  for (const int at_a_time : {1, 7, 100}) flood(1'000, at_a_time);
  EXPECT_EQ(most_frames_, 1u);
  EXPECT_EQ(most_bytes_, kFrameBytes);
  EXPECT_EQ(machine_.counted("bytes_queued"), kPongBytes - kSocketBytes % kPongBytes) << "it is not behind";
  // Nobody is closed for it; who reads again has whole pongs, and one to what it asks now.
  EXPECT_EQ(machine_.counted("connections_open"), 1u);
  peer_->reads = true;
  peer_->read();
  run_for(world_, machine_, kSecondNs / 10);
  EXPECT_EQ(peer_->heard.size(), (kSocketBytes / kPongBytes + 1) * kPongBytes);
  EXPECT_EQ(machine_.counted("frames_live"), 0u);
  peer_->heard.clear();
  flood(1, 1);
  run_for(world_, machine_, kSecondNs / 10);
  EXPECT_TRUE(peer_->heard.starts_with("\x8a\x7d" + std::to_string(sent_ - 1) + "."));
}

}  // namespace
}  // namespace holdfast::sim
