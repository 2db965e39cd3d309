// GatewayProgram: the draw of its settings.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "../unit/auth/signer.h"
#include "absl/strings/str_cat.h"
#include "admin/service.h"
#include "base/check.h"
#include "gateway_program.h"

namespace holdfast::sim {
namespace {

using gateway::ChannelRules;
using gateway::Groups;
using gateway::RecoveryMode;
using gateway::Settings;
using std::chrono::milliseconds;

constexpr std::string_view kSecrets[] = {"a secret that is long enough for HS256",
                                         "another one that is long enough for it"};
constexpr std::string_view kApiKey = "the key of the API";
constexpr std::uint32_t kUsers = 4;
constexpr Groups kEverybody{true, true, true};

}  // namespace

GatewayProgram::GatewayProgram(const Scenario& scenario, ring::SimulatedWorld* world, Audit* audit,
                               base::Entropy* entropy)
    : world_(world), audit_(audit), channels_(audit), http_(scenario.http) {
  const auto settings = std::make_shared<Settings>();
  settings->server.listen = {"127.0.0.1:0"};
  settings->server.listen_api = {};
  if (http_) settings->server.listen_api = {"127.0.0.1:0"};
  settings->server.shards = scenario.shards;
  settings->server.max_connections = scenario.slots * scenario.shards;
  settings->server.max_connections_per_address = scenario.config.max_connections_per_address;
  settings->server.max_accepts_per_second = scenario.config.max_accepts_per_second;
  settings->server.drain_timeout = scenario.config.drain_timeout;
  settings->token.hmac_secret.text = kSecrets[0];
  settings->token.hmac_previous_secret.text = kSecrets[1];
  settings->api.key.text = kApiKey;
  draw_client_settings(scenario, *settings);
  draw_channels(*settings);
  const auto channels = static_cast<std::uint32_t>(plan_.channels.size());
  settings->memory.max_subscriptions = scenario.slots * scenario.shards * channels;
  if (!scenario.calm) draw_bounds(*settings);
  if (scenario.losses_allowed.has_value()) {
    plan_.bounds_are_tight = true;  // any of them may be hit once
    plan_.tokens_expire = plan_.calls_disturb = false;
  }
  plan_.message_bytes_maximum = static_cast<std::uint32_t>(settings->client.max_message_bytes);
  plan_.api_key = kApiKey;
  plan_.connections_maximum = settings->server.max_connections;
  for (std::uint32_t user = 0; user < kUsers; ++user) plan_.users.push_back(absl::StrCat("user", user));
  // By either of the two secrets, which change places when the settings are others.
  const auto signers = std::make_shared<std::vector<auth::Signer>>();
  for (const std::string_view secret : kSecrets) signers->push_back(auth::Signer::hmac(std::string(secret)));
  const auto sign = [this, signers](const std::string& claims, std::int64_t expires_at_s) {
    const char* name = world_->random().below(4) == 0 ? "expire_at" : "exp";
    const std::string end = expires_at_s != 0 ? absl::StrCat(",\"", name, "\":", expires_at_s) : "";
    const auth::Signer& signer = (*signers)[world_->random().below(signers->size())];
    return signer.token(absl::StrCat("{", claims, end, "}"));
  };
  plan_.token = [sign](const std::string& user, std::int64_t expires_at_s) {
    return sign(absl::StrCat("\"sub\":\"", user, "\""), expires_at_s);
  };
  plan_.subscription_token = [sign](const std::string& user, const std::string& channel,
                                    std::int64_t expires_at_s) {
    return sign(absl::StrCat("\"sub\":\"", user, "\",\"channel\":\"", channel, "\""), expires_at_s);
  };
  make_shared(scenario, settings, entropy);
}

void GatewayProgram::draw_client_settings(const Scenario& scenario, Settings& settings) {
  const Config& drawn = scenario.config;
  base::Random& random = world_->random();
  gateway::ClientSettings& client = settings.client;
  client.allow_anonymous = true;
  client.rpc_echo = true;
  client.ping_interval = std::max(drawn.ping_interval, milliseconds(0));
  pong_timeout_ = drawn.pong_timeout;
  client.pong_timeout = random.below(6) == 0 ? milliseconds(0) : pong_timeout_;
  client.connect_timeout = milliseconds(10'000) + drawn.handshake_timeout;
  client.position_check_interval = milliseconds(1'000 + random.below(60'000));
  client.max_message_bytes = std::max(drawn.max_message_bytes, 2'048u);
  client.max_outbox_bytes = std::max<std::uint64_t>(drawn.max_outbox_bytes, 4 * client.max_message_bytes);
  client.max_outbox_messages = drawn.max_outbox_messages;
  client.max_messages_per_second = drawn.max_messages_per_second;
  client.max_bytes_per_second = drawn.max_bytes_per_second;
  client.stall_timeout = drawn.stall_timeout;
  plan_.tokens_expire = random.below(2) == 0;
  plan_.grace_s = static_cast<std::int64_t>(1 + random.below(random.below(2) == 0 ? 3 : 40));
  client.expired_grace = std::chrono::seconds(plan_.grace_s);
}

void GatewayProgram::make_shared(const Scenario& scenario, std::shared_ptr<const Settings> settings,
                                 base::Entropy* entropy) {
  settings_ = settings;
  auto snapshot = gateway::make_snapshot(settings);
  CHECK(snapshot.ok());
  node_ = std::make_unique<admin::Node>(scenario.shards);
  auto shared = gateway::SharedState::create(
      *snapshot,
      [this](gateway::Gateway& of_shard) { return std::make_unique<admin::Service>(of_shard, *node_); },
      entropy);
  CHECK(shared.ok());
  shared_ = *std::move(shared);
  CHECK(shared_->shards == scenario.shards && shared_->clients_maximum >= scenario.slots);
  const Config& drawn = scenario.config;
  Config& config = shared_->config;
  config.tuning = drawn.tuning;
  config.handshake_timeout = drawn.handshake_timeout;
  config.message_timeout = drawn.message_timeout;
  config.close_timeout = drawn.close_timeout;
  config.max_handshakes = drawn.max_handshakes;
  config.http_idle_timeout = drawn.http_idle_timeout;
  // Shards that lag behind so little lose deliveries, and who is subscribed there has a gap.
  base::Random& random = world_->random();
  if (scenario.calm || scenario.shards == 1 || scenario.losses_allowed.has_value()) return;
  if (random.below(2) == 0) return;
  shared_->letters_maximum = static_cast<std::uint32_t>(1 + random.below(random.below(4) == 0 ? 40 : 3));
  plan_.letters_are_tight = true;
}

std::vector<Protocol> GatewayProgram::listeners() const {
  if (http_) return {Protocol::websocket, Protocol::http};
  return {Protocol::websocket};
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
  ChannelRules closed;
  stream.delta = random.below(2) == 0;
  open.delta = random.below(3) == 0;
  passing_ = {"passing", random.below(2) == 0 ? open : stream};
  // By name.
  settings.namespaces = {{"cache", cache}, {"closed", closed}, {"open", open}, passing_, {"stream", stream}};
  const std::pair<const char*, const ChannelRules*> channels[] = {
      {"open:a", &open},     {"open:b", &open},   {"stream:a", &stream}, {"stream:b", &stream},
      {"stream:c", &stream}, {"cache:a", &cache}, {"closed:a", &closed}, {"passing:a", &passing_.rules}};
  for (const auto& [name, rules] : channels) {
    GatewayPlan::Channel channel{.name = name};
    channel.history = rules->keeps_history();
    channel.cache = rules == &cache;
    channel.presence = rules->presence;
    channel.open = rules != &closed;
    channel.delta = rules->delta;
    channel.passing = rules == &passing_.rules;
    plan_.channels.push_back(channel);
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

}  // namespace holdfast::sim
