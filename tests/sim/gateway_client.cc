// GatewayClient: what it says.
#include "gateway_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

// Around what is published: the command, and for subscribers the push with who published.
constexpr std::uint32_t kEnvelopeBytes = 400;

}  // namespace

GatewayClient::GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                             const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway,
                             bool protobuf)
    : WebSocketClient(world, audit, number, listener, plan),
      channels_(channels),
      gateway_(gateway),
      codec_(protobuf),
      subscriptions_(channels, gateway, &codec_, [this](const std::string& what) { fail(what); }),
      expiry_(world, gateway->grace_s) {
  // It takes the place of somebody who has gone.
  for (std::uint64_t count = random().below(3); count > 0; --count) {
    if (std::optional<LeftOff> position = channels_->take_left_off(random().next()))
      positions_[position->channel] = *position;
  }
}

std::string GatewayClient::target() const {
  return codec_.protobuf() ? "/connection/websocket?cf_protocol=protobuf" : "/connection/websocket";
}

void GatewayClient::say(Command command, client::ClientCommand& message) {
  const std::uint32_t id = next_id_++;
  command.moment = channels_->tick();
  commands_[id] = std::move(command);
  message.set_id(id);
  write(encode(draw_type(), codec_.command(message)));
}

void GatewayClient::speak() {
  spoke();
  if (!connect_sent_) return connect_command();
  if (client_id_.empty()) return;  // whoever speaks before the reply is closed, or has it held back
  switch (random().below(12)) {
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
    default:
      return blunder();
  }
}

std::string GatewayClient::new_token(std::int64_t& expires_at_s) {
  const bool expires = gateway_->tokens_expire && random().below(2) == 0;
  const std::uint64_t most_s = random().below(2) == 0 ? 20 : 300;
  expires_at_s = expires ? expiry_.now_s() + 2 + static_cast<std::int64_t>(random().below(most_s)) : 0;
  return gateway_->token(user_, expires_at_s);
}

void GatewayClient::connect_command() {
  connect_sent_ = true;
  client::ClientCommand message;
  client::ConnectRequest& request = *message.mutable_connect();
  Command command{.kind = Kind::connect};
  const std::uint64_t who = random().below(gateway_->users.size() + 1);
  if (who < gateway_->users.size()) {
    user_ = gateway_->users[who];
    brings_tokens_ = random().below(4) != 0;
    request.set_token(new_token(command.expires_at_s));
    expiry_.granted(command.expires_at_s);
  }
  say(std::move(command), message);
}

void GatewayClient::refresh() {
  if (!may_act() || client_id_.empty()) return;
  client::ClientCommand message;
  Command command{.kind = Kind::refresh};
  message.mutable_refresh()->set_token(new_token(command.expires_at_s));
  say(std::move(command), message);
}

void GatewayClient::look_at_expiry() {
  if (!may_act()) return;
  if (plan().healthy() && expiry_.overdue()) return fail("its token is over, and it is still connected");
  after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

const GatewayPlan::Channel& GatewayClient::any_channel() {
  return gateway_->channels[random().below(gateway_->channels.size())];
}

void GatewayClient::subscribe() {
  subscribe_to(positions_.empty() ? any_channel() : *gateway_->find(positions_.begin()->first));
}

void GatewayClient::subscribe_to(const GatewayPlan::Channel& channel) {
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
  if (!channel.open) {
    command.error = kPermissionDenied;
    return say(std::move(command), message);
  }
  request.set_positioned(channel.history && random().below(3) != 0);
  request.set_recoverable(channel.history && random().below(2) != 0);
  request.set_join_leave(random().below(3) == 0);
  const bool wants_delta = random().below(2) == 0;
  if (wants_delta) request.set_delta("fossil");
  if (const auto position = positions_.find(channel.name); position != positions_.end()) {
    command.since = position->second;
    request.set_recover(true);
    request.set_recoverable(true);
    request.set_epoch(position->second.epoch);
    request.set_offset(position->second.offset);
    positions_.erase(position);
  }
  subscriptions_.begin(channel.name, wants_delta);
  channels_->asked_to_subscribe(client_id_, channel.name);
  say(std::move(command), message);
}

void GatewayClient::unsubscribe() {
  const std::string channel = subscriptions_.any(random());
  if (channel.empty()) return subscribe();
  subscriptions_.find(channel)->leaving = true;
  client::ClientCommand message;
  message.mutable_unsubscribe()->set_channel(channel);
  say({.kind = Kind::unsubscribe, .channel = channel}, message);
}

void GatewayClient::publish() {
  std::string channel = subscriptions_.any(random());
  if (channel.empty() || random().below(4) == 0) channel = any_channel().name;
  const std::uint32_t most = std::min(plan().message_bytes_maximum, gateway_->message_bytes_maximum);
  const std::size_t bytes = 80 + random().below(most > kEnvelopeBytes ? most - kEnvelopeBytes : 1);
  Command command{.kind = Kind::publish, .channel = channel};
  command.publication = channels_->next_publication(number(), channel, bytes);
  if (!gateway_->find(channel)->open) command.error = kPermissionDenied;
  client::ClientCommand message;
  message.mutable_publish()->set_channel(channel);
  message.mutable_publish()->set_data(ChannelAudit::content(command.publication, channel, bytes));
  say(std::move(command), message);
}

void GatewayClient::ask() {
  const GatewayPlan::Channel& channel = any_channel();
  client::ClientCommand message;
  Command command{.kind = Kind::presence, .channel = channel.name};
  switch (random().below(4)) {
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
      message.mutable_history()->set_limit(static_cast<std::int32_t>(random().below(20)));
  }
  say(std::move(command), message);
}

// Mistakes that are answered with an error and forgiven.
void GatewayClient::blunder() {
  client::ClientCommand message;
  switch (random().below(4)) {
    case 0:
      message.mutable_subscribe()->set_channel("nowhere:room");
      return say({.kind = Kind::subscribe, .channel = "nowhere:room", .error = kUnknownChannel}, message);
    case 1:
      message.mutable_rpc()->set_method("unheard_of");
      return say({.kind = Kind::rpc, .error = kMethodNotFound}, message);
    case 2:
      message.mutable_subscribe()->set_channel("a*b");
      return say({.kind = Kind::subscribe, .channel = "a*b", .error = kBadRequest}, message);
    default:
      message.mutable_ping();
      return say({.kind = Kind::ping, .error = kNotAvailable}, message);
  }
}

// Each of these must end the connection.
std::string GatewayClient::violation() {
  if (random().below(2) == 0) return WebSocketClient::violation();
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
  switch (random().below(6)) {
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
    default:
      return encode(draw_type(),
                    codec_.protobuf() ? protobuf_bodies[random().below(4)] : json_bodies[random().below(4)]);
  }
  return encode(draw_type(), codec_.command(message));
}

void GatewayClient::probe() {
  if (may_act() && !client_id_.empty()) publish();
}

bool GatewayClient::served() const {
  return established() && sent_everything() && !client_id_.empty() && commands_.empty() &&
         subscriptions_.up_to_date();
}

std::string GatewayClient::describe() const {
  std::string text = WebSocketClient::describe() + (codec_.protobuf() ? " protobuf" : " json") + " id " +
                     (client_id_.empty() ? "none" : client_id_);
  for (const auto& [id, command] : commands_) {
    text += ", unanswered " + std::to_string(id) + " of kind " +
            std::to_string(static_cast<int>(command.kind)) + " " + command.channel;
  }
  return text + subscriptions_.describe();
}

}  // namespace holdfast::sim
