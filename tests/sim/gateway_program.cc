// GatewayProgram: who its clients are, what applications do, and how settings become others.
#include "gateway_program.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api_client.h"
#include "base/check.h"
#include "emulation_client.h"
#include "gateway_client.h"
#include "holdfast/server.h"
#include "stream_client.h"
#include "uni_websocket_client.h"

namespace holdfast::sim {
namespace {

using gateway::Namespace;
using gateway::Settings;
using std::chrono::milliseconds;

constexpr std::uint32_t kApplication = 1'000'000;  // as a publisher; clients are fewer

}  // namespace

std::unique_ptr<Handler> GatewayProgram::make_handler(std::uint32_t shard) {
  auto gateway = std::make_unique<gateway::Gateway>(shared_, shard);
  gateways_.push_back(gateway.get());
  return gateway;
}

void GatewayProgram::validate() const {
  for (const gateway::Gateway* gateway : gateways_) gateway->validate();
}

Dialect GatewayProgram::draw_dialect(const Plan& plan) {
  if (plan.dialect.has_value()) return *plan.dialect;
  base::Random& random = world_->random();
  const std::uint64_t which = random.below(14);
  if (which < 2 && http_) return Dialect::api;
  if (which < 4) return Dialect::stream;
  if (which < 6) return Dialect::unidirectional;
  if (which < 8) return Dialect::emulation;
  return random.below(2) == 0 ? Dialect::json : Dialect::protobuf;
}

std::unique_ptr<Client> GatewayProgram::make_client(const Machine::Part& part, std::uint32_t number,
                                                    const Plan& plan) {
  Plan changed = plan;
  const int listener = part.listeners.front();
  const Dialect dialect = draw_dialect(plan);
  CHECK(dialects_.size() == number);
  dialects_.push_back(dialect);
  switch (dialect) {
    case Dialect::api:
      changed.messages = std::max(plan.messages, 1u);
      return std::make_unique<ApiClient>(world_, audit_, number, part.listeners.back(), changed, &channels_,
                                         &plan_);
    case Dialect::stream:
      // Nothing that is said on a stream is heard.
      if (plan.ending == Ending::violate) changed.ending = Ending::finish;
      return make_stream_client(part, number, changed, false);
    case Dialect::emulation:
      return make_stream_client(part, number, plan, true);
    case Dialect::unidirectional:
      changed.messages = std::max(plan.messages, 1u);  // whoever does not connect is closed
      return std::make_unique<UniWebSocketClient>(world_, audit_, number, listener, changed, &channels_,
                                                  &plan_, world_->random().below(2) == 0);
    case Dialect::json:
    case Dialect::protobuf:
      changed.messages = std::max(plan.messages, 2u);
      return std::make_unique<GatewayClient>(world_, audit_, number, listener, changed, &channels_, &plan_,
                                             dialect == Dialect::protobuf);
  }
  CHECK(false);
  return nullptr;
}

std::unique_ptr<Client> GatewayProgram::make_stream_client(const Machine::Part& part, std::uint32_t number,
                                                           const Plan& plan, bool emulation) {
  constexpr StreamFraming kFramings[] = {StreamFraming::events, StreamFraming::lines, StreamFraming::lengths};
  const StreamFraming framing = kFramings[world_->random().below(3)];
  const int listener = part.listeners.front();
  if (!emulation) {
    return std::make_unique<StreamClient>(world_, audit_, number, listener, plan, &channels_, &plan_,
                                          framing);
  }
  std::vector<int> listeners;
  for (const auto& any : Machine::here()->parts()) listeners.push_back(any->listeners.front());
  return std::make_unique<EmulationClient>(world_, audit_, number, listener, plan, &channels_, &plan_,
                                           framing, std::move(listeners));
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
  hand_out_settings(server);
  switch (random.below(9)) {
    case 0:
      return disturb_user(server);
    case 3:
      return reload(server);
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
  const std::string user = plan_.users[random.below(plan_.users.size())];
  const std::string channel = plan_.channels[random.below(plan_.channels.size())].name;
  channels_.disturb_users();
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

// The namespace that passes is there, or is not, the secrets change places, and pongs are wanted or are not.
void GatewayProgram::reload(Server& server) {
  if (snapshot_.has_value() || world_->random().below(8) != 0) return;
  auto settings = std::make_shared<Settings>(*settings_);
  std::swap(settings->token.hmac_secret, settings->token.hmac_previous_secret);
  const auto same = [this](const Namespace& known) { return known.name == passing_.name; };
  auto& namespaces = settings->namespaces;
  if (const auto found = std::find_if(namespaces.begin(), namespaces.end(), same);
      found != namespaces.end()) {
    namespaces.erase(found);
  } else {
    const auto behind = [](const Namespace& one, const Namespace& other) { return one.name < other.name; };
    namespaces.insert(std::upper_bound(namespaces.begin(), namespaces.end(), passing_, behind), passing_);
  }
  const bool wants_pongs = world_->random().below(2) == 0;
  settings->client.pong_timeout = wants_pongs ? pong_timeout_ : milliseconds(0);
  settings->history.idempotency_window = milliseconds(300'000 + world_->random().below(300'000));
  settings_ = settings;
  snapshot_ = *gateway::make_snapshot(settings);
  plan_.passing_is_gone = false;
  for (std::uint32_t shard = 0; shard < server.shards(); ++shard) shards_without_it_.push_back(shard);
  ++reloads_;
  hand_out_settings(server);
}

// A mailbox may be full for a while.
void GatewayProgram::hand_out_settings(Server& server) {
  if (!snapshot_.has_value()) return;
  std::erase_if(shards_without_it_, [&](std::uint32_t shard) {
    ++shards_taking_it_;
    const bool posted = server.post(shard, [this, snapshot = *snapshot_](Handler& handler) {
      static_cast<gateway::Gateway&>(handler).reload(snapshot);
      --shards_taking_it_;
    });
    if (!posted) --shards_taking_it_;
    return posted;
  });
  if (!shards_without_it_.empty() || shards_taking_it_ > 0) return;
  const auto same = [this](const Namespace& known) { return known.name == passing_.name; };
  const auto& namespaces = settings_->namespaces;
  plan_.passing_is_gone = std::none_of(namespaces.begin(), namespaces.end(), same);
  snapshot_.reset();
}

// What a client can judge itself, what it was subscribed to and its tokens among it, it does.
bool GatewayProgram::may_have_ended(const Client& client) const {
  constexpr std::uint16_t kForceDisconnect = 3503, kConnectionLimit = 3504;
  const Dialect dialect = dialects_[client.number()];
  switch (client.close_code()) {
    case kForceDisconnect:
      return channels_.disturbances() > 0;
    case kConnectionLimit:
      return users_are_limited_;
    case kConnectionExpired:
    case kSubscriptionExpired:
    case kGap:
      return true;
    case kNoPong:  // it may have waited to be let in with its pong
      return dialect == Dialect::emulation;
    case kInternalError:
      return (dialect == Dialect::stream || dialect == Dialect::unidirectional) && plan_.may_refuse();
    default:
      return false;
  }
}

bool GatewayProgram::busy() const {
  return operations_ > 0 || snapshot_.has_value() || counted(&gateway::Counters::letters_waiting) > 0;
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
  counters["gateway_reloads"] = reloads_;
  for (const auto& [name, count] : channels_.counts()) counters["sim_" + name] = count;
  for (const admin::ApiCounters& api : node_->counters) {
#define HOLDFAST_SIM_COUNTER(field) counters["api_" #field] += api.field.get();
    HOLDFAST_API_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
  }
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
  for (const admin::ApiCounters& counters : node_->counters) {
    if (counters.http_connections.get() != 0) audit_->fail("HTTP connections are counted without any");
  }
}

void GatewayProgram::check_stopped() {
  if (shared_->publication_budget.used_bytes() != 0)
    audit_->fail(absl::StrCat(shared_->publication_budget.used_bytes(), " bytes of publications leaked"));
}

}  // namespace holdfast::sim
