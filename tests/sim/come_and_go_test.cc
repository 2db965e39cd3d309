// How many sockets a turn closes, on a simulated machine: of a crowd that leaves together a part in each
// turn, and of those who come and go all the time as many as came, so that they cannot fill the table.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "holdfast/server.h"
#include "machine.h"
#include "ring/simulated_world.h"
#include "run_for.h"
#include "shard/limits.h"
#include "silent.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kSlots = 512;
constexpr std::uint32_t kCrowd = 400;
constexpr std::uint32_t kAtATime = 3 * static_cast<std::uint32_t>(shard::Limits::kClosesPerTurn);

class Passer final : public ring::ClientObserver {
 public:
  Passer(ring::SimulatedWorld& world, int listener) : connection_(world.connect(listener, this, 1)) {}
  void on_network() override {}
  bool is_in() const { return connection_ != nullptr; }
  void reset() { connection_->client_reset(); }

 private:
  ring::SimulatedConnection* connection_;
};

class ComeAndGo : public testing::Test {
 protected:
  ComeAndGo() {
    Config config;
    world_.set_latency_maximum_ns(1);
    config.handshake_timeout = std::chrono::hours(1);
    auto server = Server::create(config, [](std::uint32_t) { return std::make_unique<Silent>(); });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~ComeAndGo() override { EXPECT_TRUE(machine_.stop_within(10'000)); }

  void connect(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      passers_.push_back(std::make_unique<Passer>(world_, machine_.parts()[0]->listeners[0]));
      ASSERT_TRUE(passers_.back()->is_in()) << "the queue is full";
    }
  }
  // The most that one of the turns closes until all are gone.
  std::uint64_t most_closed_in_a_turn() {
    std::uint64_t most = 0;
    for (int turns = 0; turns < 10'000 && machine_.counted("slots_in_use") > 0; ++turns) {
      const std::uint64_t before = machine_.counted("closed");
      EXPECT_TRUE(machine_.turn());
      machine_.parts()[0]->shard->validate();
      most = std::max(most, machine_.counted("closed") - before);
    }
    return most;
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Machine machine_{&world_,
                   {.sizes = {.slots = kSlots,
                              .outbox_nodes = 64,
                              .subscriptions = 4,
                              .arena_bytes = 1u << 20,
                              .receive_buffers = 64},
                    .listeners = {Protocol::websocket},
                    .backlog = kSlots},
                   &entropy_};
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Passer>> passers_;
};

TEST_F(ComeAndGo, OfACrowdThatLeavesSomeAreClosedInEachTurn) {
  connect(kCrowd);
  run_for(world_, machine_, 1'000'000'000);
  ASSERT_EQ(machine_.counted("slots_in_use"), kCrowd);
  for (const auto& passer : passers_) passer->reset();
  EXPECT_EQ(most_closed_in_a_turn(), shard::Limits::kClosesPerTurn);
  EXPECT_EQ(machine_.counted("closed"), kCrowd);
  EXPECT_EQ(machine_.counted("slots_in_use"), 0u);
}

// Or those who come and go at once would fill the table.
TEST_F(ComeAndGo, NeverFewerAreClosedThanCameIn) {
  connect(kCrowd);
  run_for(world_, machine_, 1'000'000'000);
  for (const auto& passer : passers_) passer->reset();
  for (int turns = 0; turns < 100 && machine_.counted("closed") == 0; ++turns) EXPECT_TRUE(machine_.turn());
  connect(kAtATime);
  std::uint64_t came = 0;
  std::uint64_t most = 0;
  for (int turns = 0; turns < 100 && machine_.counted("accepted") < kCrowd + kAtATime; ++turns) {
    const std::uint64_t accepted = machine_.counted("accepted");
    const std::uint64_t closed = machine_.counted("closed");
    EXPECT_TRUE(machine_.turn());
    // Of those who came in the turn before: a close is counted when the kernel says that it is done.
    EXPECT_GE(machine_.counted("closed") - closed, came);
    came = machine_.counted("closed") < kCrowd ? machine_.counted("accepted") - accepted : 0;
    most = std::max(most, came);
  }
  EXPECT_GT(most, shard::Limits::kClosesPerTurn) << "they did not come together";
}

}  // namespace
}  // namespace holdfast::sim
