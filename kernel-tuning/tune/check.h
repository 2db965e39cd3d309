// Check: every knob judged for a target, the capacity of the host as it stands, and its first wall.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tune/knob.h"

namespace holdfast::tune {

inline constexpr int kExitReady = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotTuned = 3;
inline constexpr int kExitCannot = 4;

// The most a server holds with 256 shards, a tenth of headroom each: no host holds more with one.
inline constexpr std::uint64_t kConnectionsMaximum =
    kShardsMaximum * (kConnectionsPerShardMaximum - 1) * 10 / 11;

struct Finding {
  std::string key;
  Judgement judgement;
  std::string cost, source;
  std::string blocked;  // why this process cannot change it; empty when it can or need not
  std::string pinned;   // who else sets it to another value: "/etc/sysctl.d/x.conf:3 sets 128"
  Scope scope = Scope::host;
  Applies applies = Applies::never;
  std::optional<std::uint64_t> capacity;  // connections it allows; absent: more than any server holds
};

struct Report {
  Target target;
  std::vector<Finding> findings;
  std::vector<BillItem> bill;
  std::uint64_t shards = 0;
  std::uint64_t capacity = 0;
  std::string first_wall;
  std::vector<std::string> notes;  // what this process may not do or see
  int exit_code = kExitReady;
  bool ready() const { return exit_code == kExitReady; }
};

Report check(const Facts& facts, const Target& target);

}  // namespace holdfast::tune
