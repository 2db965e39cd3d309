// Bidirectional: what it says.
#include "bidirectional.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

// Around what is published: the command, and for subscribers the push with who published.
constexpr std::uint32_t kEnvelopeBytes = 400;
// Anybody might, and nobody does.
constexpr const char* kNeverEntered = "open:never";
constexpr std::int64_t kLongAgo = 1;

}  // namespace

Bidirectional::Bidirectional(ring::SimulatedWorld* world, Client* client, ChannelAudit* channels,
                             const GatewayPlan* gateway, bool protobuf, Transmit transmit)
    : world_(world),
      client_(client),
      channels_(channels),
      gateway_(gateway),
      codec_(protobuf),
      subscriptions_(world, channels, gateway, &codec_,
                     [client](const std::string& what) { client->fail(what); }),
      expiry_(world, gateway->grace_s),
      transmit_(std::move(transmit)) {
  // It takes the place of somebody who has gone.
  for (std::uint64_t count = client_->random().below(3); count > 0; --count) {
    if (std::optional<LeftOff> position = channels_->take_left_off(client_->random().next()))
      positions_[position->channel] = *position;
  }
}

void Bidirectional::say(Command command, client::ClientCommand& message) {
  const std::uint32_t id = next_id_++;
  command.moment = channels_->tick();
  command.sent_at_s = expiry_.now_s();
  command.wall_jumps = world_->wall_jumps();
  commands_[id] = std::move(command);
  message.set_id(id);
  transmit_(codec_.command(message));
}

void Bidirectional::speak() {
  if (!connected()) return;  // whoever speaks before the reply is closed, or has it held back
  switch (client_->random().below(13)) {
    case 0:
    case 1:
    case 2:
      return subscribe();
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
      return publish();
    case 8:
      return unsubscribe();
    case 9:
    case 10:
      return ask();
    case 11:
      return sub_refresh(subscriptions_.any(client_->random()));
    default:
      return blunder();
  }
}

// Of a token; 0: it does not end.
std::int64_t Bidirectional::draw_end() {
  const bool expires = gateway_->tokens_expire && client_->random().below(2) == 0;
  constexpr std::uint64_t kMostS[] = {5, 20, 300};
  const std::uint64_t most_s = kMostS[client_->random().below(3)];
  return expires ? expiry_.now_s() + 2 + static_cast<std::int64_t>(client_->random().below(most_s)) : 0;
}

void Bidirectional::connect() {
  connect_sent_ = true;
  client::ClientCommand message;
  client::ConnectRequest& request = *message.mutable_connect();
  Command command{.kind = Kind::connect};
  const std::uint64_t who = client_->random().below(gateway_->users.size() + 1);
  brings_tokens_ = client_->random().below(4) != 0;
  if (who < gateway_->users.size()) {
    user_ = gateway_->users[who];
    command.expires_at_s = draw_end();
    request.set_token(gateway_->token(user_, command.expires_at_s));
    expiry_.granted(command.expires_at_s);
  }
  say(std::move(command), message);
}

void Bidirectional::refresh() {
  if (!client_->may_act()) return;
  client::ClientCommand message;
  Command command{.kind = Kind::refresh, .expires_at_s = draw_end()};
  message.mutable_refresh()->set_token(gateway_->token(user_, command.expires_at_s));
  say(std::move(command), message);
}

// Also for one that began without a token, or by an application.
void Bidirectional::sub_refresh(const std::string& channel) {
  const Subscription* subscription = subscriptions_.find(channel);
  if (!client_->may_act() || subscription == nullptr || !subscription->live || subscription->leaving) return;
  client::ClientCommand message;
  Command command{.kind = Kind::sub_refresh, .channel = channel, .expires_at_s = draw_end()};
  message.mutable_sub_refresh()->set_channel(channel);
  message.mutable_sub_refresh()->set_token(
      gateway_->subscription_token(user_, channel, command.expires_at_s));
  say(std::move(command), message);
}

// SDKs bring another token before the last is over.
void Bidirectional::bring_later(std::uint32_t ttl_s, std::function<void()> bring) {
  if (!brings_tokens_) return;
  const std::uint64_t ttl_ns = std::uint64_t{ttl_s} * 1'000'000'000;
  client_->after(ttl_ns / 2 + client_->random().below(ttl_ns / 2 + 1), std::move(bring));
}

void Bidirectional::look_at_expiry() {
  if (!client_->may_act()) return;
  if (client_->plan().healthy()) {
    if (expiry_.overdue()) return client_->fail("its token is over, and it is still connected");
    if (const auto over = subscriptions_.overdue())
      return client_->fail("its subscription to " + *over + " is over, and has not ended");
  }
  client_->after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

const GatewayPlan::Channel& Bidirectional::any_channel() {
  return gateway_->channels[client_->random().below(gateway_->channels.size())];
}

void Bidirectional::subscribe() {
  subscribe_to(positions_.empty() ? any_channel() : *gateway_->find(positions_.begin()->first));
}

void Bidirectional::subscribe_to(const GatewayPlan::Channel& channel) {
  const Subscription* subscribed = subscriptions_.find(channel.name);
  client::ClientCommand message;
  client::SubscribeRequest& request = *message.mutable_subscribe();
  request.set_channel(channel.name);
  Command command{.kind = Kind::subscribe, .channel = channel.name};
  if (subscribed != nullptr) {
    // While an unsubscribe is under way it may be either.
    if (subscribed->leaving) return publish();
    command.error = kAlreadySubscribed;
    return say(std::move(command), message);
  }
  // One that was to be refused beside a subscription that was itself refused may still be accepted.
  const auto beside = [&](const auto& sent) {
    return sent.second.channel == channel.name && sent.second.error == kAlreadySubscribed;
  };
  if (std::any_of(commands_.begin(), commands_.end(), beside)) return publish();
  // Where anybody may subscribe a token may still say for how long.
  const bool by_token = client_->random().below(4) < (channel.open ? 1u : 3u);
  if (!channel.open && !by_token) {
    command.error = kPermissionDenied;
    return say(std::move(command), message);
  }
  if (by_token) {
    command.expires_at_s = draw_end();
    request.set_token(gateway_->subscription_token(user_, channel.name, command.expires_at_s));
  }
  request.set_positioned(channel.history && client_->random().below(3) != 0);
  request.set_recoverable(channel.history && client_->random().below(2) != 0);
  request.set_join_leave(client_->random().below(3) == 0);
  command.wants_delta = client_->random().below(2) == 0;
  if (command.wants_delta) request.set_delta("fossil");
  if (const auto position = positions_.find(channel.name); position != positions_.end()) {
    command.since = position->second;
    request.set_recover(true);
    request.set_recoverable(true);
    request.set_epoch(position->second.epoch);
    request.set_offset(position->second.offset);
    positions_.erase(position);
  }
  subscriptions_.begin(channel.name, command.wants_delta);
  channels_->asked_to_subscribe(client_id_, channel.name);
  say(std::move(command), message);
}

void Bidirectional::unsubscribe() {
  const std::string channel = subscriptions_.any(client_->random());
  if (channel.empty()) return subscribe();
  subscriptions_.find(channel)->leaving = true;
  client::ClientCommand message;
  message.mutable_unsubscribe()->set_channel(channel);
  say({.kind = Kind::unsubscribe, .channel = channel}, message);
}

void Bidirectional::publish() {
  std::string channel = subscriptions_.any(client_->random());
  if (channel.empty() || client_->random().below(4) == 0) channel = any_channel().name;
  const std::uint32_t most = std::min(client_->plan().message_bytes_maximum, gateway_->message_bytes_maximum);
  const std::size_t bytes = 80 + client_->random().below(most > kEnvelopeBytes ? most - kEnvelopeBytes : 1);
  Command command{.kind = Kind::publish, .channel = channel};
  command.publication = channels_->next_publication(client_->number(), channel, bytes);
  if (!gateway_->find(channel)->open) command.error = kPermissionDenied;
  client::ClientCommand message;
  message.mutable_publish()->set_channel(channel);
  message.mutable_publish()->set_data(ChannelAudit::content(command.publication, channel, bytes));
  say(std::move(command), message);
}

void Bidirectional::ask() {
  const GatewayPlan::Channel& channel = any_channel();
  client::ClientCommand message;
  Command command{.kind = Kind::presence, .channel = channel.name};
  switch (client_->random().below(4)) {
    case 0:
      if (!channel.presence) command.error = kNotAvailable;
      message.mutable_presence()->set_channel(channel.name);
      break;
    case 1:
      command.kind = Kind::presence_stats;
      if (!channel.presence) command.error = kNotAvailable;
      message.mutable_presence_stats()->set_channel(channel.name);
      break;
    case 2:
      command.kind = Kind::rpc;
      command.channel.clear();
      message.mutable_rpc()->set_method("echo");
      message.mutable_rpc()->set_data(std::to_string(next_id_));
      break;
    default:
      command.kind = Kind::history;
      if (!channel.history) command.error = kNotAvailable;
      message.mutable_history()->set_channel(channel.name);
      message.mutable_history()->set_limit(static_cast<std::int32_t>(client_->random().below(20)));
  }
  say(std::move(command), message);
}

// Mistakes that are answered with an error and forgiven.
void Bidirectional::blunder() {
  client::ClientCommand message;
  switch (client_->random().below(7)) {
    case 0:
      message.mutable_subscribe()->set_channel("nowhere:room");
      return say({.kind = Kind::subscribe, .channel = "nowhere:room", .error = kUnknownChannel}, message);
    case 1:
      message.mutable_rpc()->set_method("unheard_of");
      return say({.kind = Kind::rpc, .error = kMethodNotFound}, message);
    case 2:
      message.mutable_subscribe()->set_channel("a*b");
      return say({.kind = Kind::subscribe, .channel = "a*b", .error = kBadRequest}, message);
    case 3:
      message.mutable_sub_refresh()->set_channel(kNeverEntered);
      message.mutable_sub_refresh()->set_token(gateway_->subscription_token(user_, kNeverEntered, 0));
      return say({.kind = Kind::sub_refresh, .channel = kNeverEntered, .error = kPermissionDenied}, message);
    case 4:
      message.mutable_subscribe()->set_channel(kNeverEntered);
      message.mutable_subscribe()->set_token("e30.e30.e30");  // signed by nobody
      return say({.kind = Kind::subscribe, .channel = kNeverEntered, .error = kPermissionDenied}, message);
    case 5:
      message.mutable_subscribe()->set_channel(kNeverEntered);
      message.mutable_subscribe()->set_token(gateway_->subscription_token(user_, kNeverEntered, kLongAgo));
      return say({.kind = Kind::subscribe, .channel = kNeverEntered, .error = kTokenExpired}, message);
    default:
      message.mutable_ping();
      return say({.kind = Kind::ping, .error = kNotAvailable}, message);
  }
}

// Each of these must end the connection.
std::string Bidirectional::violation() {
  client::ClientCommand message;
  message.set_id(next_id_);
  const std::string json_bodies[] = {
      absl::StrCat("{\"id\":", next_id_, ",\"subscribe\":{"),                  // no JSON
      absl::StrCat("{\"id\":", next_id_, ",\"subscribe\":{\"channel\":17}}"),  // a number for a name
      "[]", absl::StrCat("{\"id\":", next_id_, ",\"rpc\":{\"method\":\"\xff\xfe\"}}")};  // not UTF-8
  const std::string protobuf_bodies[] = {std::string("\x7f\x08\x01", 3),                 // longer than it is
                                         std::string("\x02\x0a\x05", 3),          // an id of the wrong type
                                         std::string("\x04\x6a\x02\x12\xff", 5),  // a text that is cut off
                                         std::string("\xff\xff\xff\xff\xff\xff", 6)};
  switch (client_->random().below(9)) {
    case 0:
      message.mutable_connect();  // a second one
      break;
    case 1:
      message.mutable_unsubscribe()->set_channel("");  // from nothing
      break;
    case 2:
      message.mutable_subscribe()->set_channel("");  // to nothing
      break;
    case 3:
      message.set_id(0);  // nobody could answer it
      message.mutable_subscribe()->set_channel(any_channel().name);
      break;
    case 4:
      message.mutable_sub_refresh()->set_channel("");  // of nothing
      break;
    case 5:  // with somebody else's token, or that of another channel
      message.mutable_subscribe()->set_channel(kNeverEntered);
      message.mutable_subscribe()->set_token(
          client_->random().below(2) == 0 ? gateway_->subscription_token("somebody else", kNeverEntered, 0)
                                          : gateway_->subscription_token(user_, any_channel().name, 0));
      break;
    default:
      return codec_.protobuf() ? protobuf_bodies[client_->random().below(4)]
                               : json_bodies[client_->random().below(4)];
  }
  return codec_.command(message);
}

std::string Bidirectional::describe() const {
  std::string text = std::string(codec_.protobuf() ? " protobuf" : " json") + " id " +
                     (client_id_.empty() ? "none" : client_id_) + " of " + user_;
  for (const auto& [id, command] : commands_) {
    text += ", unanswered " + std::to_string(id) + " of kind " +
            std::to_string(static_cast<int>(command.kind)) + " " + command.channel;
  }
  return text + subscriptions_.describe();
}

}  // namespace holdfast::sim
