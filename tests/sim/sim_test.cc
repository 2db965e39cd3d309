// A thousand seeds of the simulation, in cases of fifty, and a check that the runs amount to something.
// The failure message is the line that repeats the run; a CHECK that fails inside prints it too.
#include <gtest/gtest.h>

#include "simulation.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSeedsPerCase = 50;
constexpr std::uint64_t kSteps = 3'000;

class Simulated : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulated, ShardsServeEveryPoliteClientAndLeaveNothingBehind) {
  std::uint64_t first = GetParam() * kSeedsPerCase + 1;
  std::uint64_t received = 0;
  std::uint64_t connections = 0;
  for (std::uint64_t seed = first; seed < first + kSeedsPerCase; ++seed) {
    Simulation simulation(seed, kSteps);
    std::string failure = simulation.run();
    ASSERT_TRUE(failure.empty()) << failure << "\n  in: " << simulation.describe()
                                 << "\n  repeat with: tools/sim --seed=" << seed;
    received += simulation.totals().messages_received;
    connections += simulation.totals().connections;
  }
  // Otherwise nothing was tested.
  EXPECT_GT(connections, kSeedsPerCase * 4);
  EXPECT_GT(received, kSeedsPerCase * 20);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulated, testing::Range<std::uint64_t>(0, 20));

TEST(Simulated, TheSameSeedGivesTheSameRun) {
  for (std::uint64_t seed : {11u, 12u, 13u, 14u, 15u}) {
    Simulation once(seed, kSteps);
    Simulation again(seed, kSteps);
    EXPECT_EQ(once.run(), again.run());
    EXPECT_EQ(once.totals().turns, again.totals().turns);
    EXPECT_EQ(once.totals().simulated_ns, again.totals().simulated_ns);
    EXPECT_EQ(once.totals().counters, again.totals().counters);
  }
}

TEST(Simulated, TheSeedsReachTheServersBounds) {
  std::map<std::string, std::uint64_t> sum;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Simulation simulation(seed, kSteps);
    simulation.run();
    for (const auto& [name, value] : simulation.totals().counters) sum[name] += value;
  }
  for (const char* name :
       {"handshakes_timed_out", "handshakes_rejected", "pong_timeouts", "message_timeouts", "violations",
        "outbox_overflows", "stall_timeouts", "http_idle_timeouts", "receive_buffer_waits", "short_sends",
        "rearms", "transient_errors", "ring_overflows", "accept_errors", "clock_gaps"}) {
    EXPECT_GT(sum[name], 0u) << name;
  }
}

}  // namespace
}  // namespace holdfast::sim
