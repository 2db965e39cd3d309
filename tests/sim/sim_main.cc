// sim: runs the simulation for one seed or many, in several processes, and prints the line that repeats the
// first failure.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "simulation.h"

namespace {

using holdfast::sim::Length;
using holdfast::sim::Simulation;
using holdfast::sim::Totals;

struct Flags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t jobs = 1;
  Length length;
  bool keep_going = false;
  bool verbose = false;
};

constexpr std::string_view kUsage =
    "usage: sim [--seed=S] [--seeds=N] [--minutes=M] [--jobs=J] [--steps=N] [--keep_going] [--verbose]\n"
    "  Runs the real shards in a simulated world, once for each seed from S to S+N-1.\n"
    "  --minutes     simulated minutes of traffic for each seed (default: some seconds, as the seed draws)\n"
    "  --jobs        processes to share the seeds (default 1)\n"
    "  --steps       turns of traffic at most, before the calm phase\n"
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
               !number_after(argument, "--jobs=", flags.jobs) &&
               !number_after(argument, "--minutes=", flags.length.minutes) &&
               !number_after(argument, "--steps=", flags.length.turns_maximum)) {
      return false;
    }
  }
  return flags.jobs >= 1 && flags.jobs <= 256;
}

// What the processes share, in memory mapped before they begin.
struct Sum {
  std::uint64_t next_seed = 0;
  std::uint64_t seeds = 0;
  std::uint64_t failures = 0;
  std::uint64_t turns = 0;
  std::uint64_t connections = 0;
  std::uint64_t handled = 0;
  std::uint64_t received = 0;
  std::uint64_t simulated_ns = 0;
};

void add(std::uint64_t& sum, std::uint64_t value) {
  __atomic_fetch_add(&sum, value, __ATOMIC_RELAXED);
}

void add(Sum& sum, const Totals& run) {
  add(sum.seeds, 1);
  add(sum.turns, run.turns);
  add(sum.connections, run.connections);
  add(sum.handled, run.messages_handled);
  add(sum.received, run.messages_received);
  add(sum.simulated_ns, run.simulated_ns);
}

// One seed. True when it passed.
bool run_seed(std::uint64_t seed, const Flags& flags, Sum& sum,
              std::map<std::string, std::uint64_t>& counters) {
  Simulation simulation(seed, flags.length);
  const std::string failure = simulation.run();
  const Totals& totals = simulation.totals();
  add(sum, totals);
  for (const auto& [name, value] : totals.counters) counters[name] += value;
  if (flags.verbose) {
    std::printf("seed %llu: %llu turns, %llu connections, %llu messages received; %s\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(totals.turns),
                static_cast<unsigned long long>(totals.connections),
                static_cast<unsigned long long>(totals.messages_received), simulation.describe().c_str());
  }
  if (!failure.empty()) {
    std::printf("FAILED: %s\n  in: %s\n  repeat with: %s\n", failure.c_str(), simulation.describe().c_str(),
                simulation.command().c_str());
  }
  std::fflush(stdout);
  return failure.empty();
}

// Takes one seed after the other until there are none, or one has failed.
void run_seeds(const Flags& flags, Sum& sum) {
  std::map<std::string, std::uint64_t> counters;
  while (true) {
    const std::uint64_t seed = __atomic_fetch_add(&sum.next_seed, 1, __ATOMIC_RELAXED);
    if (seed >= flags.seed + flags.seeds) break;
    if (!flags.keep_going && __atomic_load_n(&sum.failures, __ATOMIC_RELAXED) > 0) break;
    if (!run_seed(seed, flags, sum, counters)) add(sum.failures, 1);
  }
  if (!flags.verbose) return;
  std::string line;
  for (const auto& [name, value] : counters) line += name + "=" + std::to_string(value) + " ";
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// A process that a failed CHECK ends has printed its seed; another one takes its place.
void run_jobs(const Flags& flags, Sum& sum) {
  std::uint64_t running = 0;
  const auto begin = [&] {
    const pid_t child = ::fork();
    CHECK(child >= 0);
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      run_seeds(flags, sum);
      std::_Exit(0);
    }
    ++running;
  };
  std::fflush(stdout);
  for (std::uint64_t job = 0; job < flags.jobs; ++job) begin();
  while (running > 0) {
    int status = 0;
    CHECK(::wait(&status) > 0);
    --running;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    add(sum.failures, 1);
    if (flags.keep_going) begin();
  }
}

}  // namespace

int main(int count, char** arguments) {
  Flags flags;
  if (!parse(count, arguments, flags)) {
    std::fputs(kUsage.data(), stderr);
    return 2;
  }
  void* shared = ::mmap(nullptr, sizeof(Sum), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  Sum& sum = *static_cast<Sum*>(shared);
  sum.next_seed = flags.seed;
  const std::time_t started = std::time(nullptr);
  flags.jobs == 1 && !flags.keep_going ? run_seeds(flags, sum) : run_jobs(flags, sum);
  std::printf(
      "%llu seeds, %llu turns, %llu connections, %llu messages handled, %llu received, %.0f simulated "
      "minutes in %lld s; %llu failed\n",
      static_cast<unsigned long long>(sum.seeds), static_cast<unsigned long long>(sum.turns),
      static_cast<unsigned long long>(sum.connections), static_cast<unsigned long long>(sum.handled),
      static_cast<unsigned long long>(sum.received), static_cast<double>(sum.simulated_ns) / 60e9,
      static_cast<long long>(std::time(nullptr) - started), static_cast<unsigned long long>(sum.failures));
  return sum.failures == 0 ? 0 : 1;
}
