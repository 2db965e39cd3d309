// When clients are pinged, on a simulated clock: once in an interval, neighbours together and strangers
// apart, and nobody who has just been heard.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "holdfast/handler.h"
#include "machine.h"
#include "net/ping_moments.h"
#include "net/ticks.h"
#include "ring/simulated_world.h"
#include "run_for.h"
#include "silent.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kIntervalNs = 25 * kSecondNs;
constexpr std::uint64_t kGrainNs = kIntervalNs / 128;
constexpr std::uint64_t kTickNs = net::kTickNs;
constexpr std::uint32_t kBlock = net::PingMoments::kBlock;

// Answers pings and remembers when they came.
class Peer final : public ring::ClientObserver {
 public:
  Peer(ring::SimulatedWorld* world, int listener) : world_(world) {
    connection_ = world->connect(listener, this, 0x7f000001);
    EXPECT_NE(connection_, nullptr);
    send(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  }
  void on_network() override {
    std::array<std::byte, 4096> bytes;
    const std::size_t count = connection_->client_receive(bytes);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), count);
    if (!open_) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return;
      open_ = true;
      opened_ns = world_->now_ns();
      text.remove_prefix(end + 4);
    }
    for (; text.starts_with(std::string_view("\x89\0", 2)); text.remove_prefix(2)) {
      pings_ns.push_back(world_->now_ns());
      send(std::string_view("\x8a\x80\0\0\0\0", 6));
    }
    EXPECT_TRUE(text.empty());
  }
  void speak() { send(std::string_view("\x82\x80\0\0\0\0", 6)); }
  void leave() { connection_->client_reset(); }

  std::uint64_t opened_ns = 0;
  std::vector<std::uint64_t> pings_ns;

 private:
  void send(std::string_view bytes) { connection_->client_send(std::as_bytes(std::span(bytes))); }

  ring::SimulatedWorld* world_;
  ring::SimulatedConnection* connection_ = nullptr;
  bool open_ = false;
};

class PingTime : public testing::Test {
 protected:
  static constexpr std::uint32_t kClients = 4 * kBlock;

  PingTime() {
    world_.set_latency_maximum_ns(1);
    config_.ping_interval = std::chrono::milliseconds(kIntervalNs / 1'000'000);
    handlers_.push_back(std::make_unique<Silent>());
    machine_.build_shards(config_, handlers_);
    const int listener = machine_.parts()[0]->listeners[0];
    for (std::uint32_t i = 0; i < kClients; ++i) peers_.push_back(std::make_unique<Peer>(&world_, listener));
  }
  ~PingTime() override { EXPECT_TRUE(machine_.stop_within(10'000)); }
  void run_for(std::uint64_t duration_ns) { sim::run_for(world_, machine_, duration_ns); }

  ring::SimulatedWorld world_{1};
  Config config_;
  base::Random entropy_{1};
  std::vector<std::unique_ptr<Handler>> handlers_;
  std::vector<std::unique_ptr<Peer>> peers_;  // the world speaks to them as long as it turns
  Machine machine_{&world_,
                   {.sizes = {.slots = kClients,
                              .outbox_nodes = kClients,
                              .subscriptions = 4,
                              .arena_bytes = 8u << 20,
                              .receive_buffers = 16},
                    .listeners = {Protocol::websocket},
                    .backlog = kClients},
                   &entropy_};
};

TEST_F(PingTime, AQuietClientIsPingedOnceInEachInterval) {
  run_for(6 * kIntervalNs);
  for (const auto& peer : peers_) {
    ASSERT_GE(peer->pings_ns.size(), 5u);
    ASSERT_LE(peer->pings_ns.size(), 6u);
    EXPECT_LE(peer->pings_ns[0] - peer->opened_ns, kIntervalNs + 2 * kGrainNs);
    for (std::size_t i = 1; i < peer->pings_ns.size(); ++i) {
      const std::uint64_t apart_ns = peer->pings_ns[i] - peer->pings_ns[i - 1];
      EXPECT_GE(apart_ns, kIntervalNs - 2 * kGrainNs);
      EXPECT_LE(apart_ns, kIntervalNs + 2 * kGrainNs);
    }
  }
}

TEST_F(PingTime, ClientsThatArriveTogetherArePingedInBlocksThatLieApart) {
  run_for(2 * kIntervalNs);
  std::map<std::uint64_t, std::uint32_t> moments;  // of the first ping, in ticks -> how many
  for (const auto& peer : peers_) {
    ASSERT_FALSE(peer->pings_ns.empty());
    ++moments[(peer->pings_ns[0] - 1) / kTickNs];
  }
  ASSERT_EQ(moments.size(), kClients / kBlock);
  std::uint64_t before = 0;
  for (const auto& [moment, count] : moments) {
    EXPECT_EQ(count, kBlock);
    if (before != 0) {
      EXPECT_GE((moment - before) * kTickNs, kGrainNs / 2);
    }
    before = moment;
  }
}

TEST_F(PingTime, AClientThatSpeaksIsNotPinged) {
  for (int i = 0; i < 30; ++i) {
    run_for(kIntervalNs / 10);
    peers_[0]->speak();
  }
  EXPECT_TRUE(peers_[0]->pings_ns.empty());
  EXPECT_GE(peers_[1]->pings_ns.size(), 2u);
  run_for(kIntervalNs * 5 / 4 + 2 * kGrainNs);
  EXPECT_FALSE(peers_[0]->pings_ns.empty()) << "silent again, and not asked whether it lives";
}

TEST_F(PingTime, ClientsThatLeaveWhileTheirBlockIsPingedDisturbNoneOfTheOthers) {
  for (std::uint32_t i = 0; i < kClients; i += 3)
    world_.schedule(kIntervalNs / 7 * (1 + i % 9), [this, i] { peers_[i]->leave(); });
  run_for(4 * kIntervalNs);
  for (std::uint32_t i = 1; i < kClients; ++i) {
    if (i % 3 == 0) continue;
    EXPECT_GE(peers_[i]->pings_ns.size(), 3u) << i;
  }
}

}  // namespace
}  // namespace holdfast::sim
