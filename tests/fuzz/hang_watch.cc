// A bound on what one input may take, in processor time: libFuzzer's own counts time on the clock, so that a
// machine that was paused or had other work looks like a hang.
//
// Linked with -Wl,--wrap=LLVMFuzzerTestOneInput, so that it counts inputs. Once a second it looks whether
// still the same one is running, and what it has used by then. An input that waits instead of working is
// found by the number of looks: a process that is stopped takes none. Ends the process by SIGABRT, which
// libFuzzer and replay_main.cc take for any other failure: the input is kept, or named.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

// A test wants to wait for less.
#ifndef HOLDFAST_HANG_SECONDS
#define HOLDFAST_HANG_SECONDS 10
#define HOLDFAST_HANG_LOOKS 600
#endif

extern "C" int __real_LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
extern "C" int __wrap_LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

// Of processor time.
constexpr std::int64_t kWorkMaximumNs = std::int64_t{HOLDFAST_HANG_SECONDS} * 1'000'000'000;
// Looks that find the same input, a second apart at least, however little it works. No target waits for
// anything; one that is starved takes more than a second for a second's work.
constexpr int kLooksMaximum = HOLDFAST_HANG_LOOKS;

// Even: none is running. Also read by the signal handler.
std::atomic<std::uint64_t> begun_and_ended = 0;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

std::int64_t processor_time_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void fail(std::string_view why) {
  // Nothing can be done about a failing write in a dying process.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, why.data(), why.size());
  std::abort();
}

// Touched by the handler alone.
std::uint64_t seen_before = 0;
std::int64_t seen_first_ns = 0;
int looks = 0;

void look(int) {
  const std::uint64_t seen = begun_and_ended.load(std::memory_order_relaxed);
  if (seen != seen_before || seen % 2 == 0) {
    seen_before = seen;
    seen_first_ns = processor_time_ns();
    looks = 0;
    return;
  }
  if (processor_time_ns() - seen_first_ns > kWorkMaximumNs) fail("hang: one input works and works\n");
  if (++looks > kLooksMaximum) fail("hang: one input waits and waits\n");
}

bool start_looking() {
  struct sigaction action = {};
  action.sa_handler = look;
  action.sa_flags = SA_RESTART;
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  timer_t timer = {};
  const itimerspec every_second = {{1, 0}, {1, 0}};
  return sigaction(SIGRTMIN, &action, nullptr) == 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
         timer_settime(timer, 0, &every_second, nullptr) == 0;
}

}  // namespace

int __wrap_LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const bool looking = start_looking();
  if (!looking) fail("hang watch: the kernel gives no timer\n");
  begun_and_ended.fetch_add(1, std::memory_order_relaxed);
  const int result = __real_LLVMFuzzerTestOneInput(bytes, size);
  begun_and_ended.fetch_add(1, std::memory_order_relaxed);
  return result;
}
