// CPU time of the measured server, of the measuring client and of the whole machine, read at both ends of a
// window.
//
// The server's time is its process CPU clock: the run time the scheduler also shows, thread by thread, in
// /proc/PID/task/*/schedstat, plus that of threads which have ended, so that a kernel worker thread that
// comes and goes cannot make the sum fall. It is charged up to the last tick or switch of a running thread (4
// ms at HZ=250), which is why windows last seconds. Work done in softirq on behalf of a send (on loopback:
// the peer's receive path) is in it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace holdfast::perf {

struct Sample {
  std::int64_t wall_ns = 0;
  std::int64_t server_cpu_ns = 0;   // 0 when no server was named
  std::int64_t client_cpu_ns = 0;   // this process
  std::int64_t machine_cpu_ns = 0;  // everything that was not idle, on all cores
};

std::int64_t monotonic_ns();

// `server` is 0 when the server's time is not wanted.
Sample take_sample(pid_t server);

Sample operator-(const Sample& end, const Sample& begin);

// Prints one line of JSON: the window, and the count it was spent on.
void print_window(const char* mode, std::uint32_t connections, std::uint64_t message_bytes,
                  std::uint64_t count, const Sample& window);

}  // namespace holdfast::perf
