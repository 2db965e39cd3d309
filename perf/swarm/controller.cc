// The watching. Progress is anything opened, sent, verified or failed; its absence is what patience is for.
#include "controller.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "figures.h"
#include "scenario.h"

namespace holdfast::swarm {
namespace {

constexpr std::string_view kNothingCame = "nothing came any more";
constexpr long kLookNs = 20'000'000;
constexpr double kSecondNs = 1e9;
constexpr double kGiveUpSeconds = 30;  // in which a worker has to have counted what is missing

// Tells whoever drives us that the last phase is over, and waits for a line.
bool asked_to_go_on() {
  std::puts("ready");
  std::fflush(stdout);
  int read = 0;
  while ((read = std::getchar()) != '\n' && read != EOF) {
  }
  return read != EOF;
}

// Heartbeats are no progress: they go on in a phase that hangs. Those of the clients' protocol are messages.
std::uint64_t progress_of(const Totals& totals) {
  const std::uint64_t counted = std::accumulate(totals.counts.begin(), totals.counts.end(), std::uint64_t{0});
  return counted - totals.of(Count::pings_answered) - totals.of(Count::messages_in) -
         totals.of(Count::bytes_in) - totals.of(Count::bytes_out) + totals.all_faults();
}

// What it will have counted in the end; 0 when that is a matter of time.
std::uint64_t planned(const Phase& phase, std::uint64_t open) {
  switch (phase.kind) {
    case Phase::Kind::ramp:
    case Phase::Kind::half_open:
      return phase.connections;
    case Phase::Kind::echo:
      return phase.closed_loop ? open * phase.rounds : static_cast<std::uint64_t>(phase.rate * phase.seconds);
    case Phase::Kind::fanout:
    case Phase::Kind::slow:
      return open * phase.rounds;
    case Phase::Kind::fanin:
      return open * phase.rounds * phase.collectors;
    case Phase::Kind::vanish:
      return part_of(static_cast<std::uint32_t>(open), phase.percent);
    case Phase::Kind::ping:
    case Phase::Kind::close:
    case Phase::Kind::storm:
    case Phase::Kind::recover:
    case Phase::Kind::drop:
      return open;
    case Phase::Kind::idle:
    case Phase::Kind::churn:
      return 0;
  }
  return 0;
}

}  // namespace

Controller::Controller(std::vector<Phase> phases, std::vector<std::unique_ptr<Worker>>& workers, Stage& stage,
                       Watch watch)
    : phases_(std::move(phases)), workers_(workers), stage_(stage), watch_(watch) {}

Totals Controller::totals() const {
  Totals totals;
  for (const std::unique_ptr<Worker>& worker : workers_) totals.add(worker->tally());
  if (watch_.publisher != nullptr) totals.add(*watch_.publisher);
  return totals;
}

bool Controller::all_done(std::uint32_t number) const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [&](const std::unique_ptr<Worker>& worker) { return worker->done() >= number; });
}

void Controller::run(RunReport* report) {
  begun_ns_ = clock_.monotonic_ns();
  report->phases_planned = static_cast<std::uint32_t>(phases_.size());
  for (std::uint32_t number = 1; number <= phases_.size(); ++number) {
    if (watch_.step && !asked_to_go_on()) {
      report->stopped = "standard input ended";
      break;
    }
    PhaseReport& phase = report->phases.emplace_back();
    phase.phase = phases_[number - 1];
    const bool go_on = play(number, &phase);
    if (!go_on) {
      report->stopped = phase.stopped;
      break;
    }
  }
  report->totals = totals();
  for (const std::unique_ptr<Worker>& worker : workers_) {
    const Tally& tally = worker->tally();
    if (report->connect_errno == 0) report->connect_errno = tally.connect_errno.get();
    if (report->error_code == 0) report->error_code = tally.error_code.get();
    if (report->close_code == 0) report->close_code = tally.close_code.get();
  }
}

// Empty while the phase may go on.
std::string Controller::reason_to_stop(const Phase& phase, std::uint64_t now_ns, std::uint64_t progress_ns) {
  if (watch_.interrupted != nullptr && *watch_.interrupted != 0) return "interrupted";
  if (static_cast<double>(now_ns - begun_ns_) > watch_.deadline_s * kSecondNs)
    return "the run's deadline was reached";
  const double patience_s = watch_.patience_s + quiet_seconds(phase);
  if (static_cast<double>(now_ns - progress_ns) > patience_s * kSecondNs) return std::string(kNothingCame);
  return "";
}

void Controller::sample(PhaseReport* report, const Totals& now, double seconds, bool last) {
  if (!last && !report->series.due(seconds)) return;
  const Count counted = counted_by(report->phase.kind);
  const Glance seen = glance(watch_.server);
  const auto grown = [&](Count count) { return now.of(count) - report->totals_before.of(count); };
  const Sample sample{.seconds = seconds,
                      .connections = now.open,
                      .units = grown(counted),
                      .errors = now.all_faults() - report->totals_before.all_faults(),
                      .bytes_out = grown(Count::bytes_out),
                      .bytes_in = grown(Count::bytes_in),
                      .server_cpu_ns = seen.server_cpu_ns,
                      .swarm_cpu_ns = seen.swarm_cpu_ns,
                      .server_resident_bytes = seen.server_resident_bytes};
  if (last) {
    report->series.end(sample);
  } else {
    report->series.add(sample);
  }
}

// Until all workers have finished the phase, which they are told to do when it must stop. False: one hangs.
bool Controller::watch_phase(std::uint32_t number, PhaseReport* report) {
  const std::uint64_t begun_ns = report->before.wall_ns;
  std::uint64_t progress = 0, progress_ns = begun_ns, shown_ns = begun_ns, stopped_ns = 0;
  while (!all_done(number)) {
    const timespec pause{0, kLookNs};
    nanosleep(&pause, nullptr);
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const Totals now = totals();
    const double seconds = static_cast<double>(now_ns - begun_ns) / kSecondNs;
    if (progress_of(now) != progress) progress_ns = now_ns;
    progress = progress_of(now);
    sample(report, now, seconds, false);
    if (now_ns - shown_ns >= 1'000'000'000) {
      if (watch_.progress) show_progress(*report, now, seconds);
      shown_ns = now_ns;
    }
    if (report->stopped.empty()) {
      report->stopped = reason_to_stop(report->phase, now_ns, progress_ns);
      if (report->stopped.empty()) continue;
      stopped_ns = now_ns;
      stage_.give_up.store(number);
    }
    if (static_cast<double>(now_ns - stopped_ns) > kGiveUpSeconds * kSecondNs) return false;
  }
  return true;
}

// False when the run must not go on.
bool Controller::play(std::uint32_t number, PhaseReport* report) {
  report->totals_before = totals();
  report->before = take_readings(watch_.server, true);
  last_units_ = report->totals_before.of(counted_by(report->phase.kind));
  stage_.clear();
  std::vector<std::uint64_t> cpu_before;
  for (const std::unique_ptr<Worker>& worker : workers_) cpu_before.push_back(worker->cpu_ns());
  // Reading took a while, which is not the phase's.
  const Readings begin = take_readings(watch_.server, false);
  report->before.wall_ns = begin.wall_ns;
  report->before.swarm_cpu_ns = begin.swarm_cpu_ns;
  report->before.server_cpu_ns = begin.server_cpu_ns;
  sample(report, report->totals_before, 0, false);
  stage_.number.store(number, std::memory_order_release);
  const bool answered = watch_phase(number, report);
  const Readings end = take_readings(watch_.server, false);
  report->totals_after = totals();
  report->seconds = static_cast<double>(end.wall_ns - begin.wall_ns) / kSecondNs;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const double used_ns = static_cast<double>(workers_[i]->cpu_ns() - cpu_before[i]);
    report->busiest_thread = std::max(report->busiest_thread, used_ns / (report->seconds * kSecondNs));
  }
  sample(report, report->totals_after, report->seconds, true);
  report->after = take_readings(watch_.server, true);
  report->after.wall_ns = end.wall_ns;
  report->after.swarm_cpu_ns = end.swarm_cpu_ns;
  if (end.server_known) report->after.server_cpu_ns = end.server_cpu_ns;
  if (!answered) {
    report->stopped += ", and a worker did not answer";
    return false;
  }
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (!worker->status().ok()) {
      report->stopped = std::string(worker->status().message());
      return false;
    }
    report->result.merge(worker->result());
    report->turns_late.merge(worker->turns_late());
  }
  const Phase::Kind kind = report->phase.kind;
  if (kind == Phase::Kind::fanout || kind == Phase::Kind::slow) stage_.first_round += report->phase.rounds;
  return report->stopped.empty() || report->stopped == kNothingCame;
}

void Controller::show_progress(const PhaseReport& report, const Totals& totals, double seconds) {
  const Count counted = counted_by(report.phase.kind);
  const std::uint64_t units = totals.of(counted);
  const std::uint64_t so_far = units - report.totals_before.of(counted);
  const std::uint64_t goal = planned(report.phase, report.totals_before.open);
  double left_s = report.phase.seconds - seconds;
  if (goal > 0 && so_far > 0)
    left_s = seconds * static_cast<double>(goal) / static_cast<double>(so_far) - seconds;
  std::fprintf(stderr, "%-9s %6.0f s  open %llu  %llu/s  done %llu  errors %llu  left %.0f s\n",
               std::string(report.phase.name()).c_str(), seconds,
               static_cast<unsigned long long>(totals.open),
               static_cast<unsigned long long>(units - last_units_), static_cast<unsigned long long>(so_far),
               static_cast<unsigned long long>(totals.all_faults()), std::max(left_s, 0.0));
  last_units_ = units;
}

}  // namespace holdfast::swarm
