// The comparisons the judges share, and the table put together.
#include "tune/knob.h"

namespace holdfast::tune {
namespace {

Judgement compared(const Facts& facts, std::string_view key, std::uint64_t need, std::string why,
                   Severity severity, bool least) {
  const auto value = facts.number(key);
  if (!value) return not_known(facts, key, std::to_string(need), std::move(why));
  Judgement judgement{std::to_string(*value), std::to_string(need), std::move(why)};
  const bool below = *value < 0 || static_cast<std::uint64_t>(*value) < need;
  const bool equal = *value >= 0 && static_cast<std::uint64_t>(*value) == need;
  if (least ? below : !below && !equal) {
    judgement.severity = severity;
    judgement.setting = Setting{sysctl_path(key), judgement.needed};
  }
  return judgement;
}

}  // namespace

Judgement not_known(const Facts& facts, std::string_view key, std::string needed, std::string why) {
  const Reading reading = facts.sysctl(key);
  Judgement judgement{"", std::move(needed), std::move(why)};
  if (reading.absent) {
    judgement.current = facts.own_network_namespace ? "not in this network namespace" : "not in this kernel";
    return judgement;
  }
  judgement.severity = Severity::advice;
  judgement.current = reading.ok
                          ? "\"" + single_spaced(reading.text).substr(0, 40) + "\", which is not understood"
                          : "unreadable: " + reading.reason;
  judgement.fix = "look at " + sysctl_path(key);
  return judgement;
}

Judgement at_least(const Facts& facts, std::string_view key, std::uint64_t need, std::string why,
                   Severity severity) {
  return compared(facts, key, need, std::move(why), severity, true);
}

Judgement at_most(const Facts& facts, std::string_view key, std::uint64_t need, std::string why,
                  Severity severity) {
  return compared(facts, key, need, std::move(why), severity, false);
}

const std::vector<Knob>& all_knobs() {
  static const std::vector<Knob> knobs = [] {
    std::vector<Knob> all;
    for (const auto part : {memory_knobs, file_knobs, ring_knobs, listen_knobs, socket_memory_knobs,
                            lifetime_knobs, lookup_knobs, network_knobs}) {
      for (Knob& knob : part()) all.push_back(knob);
    }
    return all;
  }();
  return knobs;
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::advice:
      return "advice";
    case Severity::slow:
      return "slow";
    case Severity::wall:
      return "wall";
  }
  return "";
}

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::host:
      return "the whole host";
    case Scope::network_namespace:
      return "each network namespace";
    case Scope::process:
      return "each process, inherited";
    case Scope::boot:
      return "the kernel, at boot";
  }
  return "";
}

}  // namespace holdfast::tune
