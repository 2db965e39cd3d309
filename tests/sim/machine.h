// Machine: where a simulated server runs: rings, listeners and mailboxes in one world, and who takes a turn.
//
// The holdfast::Server of a simulation (server.cc of this folder, linked in place of the real one) builds its
// shards here. They and their handlers are those of production; only nothing runs in parallel: turn() lets
// one shard take a turn, in an order the world's seed decides.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/siphash.h"
#include "holdfast/config.h"
#include "holdfast/handler.h"
#include "ring/simulated_ring.h"
#include "ring/simulated_world.h"
#include "shard/neighbour.h"
#include "shard/shard.h"

namespace holdfast::sim {

struct MachineOptions {
  std::uint32_t shards = 1;
  shard::ShardSizes sizes;
  ring::SimulatedRingOptions ring;
  std::vector<Protocol> listeners;  // of each shard
  std::uint32_t backlog = 8;
  std::size_t mailbox_bytes = 1u << 20;     // raised to what holds one message
  net::AddressCounts* addresses = nullptr;  // of all shards
};

class Machine {
 public:
  struct Part {
    std::vector<int> listeners;           // as in the options
    ring::SimulatedRing* ring = nullptr;  // the shard's
    std::unique_ptr<shard::Shard> shard;
    bool running = true;
    bool held = false;
  };

  // The machine of this thread until it is gone.
  Machine(ring::SimulatedWorld* world, const MachineOptions& options, base::Entropy* entropy);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  static Machine* here() { return here_; }

  // For the server. `handler` outlives the machine's shards.
  void build_shards(const Config& config, const std::vector<std::unique_ptr<Handler>>& handlers);
  std::uint32_t shards() const { return options_.shards; }
  const base::SipKey& topic_key() const { return topic_key_; }
  shard::Neighbour& neighbour(std::uint32_t shard) { return *neighbours_[shard]; }
  // From a shard whose turn it is, or from outside.
  bool push(std::uint32_t shard, const shard::Letter& letter);

  const std::vector<std::unique_ptr<Part>>& parts() const { return parts_; }
  // One turn of one shard: of those the world has something for, or, when there are none, of any: its wait
  // passes time. False when all have stopped.
  bool turn();
  // Something else keeps the shard's thread: it takes no turn until it is let go.
  void hold(std::uint32_t shard);
  void let_go(std::uint32_t shard);
  bool running() const;
  // Of the file tables of all shards.
  std::uint32_t slots_used() const;
  // The sum over all shards of a counter.
  std::uint64_t counted(std::string_view name) const;
  // Ends a run that went wrong: what does not stop within so many turns stays, unreleased, until the process
  // ends.
  bool stop_within(std::uint32_t turns);

 private:
  void build_shard(std::uint32_t number, const Config& config, Handler* handler);

  static inline constinit thread_local Machine* here_ = nullptr;

  ring::SimulatedWorld* world_;
  const MachineOptions options_;
  base::Entropy* entropy_;
  Config config_;
  base::SipKey topic_key_;
  shard::Neighbours neighbours_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::uint64_t turns_ = 0;
};

}  // namespace holdfast::sim
