// ShardMemory: everything a shard keeps about its connections, laid out in one mapping (rule R8).
//
// Sizes follow from the configuration alone; pages are touched on first use, so the mapping costs what is in
// use. Order: header, states, slots, details, outbox nodes, subscriptions, assemblies, peer address queries,
// input accounts, arena state, arena.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "hub/topics.h"
#include "memory/assembly.h"
#include "memory/block_arena.h"
#include "memory/mapping.h"
#include "memory/pool.h"
#include "net/connection_table.h"
#include "net/outbox.h"
#include "net/rate.h"
#include "ring/ring.h"
#include "time/wheel.h"

namespace holdfast::shard {

struct ShardSizes {
  std::uint32_t slots = 0;         // connections, 1 .. 65,536
  std::uint32_t outbox_nodes = 0;  // frames owed, over all connections
  std::uint32_t subscriptions = 0;
  std::size_t arena_bytes = 0;        // a multiple of BlockArena::kPageBytes
  std::uint32_t receive_buffers = 0;  // small ones, see net/receive_pool.h; not in the mapping
  std::uint32_t slots_for_http = 0;   // of the slots, those that clients may not take
  std::uint32_t input_accounts = 0;   // one for each slot where input is limited, else none
};

struct ShardMemory {
  memory::Mapping mapping;
  net::ConnectionTableState* table_state = nullptr;
  memory::PoolState* node_state = nullptr;
  memory::PoolState* subscription_state = nullptr;
  memory::PoolState* assembly_state = nullptr;
  time::Wheel::State* wheel_state = nullptr;
  net::Slot* slots = nullptr;
  net::SlotDetail* details = nullptr;
  net::OutboxNode* nodes = nullptr;
  hub::Subscription* subscriptions = nullptr;
  memory::Assembly* assemblies = nullptr;
  memory::PoolState* query_state = nullptr;
  ring::SocketAddress* queries = nullptr;
  net::InputAccount* input_accounts = nullptr;
  memory::BlockArenaState* arena_state = nullptr;
  std::byte* arena = nullptr;

  static absl::StatusOr<ShardMemory> create(const ShardSizes& sizes);
};

}  // namespace holdfast::shard
