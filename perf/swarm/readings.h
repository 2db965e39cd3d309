// Readings: what the machine and the two processes have used so far, read from /proc and /sys before and
// after a phase. Reading never fails: what cannot be read is marked as not known.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::swarm {

struct SlabUse {
  std::uint64_t objects = 0;
  double object_bytes = 0;  // its share of the slab's pages
};

// What a process holds of physical memory, by its page tables.
struct ProcessMemory {
  std::uint64_t resident_bytes = 0;   // all of it, files (its program, libraries) included
  std::uint64_t anonymous_bytes = 0;  // heap, stacks
  std::uint64_t shared_bytes = 0;     // memfds and other shared memory: a slab of connections is one
  std::uint64_t user_bytes() const { return anonymous_bytes + shared_bytes; }
};

struct Readings {
  std::uint64_t wall_ns = 0;
  std::uint64_t swarm_cpu_ns = 0;
  ProcessMemory swarm;
  bool server_known = false;
  std::uint64_t server_cpu_ns = 0;  // of all threads that live
  ProcessMemory server;
  bool slabs_known = false;  // needs root
  std::map<std::string, SlabUse> slabs;
  std::uint64_t tcp_in_use = 0, tcp_orphans = 0, tcp_time_wait = 0, tcp_memory_pages = 0;
  std::uint64_t available_bytes = 0;
};

// `server` 0: none was named. Memory is walked only when asked for: at a million sockets that takes a while.
Readings take_readings(pid_t server, bool memory);

// What is read several times a second, and so has to be cheap.
struct Glance {
  std::uint64_t swarm_cpu_ns = 0;
  std::uint64_t server_cpu_ns = 0;
  std::uint64_t server_resident_bytes = 0;  // as the kernel counts it: it may lag behind by some pages
};
Glance glance(pid_t server);

// The caches that are charged to connections: at their growth, and those that come with every open file, at
// the growth of files. The lists of perf/core/kernel_memory.py; a test holds them together.
std::vector<std::string> connection_caches();
std::vector<std::string> caches_per_file();

// Bytes by cache that `after` holds more than `before`, and their sum.
std::map<std::string, double> slab_growth(const Readings& before, const Readings& after);
double sum_of(const std::map<std::string, double>& growth);

}  // namespace holdfast::swarm
