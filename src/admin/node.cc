// What the kernel knows about this process.
#include "admin/node.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/clock.h"
#include "base/entropy.h"
#include "gateway/member.h"
#include "gateway/session.h"

namespace holdfast::admin {
namespace {

std::int64_t wall_s() {
  return static_cast<std::int64_t>(base::SystemClock().wall_ns() / 1'000'000'000);
}

std::string host_name() {
  std::array<char, 256> name = {};
  if (gethostname(name.data(), name.size() - 1) != 0) return "holdfast";
  return name.data();
}

// Opened once, before any client: it is most wanted when descriptors have run out.
int memory_file() {
  static const int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  return descriptor;
}

}  // namespace

Node::Node(std::uint32_t shards) : name(host_name()), started_at_s(wall_s()), counters(shards) {
  memory_file();
  base::SystemEntropy entropy;
  const gateway::ClientId::Text text = gateway::ClientId::draw(entropy).text();
  uid.assign(text.data(), text.size());
}

NodeFacts Node::facts() const {
  const std::int64_t uptime_s = std::max<std::int64_t>(wall_s() - started_at_s, 0);
  NodeFacts facts;
  facts.uid = uid;
  facts.name = name;
  facts.version = gateway::kVersion;
  facts.uptime_s = static_cast<std::uint64_t>(uptime_s);
  facts.cpu_percent = 100 * cpu_seconds() / static_cast<double>(std::max<std::int64_t>(uptime_s, 1));
  facts.resident_bytes = resident_bytes();
  return facts;
}

double cpu_seconds() {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t resident_bytes() {
  std::array<char, 128> text = {};
  unsigned long long total_pages = 0;
  unsigned long long resident_pages = 0;
  if (pread(memory_file(), text.data(), text.size() - 1, 0) <= 0) return 0;
  if (std::sscanf(text.data(), "%llu %llu", &total_pages, &resident_pages) != 2) return 0;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
  struct stat folder = {};
  if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)  // their number, from Linux 6.2 on
    return static_cast<std::uint64_t>(folder.st_size);
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  rlimit limit = {};
  if (error == std::errc::too_many_files_open && getrlimit(RLIMIT_NOFILE, &limit) == 0) return limit.rlim_cur;
  return count;
}

}  // namespace holdfast::admin
