// Watchdog: one line for each turn that does not end.
#include "shard/watchdog.h"

#include <array>
#include <cstdio>
#include <utility>

namespace holdfast::shard {
namespace {

constexpr std::array<const char*, ring::kOps> kOpNames = {
    "none", "accept", "peer_address",   "readable", "writable", "receive",
    "send", "cancel", "reset_on_close", "close",    "wake",     "cancel_writable"};

}  // namespace

Watchdog::Watchdog(std::vector<const Heartbeat*> heartbeats, std::function<void(std::string_view line)> log)
    : heartbeats_(std::move(heartbeats)), log_(std::move(log)), told_(heartbeats_.size()) {}

void Watchdog::look(std::uint64_t now_ns) {
  const std::uint64_t passed_ns = now_ns - looked_ns_;
  looked_ns_ = now_ns;
  if (passed_ns > kStuckNs) return;
  for (std::size_t shard = 0; shard < heartbeats_.size(); ++shard) {
    const std::uint64_t began_ns = heartbeats_[shard]->began_ns();
    if (began_ns == 0 || began_ns == told_[shard] || now_ns < began_ns + kStuckNs) continue;
    if (last_line_ns_ != 0 && now_ns < last_line_ns_ + kStuckNs) continue;
    told_[shard] = began_ns;
    last_line_ns_ = now_ns;
    tell(shard, now_ns - began_ns);
  }
}

void Watchdog::tell(std::size_t shard, std::uint64_t passed_ns) {
  const Heartbeat& heartbeat = *heartbeats_[shard];
  const ring::Tag tag = heartbeat.tag();
  char work[64] = "";
  if (tag.op != ring::Op::none && static_cast<std::size_t>(tag.op) < kOpNames.size()) {
    std::snprintf(work, sizeof work, ", op %s of slot %u generation %u",
                  kOpNames[static_cast<std::size_t>(tag.op)], tag.slot, tag.generation);
  }
  char line[256];
  std::snprintf(line, sizeof line,
                "holdfast: shard %zu has been in one turn for %.1f s, and everybody on it waits: %s%s", shard,
                static_cast<double>(passed_ns) / 1e9, heartbeat.name(), work);
  log_(line);
}

}  // namespace holdfast::shard
