// GatewayClient: what it says.
#include "gateway_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kUnknownChannel = 102, kPermissionDenied = 103, kMethodNotFound = 104,
                        kAlreadySubscribed = 105, kBadRequest = 107, kNotAvailable = 108;
// Around what is published: the command, and for subscribers the push with who published.
constexpr std::uint32_t kEnvelopeBytes = 400;

std::string in_quotes(std::string_view text) {
  return absl::StrCat("\"", std::string(text), "\"");
}

std::string request(std::string_view method, std::string_view fields) {
  return absl::StrCat(in_quotes(method), ":{", std::string(fields), "}");
}

std::string in_channel(std::string_view channel) {
  return absl::StrCat("\"channel\":", in_quotes(channel));
}

}  // namespace

const GatewayPlan::Channel* GatewayPlan::find(std::string_view name) const {
  const auto found = std::find_if(channels.begin(), channels.end(),
                                  [name](const auto& known) { return known.name == name; });
  return found == channels.end() ? nullptr : &*found;
}

GatewayClient::GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                             const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway)
    : WebSocketClient(world, audit, number, listener, plan), channels_(channels), gateway_(gateway) {
  // It takes the place of somebody who has gone.
  for (std::uint64_t count = random().below(3); count > 0; --count) {
    if (std::optional<LeftOff> position = channels_->take_left_off(random().next()))
      positions_[position->channel] = *position;
  }
}

void GatewayClient::say(const Command& command, const std::string& body) {
  const std::uint32_t id = next_id_++;
  commands_[id] = command;
  commands_[id].moment = channels_->tick();
  write(encode(MessageType::text, absl::StrCat("{\"id\":", id, ",", body, "}")));
  spoke();
}

void GatewayClient::speak() {
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

void GatewayClient::connect_command() {
  connect_sent_ = true;
  const std::uint64_t who = random().below(gateway_->tokens.size() + 1);
  const std::string token = who < gateway_->tokens.size()
                                ? absl::StrCat("\"token\":", in_quotes(gateway_->tokens[who]))
                                : std::string();
  say({Kind::connect, {}, 0, {}, {}, 0}, request("connect", token));
}

const GatewayPlan::Channel& GatewayClient::any_channel() {
  return gateway_->channels[random().below(gateway_->channels.size())];
}

std::string GatewayClient::any_subscribed() {
  if (subscriptions_.empty()) return {};
  auto chosen = subscriptions_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(random().below(subscriptions_.size())));
  return chosen->second.live && !chosen->second.leaving ? chosen->first : std::string();
}

void GatewayClient::subscribe() {
  const GatewayPlan::Channel* channel = &any_channel();
  if (!positions_.empty()) channel = gateway_->find(positions_.begin()->first);
  const auto subscribed = subscriptions_.find(channel->name);
  Command command{Kind::subscribe, channel->name, 0, {}, {}, 0};
  if (subscribed != subscriptions_.end()) {
    // While an unsubscribe is under way it may be either.
    if (subscribed->second.leaving) return publish();
    command.error = kAlreadySubscribed;
    return say(command, request("subscribe", in_channel(channel->name)));
  }
  std::string fields = in_channel(channel->name);
  if (!channel->open) {
    command.error = kPermissionDenied;
    return say(command, request("subscribe", fields));
  }
  if (channel->history && random().below(3) != 0) fields += ",\"positioned\":true";
  if (channel->history && random().below(2) != 0) fields += ",\"recoverable\":true";
  if (random().below(3) == 0) fields += ",\"join_leave\":true";
  if (const auto position = positions_.find(channel->name); position != positions_.end()) {
    command.since = position->second;
    fields += ",\"recover\":true,\"recoverable\":true,\"epoch\":" + in_quotes(position->second.epoch) +
              ",\"offset\":" + std::to_string(position->second.offset);
    positions_.erase(position);
  }
  subscriptions_[channel->name] = {};
  channels_->asked_to_subscribe(client_id_, channel->name);
  say(command, request("subscribe", fields));
}

void GatewayClient::unsubscribe() {
  const std::string channel = any_subscribed();
  if (channel.empty()) return subscribe();
  subscriptions_.at(channel).leaving = true;
  say({Kind::unsubscribe, channel, 0, {}, {}, 0}, request("unsubscribe", in_channel(channel)));
}

void GatewayClient::publish() {
  std::string channel = any_subscribed();
  if (channel.empty() || random().below(4) == 0) channel = any_channel().name;
  const std::uint32_t most = std::min(plan().message_bytes_maximum, gateway_->message_bytes_maximum);
  const std::size_t bytes = 80 + random().below(most > kEnvelopeBytes ? most - kEnvelopeBytes : 1);
  Command command{Kind::publish, channel, 0, {}, {}, 0};
  command.publication = channels_->next_publication(number(), channel, bytes);
  if (!gateway_->find(channel)->open) command.error = kPermissionDenied;
  say(command, request("publish", in_channel(channel) + ",\"data\":" +
                                      ChannelAudit::content(command.publication, channel, bytes)));
}

void GatewayClient::ask() {
  const GatewayPlan::Channel& channel = any_channel();
  Command command{Kind::presence, channel.name, 0, {}, {}, 0};
  switch (random().below(4)) {
    case 0:
      if (!channel.presence) command.error = kNotAvailable;
      return say(command, request("presence", in_channel(channel.name)));
    case 1:
      command.kind = Kind::presence_stats;
      if (!channel.presence) command.error = kNotAvailable;
      return say(command, request("presence_stats", in_channel(channel.name)));
    case 2:
      command.kind = Kind::rpc;
      return say(command, request("rpc", "\"method\":\"echo\",\"data\":" + std::to_string(next_id_)));
    default:
      command.kind = Kind::history;
      if (!channel.history) command.error = kNotAvailable;
      return say(command, request("history", in_channel(channel.name) +
                                                 ",\"limit\":" + std::to_string(random().below(20))));
  }
}

// Mistakes that are answered with an error and forgiven.
void GatewayClient::blunder() {
  switch (random().below(4)) {
    case 0:
      return say({Kind::subscribe, "nowhere:room", kUnknownChannel, {}, {}, 0},
                 request("subscribe", in_channel("nowhere:room")));
    case 1:
      return say({Kind::rpc, {}, kMethodNotFound, {}, {}, 0}, request("rpc", "\"method\":\"unheard_of\""));
    case 2:
      return say({Kind::subscribe, "a*b", kBadRequest, {}, {}, 0}, request("subscribe", in_channel("a*b")));
    default:
      return say({Kind::ping, {}, kNotAvailable, {}, {}, 0}, request("ping", ""));
  }
}

// Each of these must end the connection.
std::string GatewayClient::violation() {
  if (random().below(2) == 0) return WebSocketClient::violation();
  const std::string id = std::to_string(next_id_);
  const std::string bodies[] = {
      "{\"id\":" + id + ",\"subscribe\":{",                      // no JSON
      "{\"id\":" + id + ",\"connect\":{}}",                      // a second one
      "{\"id\":" + id + ",\"unsubscribe\":{\"channel\":\"\"}}",  // from nothing
      "{\"id\":" + id + ",\"subscribe\":{\"channel\":\"\"}}",    // to nothing
      "{\"id\":" + id + ",\"subscribe\":{\"channel\":17}}",      // a number for a name
      "[]",
      "{\"subscribe\":{\"channel\":\"" + any_channel().name + "\"}}",        // nobody could answer it
      std::string("{\"id\":" + id + ",\"rpc\":{\"method\":\"\xff\xfe\"}}"),  // not UTF-8
  };
  return encode(MessageType::text, bodies[random().below(std::size(bodies))]);
}

void GatewayClient::probe() {
  if (may_act() && !client_id_.empty()) publish();
}

bool GatewayClient::served() const {
  if (!established() || !sent_everything() || client_id_.empty() || !commands_.empty()) return false;
  return std::all_of(subscriptions_.begin(), subscriptions_.end(), [this](const auto& entry) {
    const auto& [channel, subscription] = entry;
    if (!subscription.live) return false;
    if (channels_->missed(channel, subscription.moment, subscription.received)) return false;
    if (subscription.positioned) return subscription.offset >= channels_->top(channel, subscription.epoch);
    return !subscription.last.has_value() || channels_->newest(channel, *subscription.last);
  });
}

// For others to come back to.
void GatewayClient::leave_off(const std::string& channel, const Subscription& subscription) {
  if (subscription.live && subscription.positioned)
    channels_->left_off({channel, subscription.epoch, subscription.offset});
}

void GatewayClient::on_end() {
  for (const auto& [channel, subscription] : subscriptions_) leave_off(channel, subscription);
}

std::string GatewayClient::describe() const {
  std::string text = WebSocketClient::describe() + " id " + (client_id_.empty() ? "none" : client_id_);
  for (const auto& [id, command] : commands_) {
    text += ", unanswered " + std::to_string(id) + " of kind " +
            std::to_string(static_cast<int>(command.kind)) + " " + command.channel;
  }
  for (const auto& [channel, subscription] : subscriptions_) {
    text += ", in " + channel + (subscription.live ? "" : " not yet") +
            (subscription.positioned ? " at " + std::to_string(subscription.offset) + " of " +
                                           std::to_string(channels_->top(channel, subscription.epoch))
                                     : "");
    if (const auto missed = channels_->missed(channel, subscription.moment, subscription.received))
      text += " without " + to_string(*missed);
  }
  return text;
}

}  // namespace holdfast::sim
