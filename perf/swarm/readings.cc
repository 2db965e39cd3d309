// The parsing of /proc. What is charged to a connection is decided as in perf/core/kernel_memory.py: active
// objects at their share of the slab's pages, of caches in which connections live.
#include "readings.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "base/clock.h"

namespace holdfast::swarm {
namespace {

constexpr const char* kConnectionCaches[] = {"TCP",
                                             "sock_inode_cache",
                                             "filp",
                                             "lsm_file_cache",
                                             "lsm_inode_cache",
                                             "dentry",
                                             "io_kiocb",
                                             "eventpoll_epi",
                                             "eventpoll_pwq",
                                             "ep_head",
                                             "tcp_bind_bucket",
                                             "tcp_bind2_bucket",
                                             "request_sock_TCP",
                                             "tw_sock_TCP",
                                             "skbuff_head_cache",
                                             "skbuff_small_head",
                                             "skbuff_fclone_cache"};

// Merged caches are listed under one of their names; the link's target is the same for all of them.
std::string identity_of(const std::string& cache) {
  const std::string path = "/sys/kernel/slab/" + cache;
  char* real = realpath(path.c_str(), nullptr);
  const std::string identity = real == nullptr ? path : real;
  std::free(real);
  return identity;
}

void read_slabs(Readings* readings) {
  std::ifstream file("/proc/slabinfo");
  std::string line;
  if (!file || !std::getline(file, line) || !std::getline(file, line)) return;
  readings->slabs_known = true;
  static const std::set<std::string> kWanted = [] {
    std::set<std::string> wanted;
    for (const char* cache : kConnectionCaches) wanted.insert(identity_of(cache));
    return wanted;
  }();
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t active = 0, objects = 0, object_bytes = 0, objects_per_slab = 0, pages_per_slab = 0;
    if (!(words >> name >> active >> objects >> object_bytes >> objects_per_slab >> pages_per_slab)) continue;
    if (objects_per_slab == 0 || (name.rfind("kmalloc-", 0) != 0 && kWanted.count(identity_of(name)) == 0)) {
      continue;
    }
    readings->slabs[name] = SlabUse{
        active, static_cast<double>(pages_per_slab) * page_bytes / static_cast<double>(objects_per_slab)};
  }
}

void read_sockstat(Readings* readings) {
  std::ifstream file("/proc/net/sockstat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("TCP:", 0) != 0) continue;
    std::istringstream words(line.substr(4));
    std::string key;
    std::uint64_t value = 0;
    while (words >> key >> value) {
      if (key == "inuse") readings->tcp_in_use = value;
      if (key == "orphan") readings->tcp_orphans = value;
      if (key == "tw") readings->tcp_time_wait = value;
      if (key == "mem") readings->tcp_memory_pages = value;
    }
  }
}

std::uint64_t line_of_kilobytes(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name, 0) == 0) return std::strtoull(line.c_str() + name.size(), nullptr, 10) * 1024;
  }
  return 0;
}

// Of all threads; false when there is no such process.
bool read_cpu(pid_t process, std::uint64_t* cpu_ns) {
  const std::string folder = "/proc/" + std::to_string(process) + "/task";
  DIR* threads = opendir(folder.c_str());
  if (threads == nullptr) return false;
  *cpu_ns = 0;
  while (const dirent* thread = readdir(threads)) {
    if (thread->d_name[0] == '.') continue;
    std::ifstream file(folder + "/" + thread->d_name + "/schedstat");
    std::uint64_t ran_ns = 0;
    if (file >> ran_ns) *cpu_ns += ran_ns;
  }
  closedir(threads);
  return true;
}

}  // namespace

Readings take_readings(pid_t server, bool memory) {
  Readings readings;
  base::SystemClock clock;
  readings.wall_ns = clock.monotonic_ns();
  read_cpu(getpid(), &readings.swarm_cpu_ns);
  if (server != 0) readings.server_known = read_cpu(server, &readings.server_cpu_ns);
  if (!memory) return readings;
  // The rollup walks all page tables, and so is exact; VmRSS may lag behind by a batch per thread.
  readings.swarm_resident_bytes = line_of_kilobytes("/proc/self/smaps_rollup", "Rss:");
  if (readings.server_known) {
    readings.server_resident_bytes =
        line_of_kilobytes("/proc/" + std::to_string(server) + "/smaps_rollup", "Rss:");
  }
  read_slabs(&readings);
  read_sockstat(&readings);
  readings.available_bytes = line_of_kilobytes("/proc/meminfo", "MemAvailable:");
  return readings;
}

std::map<std::string, double> slab_growth(const Readings& before, const Readings& after) {
  std::map<std::string, double> growth;
  for (const auto& [name, use] : after.slabs) {
    const auto found = before.slabs.find(name);
    const double objects = static_cast<double>(use.objects) -
                           (found == before.slabs.end() ? 0.0 : static_cast<double>(found->second.objects));
    growth[name] = objects * use.object_bytes;
  }
  return growth;
}

double sum_of(const std::map<std::string, double>& growth) {
  double sum = 0;
  for (const auto& [name, bytes] : growth) sum += bytes;
  return sum;
}

}  // namespace holdfast::swarm
