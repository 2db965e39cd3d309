// io_uring: kernel, policy, locked memory, mappings.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

std::uint64_t ring_bytes_of_all(const Facts& facts, const Target& target) {
  return std::min(shards_of(facts, target), kShardsMaximum) * kRingBytes;
}

Judgement judge_ring(const Facts& facts, const Target&) {
  Judgement judgement;
  judgement.needed = "Linux 6.1 or newer, io_uring allowed";
  judgement.why = "every connection is watched by a ring";
  judgement.current = facts.kernel_major > 0 ? "Linux " + facts.release : "kernel release not known";
  if (facts.kernel_major > 0 &&
      (facts.kernel_major < 6 || (facts.kernel_major == 6 && facts.kernel_minor < 1))) {
    judgement.severity = Severity::wall;
    judgement.fix = "install a newer kernel and reboot";
  } else if (!facts.ring_refusal.empty()) {
    judgement.severity = Severity::wall;
    judgement.why = facts.ring_refusal;
    judgement.fix = "see why";
  } else if (!facts.ring_features.empty()) {
    judgement.current = facts.ring_features;
  } else if (facts.seccomp_mode == 2) {
    judgement.severity = Severity::advice;
    judgement.why += "; a seccomp filter is installed and io_uring was not tried";
    judgement.fix = "run the container with kernel-tuning/container/seccomp.json";
  }
  return judgement;
}

Judgement judge_disabled(const Facts& facts, const Target&) {
  const std::string_view key = "kernel.io_uring_disabled";
  const auto value = facts.number(key);
  if (!value && facts.sysctl(key).absent) {
    return {"not in this kernel", "0", "the sysctl came with 6.6; without it io_uring is allowed"};
  }
  Judgement judgement = at_most(facts, key, 0, "0: everybody may use io_uring", Severity::wall);
  const std::int64_t group = facts.number("kernel.io_uring_group").value_or(-1);
  if (value == 1) {
    // Whether the server's user is in the group cannot be seen from here.
    judgement.why =
        group >= 0 ? "1: processes of group " + std::to_string(group) + " may, and those with CAP_SYS_ADMIN"
                   : "1 and no kernel.io_uring_group: only processes with CAP_SYS_ADMIN may";
    judgement.severity = group >= 0 ? Severity::advice : Severity::wall;
    judgement.fix = "sysctl -w kernel.io_uring_group=GID of the server's group";
  } else if (judgement.severity == Severity::wall) {
    judgement.why =
        "2: nobody may use io_uring on this host. That is a decision about security: apply takes "
        "it back only with --with=kernel.io_uring_disabled";
  }
  return judgement;
}

Judgement judge_locked(const Facts& facts, const Target& target) {
  const std::uint64_t need = ring_bytes_of_all(facts, target);
  Judgement judgement;
  judgement.needed = std::to_string(need);
  judgement.why = grouped(std::min(shards_of(facts, target), kShardsMaximum)) + " shards x " +
                  grouped(kRingBytes) + " B of queues; not counted with CAP_IPC_LOCK";
  judgement.fix =
      "LimitMEMLOCK=" + std::to_string(need) + " in holdfast.service, docker run --ulimit memlock=-1";
  if (!facts.locked_bytes_hard) {
    judgement.current = "not known: no limits of this process";
    return judgement;
  }
  const std::uint64_t limit = std::max(*facts.locked_bytes_hard, facts.unit_locked_bytes.value_or(0));
  judgement.current = limit == kNoLimit ? "unlimited" : std::to_string(limit);
  if (limit >= need) return judgement;
  if (facts.capable(kCapabilityLockMemory)) {
    judgement.severity = Severity::advice;
    judgement.why += ", which this shell has and a service's user has not";
  } else {
    judgement.severity = Severity::wall;
  }
  return judgement;
}

Judgement judge_mappings(const Facts& facts, const Target& target) {
  const std::uint64_t shards = std::min(shards_of(facts, target), kShardsMaximum);
  return at_least(facts, "vm.max_map_count", 1'024 + 8 * shards,
                  grouped(shards) + " shards x 8 mappings + 1,024 for libraries and heap", Severity::slow);
}

}  // namespace

std::vector<Knob> ring_knobs() {
  return {
      {"io_uring", Scope::host, Applies::never, true,
       "The kernel's ring interface, which holdfast is built on: kernel, container and security policy must "
       "let it. "
       "Tried by setting a ring up, not read off a version.",
       "Refused: the server does not start, and its error names the cause.", "none",
       "src/ring/refusal.cc; src/ring/probe.h", judge_ring},
      {"kernel.io_uring_disabled", Scope::host, Applies::on_request, true,
       "Who may set rings up: 0 everybody, 1 the group in kernel.io_uring_group and CAP_SYS_ADMIN, 2 nobody.",
       "2: no server. 1 without a group: only a server with CAP_SYS_ADMIN.",
       "io_uring is reachable for every process of the host",
       "kernel Documentation/admin-guide/sysctl/kernel.rst", judge_disabled},
      {"RLIMIT_MEMLOCK", Scope::process, Applies::automatically, true,
       "Locked memory of all processes of a user. The queues of rings count since about 6.13, and on 6.1 "
       "they do not.",
       "Too low: io_uring_setup fails with ENOMEM for one of the shards and the server does not start.",
       "none until used", "src/ring/refusal.cc; setrlimit(2)", judge_locked},
      {"vm.max_map_count", Scope::host, Applies::automatically, false,
       "Mappings of one process. A shard has a handful: queues, slab, receive buffers, stack.",
       "Far too low: mmap fails with ENOMEM although memory is free.", "none by itself", kVmSysctl,
       judge_mappings},
  };
}

}  // namespace holdfast::tune
