// Every reason for which a kernel may refuse a ring ends in a message that names the cause and the command
// that mends it. First the conclusions from given readings, then real refusals brought about in a child
// process.
#include "ring/refusal.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>
#include <functional>

#include "loopback.h"

namespace holdfast::ring {
namespace {

Readings ordinary() {
  Readings readings;
  readings.kernel_release = "6.18.44";
  readings.io_uring_disabled = 0;
  readings.io_uring_group = -1;
  return readings;
}

std::string explained(int error, const Readings& readings, const Attempt& attempt = {}) {
  const absl::Status status = explain_refusal(error, attempt, readings);
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)
#define EXPECT_SILENT_ON(message, part) EXPECT_EQ((message).find(part), std::string::npos) << (message)

TEST(Refusal, NamesTheSysctlThatForbidsEverybody) {
  Readings readings = ordinary();
  readings.io_uring_disabled = 2;
  readings.seccomp_mode = 2;
  readings.may_administer = true;
  const std::string message = explained(EPERM, readings);
  EXPECT_SAYS(message, "kernel.io_uring_disabled is 2");
  EXPECT_SAYS(message, "sysctl -w kernel.io_uring_disabled=0");
  EXPECT_EQ(explain_refusal(EPERM, {}, readings).code(), absl::StatusCode::kPermissionDenied);
}

TEST(Refusal, NamesTheGroupThatMayWhenTheSysctlIsOne) {
  Readings readings = ordinary();
  readings.io_uring_disabled = 1;
  EXPECT_SAYS(explained(EPERM, readings), "sysctl -w kernel.io_uring_group=");
  readings.io_uring_group = 990;
  EXPECT_SAYS(explained(EPERM, readings), "member of group 990");
}

TEST(Refusal, LooksForAnotherCauseWhenTheSysctlDoesNotConcernUs) {
  Readings readings = ordinary();
  readings.seccomp_mode = 2;
  readings.io_uring_disabled = 1;
  readings.in_io_uring_group = true;
  EXPECT_SAYS(explained(EPERM, readings), "seccomp");
  readings.in_io_uring_group = false;
  readings.may_administer = true;
  EXPECT_SAYS(explained(EPERM, readings), "seccomp");
  readings.io_uring_disabled.reset();  // before 6.6
  EXPECT_SAYS(explained(EPERM, readings), "seccomp");
}

TEST(Refusal, NamesTheContainersFilter) {
  Readings readings = ordinary();
  readings.seccomp_mode = 2;
  for (const int error : {EPERM, ENOSYS}) {
    const std::string message = explained(error, readings);
    EXPECT_SAYS(message, "seccomp filter");
    EXPECT_SAYS(message, "docker run --security-opt seccomp=");
    EXPECT_SAYS(message, "SystemCallFilter=@aio");
  }
}

TEST(Refusal, PointsToTheSecurityModuleWhenNothingElseForbids) {
  EXPECT_SAYS(explained(EPERM, ordinary()), "journalctl -k");
  EXPECT_SAYS(explained(EACCES, ordinary()), "ausearch");
}

TEST(Refusal, NamesAKernelThatIsTooOld) {
  Readings readings = ordinary();
  for (const char* release : {"5.10.0-30-amd64", "6.0.19"}) {
    readings.kernel_release = release;
    for (const int error : {EINVAL, ENOSYS}) {
      const std::string message = explained(error, readings);
      EXPECT_SAYS(message, release);
      EXPECT_SAYS(message, "needs 6.1");
      EXPECT_SAYS(message, "apt-get install linux-image-amd64");
    }
  }
}

TEST(Refusal, NamesAKernelBuiltWithoutIt) {
  EXPECT_SAYS(explained(ENOSYS, ordinary()), "CONFIG_IO_URING");
  EXPECT_EQ(explain_refusal(ENOSYS, {}, ordinary()).code(), absl::StatusCode::kUnimplemented);
}

TEST(Refusal, NamesWhatAnAlteredKernelLacks) {
  const Attempt attempt{.step = Attempt::Step::require, .missing = "the operation MSG_RING"};
  EXPECT_SAYS(explained(EINVAL, ordinary(), attempt), "lacks the operation MSG_RING");
  EXPECT_SAYS(explained(EINVAL, ordinary()), "takes none of the ways");
}

TEST(Refusal, NamesTheLimitOnLockedMemoryAndWhatTheRingNeeds) {
  Readings readings = ordinary();
  readings.locked_memory_limit_bytes = 64 << 10;
  const std::string message = explained(ENOMEM, readings, {.ring_bytes = ring_bytes(1024, 16384)});
  EXPECT_SAYS(message, "64 KiB");
  EXPECT_SAYS(message, "324 KiB");
  EXPECT_SAYS(message, "ulimit -l");
  EXPECT_SAYS(message, "LimitMEMLOCK=infinity");
  EXPECT_EQ(explain_refusal(ENOMEM, {}, readings).code(), absl::StatusCode::kResourceExhausted);
}

TEST(Refusal, NamesTheHostsMemoryWhenTheLimitDoesNotConcernUs) {
  Readings readings = ordinary();
  EXPECT_SAYS(explained(ENOMEM, readings), "memory.max");
  readings.locked_memory_limit_bytes = 64 << 10;
  readings.may_lock_memory = true;
  const std::string message = explained(ENOMEM, readings);
  EXPECT_SAYS(message, "memory.max");
  EXPECT_SILENT_ON(message, "ulimit -l");
}

TEST(Refusal, NamesTheLimitOnDescriptorsForTheFileTable) {
  Readings readings = ordinary();
  readings.descriptor_limit = 1024;
  readings.descriptor_hard_limit = 20'000;
  const std::string message =
      explained(EMFILE, readings, {.step = Attempt::Step::register_slots, .slots = 65'536});
  EXPECT_SAYS(message, "65536 slots");
  EXPECT_SAYS(message, "RLIMIT_NOFILE is 1024 (hard limit 20000)");
  EXPECT_SAYS(message, "ulimit -n 65536");
  EXPECT_SAYS(message, "more shards");
  EXPECT_SAYS(explained(EMFILE, readings), "no descriptor is free");
  EXPECT_SAYS(explained(ENFILE, readings), "fs.file-max");
}

TEST(Refusal, NamesTheErrorItHasNoExplanationFor) {
  EXPECT_SAYS(explained(EIO, ordinary()), "Input/output error");
  EXPECT_EQ(explain_refusal(EIO, {}, ordinary()).code(), absl::StatusCode::kInternal);
}

TEST(Refusal, ReadsTheRunningProcess) {
  const Readings readings = read_readings();
  EXPECT_FALSE(readings.kernel_release.empty());
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(readings.descriptor_limit, limit.rlim_cur);
}

// Runs `attempt` in a child process, where it may restrict itself, and returns what it says.
std::string said_by_child(const std::function<std::string()>& attempt) {
  int ends_of_pipe[2];
  EXPECT_EQ(pipe(ends_of_pipe), 0);
  const Descriptor reading(ends_of_pipe[0]);
  Descriptor writing(ends_of_pipe[1]);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kPatienceMs / 1000);
    const std::string said = attempt();
    const bool written = write(writing.get(), said.data(), said.size()) == static_cast<ssize_t>(said.size());
    _exit(written ? 0 : 1);
  }
  writing.reset();
  std::string said;
  char part[4096];
  for (ssize_t got = 0; (got = read(reading.get(), part, sizeof part)) > 0;) {
    said.append(part, static_cast<std::size_t>(got));
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return said;
}

std::string creation_message() {
  const auto ring = KernelRing::create();
  return ring.ok() ? "created" : std::string(ring.status().message());
}

// Makes io_uring_setup fail with `error` for the calling process from now on.
bool deny_by_filter(unsigned error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{.len = 4, .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Refusal, IsExplainedUnderARealSeccompFilter) {
  if (read_readings().io_uring_disabled.value_or(0) != 0) GTEST_SKIP() << "io_uring is disabled on this host";
  for (const unsigned error : {1u * EPERM, 1u * ENOSYS}) {
    const std::string message = said_by_child(
        [error] { return deny_by_filter(error) ? creation_message() : std::string("no filter"); });
    if (message == "no filter") GTEST_SKIP() << "this process may not install a filter";
    EXPECT_SAYS(message, "io_uring_setup was refused");
    EXPECT_SAYS(message, "seccomp filter");
  }
}

TEST(Refusal, IsExplainedUnderARealLimitOnLockedMemory) {
  const std::string message = said_by_child([] {
    const rlimit limit{64 << 10, 64 << 10};
    constexpr uid_t kNobody = 65534;
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return std::string("no limit");
    if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) return std::string("no limit");
    return read_readings().may_lock_memory ? std::string("no limit") : creation_message();
  });
  if (message == "no limit") GTEST_SKIP() << "this process cannot be limited";
  if (message == "created") GTEST_SKIP() << "this kernel does not charge rings to RLIMIT_MEMLOCK";
  EXPECT_SAYS(message, "locked memory is limited to 64 KiB");
  EXPECT_SAYS(message, "ulimit -l unlimited");
}

TEST(Refusal, IsExplainedForAFileTableAboveTheLimitOnDescriptors) {
  const std::string message = said_by_child([] {
    const rlimit limit{100, 100};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::string("no limit");
    auto ring = KernelRing::create();
    if (!ring.ok()) return std::string(ring.status().message());
    const absl::Status registered = (*ring)->register_slots(101);
    return registered.ok() ? "registered" : std::string(registered.message());
  });
  EXPECT_SAYS(message, "a file table of 101 slots");
  EXPECT_SAYS(message, "RLIMIT_NOFILE is 100");
}

}  // namespace
}  // namespace holdfast::ring
