// Descriptors and open files: RLIMIT_NOFILE, fs.nr_open, fs.file-max.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

// Open files of everything else on the host.
constexpr std::uint64_t kOtherFiles = 16'384;

std::uint64_t listeners_of(const Target& target) {
  return std::max<std::uint64_t>(1, target.ports.size());
}

std::uint64_t ordinary_descriptors(const Target& target, std::uint64_t shards) {
  return shards * (kDescriptorsPerShard + listeners_of(target)) + kDescriptorsOfProcess;
}

// The limit with which descriptors do not decide the number of shards.
std::uint64_t open_files_wanted(const Facts& facts, const Target& target) {
  const std::uint64_t shards = std::min(shards_for(target, facts.cores, kNoLimit), kShardsMaximum);
  const std::uint64_t table = std::min(
      kConnectionsPerShardMaximum, divide_up(target.connections * 11, shards * 10) + listeners_of(target));
  return std::max(table, ordinary_descriptors(target, shards));
}

Judgement judge_open_files(const Facts& facts, const Target& target) {
  const std::uint64_t wanted = open_files_wanted(facts, target);
  const std::uint64_t shards_wanted = shards_for(target, facts.cores, wanted);
  Judgement judgement;
  judgement.needed = std::to_string(wanted);
  judgement.why = "a ring's file table is no larger than this limit: 1.1 x " + grouped(target.connections) +
                  " connections / " + grouped(shards_wanted) + " shards, at most 65,536 a ring";
  if (!facts.open_files_hard) {
    judgement.current = "not known: no limits of this process";
    judgement.severity = Severity::advice;
    judgement.fix = "look at ulimit -Hn";
    return judgement;
  }
  const std::uint64_t limit = open_files_of(facts);
  const std::uint64_t shards = shards_for(target, facts.cores, limit);
  judgement.current =
      *facts.open_files_hard == kNoLimit ? "unlimited" : std::to_string(*facts.open_files_hard);
  if (facts.unit_open_files)
    judgement.current += ", holdfast.service " + std::to_string(*facts.unit_open_files);
  if (shards > kShardsMaximum || ordinary_descriptors(target, std::min(shards, kShardsMaximum)) > limit) {
    judgement.severity = Severity::wall;
    judgement.why += "; this limit would take " + grouped(shards) + " shards, a server has at most 256";
  } else if (limit < wanted) {
    judgement.severity = Severity::advice;
    judgement.why += "; with " + grouped(limit) + " the server uses " + grouped(shards) +
                     " shards instead of " + grouped(shards_wanted);
    if (!facts.capable(kCapabilityResource))
      judgement.why +=
          " (raising it needs CAP_SYS_RESOURCE, which is not there: that many shards it will be)";
  }
  judgement.fix = "LimitNOFILE=" + judgement.needed + " in holdfast.service, or ulimit -Hn " +
                  judgement.needed + " in the shell that starts it";
  return judgement;
}

Judgement judge_nr_open(const Facts& facts, const Target& target) {
  const std::uint64_t wanted = open_files_wanted(facts, target);
  return at_least(facts, "fs.nr_open", wanted,
                  "RLIMIT_NOFILE cannot be set above it, and " + grouped(wanted) + " are wanted there",
                  Severity::slow);
}

Judgement judge_file_max(const Facts& facts, const Target& target) {
  const auto counts = facts.numbers("fs.file-nr");
  const std::uint64_t open = counts && counts->front() > 0 ? static_cast<std::uint64_t>(counts->front()) : 0;
  // Rounded up to a thousand, so that one file opened between plan and check changes nothing.
  const std::uint64_t need = divide_up(sockets_of(target) + open + kOtherFiles, 1'000) * 1'000;
  return at_least(facts, "fs.file-max", need,
                  grouped(sockets_of(target)) +
                      " sockets, one open file each (also those without a descriptor), + " + grouped(open) +
                      " open now + " + grouped(kOtherFiles) + " for the rest",
                  Severity::wall);
}

}  // namespace

std::vector<Knob> file_knobs() {
  return {
      {"RLIMIT_NOFILE", Scope::process, Applies::automatically, true,
       "How many descriptors a process may have. holdfast's connections have none, but each ring's file "
       "table is "
       "limited by it as well, so a low limit means more shards. The hard limit counts: the server raises "
       "the "
       "soft one itself. systemd gives it by LimitNOFILE=, a login by limits.d, docker by --ulimit nofile=.",
       "Too low: more shards than cores, each with its memory and its thread; below about 4,000 for a "
       "million "
       "connections the server does not start. Too high costs nothing here, but programs that close every "
       "possible descriptor at start take long.",
       "none for holdfast",
       "getrlimit(2); src/shard/capacity.cc; measured: 20,001 entries fail with EMFILE at 20,000",
       judge_open_files},
      {"fs.nr_open", Scope::host, Applies::automatically, false,
       "The most RLIMIT_NOFILE may be set to, by anybody.",
       "Too low: LimitNOFILE= above it makes the unit fail at start. Very high together with an unlimited "
       "RLIMIT_NOFILE: old programs loop over a billion descriptors.",
       "none by itself", kFsSysctl, judge_nr_open},
      {"fs.file-max", Scope::host, Applies::automatically, true,
       "How many open files the host may have in all. A socket is an open file, with or without a "
       "descriptor.",
       "Too low: accept fails with ENFILE for everybody on the host but processes with CAP_SYS_ADMIN.",
       "none by itself; the files are in the sockets' bytes", kFsSysctl, judge_file_max},
  };
}

}  // namespace holdfast::tune
