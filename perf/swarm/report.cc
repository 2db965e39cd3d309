// The table, and the verdict in its last line.
#include "report.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "figures.h"

namespace holdfast::swarm {
namespace {

std::string duration(std::uint64_t ns) {
  const double value = static_cast<double>(ns);
  if (value < 1e6) return absl::StrFormat("%.0f us", value / 1e3);
  if (value < 1e9) return absl::StrFormat("%.1f ms", value / 1e6);
  return absl::StrFormat("%.2f s", value / 1e9);
}

std::string quantiles(const char* what, const Histogram& histogram) {
  if (histogram.count() == 0) return "";
  return absl::StrFormat("    %-10s p50 %s, p90 %s, p99 %s, p99.9 %s, max %s\n", what,
                         duration(histogram.quantile(0.5)), duration(histogram.quantile(0.9)),
                         duration(histogram.quantile(0.99)), duration(histogram.quantile(0.999)),
                         duration(histogram.largest()));
}

std::uint64_t median_of_rounds(const Result& result, std::uint64_t (*figure)(const Histogram&)) {
  std::vector<std::uint64_t> values;
  for (const Histogram& round : result.rounds) {
    if (round.count() > 0) values.push_back(figure(round));
  }
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string arrivals(const Result& result) {
  if (result.rounds.empty()) return "";
  const auto first = [](const Histogram& h) { return h.smallest(); };
  const auto median = [](const Histogram& h) { return h.quantile(0.5); };
  const auto most = [](const Histogram& h) { return h.quantile(0.99); };
  const auto last = [](const Histogram& h) { return h.largest(); };
  return absl::StrFormat("    receivers  first %s, median %s, p99 %s, last %s (medians of %u rounds)\n",
                         duration(median_of_rounds(result, first)),
                         duration(median_of_rounds(result, median)), duration(median_of_rounds(result, most)),
                         duration(median_of_rounds(result, last)), result.rounds.size());
}

std::string memory_of(const PhaseReport& phase) {
  const Each each = each_of(phase);
  if (each.connections == 0) return "";
  std::string text;
  if (phase.after.slabs_known) {
    text += absl::StrFormat("    kernel     %.0f B of slabs for each connection, both its ends\n",
                            each.kernel_bytes);
  }
  const auto process = [&text](const char* name, double user, double resident, const ProcessMemory& memory) {
    text += absl::StrFormat(
        "    %-10s %.0f B for each in heap and shared memory, %.0f B resident with files; %.1f MB in all\n",
        name, user, resident, static_cast<double>(memory.resident_bytes) / 1e6);
  };
  if (phase.after.server_known) {
    process("server", each.server_user_bytes, each.server_resident_bytes, phase.after.server);
  }
  process("swarm", each.swarm_user_bytes, each.swarm_resident_bytes, phase.after.swarm);
  text += absl::StrFormat(
      "    sockets    %.2f for each, %u in use, %u in TIME_WAIT; %.0f B of buffers for each\n", each.sockets,
      phase.after.tcp_in_use, phase.after.tcp_time_wait, each.buffer_bytes);
  return text;
}

// What is only of some phases.
std::string outcome_of(const PhaseReport& phase) {
  std::string text;
  const auto grown = [&phase](Count count) {
    return phase.totals_after.of(count) - phase.totals_before.of(count);
  };
  if (phase.phase.kind == Phase::Kind::slow) {
    text += absl::StrFormat("    slow       %u kept, %u closed by the server\n", grown(Count::slow_kept),
                            grown(Count::slow_closed));
  } else if (phase.phase.kind == Phase::Kind::vanish) {
    text += absl::StrFormat("    vanished   %u, of which the server ended %u\n", grown(Count::vanished),
                            grown(Count::vanished_ended));
  } else if (phase.phase.kind == Phase::Kind::recover) {
    text += absl::StrFormat(
        "    recovered  %u of %u disconnected; %u published, %u of %u deliveries in replies\n",
        grown(Count::recovered), grown(Count::disconnected), grown(Count::published),
        grown(Count::publications_recovered), grown(Count::deliveries));
  }
  return text;
}

std::string fault_list(const Totals& after, const Totals* before) {
  std::string list;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const std::uint64_t count = after.faults[i] - (before == nullptr ? 0 : before->faults[i]);
    if (count > 0) list += absl::StrFormat("%s%s %u", list.empty() ? "" : ", ", kFaultNames[i], count);
  }
  return list;
}

std::string row(const PhaseReport& phase) {
  const std::uint64_t units = units_of(phase);
  const Cpu cpu = cpu_of(phase);
  std::string text = absl::StrFormat("%s  %s\n", phase.passed() ? "ok  " : "FAIL", phase.phase.text);
  if (phase.phase.kind == Phase::Kind::idle) {
    text += absl::StrFormat("    %u heartbeats answered in %.1f s\n", units, phase.seconds);
  } else {
    text += absl::StrFormat("    %u of %u %s in %.1f s, %.0f/s\n", phase.result.done, phase.result.expected,
                            unit_of(phase.phase.kind), phase.seconds,
                            phase.seconds > 0 ? static_cast<double>(units) / phase.seconds : 0);
  }
  text += outcome_of(phase);
  text += quantiles("connect", phase.result.connect);
  text += quantiles("upgraded", phase.result.handshake);
  if (phase.phase.kind != Phase::Kind::ramp) text += quantiles("latency", phase.result.latency);
  if (phase.phase.kind == Phase::Kind::slow) text += quantiles("settled", phase.result.settled);
  text += arrivals(phase.result);
  text += absl::StrFormat("    traffic    out %.0f messages/s, %.2f MB/s; in %.0f messages/s, %.2f MB/s\n",
                          rate_of(phase, Count::messages_out), rate_of(phase, Count::bytes_out) / 1e6,
                          rate_of(phase, Count::messages_in), rate_of(phase, Count::bytes_in) / 1e6);
  text += absl::StrFormat("    cpu        server %.2f cores (%.2f us each), swarm %.2f cores\n",
                          cpu.server_cores, per(cpu.server_ns, units) / 1e3, cpu.swarm_cores);
  if (const std::string why = phase.saturation(); !why.empty()) {
    text += "    WARNING: the swarm was saturated (" + why + "): the figures are its own\n";
  }
  text += memory_of(phase);
  if (!phase.stopped.empty()) text += "    ended early: " + phase.stopped + "\n";
  if (phase.faults() > 0) text += "    " + fault_list(phase.totals_after, &phase.totals_before) + "\n";
  return text;
}

std::string saturated_phases(const RunReport& report) {
  std::string list;
  for (const PhaseReport& phase : report.phases) {
    if (!phase.saturation().empty()) list += (list.empty() ? "" : ", ") + phase.phase.text;
  }
  return list.empty() ? "The swarm was never saturated.\n" : "The swarm was saturated in: " + list + "\n";
}

}  // namespace

std::string PhaseReport::saturation() const {
  constexpr double kBusy = 0.95;
  constexpr double kLate = 0.99;
  constexpr std::uint64_t kLateNs = 20'000'000;
  constexpr std::uint64_t kTurns = 100;  // of fewer, one is more than a hundredth
  if (busiest_thread >= kBusy) return absl::StrFormat("a thread of it took %.2f of a core", busiest_thread);
  if (turns_late.count() < kTurns || turns_late.quantile(kLate) < kLateNs) return "";
  return absl::StrFormat("1 %% of its turns began %s late or more", duration(turns_late.quantile(kLate)));
}

bool RunReport::passed() const {
  if (!stopped.empty() || phases.size() != phases_planned || totals.all_faults() != 0) return false;
  return std::all_of(phases.begin(), phases.end(), [](const PhaseReport& phase) { return phase.passed(); });
}

std::string table(const RunReport& report) {
  std::string text = absl::StrFormat(
      "holdfast-swarm against %s: %u threads, %u rings, %u destinations, %u B of user memory for an idle "
      "connection\n"
      "%s\n\n",
      report.target, report.threads, report.rings, report.destinations, report.bytes_each, report.io_uring);
  for (const PhaseReport& phase : report.phases) text += row(phase);
  text += absl::StrFormat("\n%u bytes out, %u in; %u messages out, %u in; %u pings answered\n",
                          report.totals.of(Count::bytes_out), report.totals.of(Count::bytes_in),
                          report.totals.of(Count::messages_out), report.totals.of(Count::messages_in),
                          report.totals.of(Count::pings_answered));
  text += saturated_phases(report);
  if (report.connect_errno != 0) {
    text +=
        absl::StrFormat("first failed connect: %s\n", std::strerror(static_cast<int>(report.connect_errno)));
  }
  if (report.error_code != 0) text += absl::StrFormat("first refused command: error %u\n", report.error_code);
  if (report.close_code != 0) text += absl::StrFormat("first unexpected close: code %u\n", report.close_code);
  if (report.totals.of(Fault::refused) > 0 && report.destinations > 1) {
    text += absl::StrFormat(
        "refused: connections go to %u neighbouring addresses; the server has to listen on all of them, as "
        "with "
        "0.0.0.0\n",
        report.destinations);
  }
  if (report.passed()) return text + absl::StrFormat("PASS: %u phases, 0 errors\n", report.phases.size());
  const std::string faults = fault_list(report.totals, nullptr);
  std::string reasons = faults;
  const auto add = [&reasons](const std::string& reason) {
    reasons += (reasons.empty() ? "" : "; ") + reason;
  };
  for (const PhaseReport& phase : report.phases) {
    if (phase.result.done < phase.result.expected) {
      add(absl::StrFormat("%s verified %u of %u", phase.phase.text, phase.result.done,
                          phase.result.expected));
    } else if (!phase.stopped.empty()) {
      add(phase.phase.text + " " + phase.stopped);
    }
  }
  if (report.phases.size() < report.phases_planned) {
    add(absl::StrFormat("%u of %u phases ran", report.phases.size(), report.phases_planned));
  }
  if (!report.stopped.empty()) add(report.stopped);
  return text + "FAIL: " + reasons + "\n";
}

}  // namespace holdfast::swarm
