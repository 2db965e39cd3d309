// Heartbeat and Watchdog: what a shard is doing, and a look at it from outside.
//
// A shard that hangs in a handler cannot say so. Each writes down when its turn began and what it works on;
// the thread that runs the server looks every quarter of a second and names the slot and the operation of a
// turn that has lasted more than a second, once. It ends nothing: whether a slow shard is worse than a dead
// process is for its operator to say. A Heartbeat is written by its shard's thread and read by any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "ring/tag.h"

namespace holdfast::shard {

class Heartbeat {
 public:
  void begin(std::uint64_t now_ns) {
    step("completions");
    began_ns_.store(now_ns, std::memory_order_relaxed);
  }
  // `name` is a literal. Nothing of a slot is in hand until work_on.
  void step(const char* name) {
    name_.store(name, std::memory_order_relaxed);
    tag_.store(0, std::memory_order_relaxed);
  }
  void work_on(std::uint64_t tag_bits) { tag_.store(tag_bits, std::memory_order_relaxed); }
  void end() { began_ns_.store(0, std::memory_order_relaxed); }

  std::uint64_t began_ns() const { return began_ns_.load(std::memory_order_relaxed); }  // 0: asleep
  const char* name() const { return name_.load(std::memory_order_relaxed); }
  ring::Tag tag() const { return ring::Tag::unpacked(tag_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::uint64_t> began_ns_ = 0;
  std::atomic<std::uint64_t> tag_ = 0;
  std::atomic<const char*> name_ = "start";
};

class Watchdog {
 public:
  static constexpr std::chrono::milliseconds kInterval{250};
  static constexpr std::uint64_t kStuckNs = 1'000'000'000;

  Watchdog(std::vector<const Heartbeat*> heartbeats, std::function<void(std::string_view line)> log);

  // Every kInterval. A call that comes much later finds nothing: then this process was stopped, and the
  // shards with it. At most one line a second.
  void look(std::uint64_t now_ns);

 private:
  void tell(std::size_t shard, std::uint64_t passed_ns);

  const std::vector<const Heartbeat*> heartbeats_;
  const std::function<void(std::string_view line)> log_;
  std::vector<std::uint64_t> told_;  // the turn that was told last, by its beginning
  std::uint64_t looked_ns_ = 0;
  std::uint64_t last_line_ns_ = 0;
};

}  // namespace holdfast::shard
