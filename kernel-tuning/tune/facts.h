// Facts: what is known about a host before any target is compared with it. Read once per command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tune/host.h"
#include "tune/pins.h"
#include "tune/target.h"

namespace holdfast::tune {

inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
inline constexpr unsigned kCapabilityLockMemory = 14;  // CAP_IPC_LOCK
inline constexpr unsigned kCapabilityAdminister = 21;  // CAP_SYS_ADMIN
inline constexpr unsigned kCapabilityResource = 24;    // CAP_SYS_RESOURCE

inline constexpr std::string_view kLimitsFile = "/etc/security/limits.d/90-holdfast.conf";
inline constexpr std::string_view kUnitFolder = "/etc/systemd/system/holdfast.service.d";
inline constexpr std::string_view kUnitFile = "/etc/systemd/system/holdfast.service.d/90-tune.conf";

// A limit of a control group that holds this process, the tightest on the way up.
struct GroupLimit {
  std::uint64_t limit = kNoLimit;
  std::uint64_t used = 0;
  std::string path;  // of the file with the limit
};

struct Facts {
  explicit Facts(const Host& of) : host(of) {}

  const Host& host;
  Pins pins;

  std::string release;
  int kernel_major = 0, kernel_minor = 0;  // 0: not known
  std::uint64_t cores = 1;
  std::optional<std::uint64_t> memory_total, memory_available, swap_total;  // bytes
  std::optional<std::uint64_t> open_files_hard;                             // RLIMIT_NOFILE
  std::optional<std::uint64_t> locked_bytes_hard;                           // RLIMIT_MEMLOCK
  std::optional<std::uint64_t> unit_open_files, unit_locked_bytes;  // of holdfast.service, by its files
  std::uint64_t capabilities = 0;
  bool is_root = false;
  int seccomp_mode = 0;
  bool own_network_namespace = false;
  std::string container;  // which kind; empty: none seen
  GroupLimit group_memory, group_pids;

  std::string ring_features;  // the probe's line; empty when not tried
  std::string ring_refusal;   // why there is no ring; empty when there is or was not tried

  bool capable(unsigned capability) const { return (capabilities >> capability & 1) != 0; }
  Reading sysctl(std::string_view key) const { return host.read(sysctl_path(key)); }
  std::optional<std::int64_t> number(std::string_view key) const;
  std::optional<std::vector<std::int64_t>> numbers(std::string_view key) const;
};

Facts read_facts(const Host& host, const Target& target);

// MemAvailable of /proc/meminfo, in bytes.
std::optional<std::uint64_t> memory_available(const Host& host);

// "Max open files   1024   20000   files" of /proc/PID/limits: the hard limit.
std::optional<std::uint64_t> hard_limit_in(const std::string& limits, std::string_view name);

}  // namespace holdfast::tune
