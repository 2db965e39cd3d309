// The diagnosis of a refused ring: first the reader of /proc and of the limits, then one branch per cause. A
// message is one line: what was refused, why, and the command that mends it.
#include "ring/refusal.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace holdfast::ring {
namespace {

constexpr unsigned kCapabilityLockMemory = 14;  // CAP_IPC_LOCK
constexpr unsigned kCapabilityAdminister = 21;  // CAP_SYS_ADMIN

std::optional<std::int64_t> number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

// The value of "Name:\tvalue" in /proc/self/status, in the given base; 0 if there is no such line.
std::uint64_t status_field(std::string_view name, int base) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.size() <= name.size() || line.compare(0, name.size(), name) != 0 || line[name.size()] != ':')
      continue;
    const std::size_t start = line.find_first_not_of(" \t", name.size() + 1);
    if (start == std::string::npos) return 0;
    std::uint64_t value = 0;
    std::from_chars(line.data() + start, line.data() + line.size(), value, base);
    return value;
  }
  return 0;
}

bool is_member(std::int64_t group) {
  if (group < 0) return false;
  if (static_cast<std::int64_t>(getegid()) == group) return true;
  const int count = getgroups(0, nullptr);
  if (count <= 0) return false;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  const int filled = getgroups(count, groups.data());
  if (filled <= 0) return false;
  return std::find(groups.begin(), groups.begin() + filled, static_cast<gid_t>(group)) !=
         groups.begin() + filled;
}

std::uint64_t limit_value(rlim_t limit) {
  return limit == RLIM_INFINITY ? kUnlimited : limit;
}

std::string limit_text(std::uint64_t limit) {
  return limit == kUnlimited ? "unlimited" : std::to_string(limit);
}

std::string kibibytes(std::uint64_t bytes) {
  return std::to_string((bytes + 1023) / 1024) + " KiB";
}

// False also when the release cannot be read: then nothing is concluded from it.
bool kernel_is_too_old(const std::string& release) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major < kOldestKernelMajor || (major == kOldestKernelMajor && minor < kOldestKernelMinor);
}

std::string oldest_kernel() {
  return std::to_string(kOldestKernelMajor) + "." + std::to_string(kOldestKernelMinor);
}

const char* step_name(Attempt::Step step) {
  switch (step) {
    case Attempt::Step::set_up:
      return "io_uring_setup";
    case Attempt::Step::register_ring:
      return "io_uring_register (ring)";
    case Attempt::Step::register_slots:
      return "io_uring_register (file table)";
    case Attempt::Step::require:
      return "io_uring";
  }
  CHECK(false);
}

std::string reason_for_old_kernel(const Readings& readings) {
  return "this is Linux " + readings.kernel_release + " and holdfast needs " + oldest_kernel() +
         " or newer. Install one: `apt-get install linux-image-amd64` (Debian 12 has 6.1), then reboot";
}

constexpr const char* kAllowInFilter =
    "Allow io_uring_setup, io_uring_enter and io_uring_register: `docker run --security-opt "
    "seccomp=PROFILE.json` "
    "with a profile that lists them, or seccomp=unconfined; Kubernetes `seccompProfile: {type: Unconfined}`; "
    "systemd "
    "`SystemCallFilter=@aio` beside the unit's other groups";

// EPERM and EACCES: a policy. The sysctl is looked at first because it forbids whatever the filter says.
std::string reason_for_denial(int error, const Readings& readings) {
  const int disabled = readings.io_uring_disabled.value_or(0);
  if (disabled >= 2) {
    return "kernel.io_uring_disabled is 2: nobody may use io_uring on this host. Allow it, on the host and "
           "not in the "
           "container: `sysctl -w kernel.io_uring_disabled=0`, and to keep it `echo "
           "kernel.io_uring_disabled=0 "
           ">/etc/sysctl.d/60-io_uring.conf`";
  }
  if (disabled == 1 && !readings.may_administer && !readings.in_io_uring_group) {
    const std::int64_t group = readings.io_uring_group.value_or(-1);
    std::string mend = group >= 0 ? "Run as a member of group " + std::to_string(group) +
                                        " (kernel.io_uring_group): "
                                        "`setpriv --groups " +
                                        std::to_string(group) + " ...`"
                                  : "Name the server's group: `sysctl -w kernel.io_uring_group=GID`";
    return "kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and the group in kernel.io_uring_group may use "
           "it. " +
           mend + ", or allow everybody: `sysctl -w kernel.io_uring_disabled=0`";
  }
  if (readings.seccomp_mode == 2) {
    return std::string("a seccomp filter denies it, as the default profiles of Docker and containerd do. ") +
           kAllowInFilter;
  }
  return std::string("a security module (SELinux, AppArmor) or a sandbox denies it. See what it logged: ") +
         (error == EACCES ? "`ausearch -m avc -c holdfast`"
                          : "`journalctl -k | grep -i -e denied -e io_uring`");
}

std::string reason_for_absence(const Readings& readings) {
  if (kernel_is_too_old(readings.kernel_release)) return reason_for_old_kernel(readings);
  if (readings.seccomp_mode == 2) {
    return std::string("a seccomp filter hides it, or the kernel was built without it. ") + kAllowInFilter;
  }
  return "this kernel was built without CONFIG_IO_URING, or a sandbox (gVisor) stands in for it. Check: "
         "`grep IO_URING "
         "/boot/config-$(uname -r)`, and run on a kernel that has it";
}

// Rings are charged to RLIMIT_MEMLOCK unless the process has CAP_IPC_LOCK (seen on 6.18; kernels of 5.12 to
// about 6.13 charge them to the memory cgroup only).
std::string reason_for_memory(const Attempt& attempt, const Readings& readings) {
  const std::uint64_t limit = readings.locked_memory_limit_bytes;
  if (readings.may_lock_memory || limit == kUnlimited) {
    return "the kernel has no memory for it. Look at the memory cgroup and the host: `cat "
           "/sys/fs/cgroup/memory.max`, "
           "`free -m`, and give it more or run fewer shards (--shards)";
  }
  const std::string needed =
      attempt.ring_bytes == 0 ? "" : " and this ring needs " + kibibytes(attempt.ring_bytes);
  return "locked memory is limited to " + kibibytes(limit) +
         " for all processes of this user (RLIMIT_MEMLOCK)" + needed +
         ". Raise it: `ulimit -l unlimited` in the shell that starts the server, `LimitMEMLOCK=infinity` in "
         "its systemd "
         "unit, `docker run --ulimit memlock=-1`; or grant CAP_IPC_LOCK";
}

std::string reason_for_descriptors(const Attempt& attempt, const Readings& readings) {
  const std::string limits = "RLIMIT_NOFILE is " + limit_text(readings.descriptor_limit) + " (hard limit " +
                             limit_text(readings.descriptor_hard_limit) + ")";
  if (attempt.step != Attempt::Step::register_slots) {
    return "no descriptor is free: " + limits +
           ". Raise it: `ulimit -n 1048576`, `LimitNOFILE=1048576` in the systemd unit";
  }
  const std::string wanted = std::to_string(attempt.slots);
  return "a file table of " + wanted + " slots is larger than this process may have: " + limits +
         ". Raise it: `ulimit -n " + wanted + "`, `LimitNOFILE=" + wanted +
         "` in the systemd unit, `docker run --ulimit nofile=" + wanted +
         "`; or spread the connections over more shards (--shards): each has its own table";
}

std::string reason_for_invalid(const Attempt& attempt, const Readings& readings) {
  if (kernel_is_too_old(readings.kernel_release)) return reason_for_old_kernel(readings);
  if (attempt.step == Attempt::Step::require) {
    return "Linux " + readings.kernel_release + " lacks " + attempt.missing + ", which every kernel from " +
           oldest_kernel() +
           " has: is this an altered kernel or a sandbox? Run on a stock one: `apt-get install "
           "linux-image-amd64`";
  }
  return "Linux " + readings.kernel_release +
         " takes none of the ways holdfast asks. Please report this line";
}

}  // namespace

Readings read_readings() {
  Readings readings;
  utsname name{};
  if (uname(&name) == 0) readings.kernel_release = name.release;
  if (auto disabled = number_in("/proc/sys/kernel/io_uring_disabled")) {
    readings.io_uring_disabled = static_cast<int>(*disabled);
  }
  readings.io_uring_group = number_in("/proc/sys/kernel/io_uring_group");
  readings.in_io_uring_group = is_member(readings.io_uring_group.value_or(-1));
  readings.seccomp_mode = static_cast<int>(status_field("Seccomp", 10));
  const std::uint64_t capabilities = status_field("CapEff", 16);
  readings.may_administer = (capabilities >> kCapabilityAdminister & 1) != 0;
  readings.may_lock_memory = (capabilities >> kCapabilityLockMemory & 1) != 0;
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
    readings.locked_memory_limit_bytes = limit_value(limit.rlim_cur);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    readings.descriptor_limit = limit_value(limit.rlim_cur);
    readings.descriptor_hard_limit = limit_value(limit.rlim_max);
  }
  return readings;
}

absl::Status explain_refusal(int error, const Attempt& attempt, const Readings& readings) {
  CHECK(error > 0);
  const std::string refused =
      std::string(step_name(attempt.step)) + " was refused (" + std::strerror(error) + "): ";
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(refused + reason_for_denial(error, readings));
    case ENOSYS:
      return absl::UnimplementedError(refused + reason_for_absence(readings));
    case ENOMEM:
      return absl::ResourceExhaustedError(refused + reason_for_memory(attempt, readings));
    case EMFILE:
      return absl::ResourceExhaustedError(refused + reason_for_descriptors(attempt, readings));
    case ENFILE:
      return absl::ResourceExhaustedError(
          refused + "the host has no descriptor left. Raise it: `sysctl -w fs.file-max=4000000`");
    case EINVAL:
      return absl::UnimplementedError(refused + reason_for_invalid(attempt, readings));
    default:
      return absl::InternalError(refused + "on Linux " + readings.kernel_release +
                                 ". Please report this line");
  }
}

std::uint64_t ring_bytes(std::uint32_t submission_entries, std::uint32_t completion_entries) {
  constexpr std::uint64_t kSubmissionBytes = 64 + 4;  // the entry and its place in the index array
  constexpr std::uint64_t kCompletionBytes = 16;
  return submission_entries * kSubmissionBytes + completion_entries * kCompletionBytes;
}

}  // namespace holdfast::ring
