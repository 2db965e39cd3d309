// holdfast-swarm: opens very many WebSocket connections to one server, uses them in phases, and verifies
// everything that comes back. Exit code 0: every phase verified all it claims; 1: not; 2: refused to start.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "addresses.h"
#include "base/entropy.h"
#include "client_flags.h"
#include "controller.h"
#include "publisher.h"
#include "scenario.h"
#include "worker.h"

ABSL_FLAG(std::string, target, "", "ws://ADDR:PORT/path of the server");
ABSL_FLAG(std::uint32_t, threads, 1, "threads that drive connections");
ABSL_FLAG(std::uint32_t, per_ring, 16'000, "connections per ring; at most RLIMIT_NOFILE and 65,536");
ABSL_FLAG(std::uint32_t, destinations, 0,
          "neighbouring addresses from the target's on; 0: as many as the connections need ports");
ABSL_FLAG(std::vector<std::string>, sources, {}, "addresses to connect from (Linux 6.11)");
ABSL_FLAG(std::vector<std::string>, allow_address, {}, "addresses besides loopback that may be connected to");
ABSL_FLAG(std::string, marker, "!", "the first byte of what is to be published to everybody");
ABSL_FLAG(std::int32_t, server_pid, 0, "the server's process: its CPU time and memory are read");
ABSL_FLAG(double, deadline_s, 600, "the whole run is ended after this");
ABSL_FLAG(double, patience_s, 20, "a phase in which nothing happens for this long is given up");
ABSL_FLAG(bool, progress, true, "a line a second on standard error");
ABSL_FLAG(std::string, json, "", "a file for the results");
ABSL_FLAG(std::uint64_t, seed, 0, "of all contents; 0: another one each run");
ABSL_FLAG(std::string, scenario, "",
          "a file with a phase a line, its settings behind its name, comments from # on; these phases come "
          "before those of the command line");
ABSL_FLAG(std::string, message_bytes, "64",
          "B, or B1-B2 for sizes at random: of messages whose phase does not say bytes=");
ABSL_FLAG(bool, step, false,
          "says \"ready\" on standard output before each phase, and waits for a line on standard input");
ABSL_FLAG(std::vector<std::string>, phase, {}, "a phase, may be repeated: see above");

namespace holdfast::swarm {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
// There are ports for 28,232 connections from one address to another. But the kernel looks for a free one
// among those taken, and with 20,000 a connect takes milliseconds of its time: many connections are spread
// thinner.
constexpr std::uint32_t kOnOneDestination = 20'000;
constexpr std::uint32_t kPortsUsed = 5'000;
constexpr std::string_view kPhaseFlag = "--phase=";

volatile std::sig_atomic_t interrupted = 0;

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "holdfast-swarm: %s\n", why.c_str());
  std::exit(kExitUsage);
}

template <class T>
T or_refuse(absl::StatusOr<T> value) {
  if (!value.ok()) refuse(std::string(value.status().message()));
  return *std::move(value);
}

// Phases are taken out of the command line first: they contain commas, and may be repeated.
std::vector<std::string> take_phases(int* argc, char** argv) {
  std::vector<std::string> phases;
  int kept = 0;
  for (int i = 0; i < *argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.substr(0, kPhaseFlag.size()) == kPhaseFlag) {
      phases.emplace_back(argument.substr(kPhaseFlag.size()));
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  return phases;
}

std::vector<Phase> read_phases(const std::vector<std::string>& given) {
  Sizes otherwise;
  if (const std::string sizes = absl::GetFlag(FLAGS_message_bytes); !parse_sizes(sizes, &otherwise)) {
    refuse("--message_bytes=" + sizes + ": right is B or B1-B2, each 9 to 1,048,576");
  }
  std::vector<Phase> phases;
  if (const std::string path = absl::GetFlag(FLAGS_scenario); !path.empty()) {
    std::ifstream file(path);
    std::stringstream text;
    // A directory opens, but cannot be read.
    if (!file || file.peek() == std::ifstream::traits_type::eof() || !(text << file.rdbuf())) {
      refuse("--scenario=" + path + " cannot be read, or is empty: it holds a phase a line");
    }
    phases = or_refuse(parse_scenario(text.str(), path, otherwise));
  }
  for (const std::string& text : given) phases.push_back(or_refuse(parse_phase(text, otherwise)));
  if (absl::Status status = check_scenario(phases, absl::GetFlag(FLAGS_deadline_s)); !status.ok()) {
    refuse(std::string(status.message()));
  }
  return phases;
}

std::uint32_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1u << 30));
}

// Capacities of the rings of one thread, equal to within one.
std::vector<std::uint32_t> rings_for(std::uint32_t connections, std::uint32_t per_ring) {
  const std::uint32_t rings = std::max((connections + per_ring - 1) / per_ring, 1u);
  std::vector<std::uint32_t> capacities;
  for (std::uint32_t i = 0; i < rings; ++i) {
    const std::uint64_t total = connections;
    capacities.push_back(
        std::max(static_cast<std::uint32_t>(total * (i + 1) / rings - total * i / rings), 1u));
  }
  return capacities;
}

Route route_for(const Url& url, std::uint32_t connections) {
  Route route;
  route.sources = or_refuse(sources(absl::GetFlag(FLAGS_sources)));
  std::uint32_t count = absl::GetFlag(FLAGS_destinations);
  const auto from = static_cast<std::uint32_t>(std::max<std::size_t>(route.sources.size(), 1));
  if (count == 0) {
    const bool spread = is_loopback(url.host) && url.host.find(':') == std::string::npos;
    if (spread && connections > kOnOneDestination) {
      count = (connections + kPortsUsed * from - 1) / (kPortsUsed * from);
    }
  }
  count = std::max(count, 1u);
  constexpr std::uint32_t kPortsOfAnAddress = 64'511;
  if (std::uint64_t{count} * from * kPortsOfAnAddress < connections) {
    refuse(
        "an address has 64,511 ports: more --destinations or --sources are needed for that many connections");
  }
  route.destinations = or_refuse(destinations(url, count, absl::GetFlag(FLAGS_allow_address)));
  if (!route.sources.empty() && route.sources.front().length != route.destinations.front().length) {
    refuse("--sources and the target are of different families");
  }
  return route;
}

struct Crew {
  ClientFlags flags;
  std::unique_ptr<Publisher> publisher;
  Stage stage;
  std::vector<std::unique_ptr<Worker>> workers;
};

void make_workers(const std::vector<Phase>& phases, const Url& url, std::uint64_t run, Crew* crew,
                  RunReport* report) {
  const std::uint32_t threads = absl::GetFlag(FLAGS_threads);
  const std::uint32_t per_ring = absl::GetFlag(FLAGS_per_ring);
  const std::string marker = absl::GetFlag(FLAGS_marker);
  if (threads < 1 || threads > 256) refuse("--threads is 1 to 256");
  if (marker.size() != 1) refuse("--marker is one byte");
  if (std::string_view("e?=-").find(marker[0]) != std::string_view::npos) {
    refuse("--marker=" + marker + " begins other messages of ours: take another byte");
  }
  const std::uint32_t limit = raise_descriptor_limit();
  if (per_ring < 1 || per_ring > 65'536 || per_ring > limit) {
    refuse("--per_ring is 1 to 65,536 and at most RLIMIT_NOFILE, which is " + std::to_string(limit));
  }
  const std::uint32_t connections = most_open(phases);
  // Each has connections of its own in every phase: to publish, and to be slow.
  if (threads > 1 && threads > connections / 2) {
    refuse("--threads=" + std::to_string(threads) + " is more than half of the " +
           std::to_string(connections) + " connections: take fewer");
  }
  const Route route = route_for(url, connections);
  std::uint64_t first = 0;
  for (std::uint32_t i = 0; i < threads; ++i) {
    // One more than its share: phases are divided one by one, and rounded.
    const Share share{i, threads};
    const auto own = share.of(connections) + static_cast<std::uint32_t>(phases.size());
    WorkerPlan plan{share,
                    route,
                    url.authority,
                    url.path,
                    run,
                    static_cast<std::uint8_t>(marker[0]),
                    crew->flags.protocol.get(),
                    rings_for(own, per_ring),
                    first,
                    phases};
    report->rings += static_cast<std::uint32_t>(plan.herds.size());
    first += own + plan.herds.size();
    crew->workers.push_back(std::make_unique<Worker>(std::move(plan), &crew->stage));
    if (absl::Status status = crew->workers.back()->prepare(); !status.ok())
      refuse(std::string(status.message()));
  }
  crew->stage.numbers = first;
  report->threads = threads;
  report->destinations = static_cast<std::uint32_t>(route.destinations.size());
  report->bytes_each = sizeof(Connection) + (crew->flags.protocol == nullptr ? 0 : sizeof(Client));
  report->io_uring = crew->workers.front()->describe();
  const bool vanish = std::any_of(phases.begin(), phases.end(),
                                  [](const Phase& phase) { return phase.kind == Phase::Kind::vanish; });
  if (vanish && !crew->workers.front()->can_set_options()) {
    refuse("this kernel cannot set socket options by ring (6.7 or newer): leave vanish out");
  }
}

// The phases of the command line.
std::vector<std::string> parse_flags(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "holdfast-swarm --target=ws://ADDR:PORT/ --phase=... [--phase=...]\nPhases, in the order given:\n" +
      list_of_phases());
  absl::FlagsUsageConfig usage;
  usage.contains_help_flags = [](absl::string_view file) {
    return absl::EndsWith(file, "swarm.cc") || absl::EndsWith(file, "client_flags.cc");
  };
  absl::SetFlagsUsageConfig(usage);
  std::vector<std::string> given = take_phases(&argc, argv);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) refuse("\"" + std::string(rest[1]) + "\" is not a flag; --help lists the flags");
  return given;
}

// What is shared by the workers, and the publisher.
void make_protocol(const std::vector<Phase>& phases, std::uint64_t run, Crew* crew, Watch* watch) {
  crew->flags = or_refuse(read_client_flags(run, absl::GetFlag(FLAGS_allow_address)));
  if (absl::Status status = check_phases(phases, crew->flags); !status.ok()) {
    refuse(std::string(status.message()));
  }
  if (!crew->flags.api) return;
  crew->publisher = std::make_unique<Publisher>(*crew->flags.api, crew->flags.protocol.get());
  crew->stage.publisher = crew->publisher.get();
  watch->publisher = &crew->publisher->tally();
}

int run(int argc, char** argv) {
  const std::vector<std::string> given = parse_flags(argc, argv);
  const Url url = or_refuse(parse_url(absl::GetFlag(FLAGS_target)));
  const std::vector<Phase> phases = read_phases(given);
  Watch watch;
  watch.step = absl::GetFlag(FLAGS_step);
  watch.server = absl::GetFlag(FLAGS_server_pid);
  watch.patience_s = absl::GetFlag(FLAGS_patience_s);
  watch.deadline_s = absl::GetFlag(FLAGS_deadline_s);
  watch.progress = absl::GetFlag(FLAGS_progress);
  watch.interrupted = &interrupted;
  if (watch.patience_s <= 0 || watch.deadline_s <= 0) refuse("--patience_s and --deadline_s are above 0");
  if (watch.server != 0 && !take_readings(watch.server, false).server_known)
    refuse("--server_pid: no such process");

  RunReport report;
  report.target = absl::GetFlag(FLAGS_target);
  Crew crew;
  std::uint64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed == 0) seed = base::SystemEntropy().next();
  make_protocol(phases, seed, &crew, &watch);
  make_workers(phases, url, seed, &crew, &report);
  const auto on_signal = [](int) { interrupted = 1; };
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  if (crew.publisher != nullptr) {
    if (absl::Status status = crew.publisher->begin(); !status.ok()) refuse(std::string(status.message()));
  }
  for (const std::unique_ptr<Worker>& worker : crew.workers) worker->begin();
  Controller(phases, crew.workers, crew.stage, watch).run(&report);
  std::fputs(table(report).c_str(), stdout);
  std::fflush(stdout);
  bool written = true;
  if (const std::string path = absl::GetFlag(FLAGS_json); !path.empty()) {
    std::ofstream file(path);
    file << json(report);
    file.close();
    written = !file.fail();
    if (!written) std::fprintf(stderr, "holdfast-swarm: --json=%s could not be written\n", path.c_str());
  }
  std::fflush(stderr);
  // Not through the destructors: a worker that hangs could not be joined, and the kernel ends a million
  // connections faster than we do.
  std::_Exit(report.passed() && written ? 0 : kExitFailed);
}

}  // namespace
}  // namespace holdfast::swarm

int main(int argc, char** argv) {
  return holdfast::swarm::run(argc, argv);
}
