// The handler's timer and clock on a simulated clock: a shard sleeps until the time it was given, and a gap,
// in which nobody ran, neither brings that time closer nor makes it come twice.
#include <gtest/gtest.h>

#include <vector>

#include "holdfast/handler.h"
#include "ring/simulated_ring.h"
#include "ring/simulated_world.h"
#include "shard/shard.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

class Doorbell final : public shard::Doorbell {
 public:
  explicit Doorbell(ring::SimulatedWorld* world) : event_(world->add_event()) {}
  void ring() override {}
  int descriptor() const override { return event_; }

 private:
  int event_;
};

class Sleeper final : public Handler {
 public:
  std::vector<std::uint64_t> times_ns;  // when on_timer was called
  std::uint64_t started_ns = 0;

 private:
  void on_start() override {
    started_ns = now_ns();
    wake_at(started_ns + 10 * kSecondNs);
  }
  void on_message(Connection, Message) override {}
  void on_timer() override { times_ns.push_back(now_ns()); }
};

class HandlerTime : public testing::Test {
 protected:
  HandlerTime() {
    neighbours_.push_back(std::make_unique<shard::Neighbour>(65'536, std::make_unique<Doorbell>(&world_)));
    auto ring = std::make_unique<ring::SimulatedRing>(&world_, ring::SimulatedRingOptions{});
    shard::ShardOptions options;
    options.sizes = {
        .slots = 4, .outbox_nodes = 16, .subscriptions = 4, .arena_bytes = 1u << 20, .receive_buffers = 4};
    options.neighbours = &neighbours_;
    options.close_listener = [this](int listener) { world_.close_listener(listener); };
    net::ListenerOptions listener;
    listener.descriptor = world_.listen(4);
    options.listeners.push_back(listener);
    auto shard =
        shard::Shard::create(options, config_, std::move(ring), &world_.clock(), &entropy_, &handler_);
    EXPECT_TRUE(shard.ok());
    shard_ = *std::move(shard);
    EXPECT_TRUE(shard_->start().ok());
  }
  ~HandlerTime() override {
    neighbours_[0]->stop_wanted = true;
    for (int turns = 0; shard_->turn(); ++turns) EXPECT_LT(turns, 1000);
  }
  void turn_until(std::uint64_t time_ns) {
    for (int turns = 0; world_.now_ns() < time_ns; ++turns) {
      ASSERT_TRUE(shard_->turn());
      ASSERT_LT(turns, 10'000);
    }
  }

  ring::SimulatedWorld world_{1};
  Config config_;
  base::Random entropy_{1};
  shard::Neighbours neighbours_;
  Sleeper handler_;
  std::unique_ptr<shard::Shard> shard_;
};

TEST_F(HandlerTime, AQuietShardIsWokenAtTheTimeItWasGivenAndOnce) {
  turn_until(world_.now_ns() + 30 * kSecondNs);
  ASSERT_EQ(handler_.times_ns.size(), 1u);
  EXPECT_GE(handler_.times_ns[0], handler_.started_ns + 10 * kSecondNs);
  EXPECT_LT(handler_.times_ns[0], handler_.started_ns + 11 * kSecondNs);
}

TEST_F(HandlerTime, AGapMovesTheTimeInsteadOfReachingIt) {
  const std::uint64_t began_ns = world_.now_ns();
  turn_until(began_ns + 5 * kSecondNs);
  world_.sleep(3600 * kSecondNs);
  turn_until(world_.now_ns() + 3 * kSecondNs);
  EXPECT_EQ(shard_->counters().clock_gaps.get(), 1u);
  EXPECT_TRUE(handler_.times_ns.empty()) << "an hour in which nobody ran is not ten seconds";
  turn_until(world_.now_ns() + 30 * kSecondNs);
  ASSERT_EQ(handler_.times_ns.size(), 1u);
  EXPECT_GE(handler_.times_ns[0], handler_.started_ns + 10 * kSecondNs);
  EXPECT_LT(handler_.times_ns[0], handler_.started_ns + 11 * kSecondNs);
}

TEST_F(HandlerTime, AGapRightBeforeTheTimeDoesNotMakeItComeTwice) {
  turn_until(world_.now_ns() + 9'900'000'000);
  for (int i = 0; i < 3; ++i) {
    world_.sleep(60 * kSecondNs);
    turn_until(world_.now_ns() + 20'000'000);
  }
  turn_until(world_.now_ns() + 60 * kSecondNs);
  EXPECT_EQ(handler_.times_ns.size(), 1u);
}

}  // namespace
}  // namespace holdfast::sim
