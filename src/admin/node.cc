// What the kernel knows about this process.
#include "admin/node.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
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

}  // namespace

Node::Node(std::uint32_t shards) : name(host_name()), started_at_s(wall_s()), counters(shards) {
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
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen("/proc/self/statm", "r"), close);
  unsigned long long total_pages = 0;
  unsigned long long resident_pages = 0;
  if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &total_pages, &resident_pages) != 2) return 0;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace holdfast::admin
