// Reads the clocks of cpu_time.h. One thread; nothing is kept between calls.
#include "cpu_time.h"

#include <time.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "failure.h"

namespace holdfast::perf {
namespace {

std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  or_fail(clock_gettime(clock, &now), "clock_gettime");
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t server_cpu_ns(pid_t server) {
  clockid_t clock{};
  if (clock_getcpuclockid(server, &clock) != 0) fail("the measured server is gone");
  return read_clock(clock);
}

std::int64_t machine_cpu_ns() {
  std::FILE* file = std::fopen("/proc/stat", "re");
  if (file == nullptr) fail_errno("/proc/stat");
  long long user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  const int fields = std::fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle,
                                 &iowait, &irq, &softirq);
  std::fclose(file);
  if (fields != 7) fail("/proc/stat has no cpu line");
  return (user + nice + system + irq + softirq) * (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

}  // namespace

std::int64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

Sample take_sample(pid_t server) {
  Sample sample;
  sample.server_cpu_ns = server == 0 ? 0 : server_cpu_ns(server);
  sample.wall_ns = monotonic_ns();
  sample.client_cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
  sample.machine_cpu_ns = machine_cpu_ns();
  return sample;
}

Sample operator-(const Sample& end, const Sample& begin) {
  return Sample{.wall_ns = end.wall_ns - begin.wall_ns,
                .server_cpu_ns = end.server_cpu_ns - begin.server_cpu_ns,
                .client_cpu_ns = end.client_cpu_ns - begin.client_cpu_ns,
                .machine_cpu_ns = end.machine_cpu_ns - begin.machine_cpu_ns};
}

void print_window(const char* mode, std::uint32_t connections, std::uint64_t message_bytes,
                  std::uint64_t count, const Sample& window) {
  std::printf("{\"mode\": \"%s\", \"connections\": %" PRIu32 ", \"message_bytes\": %" PRIu64
              ", \"count\": %" PRIu64 ", \"wall_ns\": %" PRId64 ", \"server_cpu_ns\": %" PRId64
              ", \"client_cpu_ns\": %" PRId64 ", \"machine_cpu_ns\": %" PRId64 "}\n",
              mode, connections, message_bytes, count, window.wall_ns, window.server_cpu_ns,
              window.client_cpu_ns, window.machine_cpu_ns);
  std::fflush(stdout);
}

}  // namespace holdfast::perf
