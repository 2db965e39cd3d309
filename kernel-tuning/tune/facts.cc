// Gathering the facts.
#include "tune/facts.h"

#include <liburing.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "absl/status/status.h"
#include "ring/probe.h"
#include "ring/refusal.h"
#include "tune/text.h"

namespace holdfast::tune {
namespace {

// "MemTotal:   24684092 kB", "CapEff:\t000001ff": what follows the name on its line.
std::optional<std::string> field_of(const std::string& text, std::string_view name) {
  for (const std::string& line : split(text, '\n')) {
    if (line.size() > name.size() && line.compare(0, name.size(), name) == 0 && line[name.size()] == ':')
      return single_spaced(std::string_view(line).substr(name.size() + 1));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> kibibytes_of(const std::string& meminfo, std::string_view name) {
  const auto field = field_of(meminfo, name);
  const auto value = field ? parse_count(field->substr(0, field->find(' '))) : std::nullopt;
  if (!value || *value > kNoLimit / 1024) return std::nullopt;
  return *value * 1024;
}

// "0-3,8": 5.
std::uint64_t count_of_list(const std::string& list) {
  std::uint64_t count = 0;
  for (const std::string& range : split(single_spaced(list), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = parse_integer(range.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_integer(range.substr(dash + 1));
    if (first && last && *last >= *first && *last < 65'536)
      count += static_cast<std::uint64_t>(*last - *first + 1);
  }
  return count;
}

std::uint64_t limit_in_file(const Host& host, const std::string& path) {
  const auto value = parse_count(trimmed(host.read(path).text));
  // Version 1 of control groups says "none" with the largest multiple of a page.
  return value && *value < std::uint64_t{1} << 62 ? *value : kNoLimit;
}

struct GroupFiles {
  std::string controller;  // of version 1
  std::string limit_1, used_1, limit_2, used_2;
};

void tighten(const Host& host, std::string folder, const std::string& path, const std::string& limit_name,
             const std::string& used_name, GroupLimit* tightest) {
  for (std::string group = path;; group.resize(group.rfind('/'))) {
    const std::string base = folder + (group == "/" ? "" : group) + "/";
    const std::uint64_t limit = limit_in_file(host, base + limit_name);
    const std::uint64_t used = parse_count(trimmed(host.read(base + used_name).text)).value_or(0);
    const auto left = [](std::uint64_t of, std::uint64_t taken) { return of > taken ? of - taken : 0; };
    if (limit != kNoLimit && left(limit, used) < left(tightest->limit, tightest->used))
      *tightest = {limit, used, base + limit_name};
    if (group.empty() || group == "/" || group.rfind('/') == std::string::npos) break;
  }
}

// Both hierarchies, because hybrid hosts have both.
GroupLimit read_group_limit(const Host& host, const std::string& groups, const GroupFiles& files) {
  GroupLimit tightest;
  for (const std::string& line : split(groups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.find("..", second) != std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      tighten(host, "/sys/fs/cgroup", path, files.limit_2, files.used_2, &tightest);
      tighten(host, "/sys/fs/cgroup/unified", path, files.limit_2, files.used_2, &tightest);
    } else if (("," + controllers + ",").find("," + files.controller + ",") != std::string::npos) {
      tighten(host, "/sys/fs/cgroup/" + files.controller, path, files.limit_1, files.used_1, &tightest);
    }
  }
  return tightest;
}

std::string find_container(const Host& host) {
  if (host.exists("/.dockerenv")) return "docker";
  if (host.exists("/run/.containerenv")) return "podman";
  const Reading systemd = host.read("/run/systemd/container");
  if (systemd.ok) return single_spaced(systemd.text);
  const std::string groups = host.read("/proc/1/cgroup").text;
  for (const char* word : {"kubepods", "docker", "lxc"}) {
    if (groups.find(word) != std::string::npos) return word;
  }
  return "";
}

// LimitNOFILE= and LimitMEMLOCK= of holdfast.service, the last one found: unit first, then its drop-ins.
void read_unit_limits(const Host& host, Facts* facts) {
  std::vector<std::string> paths;
  for (const char* folder : {"/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system"})
    paths.push_back(std::string(folder) + "/holdfast.service");
  for (const std::string& name : host.list(kUnitFolder))
    paths.push_back(std::string(kUnitFolder) + "/" + name);
  for (const std::string& path : paths) {
    if (path.size() >= 5 && path.substr(path.size() - 5) != ".conf" &&
        path.find(".service.d") != std::string::npos)
      continue;
    for (const SysctlLine& line : parse_sysctl_file(host.read(path).text)) {
      // "soft:hard" or one value for both.
      const std::string value = line.value.substr(line.value.rfind(':') + 1);
      const auto number = value == "infinity" ? std::optional(kNoLimit) : parse_count(value);
      if (!number) continue;
      if (line.key == "LimitNOFILE") facts->unit_open_files = number;
      if (line.key == "LimitMEMLOCK") facts->unit_locked_bytes = number;
    }
  }
}

void read_process(const Host& host, const Target& target, Facts* facts) {
  const std::string process = "/proc/" + (target.process > 0 ? std::to_string(target.process) : "self");
  const std::string limits = host.read(process + "/limits").text;
  facts->open_files_hard = hard_limit_in(limits, "Max open files");
  facts->locked_bytes_hard = hard_limit_in(limits, "Max locked memory");
  const std::string status = host.read(process + "/status").text;
  const std::string capabilities = field_of(status, "CapEff").value_or("0");
  std::from_chars(capabilities.data(), capabilities.data() + capabilities.size(), facts->capabilities, 16);
  facts->is_root = field_of(status, "Uid").value_or("1").substr(0, 2) == "0 ";
  facts->seccomp_mode =
      static_cast<int>(parse_integer(field_of(status, "Seccomp").value_or("0")).value_or(0));
  const std::string groups = host.read(process + "/cgroup").text;
  facts->group_memory = read_group_limit(
      host, groups,
      {"memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max", "memory.current"});
  facts->group_pids =
      read_group_limit(host, groups, {"pids", "pids.max", "pids.current", "pids.max", "pids.current"});
}

// Sets up a ring like the server's and gives it back.
void try_ring(Facts* facts) {
  ring::Features features;
  io_uring ring{};
  const absl::Status status = ring::set_up(64, 8192, {}, &ring, &features);
  if (!status.ok()) {
    facts->ring_refusal = std::string(status.message());
    return;
  }
  io_uring_queue_exit(&ring);
  ring::try_operations({}, &features);
  facts->ring_features = features.describe() + "; liburing " HOLDFAST_LIBURING_VERSION;
}

}  // namespace

std::optional<std::int64_t> Facts::number(std::string_view key) const {
  return parse_integer(sysctl(key).text);
}

std::optional<std::vector<std::int64_t>> Facts::numbers(std::string_view key) const {
  return parse_integers(sysctl(key).text);
}

std::optional<std::uint64_t> hard_limit_in(const std::string& limits, std::string_view name) {
  for (const std::string& line : split(limits, '\n')) {
    if (line.compare(0, name.size(), name) != 0) continue;
    const std::vector<std::string> words = split(single_spaced(line.substr(name.size())), ' ');
    if (words.size() < 2) return std::nullopt;
    return words[1] == "unlimited" ? std::optional(kNoLimit) : parse_count(words[1]);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> memory_available(const Host& host) {
  return kibibytes_of(host.read("/proc/meminfo").text, "MemAvailable");
}

Facts read_facts(const Host& host, const Target& target) {
  Facts facts(host);
  facts.pins = read_pins(host);
  facts.release = single_spaced(host.read("/proc/sys/kernel/osrelease").text);
  if (std::sscanf(facts.release.c_str(), "%d.%d", &facts.kernel_major, &facts.kernel_minor) != 2)
    facts.kernel_major = facts.kernel_minor = 0;
  facts.cores = std::max<std::uint64_t>(1, count_of_list(host.read("/sys/devices/system/cpu/online").text));
  const std::string meminfo = host.read("/proc/meminfo").text;
  facts.memory_total = kibibytes_of(meminfo, "MemTotal");
  facts.memory_available = memory_available(host);
  facts.swap_total = kibibytes_of(meminfo, "SwapTotal");
  // Only the first network namespace has the keys that belong to the whole host.
  facts.own_network_namespace = host.exists(sysctl_path("net.core.somaxconn")) &&
                                !host.exists(sysctl_path("net.core.netdev_max_backlog"));
  facts.container = find_container(host);
  read_unit_limits(host, &facts);
  read_process(host, target, &facts);
  if (host.is_this_host() && target.process == 0) try_ring(&facts);
  return facts;
}

}  // namespace holdfast::tune
