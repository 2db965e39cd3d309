// --explain_memory: the core's bill with what the gateway and its HTTP side add, each line beside the bound
// that makes it true.
#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "admin/conversation.h"
#include "admin/program.h"
#include "admin/reload.h"
#include "admin/service.h"
#include "gateway/post.h"
#include "gateway/session.h"
#include "gateway/shared_state.h"
#include "shard/memory_bill.h"

namespace holdfast::admin {
namespace {

using gateway::Settings;
using gateway::SharedState;
using shard::Grows;
using shard::heap_bytes;
using shard::table_bytes;

// A connection that speaks HTTP, its reader and its place among the others.
constexpr std::uint64_t kConversationBytes = 2048;
// What is held of a request besides its body.
constexpr std::uint64_t kRequestHeadBytes = 16 << 10;
// A result remembered for an idempotency key: its entry in a table and its place in the order of expiry.
constexpr std::uint64_t kIdempotencyBytes = table_bytes(sizeof(std::uint64_t) * 4) + 24;
constexpr std::uint64_t kChannelNameBytes = heap_bytes(255);

void add_of_shards(shard::MemoryBill& bill, const SharedState& shared, const shard::Capacity& capacity) {
  const Settings& settings = *shared.snapshot.settings;
  const auto body_bytes = static_cast<std::size_t>(settings.api.max_body_bytes);
  const std::uint64_t shards = shared.shards;
  const auto add = [&](std::uint64_t count, std::uint64_t bytes, const char* what) {
    bill.push_back({Grows::with_shards, count, bytes, what});
  };
  // Strings may have twice the room they use. As much as all connections together may hold, or the bound.
  const std::uint64_t slots = capacity.sizes.slots;
  add(shards, 2 * std::min(slots * settings.client.max_message_bytes, gateway::Sessions::kHeldInputMaximum),
      "commands that wait for the reply to connect");
  const std::uint64_t held = std::min<std::uint64_t>(slots * (body_bytes + kRequestHeadBytes),
                                                     Service::held_bytes_maximum(body_bytes));
  add(shards, 2 * held, "HTTP requests that arrive in pieces");
  // Behind an outbox that is full, and message memory bounds how many can be.
  add(shards, capacity.sizes.arena_bytes / 4, "HTTP answers nobody takes");
  add(shards * (shards - 1), gateway::Post::kLettersMaximum * sizeof(gateway::Letter),
      "letters for shards that hang");
}

void add_of_clients(shard::MemoryBill& bill, const SharedState& shared) {
  const std::uint64_t clients = std::uint64_t{shared.shards} * shared.clients_maximum;
  const std::uint64_t subscriptions = std::uint64_t{shared.shards} * shared.subscriptions_maximum;
  const std::uint64_t channels = std::uint64_t{shared.shards} * shared.channels_maximum;
  const auto add = [&](Grows grows, std::uint64_t count, std::uint64_t bytes, const char* what) {
    bill.push_back({grows, count, bytes, what});
  };
  add(Grows::with_connections, clients, sizeof(gateway::Client), "client");
  add(Grows::with_connections, clients, sizeof(gateway::User) + table_bytes(sizeof(memory::Index)),
      "its user");
  add(Grows::with_connections, clients, kConversationBytes, "its HTTP conversation, if it speaks that");
  add(Grows::with_subscriptions, subscriptions, sizeof(gateway::Subscription), "subscription of a client");
  add(Grows::with_subscriptions, subscriptions,
      sizeof(gateway::LocalChannel) + kChannelNameBytes + table_bytes(sizeof(memory::Index)),
      "its channel, on the client's shard");
  add(Grows::with_channels, channels,
      sizeof(gateway::ChannelRecord) + sizeof(gateway::ChannelExtra) + sizeof(gateway::History) +
          kChannelNameBytes + table_bytes(sizeof(memory::Index)),
      "channel, at its home");
}

void add_of_pools(shard::MemoryBill& bill, const Settings& settings) {
  const auto add = [&](std::uint64_t count, std::uint64_t bytes, const char* what) {
    bill.push_back({Grows::with_nothing, count, bytes, what});
  };
  // Histories keep references to publications in rings of up to twice their number; the smallest publication
  // is charged more than 64 bytes.
  add(1, settings.memory.publication_memory_bytes * 5 / 4, "publications: publication_memory_bytes");
  add(1, settings.memory.presence_memory_bytes * 5 / 4, "presence: presence_memory_bytes");
  add(settings.memory.max_idempotency_results, kIdempotencyBytes, "results for idempotency keys");
}

// Of a client and of a subscription is kept what its token says, and nobody but the application makes tokens.
std::string about_tokens() {
  return absl::StrCat(
      "What tokens say of a user, a connection and a subscription (sub, info) is kept too, as it stands in "
      "them:\n"
      "at most ",
      auth::kTokenBytesMaximum * 3 / 4, " bytes for each. Only who has the key can make it long.\n");
}

}  // namespace

int explain_memory(const ProgramOptions& options) {
  constexpr int kExitSettings = 2;
  const gateway::LoadedSettings loaded = load(options);
  if (!loaded.settings) return print_problems(loaded), kExitSettings;
  const auto refuse = [](const absl::Status& status) {
    std::fprintf(stderr, "holdfast: %s\n", std::string(status.message()).c_str());
    return kExitSettings;
  };
  auto snapshot = gateway::make_snapshot(loaded.settings);
  if (!snapshot.ok()) return refuse(snapshot.status());
  // Reserves address space, and touches none of it.
  const auto shared = SharedState::create(*snapshot, {});
  if (!shared.ok()) return refuse(shared.status());
  const auto capacity = shard::plan_capacity((*shared)->config, shard::read_host());
  if (!capacity.ok()) return refuse(capacity.status());
  shard::MemoryBill bill = shard::memory_bill((*shared)->config, *capacity);
  add_of_shards(bill, **shared, *capacity);
  add_of_clients(bill, **shared);
  add_of_pools(bill, *loaded.settings);
  std::fputs(shard::describe(bill, capacity->shards).c_str(), stdout);
  std::fputs(about_tokens().c_str(), stdout);
  return 0;
}

}  // namespace holdfast::admin
