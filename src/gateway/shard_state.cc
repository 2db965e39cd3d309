// ShardState: how a shard's part is put together.
#include "gateway/shard_state.h"

#include <utility>

#include "holdfast/server.h"

namespace holdfast::gateway {
namespace {

ShardRecords place_records(SharedState& shared, std::uint32_t number) {
  memory::Carver carver(shared.mappings[number].base());
  return ShardRecords::carve(carver, shared);
}

ChannelHomeBounds home_bounds(const SharedState& shared) {
  const MemorySettings& memory = shared.snapshot.settings->memory;
  ChannelHomeBounds bounds;
  bounds.idempotency_results = memory.max_idempotency_results / shared.shards + 1;
  bounds.presence_memory_bytes = memory.presence_memory_bytes / shared.shards + 1;
  return bounds;
}

ChannelHomeTimes home_times(const Settings& settings) {
  return {settings.history.meta_ttl, settings.history.idempotency_window};
}

}  // namespace

ShardState::ShardState(Handler& shard_handler, SharedState& shared_state, std::uint32_t shard_number,
                       Post::Take take, Post::Hand hand)
    : ShardState(shard_handler, shared_state, shard_number, std::move(take), std::move(hand),
                 place_records(shared_state, shard_number)) {}

ShardState::ShardState(Handler& shard_handler, SharedState& shared_state, std::uint32_t shard_number,
                       Post::Take take, Post::Hand hand, const ShardRecords& records)
    : handler(shard_handler),
      shared(shared_state),
      number(shard_number),
      tick_phase_ns(kTickNs * shard_number / shared_state.shards),
      snapshot(shared_state.snapshot),
      entropy(*shared_state.entropy),
      clients(shared.names_key, shared.clients_key, records.clients, shared.clients_maximum, wheel_ns()),
      subscribers(shared.names_key,
                  SubscriberRecords::format(records.subscribers, shared.subscriptions_maximum)),
      home(ChannelRecords::format(records.channels, shared.channels_maximum), shared.names_key, entropy,
           home_bounds(shared), home_times(*snapshot.settings), shard_handler.now_ns()),
      post(number, shared.shards, std::move(take), std::move(hand), shared.letters_maximum),
      outgoing(clients),
      json(settings().client.max_message_bytes) {}

}  // namespace holdfast::gateway
