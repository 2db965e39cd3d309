// Memory of the host and of its control groups, and how the kernel hands it out.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

std::string bill_in_words(const std::vector<BillItem>& bill) {
  std::string words;
  for (const BillItem& item : bill) words += (words.empty() ? "" : "; ") + item.what + " " + item.why;
  return words;
}

Judgement judge_memory(const Facts& facts, const Target& target) {
  const std::vector<BillItem> bill = memory_bill(facts, target);
  const std::uint64_t need = total_bytes(bill) + reserve_bytes(facts);
  Judgement judgement;
  judgement.needed = bytes_text(need);
  judgement.why =
      bill_in_words(bill) + "; + " + bytes_text(reserve_bytes(facts)) + " for the rest of the host";
  judgement.fix =
      "more memory, fewer connections, or smaller messages and shares (--message-bytes, --active)";
  if (!facts.memory_available) {
    judgement.current = "not known: no MemAvailable in /proc/meminfo";
    judgement.severity = Severity::advice;
    judgement.fix = "look at free -b";
    return judgement;
  }
  judgement.current = bytes_text(*facts.memory_available) + " available";
  if (*facts.memory_available < need) judgement.severity = Severity::wall;
  return judgement;
}

Judgement judge_group_memory(const Facts& facts, const Target& target) {
  const std::uint64_t need = total_bytes(memory_bill(facts, target));
  Judgement judgement;
  judgement.needed = bytes_text(need);
  judgement.why = "the same bill as memory: a control group is charged for sockets, files and rings too";
  const GroupLimit& group = facts.group_memory;
  if (group.limit == kNoLimit) {
    judgement.current = "no limit";
    return judgement;
  }
  const std::uint64_t left = group.limit > group.used ? group.limit - group.used : 0;
  judgement.current = bytes_text(left) + " left of " + bytes_text(group.limit);
  if (left < need) judgement.severity = Severity::wall;
  judgement.why += " (" + group.path + ")";
  judgement.fix = "MemoryMax= in the unit, docker run --memory=, resources.limits.memory";
  return judgement;
}

Judgement judge_group_pids(const Facts& facts, const Target& target) {
  const std::uint64_t shards = std::min(shards_of(facts, target), kShardsMaximum);
  const std::uint64_t need = 2 * shards + 64;
  Judgement judgement;
  judgement.needed = std::to_string(need);
  judgement.why = grouped(shards) + " threads, as many kernel workers of their rings, + 64";
  const GroupLimit& group = facts.group_pids;
  if (group.limit == kNoLimit) {
    judgement.current = "no limit";
    return judgement;
  }
  const std::uint64_t left = group.limit > group.used ? group.limit - group.used : 0;
  judgement.current = grouped(left) + " left of " + grouped(group.limit);
  if (left < need) judgement.severity = Severity::wall;
  judgement.why += " (" + group.path + ")";
  judgement.fix = "TasksMax= in the unit, docker run --pids-limit=";
  return judgement;
}

Judgement judge_overcommit(const Facts& facts, const Target& target) {
  const auto value = facts.number("vm.overcommit_memory");
  if (!value) return not_known(facts, "vm.overcommit_memory", "0 or 1", "");
  Judgement judgement{std::to_string(*value), "0 or 1",
                      "2 charges what is reserved, not what is used, and a shard reserves hundreds of MiB"};
  if (*value == 2) {
    judgement.why +=
        ": " + grouped(std::min(shards_of(facts, target), kShardsMaximum)) + " shards may be refused";
    judgement.severity = Severity::slow;
    judgement.setting = Setting{sysctl_path("vm.overcommit_memory"), "0"};
  }
  return judgement;
}

Judgement judge_swappiness(const Facts& facts, const Target& target) {
  if (facts.swap_total.value_or(0) == 0) {
    Judgement judgement = not_known(facts, "vm.swappiness", "any", "there is no swap");
    if (const auto value = facts.number("vm.swappiness")) judgement.current = std::to_string(*value);
    judgement.severity = Severity::ok;
    return judgement;
  }
  return at_most(facts, "vm.swappiness", target.profile.swappiness_maximum,
                 "idle connections look cold until their ping is due, and then wait for the disk",
                 Severity::advice);
}

// "always [madvise] never": the word in brackets.
std::string chosen_word(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  return open == std::string::npos || close == std::string::npos || close < open
             ? ""
             : text.substr(open + 1, close - open - 1);
}

Judgement judge_huge_pages(const Facts& facts, const Target&) {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  const Reading reading = facts.host.read(path);
  Judgement judgement{chosen_word(reading.text), "madvise or never",
                      "always gives a half-used table 2 MiB at a time, and compaction stalls threads"};
  if (!reading.ok) judgement.current = "not in this kernel";
  if (judgement.current == "always") {
    judgement.severity = Severity::advice;
    judgement.setting = Setting{path, "madvise"};
    judgement.fix = "echo madvise > " + path;
  }
  return judgement;
}

}  // namespace

std::vector<Knob> memory_knobs() {
  return {
      {"memory", Scope::host, Applies::never, true,
       "What the target takes of the host's memory, against what is available now: most of it is kernel "
       "memory "
       "(sockets), which no process shows.",
       "Too little: the kernel kills the largest process, which is the server.", "it is the cost",
       "README.md, What a connection takes; prove measures it on this host", judge_memory},
      {"cgroup memory", Scope::process, Applies::never, true,
       "The tightest memory limit of the control groups this process is in. Kernel memory counts.",
       "Too low: the server is killed inside its group while the host has memory left.", "none",
       "kernel Documentation/admin-guide/cgroup-v2.rst", judge_group_memory},
      {"cgroup pids", Scope::process, Applies::never, true,
       "The tightest limit on tasks: threads, and the kernel workers of rings.",
       "Too low: a shard's thread cannot be started.", "none",
       "kernel Documentation/admin-guide/cgroup-v2.rst", judge_group_pids},
      {"vm.overcommit_memory", Scope::host, Applies::on_request, false,
       "Whether the kernel promises more memory than there is. holdfast reserves address space per shard and "
       "uses "
       "what its connections need.",
       "2 (never) refuses the reservation although the memory is free.",
       "0 and 1 can promise too much to other programs", kVmSysctl, judge_overcommit},
      {"vm.swappiness", Scope::host, Applies::on_request, false,
       "How readily the kernel swaps memory of programs out instead of dropping cached files.",
       "High with swap: pings of a million idle connections page in from disk.",
       "less memory for cached files", kVmSysctl, judge_swappiness},
      {"transparent_hugepage", Scope::host, Applies::on_request, false,
       "Whether the kernel backs memory with 2 MiB pages of its own accord.",
       "always: tables that are sparsely used take more, and stalls while memory is compacted.",
       "programs that gain from huge pages must ask for them",
       "kernel Documentation/admin-guide/mm/transhuge.rst", judge_huge_pages},
  };
}

}  // namespace holdfast::tune
