// The same as JSON: perf/README.md tells its keys. They stay; new ones are added.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "figures.h"
#include "report.h"

namespace holdfast::swarm {
namespace {

double microseconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
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

// Receivers by the time of their arrival, in bins of equal width: [[until_us, receivers], ...].
std::string json_arrivals(const Histogram& arrivals) {
  constexpr std::uint64_t kBins = 50;
  std::string text = "[";
  std::uint64_t before = 0;
  for (std::uint64_t i = 1; i <= kBins && arrivals.count() > 0; ++i) {
    const std::uint64_t until_ns = i == kBins ? arrivals.largest() : arrivals.largest() / kBins * i;
    const std::uint64_t seen = arrivals.count_until(until_ns);
    text += absl::StrFormat("%s[%.1f, %u]", i == 1 ? "" : ", ", microseconds(until_ns), seen - before);
    before = seen;
  }
  return text + "]";
}

std::string json_of(const std::vector<Histogram>& rounds) {
  std::string text = "[";
  for (const Histogram& round : rounds) {
    text += absl::StrFormat(
        "%s{\"received\": %u, \"first_us\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"last_us\": %.1f}",
        text.size() == 1 ? "" : ", ", round.count(), microseconds(round.smallest()),
        microseconds(round.quantile(0.5)), microseconds(round.quantile(0.99)), microseconds(round.largest()));
  }
  return text + "]";
}

// Cores are those of the time since the sample before.
std::string json_of(const std::vector<Sample>& samples) {
  std::string text = "[";
  Sample before;
  for (const Sample& sample : samples) {
    const double ns = (sample.seconds - before.seconds) * 1e9;
    const bool first = text.size() == 1;
    const auto cores = [&](std::uint64_t from, std::uint64_t to) {
      return first || ns <= 0 || to < from ? 0.0 : static_cast<double>(to - from) / ns;
    };
    text += absl::StrFormat(
        "%s\n    {\"t_s\": %.3f, \"connections\": %u, \"units\": %u, \"errors\": %u, \"bytes_out\": %u, "
        "\"bytes_in\": %u, \"server_cores\": %.3f, \"swarm_cores\": %.3f, \"server_resident_bytes\": %u}",
        first ? "" : ",", sample.seconds, sample.connections, sample.units, sample.errors, sample.bytes_out,
        sample.bytes_in, cores(before.server_cpu_ns, sample.server_cpu_ns),
        cores(before.swarm_cpu_ns, sample.swarm_cpu_ns), sample.server_resident_bytes);
    before = sample;
  }
  return text + "]";
}

std::string json_of_slabs(const PhaseReport& phase) {
  constexpr double kWorthTelling = 4096;
  std::string text = "\"slab_bytes\": {";
  bool first = true;
  double all = 0;
  if (phase.after.slabs_known) {
    for (const auto& [name, bytes] : slab_growth(phase.before, phase.after)) {
      all += bytes;
      if (bytes > -kWorthTelling && bytes < kWorthTelling) continue;
      text += absl::StrFormat("%s\"%s\": %.0f", first ? "" : ", ", name, bytes);
      first = false;
    }
  }
  return text + absl::StrFormat("}, \"slab_growth_bytes\": %.0f", all);
}

std::string json_of_memory(const PhaseReport& phase) {
  const Readings& before = phase.before;
  const Readings& after = phase.after;
  const Each each = each_of(phase);
  std::string text = absl::StrFormat(
      "   \"server_resident_bytes\": %u, \"server_resident_before_bytes\": %u, "
      "\"swarm_resident_bytes\": %u, \"swarm_resident_before_bytes\": %u,\n   \"tcp_in_use\": %u, "
      "\"tcp_time_wait\": %u, \"tcp_memory_pages\": %u, \"available_bytes\": %u,\n",
      after.server.resident_bytes, before.server.resident_bytes, after.swarm.resident_bytes,
      before.swarm.resident_bytes, after.tcp_in_use, after.tcp_time_wait, after.tcp_memory_pages,
      after.available_bytes);
  text += absl::StrFormat(
      "   \"server_user_bytes\": %u, \"server_user_before_bytes\": %u, \"swarm_user_bytes\": %u, "
      "\"swarm_user_before_bytes\": %u,\n   \"tcp_in_use_before\": %u, \"tcp_time_wait_before\": %u, "
      "\"tcp_memory_pages_before\": %u, \"available_before_bytes\": %u,\n",
      after.server.user_bytes(), before.server.user_bytes(), after.swarm.user_bytes(),
      before.swarm.user_bytes(), before.tcp_in_use, before.tcp_time_wait, before.tcp_memory_pages,
      before.available_bytes);
  if (each.connections == 0) return text;
  return text + absl::StrFormat(
                    "   \"each\": {\"connections\": %u, \"kernel_bytes\": %.1f, \"buffer_bytes\": %.1f, "
                    "\"sockets\": %.3f, \"server_user_bytes\": %.1f, \"server_resident_bytes\": %.1f, "
                    "\"swarm_user_bytes\": %.1f, \"swarm_resident_bytes\": %.1f},\n",
                    each.connections, each.kernel_bytes, each.buffer_bytes, each.sockets,
                    each.server_user_bytes, each.server_resident_bytes, each.swarm_user_bytes,
                    each.swarm_resident_bytes);
}

std::string json_of(const PhaseReport& phase) {
  const std::uint64_t units = units_of(phase);
  const Cpu cpu = cpu_of(phase);
  const std::string saturation = phase.saturation();
  std::string text = absl::StrFormat(
      "{\"name\": %s, \"text\": %s, \"passed\": %s, \"stopped\": %s, \"expected\": %u, \"done\": %u, "
      "\"units\": %u, \"unit\": %s, "
      "\"seconds\": %.3f,\n   \"server_cpu_us_each\": %.3f, \"server_cores\": %.4f, \"swarm_cores\": %.4f, "
      "\"swarm_saturated\": %s, \"swarm_saturation\": %s, \"swarm_busiest_thread\": %.4f, \"open\": %u,\n",
      json_string(phase.phase.name()), json_string(phase.phase.text), phase.passed() ? "true" : "false",
      json_string(phase.stopped), phase.result.expected, phase.result.done, units,
      json_string(unit_of(phase.phase.kind)), phase.seconds, per(cpu.server_ns, units) / 1e3,
      cpu.server_cores, cpu.swarm_cores, saturation.empty() ? "false" : "true", json_string(saturation),
      phase.busiest_thread, phase.totals_after.open);
  text += absl::StrFormat(
      "   \"per_second\": {\"units\": %.1f, \"connects\": %.1f, \"handshakes\": %.1f, \"messages_out\": "
      "%.1f, "
      "\"messages_in\": %.1f, \"bytes_out\": %.0f, \"bytes_in\": %.0f},\n",
      phase.seconds > 0 ? static_cast<double>(units) / phase.seconds : 0, rate_of(phase, Count::opened),
      rate_of(phase, Count::upgraded), rate_of(phase, Count::messages_out),
      rate_of(phase, Count::messages_in), rate_of(phase, Count::bytes_out), rate_of(phase, Count::bytes_in));
  const std::pair<const char*, const Histogram*> histograms[] = {{"connect", &phase.result.connect},
                                                                 {"handshake", &phase.result.handshake},
                                                                 {"latency", &phase.result.latency},
                                                                 {"settled", &phase.result.settled},
                                                                 {"swarm_turns_late", &phase.turns_late}};
  for (const auto& [name, histogram] : histograms) {
    text += absl::StrFormat("   \"%s\": %s,\n", name, json_of(*histogram));
  }
  text += "   \"rounds\": " + json_of(phase.result.rounds) + ",\n";
  if (!phase.result.rounds.empty()) {
    text += "   \"arrivals\": " + json_arrivals(phase.result.latency) + ",\n";
  }
  text += "   \"series\": " + json_of(phase.series.samples()) + ",\n";
  text += "   " + json_of_slabs(phase) + ",\n" + json_of_memory(phase);
  text +=
      "   \"counts\": " + json_of(phase.totals_after.counts, phase.totals_before.counts, kCountNames) + ",\n";
  text +=
      "   \"faults\": " + json_of(phase.totals_after.faults, phase.totals_before.faults, kFaultNames) + "}";
  return text;
}

std::string json_list(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) text += (text.size() == 1 ? "" : ", ") + json_string(word);
  return text + "]";
}

}  // namespace

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
  text += " ],\n \"kernel_caches\": " + json_list(connection_caches()) +
          ", \"kernel_caches_per_file\": " + json_list(caches_per_file()) + ",\n";
  text += " \"counts\": " + json_of(report.totals.counts, none.counts, kCountNames) + ",\n";
  return text + " \"faults\": " + json_of(report.totals.faults, none.faults, kFaultNames) + "}\n";
}

}  // namespace holdfast::swarm
