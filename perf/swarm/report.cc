// The table, and the verdict in its last line.
#include "report.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"

namespace holdfast::swarm {
namespace {

double microseconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

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

const char* unit_of(Phase::Kind kind) {
  switch (kind) {
    case Phase::Kind::ramp:
    case Phase::Kind::storm:
    case Phase::Kind::churn:
      return "handshakes";
    case Phase::Kind::idle:
      return "heartbeats";
    case Phase::Kind::echo:
      return "echoes";
    case Phase::Kind::fanout:
      return "deliveries";
    case Phase::Kind::ping:
      return "pongs";
    case Phase::Kind::close:
      return "closes";
    case Phase::Kind::half_open:
      return "ended";
  }
  return "";
}

std::uint64_t units_of(const PhaseReport& phase) {
  if (phase.phase.kind != Phase::Kind::idle) return phase.result.done;
  return phase.totals_after.of(Count::pings_answered) - phase.totals_before.of(Count::pings_answered);
}

double per(double amount, std::uint64_t units) {
  return units == 0 ? 0 : amount / static_cast<double>(units);
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

struct Cpu {
  double server_ns = 0;
  double server_cores = 0;
  double swarm_cores = 0;
};

Cpu cpu_of(const PhaseReport& phase) {
  const auto wall_ns =
      static_cast<double>(std::max<std::uint64_t>(phase.after.wall_ns - phase.before.wall_ns, 1));
  Cpu cpu;
  if (phase.after.server_known && phase.after.server_cpu_ns >= phase.before.server_cpu_ns) {
    cpu.server_ns = static_cast<double>(phase.after.server_cpu_ns - phase.before.server_cpu_ns);
  }
  cpu.server_cores = cpu.server_ns / wall_ns;
  cpu.swarm_cores = static_cast<double>(phase.after.swarm_cpu_ns - phase.before.swarm_cpu_ns) / wall_ns;
  return cpu;
}

std::string memory_of(const PhaseReport& phase) {
  if (phase.phase.kind != Phase::Kind::ramp || phase.result.done == 0) return "";
  const std::uint64_t opened = phase.result.done;
  std::string text;
  if (phase.after.slabs_known) {
    const double both = sum_of(slab_growth(phase.before, phase.after));
    text += absl::StrFormat("    kernel     %.0f B of slabs for each connection, both its ends\n",
                            per(both, opened));
  }
  if (phase.after.server_known) {
    const double grown = static_cast<double>(phase.after.server_resident_bytes) -
                         static_cast<double>(phase.before.server_resident_bytes);
    text += absl::StrFormat("    server     %.0f B resident for each, %.1f MB in all\n", per(grown, opened),
                            static_cast<double>(phase.after.server_resident_bytes) / 1e6);
  }
  const double own = static_cast<double>(phase.after.swarm_resident_bytes) -
                     static_cast<double>(phase.before.swarm_resident_bytes);
  text += absl::StrFormat("    swarm      %.0f B resident for each, %.1f MB in all\n", per(own, opened),
                          static_cast<double>(phase.after.swarm_resident_bytes) / 1e6);
  text += absl::StrFormat("    sockets    %u in use, %u in TIME_WAIT, %u pages of buffers\n",
                          phase.after.tcp_in_use, phase.after.tcp_time_wait, phase.after.tcp_memory_pages);
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
    text += absl::StrFormat("    %u of %u %s in %.1f s, %.0f/s\n", units, phase.result.expected,
                            unit_of(phase.phase.kind), phase.seconds,
                            phase.seconds > 0 ? static_cast<double>(units) / phase.seconds : 0);
  }
  text += quantiles("connect", phase.result.connect);
  text += quantiles("upgraded", phase.result.handshake);
  if (phase.phase.kind != Phase::Kind::ramp) text += quantiles("latency", phase.result.latency);
  text += arrivals(phase.result);
  text +=
      absl::StrFormat("    cpu        server %.2f cores (%.2f us each), swarm %.2f cores%s\n",
                      cpu.server_cores, per(cpu.server_ns, units) / 1e3, cpu.swarm_cores,
                      phase.saturated ? "  WARNING: the swarm was saturated, its figures are its own" : "");
  text += memory_of(phase);
  if (!phase.stopped.empty()) text += "    ended early: " + phase.stopped + "\n";
  if (phase.faults() > 0) text += "    " + fault_list(phase.totals_after, &phase.totals_before) + "\n";
  return text;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += absl::StrFormat("\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_of(const Histogram& histogram) {
  std::string text = absl::StrFormat(
      "{\"count\": %u, \"mean_us\": %.3f, \"min_us\": %.3f, \"p50_us\": %.3f, \"p90_us\": %.3f, \"p99_us\": "
      "%.3f, "
      "\"p999_us\": %.3f, \"max_us\": %.3f, \"curve_us\": [",
      histogram.count(), histogram.mean() / 1e3, microseconds(histogram.smallest()),
      microseconds(histogram.quantile(0.5)), microseconds(histogram.quantile(0.9)),
      microseconds(histogram.quantile(0.99)), microseconds(histogram.quantile(0.999)),
      microseconds(histogram.largest()));
  // Every fiftieth part: what a chart draws.
  constexpr int kPoints = 50;
  for (int i = 0; i <= kPoints && histogram.count() > 0; ++i) {
    text +=
        absl::StrFormat("%s%.1f", i == 0 ? "" : ", ", microseconds(histogram.quantile(i / double{kPoints})));
  }
  return text + "]}";
}

template <std::size_t kSize>
std::string json_of(const std::array<std::uint64_t, kSize>& after,
                    const std::array<std::uint64_t, kSize>& before, const char* const* names) {
  std::string text = "{";
  for (std::size_t i = 0; i < kSize; ++i) {
    text += absl::StrFormat("%s\"%s\": %u", i == 0 ? "" : ", ", names[i], after[i] - before[i]);
  }
  return text + "}";
}

std::string json_of(const PhaseReport& phase) {
  const std::uint64_t units = units_of(phase);
  const Cpu cpu = cpu_of(phase);
  std::string text = absl::StrFormat(
      "{\"name\": %s, \"text\": %s, \"passed\": %s, \"stopped\": %s, \"expected\": %u, \"done\": %u, "
      "\"units\": %u, "
      "\"seconds\": %.3f,\n   \"server_cpu_us_each\": %.3f, \"server_cores\": %.4f, \"swarm_cores\": %.4f, "
      "\"swarm_saturated\": %s, \"open\": %u,\n",
      json_string(phase.phase.name()), json_string(phase.phase.text), phase.passed() ? "true" : "false",
      json_string(phase.stopped), phase.result.expected, phase.result.done, units, phase.seconds,
      per(cpu.server_ns, units) / 1e3, cpu.server_cores, cpu.swarm_cores, phase.saturated ? "true" : "false",
      phase.totals_after.open);
  const Histogram* const histograms[] = {&phase.result.connect, &phase.result.handshake,
                                         &phase.result.latency};
  const char* const names[] = {"connect", "handshake", "latency"};
  for (int i = 0; i < 3; ++i) text += absl::StrFormat("   \"%s\": %s,\n", names[i], json_of(*histograms[i]));
  text += "   \"rounds\": [";
  for (std::size_t i = 0; i < phase.result.rounds.size(); ++i) {
    const Histogram& round = phase.result.rounds[i];
    text += absl::StrFormat(
        "%s{\"received\": %u, \"first_us\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"last_us\": %.1f}",
        i == 0 ? "" : ", ", round.count(), microseconds(round.smallest()), microseconds(round.quantile(0.5)),
        microseconds(round.quantile(0.99)), microseconds(round.largest()));
  }
  text += "],\n   \"slab_bytes\": {";
  bool first = true;
  double all = 0;
  if (phase.after.slabs_known) {
    for (const auto& [name, bytes] : slab_growth(phase.before, phase.after)) {
      all += bytes;
      if (bytes > -4096 && bytes < 4096) continue;
      text += absl::StrFormat("%s\"%s\": %.0f", first ? "" : ", ", name, bytes);
      first = false;
    }
  }
  text += absl::StrFormat(
      "}, \"slab_growth_bytes\": %.0f,\n   \"server_resident_bytes\": %u, \"server_resident_before_bytes\": "
      "%u, "
      "\"swarm_resident_bytes\": %u, \"swarm_resident_before_bytes\": %u,\n   \"tcp_in_use\": %u, "
      "\"tcp_time_wait\": %u, \"tcp_memory_pages\": %u, \"available_bytes\": %u,\n",
      all, phase.after.server_resident_bytes, phase.before.server_resident_bytes,
      phase.after.swarm_resident_bytes, phase.before.swarm_resident_bytes, phase.after.tcp_in_use,
      phase.after.tcp_time_wait, phase.after.tcp_memory_pages, phase.after.available_bytes);
  text +=
      "   \"counts\": " + json_of(phase.totals_after.counts, phase.totals_before.counts, kCountNames) + ",\n";
  text +=
      "   \"faults\": " + json_of(phase.totals_after.faults, phase.totals_before.faults, kFaultNames) + "}";
  return text;
}

}  // namespace

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
  if (report.connect_errno != 0) {
    text +=
        absl::StrFormat("first failed connect: %s\n", std::strerror(static_cast<int>(report.connect_errno)));
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

std::string json(const RunReport& report) {
  const Totals none;
  std::string text = absl::StrFormat(
      "{\"target\": %s, \"threads\": %u, \"rings\": %u, \"destinations\": %u, \"bytes_each\": %u,\n"
      " \"passed\": %s, \"stopped\": %s, \"phases\": [\n",
      json_string(report.target), report.threads, report.rings, report.destinations, report.bytes_each,
      report.passed() ? "true" : "false", json_string(report.stopped));
  for (std::size_t i = 0; i < report.phases.size(); ++i) {
    text += "  " + json_of(report.phases[i]) + (i + 1 < report.phases.size() ? ",\n" : "\n");
  }
  text += " ],\n \"counts\": " + json_of(report.totals.counts, none.counts, kCountNames) + ",\n";
  return text + " \"faults\": " + json_of(report.totals.faults, none.faults, kFaultNames) + "}\n";
}

}  // namespace holdfast::swarm
