// A thousand seeds of the simulation, in cases of fifty; some with an hour of simulated time; and a check
// that the runs amount to something. The failure message is the line that repeats the run; a CHECK that fails
// inside prints it too.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "simulation.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSeedsPerCase = 50;
constexpr Length kLength{.minutes = 0, .turns_maximum = 3'000};

class Simulated : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulated, ShardsServeEveryPoliteClientAndLeaveNothingBehind) {
  std::uint64_t first = GetParam() * kSeedsPerCase + 1;
  std::uint64_t received = 0;
  std::uint64_t connections = 0;
  for (std::uint64_t seed = first; seed < first + kSeedsPerCase; ++seed) {
    Simulation simulation(seed, kLength);
    std::string failure = simulation.run();
    ASSERT_TRUE(failure.empty()) << failure << "\n  in: " << simulation.describe()
                                 << "\n  repeat with: " << simulation.command();
    received += simulation.totals().messages_received;
    connections += simulation.totals().connections;
  }
  // Otherwise nothing was tested.
  EXPECT_GT(connections, kSeedsPerCase * 4);
  EXPECT_GT(received, kSeedsPerCase * 20);
}

class SimulatedHour : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SimulatedHour, LeavesEverybodyServedAndNothingBehind) {
  constexpr std::uint64_t kHoursPerCase = 20;
  for (std::uint64_t seed = GetParam() * kHoursPerCase + 1; seed <= (GetParam() + 1) * kHoursPerCase;
       ++seed) {
    Simulation simulation(seed, {.minutes = 60});
    const std::string failure = simulation.run();
    ASSERT_TRUE(failure.empty()) << failure << "\n  in: " << simulation.describe()
                                 << "\n  repeat with: " << simulation.command();
    EXPECT_GE(simulation.totals().simulated_ns, 3'600'000'000'000u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulatedHour, testing::Range<std::uint64_t>(0, 5));
INSTANTIATE_TEST_SUITE_P(Seeds, Simulated, testing::Range<std::uint64_t>(0, 20));

struct Finished {
  std::string failure;
  Totals totals;
};

Finished finish(std::uint64_t seed) {
  Simulation simulation(seed, kLength);
  std::string failure = simulation.run();
  return {std::move(failure), simulation.totals()};
}

TEST(Simulated, TheSameSeedGivesTheSameRun) {
  for (std::uint64_t seed = 11; seed < 31; ++seed) {
    const Finished once = finish(seed);
    const Finished again = finish(seed);
    EXPECT_EQ(once.failure, again.failure);
    EXPECT_EQ(once.totals.turns, again.totals.turns);
    EXPECT_EQ(once.totals.simulated_ns, again.totals.simulated_ns);
    EXPECT_EQ(once.totals.counters, again.totals.counters);
  }
}

std::map<std::string, std::uint64_t> sums_of_counters(std::uint64_t seeds) {
  std::map<std::string, std::uint64_t> sums;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const auto& [name, value] : finish(seed).totals.counters) sums[name] += value;
  }
  return sums;
}

TEST(Simulated, TheSeedsReachTheServersBounds) {
  const std::map<std::string, std::uint64_t> sum = sums_of_counters(200);
  for (const char* name : {"handshakes_timed_out",
                           "handshakes_rejected",
                           "pong_timeouts",
                           "message_timeouts",
                           "violations",
                           "outbox_overflows",
                           "early_flushes",
                           "stall_timeouts",
                           "http_idle_timeouts",
                           "receive_buffer_waits",
                           "short_sends",
                           "rearms",
                           "transient_errors",
                           "ring_overflows",
                           "accept_errors",
                           "accept_pauses",
                           "address_refusals",
                           "input_pauses",
                           "clock_gaps",
                           "gateway_connects",
                           "gateway_errors",
                           "gateway_no_pongs",
                           "gateway_tokens_verified",
                           "gateway_publications",
                           "gateway_duplicates",
                           "gateway_publications_refused",
                           "gateway_deliveries",
                           "gateway_recoveries_failed",
                           "gateway_channels_refused",
                           "gateway_subscriptions_refused",
                           "gateway_presence_refused",
                           "gateway_idempotency_evictions",
                           "gateway_overruns",
                           "gateway_gaps",
                           "gateway_reloads",
                           "api_api_errors",
                           "api_http_timeouts",
                           "api_streams_begun"}) {
    ASSERT_TRUE(sum.contains(name)) << name;
    EXPECT_GT(sum.at(name), 0u) << name;
  }
}

// By what the clients were told, not by what the server counts.
TEST(Simulated, TheSeedsReachWhatClientsOfTheGatewayCanDo) {
  std::map<std::string, std::uint64_t> sum = sums_of_counters(600);
  constexpr std::pair<const char*, std::uint64_t> kLeast[] = {
      {"recovered", 150},
      {"deltas_applied", 150},
      {"tokens_over", 8},
      {"tokens_renewed", 30},
      {"subscriptions_over", 5},  // by the end of their tokens
      {"subscriptions_renewed", 150},
      {"uni_websockets", 150},  // that were let in
      {"emulations", 150},      // streams of those who speak by other connections
      {"emulated", 1'500},      // requests with their commands
      {"emulated_in_vain", 8},  // their stream had ended
      {"api_answers", 750},
      {"calls_heeded", 75},  // subscriptions that applications made
      {"calls_over", 3},     // connections that ended with them
      {"recovered_by_calls", 5},
      {"told_of_gaps", 20},
      {"closed_for_gaps", 5},  // in channels they had not asked for
      {"node_answers", 30},
      {"metrics_answers", 15},
  };
  for (const auto& [name, least] : kLeast) EXPECT_GE(sum[std::string("sim_") + name], least) << name;
}

}  // namespace
}  // namespace holdfast::sim
