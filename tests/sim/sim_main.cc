// sim: runs the simulation for one seed or many, and prints the line that repeats the first failure.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "simulation.h"

namespace {

struct Flags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t steps = 3'000;
  bool keep_going = false;
  bool verbose = false;
};

constexpr std::string_view kUsage =
    "usage: sim [--seed=S] [--seeds=N] [--steps=N] [--keep_going] [--verbose]\n"
    "  Runs the real shards in a simulated world, once for each seed from S to S+N-1.\n"
    "  --steps       turns of traffic at most, before the calm phase (default 3000)\n"
    "  --keep_going  does not stop at the first failing seed\n"
    "  --verbose     one line per seed, counters at the end\n";

bool number_after(std::string_view argument, std::string_view name, std::uint64_t& value) {
  if (!argument.starts_with(name)) return false;
  argument.remove_prefix(name.size());
  auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), value);
  return error == std::errc{} && end == argument.data() + argument.size();
}

bool parse(int count, char** arguments, Flags& flags) {
  for (int index = 1; index < count; ++index) {
    std::string_view argument = arguments[index];
    if (argument == "--keep_going") {
      flags.keep_going = true;
    } else if (argument == "--verbose") {
      flags.verbose = true;
    } else if (!number_after(argument, "--seed=", flags.seed) &&
               !number_after(argument, "--seeds=", flags.seeds) &&
               !number_after(argument, "--steps=", flags.steps)) {
      return false;
    }
  }
  return true;
}

void add(holdfast::sim::Totals& sum, const holdfast::sim::Totals& run) {
  sum.turns += run.turns;
  sum.connections += run.connections;
  sum.messages_handled += run.messages_handled;
  sum.messages_received += run.messages_received;
  sum.simulated_ns += run.simulated_ns;
  for (const auto& [name, value] : run.counters) sum.counters[name] += value;
}

}  // namespace

int main(int count, char** arguments) {
  Flags flags;
  if (!parse(count, arguments, flags)) {
    std::fputs(kUsage.data(), stderr);
    return 2;
  }
  std::uint64_t failures = 0;
  holdfast::sim::Totals sum;
  for (std::uint64_t seed = flags.seed; seed < flags.seed + flags.seeds; ++seed) {
    holdfast::sim::Simulation simulation(seed, flags.steps);
    std::string failure = simulation.run();
    add(sum, simulation.totals());
    if (flags.verbose) {
      std::printf("seed %llu: %llu turns, %llu connections, %llu messages received; %s\n",
                  static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(simulation.totals().turns),
                  static_cast<unsigned long long>(simulation.totals().connections),
                  static_cast<unsigned long long>(simulation.totals().messages_received),
                  simulation.describe().c_str());
    }
    if (failure.empty()) continue;
    ++failures;
    std::printf("FAILED: %s\n  in: %s\n  repeat with: tools/sim --seed=%llu --steps=%llu\n", failure.c_str(),
                simulation.describe().c_str(), static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(flags.steps));
    if (!flags.keep_going) break;
  }
  if (flags.verbose) {
    for (const auto& [name, value] : sum.counters) {
      std::printf("%s=%llu ", name.c_str(), static_cast<unsigned long long>(value));
    }
    std::printf("\n");
  }
  std::printf(
      "%llu turns, %llu connections, %llu messages handled, %llu received, %.0f simulated seconds; %llu "
      "failed\n",
      static_cast<unsigned long long>(sum.turns), static_cast<unsigned long long>(sum.connections),
      static_cast<unsigned long long>(sum.messages_handled),
      static_cast<unsigned long long>(sum.messages_received), static_cast<double>(sum.simulated_ns) / 1e9,
      static_cast<unsigned long long>(failures));
  return failures == 0 ? 0 : 1;
}
