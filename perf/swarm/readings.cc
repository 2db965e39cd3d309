// The parsing of /proc. What is charged to a connection is decided as in perf/core/kernel_memory.py: active
// objects at their share of the slab's pages, of caches in which connections live. A dentry and a security
// blob come with every open file, but also with every look into /proc: they are charged one per file.
#include "readings.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>

#include "base/clock.h"

namespace holdfast::swarm {
namespace {

constexpr const char* kConnectionCaches[] = {"TCP",
                                             "sock_inode_cache",
                                             "filp",
                                             "lsm_file_cache",
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
constexpr const char* kCachesPerFile[] = {"dentry", "lsm_inode_cache"};
constexpr const char* kFiles = "filp";

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
    for (const char* cache : kCachesPerFile) wanted.insert(identity_of(cache));
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

// The rollup walks all page tables, and so is exact; what status says may lag behind.
ProcessMemory read_memory(const std::string& process) {
  const std::string path = "/proc/" + process + "/smaps_rollup";
  ProcessMemory memory;
  memory.resident_bytes = line_of_kilobytes(path, "Rss:");
  memory.anonymous_bytes = line_of_kilobytes(path, "Anonymous:");
  memory.shared_bytes = line_of_kilobytes(path, "Pss_Shmem:");
  return memory;
}

// CPU time of a process by its clock; 0 when there is no such process.
std::uint64_t clock_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

double objects_grown(const Readings& before, const Readings& after, const std::string& cache) {
  const auto objects = [&cache](const Readings& readings) {
    const auto found = readings.slabs.find(cache);
    return found == readings.slabs.end() ? 0.0 : static_cast<double>(found->second.objects);
  };
  return objects(after) - objects(before);
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
  readings.swarm = read_memory("self");
  if (readings.server_known) readings.server = read_memory(std::to_string(server));
  read_slabs(&readings);
  read_sockstat(&readings);
  readings.available_bytes = line_of_kilobytes("/proc/meminfo", "MemAvailable:");
  return readings;
}

Glance glance(pid_t server) {
  Glance seen;
  seen.swarm_cpu_ns = clock_of(getpid());
  if (server == 0) return seen;
  seen.server_cpu_ns = clock_of(server);
  std::ifstream file("/proc/" + std::to_string(server) + "/statm");
  std::uint64_t all_pages = 0, resident_pages = 0;
  if (file >> all_pages >> resident_pages) {
    seen.server_resident_bytes = resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  }
  return seen;
}

std::vector<std::string> connection_caches() {
  return {std::begin(kConnectionCaches), std::end(kConnectionCaches)};
}

std::vector<std::string> caches_per_file() {
  return {std::begin(kCachesPerFile), std::end(kCachesPerFile)};
}

std::map<std::string, double> slab_growth(const Readings& before, const Readings& after) {
  static const std::set<std::string> kPerFile(std::begin(kCachesPerFile), std::end(kCachesPerFile));
  std::map<std::string, double> growth;
  for (const auto& [name, use] : after.slabs) {
    growth[name] = objects_grown(before, after, kPerFile.count(name) != 0 ? kFiles : name) * use.object_bytes;
  }
  return growth;
}

double sum_of(const std::map<std::string, double>& growth) {
  double sum = 0;
  for (const auto& [name, bytes] : growth) sum += bytes;
  return sum;
}

}  // namespace holdfast::swarm
