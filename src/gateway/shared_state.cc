// SharedState: from settings to the plan of a server, and the memory of each shard.
#include "gateway/shared_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/codes.h"
#include "gateway/shard_state.h"
#include "holdfast/server.h"
#include "shard/capacity.h"

namespace holdfast::gateway {
namespace {

// What one of several shards may need: chance gives some more than their share.
std::uint32_t share_of(std::uint64_t total, std::uint32_t shards) {
  const std::uint64_t share = shards == 1 ? total : total / shards * 5 / 4 + 1024;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>({share, total, 0x7fff'ffff}));
}

std::uint64_t subscriptions_in_total(const Settings& settings) {
  constexpr std::uint64_t kPerConnection = 4;
  if (settings.memory.max_subscriptions > 0) return settings.memory.max_subscriptions;
  return kPerConnection * settings.server.max_connections;
}

}  // namespace

absl::StatusOr<Snapshot> make_snapshot(std::shared_ptr<const Settings> settings) {
  const TokenSettings& token = settings->token;
  std::vector<auth::KeySource> sources;
  using Kind = auth::KeySource::Kind;
  if (token.hmac_secret.is_set()) {
    sources.push_back({Kind::hmac_secret, "token.hmac_secret", token.hmac_secret.text});
  }
  if (token.hmac_previous_secret.is_set()) {
    sources.push_back({Kind::hmac_secret, "token.hmac_previous_secret", token.hmac_previous_secret.text});
  }
  for (const FileText& file : token.public_key_files) {
    sources.push_back({Kind::public_key, file.path, file.text});
  }
  if (!token.jwks_file.path.empty()) {
    sources.push_back({Kind::jwks, token.jwks_file.path, token.jwks_file.text});
  }
  absl::StatusOr<auth::Keys> keys = auth::Keys::load(sources);
  if (!keys.ok()) return keys.status();
  Snapshot snapshot;
  snapshot.keys = std::make_shared<const auth::Keys>(*std::move(keys));
  snapshot.expectations = {token.audience, token.issuer};
  snapshot.settings = std::move(settings);
  return snapshot;
}

Config make_config(const Settings& settings) {
  Config config;
  config.listen = settings.server.listen;
  config.listen_http = settings.server.listen_api;
  config.shards = settings.server.shards;
  config.max_connections = settings.server.max_connections;
  config.max_connections_per_address = settings.server.max_connections_per_address;
  config.max_accepts_per_second = settings.server.max_accepts_per_second;
  config.allowed_origins = settings.server.allowed_origins;
  config.allow_missing_origin = settings.server.allow_missing_origin;
  config.drain_timeout = settings.server.drain_timeout;
  config.max_message_bytes = static_cast<std::uint32_t>(settings.client.max_message_bytes);
  config.max_outbox_bytes = static_cast<std::uint32_t>(settings.client.max_outbox_bytes);
  config.max_messages_per_second = settings.client.max_messages_per_second;
  config.max_bytes_per_second = static_cast<std::uint32_t>(settings.client.max_bytes_per_second);
  config.max_outbox_messages = settings.client.max_outbox_messages;
  config.stall_timeout = settings.client.stall_timeout;
  config.overflow_close_code = static_cast<std::uint16_t>(DisconnectCode::slow);
  config.drain_close_code = static_cast<std::uint16_t>(DisconnectCode::shutdown);
  config.drain_close_reason = std::string(reason_of(DisconnectCode::shutdown));
  config.subprotocols = {"centrifuge-protobuf", "centrifuge-json"};
  // Pings are messages of the protocol, or frames when the gateway says so; it keeps its own subscriptions.
  config.ping_interval = milliseconds(0);
  config.max_subscriptions = 1;
  return config;
}

ShardRecords ShardRecords::carve(memory::Carver& carver, const SharedState& shared) {
  return {Clients::carve(carver, shared.clients_maximum),
          SubscriberRecords::carve(carver, shared.subscriptions_maximum),
          ChannelRecords::carve(carver, shared.channels_maximum)};
}

absl::StatusOr<std::shared_ptr<SharedState>> SharedState::create(Snapshot snapshot,
                                                                 HttpSideFactory make_http_side,
                                                                 base::Entropy* entropy) {
  static base::SystemEntropy system_entropy;  // has no state
  auto shared = std::make_shared<SharedState>(snapshot);
  const Settings& settings = *snapshot.settings;
  shared->make_http_side = std::move(make_http_side);
  shared->entropy = entropy != nullptr ? entropy : &system_entropy;
  shared->config = make_config(settings);
  const auto capacity = shard::plan_capacity(shared->config, shard::read_host());
  if (!capacity.ok()) return capacity.status();
  shared->shards = shared->config.shards = capacity->shards;
  shared->config.message_memory_bytes =
      static_cast<std::size_t>(settings.memory.message_memory_bytes / shared->shards);
  for (base::SipKey* key : {&shared->names_key, &shared->clients_key, &shared->sessions_key}) {
    *key = {shared->entropy->next(), shared->entropy->next()};
  }
  shared->clients_maximum = capacity->sizes.slots;
  shared->subscriptions_maximum = share_of(subscriptions_in_total(settings), shared->shards);
  shared->channels_maximum = share_of(settings.memory.max_channels, shared->shards);
  memory::Carver size(nullptr);
  ShardRecords::carve(size, *shared);
  for (std::uint32_t shard = 0; shard < shared->shards; ++shard) {
    auto mapping = memory::Mapping::create(absl::StrCat("gateway-", shard).c_str(), size.used());
    if (!mapping.ok()) return mapping.status();
    shared->mappings.push_back(*std::move(mapping));
  }
  shared->counters = std::vector<Counters>(shared->shards);
  return shared;
}

}  // namespace holdfast::gateway
