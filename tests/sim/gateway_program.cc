// GatewayProgram: the draw of its settings, and what applications do.
#include "gateway_program.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "../unit/auth/signer.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "holdfast/server.h"

namespace holdfast::sim {
namespace {

using gateway::ChannelRules;
using gateway::Groups;
using gateway::Namespace;
using gateway::RecoveryMode;
using gateway::Settings;
using std::chrono::milliseconds;

constexpr std::string_view kSecret = "a secret that is long enough for HS256";
constexpr std::uint32_t kUsers = 4;
constexpr std::uint32_t kApplication = 1'000'000;  // as a publisher; clients are fewer
constexpr Groups kEverybody{true, true, true};

}  // namespace

GatewayProgram::GatewayProgram(const Scenario& scenario, ring::SimulatedWorld* world, Audit* audit,
                               base::Entropy* entropy)
    : world_(world), audit_(audit), channels_(audit) {
  const auto settings = std::make_shared<Settings>();
  settings->server.listen = {"127.0.0.1:0"};
  settings->server.listen_api = {};
  settings->server.shards = scenario.shards;
  settings->server.max_connections = scenario.slots * scenario.shards;
  settings->token.hmac_secret.text = kSecret;
  const Config& drawn = scenario.config;
  gateway::ClientSettings& client = settings->client;
  client.allow_anonymous = true;
  client.rpc_echo = true;
  client.ping_interval = std::max(drawn.ping_interval, milliseconds(0));
  client.pong_timeout = drawn.pong_timeout;
  client.connect_timeout = milliseconds(10'000) + drawn.handshake_timeout;
  client.position_check_interval = milliseconds(1'000 + world_->random().below(60'000));
  client.max_message_bytes = std::max(drawn.max_message_bytes, 2'048u);
  client.max_outbox_bytes = std::max<std::uint64_t>(drawn.max_outbox_bytes, 4 * client.max_message_bytes);
  client.stall_timeout = drawn.stall_timeout;
  settings->server.drain_timeout = drawn.drain_timeout;
  draw_channels(*settings);
  const auto channels = static_cast<std::uint32_t>(plan_.channels.size());
  settings->memory.max_subscriptions = scenario.slots * scenario.shards * channels;
  if (!scenario.calm) draw_bounds(*settings);
  if (scenario.losses_allowed.has_value()) plan_.bounds_are_tight = true;  // any of them may be hit once
  plan_.message_bytes_maximum = static_cast<std::uint32_t>(client.max_message_bytes);
  const auth::Signer signer = auth::Signer::hmac(std::string(kSecret));
  for (std::uint32_t user = 0; user < kUsers; ++user)
    plan_.tokens.push_back(signer.token(absl::StrCat("{\"sub\":\"user", user, "\"}")));

  auto snapshot = gateway::make_snapshot(settings);
  CHECK(snapshot.ok());
  auto shared = gateway::SharedState::create(*snapshot, {}, entropy);
  CHECK(shared.ok());
  shared_ = *std::move(shared);
  CHECK(shared_->shards == scenario.shards && shared_->clients_maximum >= scenario.slots);
  Config& config = shared_->config;
  config.tuning = drawn.tuning;
  config.handshake_timeout = drawn.handshake_timeout;
  config.message_timeout = drawn.message_timeout;
  config.close_timeout = drawn.close_timeout;
  config.max_handshakes = drawn.max_handshakes;
}

// Streams that recover, caches, channels without a memory, and one that is nobody's business.
void GatewayProgram::draw_channels(Settings& settings) {
  base::Random& random = world_->random();
  ChannelRules open;
  open.subscribe = open.publish = open.read_presence = open.read_history = kEverybody;
  open.presence = random.below(3) != 0;
  open.join_leave = open.presence && random.below(2) == 0;
  open.force_push_join_leave = random.below(3) == 0;
  ChannelRules stream = open;
  stream.history_size = static_cast<std::uint32_t>(1 + random.below(random.below(2) == 0 ? 4 : 200));
  stream.history_ttl = milliseconds(2'000 + random.below(600'000));
  stream.recovery = RecoveryMode::stream;
  stream.force_recovery = random.below(2) == 0;
  stream.force_positioning = random.below(2) == 0;
  ChannelRules cache = stream;
  cache.recovery = RecoveryMode::cache;
  settings.namespaces = {{"cache", cache}, {"closed", ChannelRules{}}, {"open", open}, {"stream", stream}};
  for (const char* name : {"open:a", "open:b", "stream:a", "stream:b", "stream:c", "cache:a", "closed:a"}) {
    const std::string channel(name);
    const bool cached = channel.starts_with("cache");
    const bool closed = channel.starts_with("closed");
    plan_.channels.push_back(
        {channel, cached || channel.starts_with("stream"), cached, !closed && open.presence, !closed});
  }
}

// Each of them may be hit; the clients are then told so, or ended.
void GatewayProgram::draw_bounds(Settings& settings) {
  base::Random& random = world_->random();
  const auto drawn = [&] { return random.below(8) == 0; };
  const auto tighten = [&](auto& bound, std::uint64_t least, std::uint64_t span) {
    if (!drawn()) return;
    bound = static_cast<std::remove_reference_t<decltype(bound)>>(least + random.below(span));
    plan_.bounds_are_tight = true;
  };
  tighten(settings.memory.publication_memory_bytes, 4'096, 60'000);
  tighten(settings.memory.presence_memory_bytes, 512, 4'096);
  tighten(settings.memory.max_channels, 1, 6);
  tighten(settings.memory.max_subscriptions, 1, 20);
  tighten(settings.memory.max_idempotency_results, 1, 4);
  users_are_limited_ = drawn();
  if (users_are_limited_)
    settings.client.max_connections_per_user = static_cast<std::uint32_t>(1 + random.below(4));
  if (drawn()) settings.history.max_publications = static_cast<std::uint32_t>(1 + random.below(5));
  if (drawn()) settings.history.meta_ttl = milliseconds(1'000 + random.below(60'000));
}

std::unique_ptr<Handler> GatewayProgram::make_handler(std::uint32_t shard) {
  return std::make_unique<gateway::Gateway>(shared_, shard);
}

std::unique_ptr<Client> GatewayProgram::make_client(const Machine::Part& part, std::uint32_t number,
                                                    const Plan& plan) {
  Plan connecting = plan;
  connecting.messages = std::max(plan.messages, 2u);  // whoever does not connect is closed
  return std::make_unique<GatewayClient>(world_, audit_, number, part.listeners.front(), connecting,
                                         &channels_, &plan_);
}

void GatewayProgram::post(Server& server, std::uint32_t shard,
                          std::function<void(gateway::Operations&)> task) {
  ++operations_;
  const bool posted = server.post(shard, [task = std::move(task)](Handler& handler) {
    task(static_cast<gateway::Gateway&>(handler).operations());
  });
  if (!posted) --operations_;
}

void GatewayProgram::disturb(Server& server) {
  base::Random& random = world_->random();
  const auto shard = static_cast<std::uint32_t>(random.below(server.shards()));
  const std::string channel = plan_.channels[random.below(plan_.channels.size())].name;
  switch (random.below(8)) {
    case 0:
      return disturb_user(server);
    case 1:
      return post(server, shard, [this, channel](gateway::Operations& operations) {
        operations.presence(channel, [this](const gateway::PresenceAnswer&) { --operations_; });
      });
    case 2:
      return post(server, shard, [this](gateway::Operations& operations) {
        operations.channels("*", [this](const gateway::ChannelsAnswer&) { --operations_; });
      });
    default:
      return publish(server);
  }
}

void GatewayProgram::publish(Server& server) {
  base::Random& random = world_->random();
  const std::string channel = plan_.channels[random.below(plan_.channels.size())].name;
  const std::size_t bytes = 80 + random.below(400);
  const PublicationKey key = channels_.next_publication(kApplication, channel, bytes);
  const std::string content = ChannelAudit::content(key, channel, bytes);
  // Sometimes twice, as after an answer that was lost: the key makes it one.
  // With few results remembered a second one would be taken.
  for (std::uint64_t times = plan_.bounds_are_tight ? 1 : 1 + random.below(2); times > 0; --times)
    publish_once(server, channel, key, content);
}

void GatewayProgram::publish_once(Server& server, const std::string& channel, const PublicationKey& key,
                                  const std::string& content) {
  const auto shard = static_cast<std::uint32_t>(world_->random().below(server.shards()));
  post(server, shard, [this, channel, key, content](gateway::Operations& operations) {
    const std::string idempotency_key = to_string(key);
    gateway::PublishOperation operation;
    operation.channel = channel;
    operation.payload = content;
    operation.idempotency_key = idempotency_key;
    operations.publish(operation, [this, channel, key](const gateway::PublishAnswer& answer) {
      --operations_;
      if (answer.failure) return;
      channels_.acknowledged(key);
      if (answer.position.offset != 0)
        channels_.numbered(key, channel, answer.position.epoch.text(), answer.position.offset);
    });
  });
}

// Takes a user out of a channel, or out of the server.
void GatewayProgram::disturb_user(Server& server) {
  base::Random& random = world_->random();
  const auto shard = static_cast<std::uint32_t>(random.below(server.shards()));
  const std::string user = absl::StrCat("user", random.below(kUsers));
  const std::string channel = plan_.channels[random.below(plan_.channels.size())].name;
  ++disturbances_;
  if (random.below(2) == 0) {
    return post(server, shard, [this, user](gateway::Operations& operations) {
      gateway::DisconnectOperation operation;
      operation.target.user = user;
      operations.disconnect(operation, [this](const gateway::TargetAnswer&) { --operations_; });
    });
  }
  post(server, shard, [this, user, channel](gateway::Operations& operations) {
    gateway::UnsubscribeOperation operation;
    operation.target.user = user;
    operation.channel = channel;
    operations.unsubscribe(operation, [this](const gateway::TargetAnswer&) { --operations_; });
  });
}

bool GatewayProgram::may_have_ended(const Client& client) const {
  constexpr std::uint16_t kForceDisconnect = 3503, kConnectionLimit = 3504;
  if (client.close_code() == kForceDisconnect) return disturbances_ > 0;
  return client.close_code() == kConnectionLimit && users_are_limited_;
}

bool GatewayProgram::busy() const {
  return operations_ > 0 || counted(&gateway::Counters::letters_waiting) > 0;
}

std::uint64_t GatewayProgram::counted(shard::Counter gateway::Counters::*counter) const {
  std::uint64_t sum = 0;
  for (const gateway::Counters& counters : shared_->counters) sum += (counters.*counter).get();
  return sum;
}

void GatewayProgram::add_counters(std::map<std::string, std::uint64_t>& counters) const {
#define HOLDFAST_SIM_COUNTER(field) counters["gateway_" #field] = counted(&gateway::Counters::field);
  HOLDFAST_GATEWAY_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
  counters["gateway_recovered"] = channels_.recovered();
}

void GatewayProgram::check_empty() {
  const std::pair<const char*, shard::Counter gateway::Counters::*> gauges[] = {
      {"clients", &gateway::Counters::clients},
      {"users", &gateway::Counters::users},
      {"subscriptions", &gateway::Counters::subscriptions},
      {"local_channels", &gateway::Counters::local_channels},
      {"presence_bytes", &gateway::Counters::presence_bytes},
      {"letters_waiting", &gateway::Counters::letters_waiting},
  };
  for (const auto& [name, gauge] : gauges) {
    if (counted(gauge) != 0)
      audit_->fail(absl::StrCat("the gateway's ", name, " is ", counted(gauge), " without clients"));
  }
}

void GatewayProgram::check_stopped() {
  if (shared_->publication_budget.used_bytes() != 0)
    audit_->fail(absl::StrCat(shared_->publication_budget.used_bytes(), " bytes of publications leaked"));
}

}  // namespace holdfast::sim
