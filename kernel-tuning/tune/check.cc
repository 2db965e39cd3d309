// The judging, and the search for the capacity: the largest target for which no knob is a wall.
#include "tune/check.h"

#include <algorithm>

#include "tune/obsolete.h"

namespace holdfast::tune {
namespace {

bool holds(const Knob& knob, const Facts& facts, Target target, std::uint64_t connections) {
  target.connections = connections;
  return knob.judge(facts, target).severity != Severity::wall;
}

// The judges are monotone: what is no wall for N is none for fewer.
std::optional<std::uint64_t> capacity_of(const Knob& knob, const Facts& facts, const Target& target) {
  if (!knob.bounds_connections || holds(knob, facts, target, kConnectionsMaximum)) return std::nullopt;
  std::uint64_t held = 0;
  std::uint64_t too_many = kConnectionsMaximum;
  if (!holds(knob, facts, target, 1)) return 0;
  while (too_many - held > 1) {
    const std::uint64_t middle = held + (too_many - held) / 2;
    (holds(knob, facts, target, middle) ? held : too_many) = middle;
  }
  return held;
}

Finding finding_of(const Knob& knob, const Facts& facts, const Target& target) {
  Finding finding;
  finding.key = std::string(knob.key);
  finding.judgement = knob.judge(facts, target);
  finding.cost = std::string(knob.cost);
  finding.source = std::string(knob.source);
  finding.scope = knob.scope;
  finding.applies = knob.applies;
  finding.capacity = capacity_of(knob, facts, target);
  Judgement& judgement = finding.judgement;
  if (!judgement.setting) {
    if (judgement.severity == Severity::ok) judgement.fix.clear();
    return finding;
  }
  const Setting& setting = *judgement.setting;
  finding.blocked = facts.host.why_not_writable(setting.path);
  if (const Pin* pin = pin_against(facts.pins, sysctl_key(setting.path), setting.value))
    finding.pinned = pin->where + " sets " + pin->value;
  if (judgement.fix.empty())
    judgement.fix =
        "sysctl -w " + finding.key + "=" +
        (setting.value.find(' ') == std::string::npos ? setting.value : shell_quoted(setting.value));
  return finding;
}

Finding finding_of(const Obsolete& obsolete) {
  Finding finding;
  finding.key = obsolete.key;
  finding.judgement = {obsolete.value,
                       "not set",
                       obsolete.why,
                       obsolete.harmful ? Severity::slow : Severity::advice,
                       "remove it from " + obsolete.where,
                       std::nullopt};
  finding.cost = "none";
  finding.source = "history of the kernel's net/ipv4/sysctl_net_ipv4.c";
  return finding;
}

std::vector<std::string> notes_of(const Facts& facts, const Target& target) {
  std::vector<std::string> notes;
  if (!facts.container.empty())
    notes.push_back("this is a container (" + facts.container +
                    "): what belongs to the whole host is changed there");
  if (facts.own_network_namespace)
    notes.push_back(
        "this is a network namespace of its own: its net.* values are its own, others are the host's and "
        "some of them cannot be seen from here (tcp_mem, tcp_max_orphans, netdev_max_backlog)");
  if (!facts.is_root)
    notes.push_back("not root: nothing can be changed, and prove cannot read the slab caches");
  if (facts.open_files_hard && !facts.capable(kCapabilityResource))
    notes.push_back("without CAP_SYS_RESOURCE RLIMIT_NOFILE stays at " + grouped(*facts.open_files_hard) +
                    " here: the server will use " + grouped(shards_of(facts, target)) + " shards");
  if (!facts.host.is_this_host())
    notes.push_back("files below " + facts.host.root() + "; io_uring was not tried");
  return notes;
}

// Slow is left out of the exit status where nothing short of a boot or another machine mends it.
bool can_be_tuned(const Finding& finding) {
  return finding.judgement.severity == Severity::slow && finding.scope != Scope::boot;
}

int exit_code_of(const std::vector<Finding>& findings) {
  int code = kExitReady;
  for (const Finding& finding : findings) {
    if (finding.judgement.severity == Severity::wall && finding.key == "memory") return kExitCannot;
    if (finding.judgement.severity == Severity::wall || can_be_tuned(finding)) code = kExitNotTuned;
  }
  return code;
}

}  // namespace

Report check(const Facts& facts, const Target& target) {
  Report report;
  report.target = target;
  report.bill = memory_bill(facts, target);
  report.shards = shards_of(facts, target);
  report.capacity = kConnectionsMaximum;
  report.first_wall = "256 shards, the most a server has";
  for (const Knob& knob : all_knobs()) {
    Finding finding = finding_of(knob, facts, target);
    if (finding.capacity && *finding.capacity < report.capacity) {
      report.capacity = *finding.capacity;
      report.first_wall = finding.key;
    }
    report.findings.push_back(std::move(finding));
  }
  for (const Obsolete& obsolete : find_obsolete(facts)) report.findings.push_back(finding_of(obsolete));
  report.notes = notes_of(facts, target);
  report.exit_code = exit_code_of(report.findings);
  return report;
}

}  // namespace holdfast::tune
