// refusal: turns an errno of io_uring's set-up into an error that names the cause and the command that mends
// it.
//
// io_uring is refused by policies that the errno does not tell apart: a sysctl, a container's seccomp filter,
// a security module, the limits on locked memory and on descriptors, an old kernel. So we look at what can be
// read about the process (read_readings) and conclude (explain_refusal, a pure function). Runs at start-up
// only, on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace holdfast::ring {

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};
inline constexpr int kOldestKernelMajor = 6;
inline constexpr int kOldestKernelMinor = 1;

// What is known about the process and its host when the kernel refuses.
struct Readings {
  std::string kernel_release;                  // "6.1.0-13-amd64"
  std::optional<int> io_uring_disabled;        // kernel.io_uring_disabled: 0, 1 or 2; absent before 6.6
  std::optional<std::int64_t> io_uring_group;  // kernel.io_uring_group; -1: no group
  bool in_io_uring_group = false;
  int seccomp_mode = 0;                                  // 2: a filter is installed
  bool may_administer = false;                           // CAP_SYS_ADMIN is effective
  bool may_lock_memory = false;                          // CAP_IPC_LOCK is effective
  std::uint64_t locked_memory_limit_bytes = kUnlimited;  // RLIMIT_MEMLOCK, soft
  std::uint64_t descriptor_limit = kUnlimited;           // RLIMIT_NOFILE, soft
  std::uint64_t descriptor_hard_limit = kUnlimited;
};

Readings read_readings();

// What was being asked of the kernel when it refused.
struct Attempt {
  enum class Step { set_up, register_ring, register_slots, require };
  Step step = Step::set_up;
  std::uint64_t ring_bytes = 0;  // set_up: memory of the two queues
  std::uint32_t slots = 0;       // register_slots: size of the file table
  std::string missing = {};      // require: what this kernel lacks
};

// `error` is a positive errno. Never ok.
absl::Status explain_refusal(int error, const Attempt& attempt, const Readings& readings);

// Memory the kernel needs for the queues of a ring with so many entries.
std::uint64_t ring_bytes(std::uint32_t submission_entries, std::uint32_t completion_entries);

}  // namespace holdfast::ring
