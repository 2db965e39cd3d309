// The handler's timer and clock on a simulated clock: a shard sleeps until the time it was given, and a gap,
// in which nobody ran, neither brings that time closer nor makes it come twice.
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "holdfast/handler.h"
#include "machine.h"
#include "ring/simulated_world.h"
#include "small_machine.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

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
    auto handler = std::make_unique<Sleeper>();
    handler_ = handler.get();
    handlers_.push_back(std::move(handler));
    machine_.build_shards({}, handlers_);
  }
  ~HandlerTime() override { EXPECT_TRUE(machine_.stop_within(1000)); }
  void turn_until(std::uint64_t time_ns) {
    for (int turns = 0; world_.now_ns() < time_ns; ++turns) {
      ASSERT_TRUE(machine_.turn());
      ASSERT_LT(turns, 10'000);
    }
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Sleeper* handler_ = nullptr;
  std::vector<std::unique_ptr<Handler>> handlers_;
  Machine machine_{&world_, small_machine(Protocol::websocket), &entropy_};
};

TEST_F(HandlerTime, AQuietShardIsWokenAtTheTimeItWasGivenAndOnce) {
  turn_until(world_.now_ns() + 30 * kSecondNs);
  ASSERT_EQ(handler_->times_ns.size(), 1u);
  EXPECT_GE(handler_->times_ns[0], handler_->started_ns + 10 * kSecondNs);
  EXPECT_LT(handler_->times_ns[0], handler_->started_ns + 11 * kSecondNs);
}

TEST_F(HandlerTime, AGapMovesTheTimeInsteadOfReachingIt) {
  const std::uint64_t began_ns = world_.now_ns();
  turn_until(began_ns + 5 * kSecondNs);
  world_.sleep(3600 * kSecondNs);
  turn_until(world_.now_ns() + 3 * kSecondNs);
  EXPECT_EQ(machine_.counted("clock_gaps"), 1u);
  EXPECT_TRUE(handler_->times_ns.empty()) << "an hour in which nobody ran is not ten seconds";
  turn_until(world_.now_ns() + 30 * kSecondNs);
  ASSERT_EQ(handler_->times_ns.size(), 1u);
  EXPECT_GE(handler_->times_ns[0], handler_->started_ns + 10 * kSecondNs);
  EXPECT_LT(handler_->times_ns[0], handler_->started_ns + 11 * kSecondNs);
}

TEST_F(HandlerTime, AGapRightBeforeTheTimeDoesNotMakeItComeTwice) {
  turn_until(world_.now_ns() + 9'900'000'000);
  for (int i = 0; i < 3; ++i) {
    world_.sleep(60 * kSecondNs);
    turn_until(world_.now_ns() + 20'000'000);
  }
  turn_until(world_.now_ns() + 60 * kSecondNs);
  EXPECT_EQ(handler_->times_ns.size(), 1u);
}

}  // namespace
}  // namespace holdfast::sim
