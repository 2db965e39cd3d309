// The layout, written once and walked twice: over no memory to learn its size, then over the mapping.
#include "shard/shard_memory.h"

#include <new>

namespace holdfast::shard {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t lay_out(const ShardSizes& sizes, std::byte* base, ShardMemory& memory) {
  memory::Carver carver(base);
  memory.table_state = carver.take<net::ConnectionTableState>(1);
  memory.node_state = carver.take<memory::PoolState>(1);
  memory.subscription_state = carver.take<memory::PoolState>(1);
  memory.assembly_state = carver.take<memory::PoolState>(1);
  memory.query_state = carver.take<memory::PoolState>(1);
  memory.wheel_state = carver.take<time::Wheel::State>(1);
  memory.slots = carver.take<net::Slot>(sizes.slots, kPage);
  memory.details = carver.take<net::SlotDetail>(sizes.slots, kPage);
  memory.nodes = carver.take<net::OutboxNode>(sizes.outbox_nodes, kPage);
  memory.subscriptions = carver.take<hub::Subscription>(sizes.subscriptions, kPage);
  memory.assemblies = carver.take<memory::Assembly>(sizes.slots, kPage);
  memory.queries = carver.take<ring::SocketAddress>(sizes.slots, kPage);
  memory.input_accounts = carver.take<net::InputAccount>(sizes.input_accounts, kPage);
  memory.arena_state = reinterpret_cast<memory::BlockArenaState*>(
      carver.take<std::byte>(memory::BlockArena::state_bytes(sizes.arena_bytes), kPage));
  memory.arena = carver.take<std::byte>(sizes.arena_bytes, memory::BlockArena::kPageBytes);
  return carver.used();
}

}  // namespace

absl::StatusOr<ShardMemory> ShardMemory::create(const ShardSizes& sizes) {
  ShardMemory memory;
  const std::size_t bytes = lay_out(sizes, nullptr, memory);
  auto mapping = memory::Mapping::create("holdfast-shard", bytes);
  if (!mapping.ok()) return mapping.status();
  lay_out(sizes, mapping->base(), memory);
  memory.mapping = *std::move(mapping);
  new (memory.node_state) memory::PoolState();
  new (memory.subscription_state) memory::PoolState();
  new (memory.assembly_state) memory::PoolState();
  new (memory.query_state) memory::PoolState();
  return memory;
}

}  // namespace holdfast::shard
