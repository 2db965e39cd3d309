// GatewayClient: what it is told, and whether that may be.
#include <algorithm>
#include <utility>

#include "gateway_client.h"

namespace holdfast::sim {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::uint32_t kInternal = 100, kAlreadySubscribed = 105, kTooManyRequests = 111,
                        kUnrecoverable = 112;
constexpr std::uint64_t kInsufficientState = 2500, kServerUnsubscribe = 2000;

std::string_view text_in(const object& from, std::string_view name) {
  std::string_view text;
  return from[name].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::uint64_t number_in(const object& from, std::string_view name) {
  std::uint64_t number = 0;
  return from[name].get(number) == simdjson::SUCCESS ? number : 0;
}

bool flag_in(const object& from, std::string_view name) {
  bool flag = false;
  return from[name].get(flag) == simdjson::SUCCESS && flag;
}

}  // namespace

// A frame is one message, or several with a line break between.
void GatewayClient::message_received(std::optional<MessageType> type, std::string_view payload) {
  if (type != MessageType::text) fail("a message that is not text");
  while (!payload.empty() && !ended()) {
    const std::string line(payload.substr(0, payload.find('\n')));
    payload.remove_prefix(std::min(payload.size(), line.size() + 1));
    object message;
    if (parser_.parse(line).get(message) != simdjson::SUCCESS) return fail("no JSON object: " + line);
    take(message);
  }
  go_on();
}

void GatewayClient::take(const object& message) {
  if (message.size() == 0) {
    if (client_id_.empty()) fail("a ping before the reply to connect");
    if (!plan().answers_pings) return;
    return later(30'000'000, [this] {
      if (may_act()) write(encode(MessageType::text, "{}"));
    });
  }
  object push;
  if (message["push"].get(push) == simdjson::SUCCESS) return take_push(push);
  take_reply(number_in(message, "id"), message);
}

void GatewayClient::take_reply(std::uint64_t id, const object& reply) {
  const auto found = commands_.find(id);
  if (found == commands_.end()) return fail("a reply to nothing, id " + std::to_string(id));
  const Command command = std::move(found->second);
  commands_.erase(found);
  object error;
  if (reply["error"].get(error) == simdjson::SUCCESS) return take_error(command, number_in(error, "code"));
  constexpr std::string_view kNames[] = {"connect",        "subscribe", "unsubscribe", "publish", "presence",
                                         "presence_stats", "history",   "rpc",         "ping"};
  object result;
  const std::string_view name = kNames[static_cast<int>(command.kind)];
  if (reply[name].get(result) != simdjson::SUCCESS) return fail("a reply without " + std::string(name));
  // Unless the first subscription has been refused or ended meanwhile.
  if (command.error == kAlreadySubscribed && !subscriptions_.contains(command.channel)) {
    subscriptions_[command.channel] = {};
    return subscribed_reply(command, result);
  }
  if (command.error != 0) return fail(std::string(name) + " succeeds that must not");
  switch (command.kind) {
    case Kind::connect:
      return connected_reply(result);
    case Kind::subscribe:
      return subscribed_reply(command, result);
    case Kind::unsubscribe: {
      const auto subscription = subscriptions_.find(command.channel);
      // Unless the server ended it before.
      if (subscription == subscriptions_.end() || !subscription->second.leaving) return;
      leave_off(command.channel, subscription->second);
      subscriptions_.erase(subscription);
      return;
    }
    case Kind::publish:
      return channels_->acknowledged(command.publication);
    case Kind::presence:
      return presence_reply(command, result);
    case Kind::history:
      return history_reply(command, result);
    case Kind::presence_stats:
      if (number_in(result, "num_users") > number_in(result, "num_clients")) fail("more users than clients");
      return;
    case Kind::rpc:
      if (number_in(result, "data") != id) fail("another's echo");
      return;
    case Kind::ping:
      return fail("a reply to ping");
  }
}

void GatewayClient::take_error(const Command& command, std::uint64_t code) {
  if (command.kind == Kind::publish) channels_->refused(command.publication);
  if (code == command.error) return;
  const bool subscribes = command.kind == Kind::subscribe && command.error == 0;
  // The server ended the subscription before it had begun.
  if (subscribes && subscriptions_.erase(command.channel) == 0 && code == kInternal) return;
  if (gateway_->bounds_are_tight && (code == kInternal || code == kTooManyRequests)) return;
  if (code == kUnrecoverable && command.since.has_value()) return;
  fail("error " + std::to_string(code) + " to a command of kind " +
       std::to_string(static_cast<int>(command.kind)) + " in " + command.channel + " that deserves " +
       std::to_string(command.error));
}

void GatewayClient::connected_reply(const object& result) {
  if (!client_id_.empty()) return fail("connected twice");
  client_id_ = text_in(result, "client");
  if (client_id_.size() != 36) return fail("client id " + client_id_);
  channels_->connected(client_id_, number());
}

void GatewayClient::subscribed_reply(const Command& command, const object& result) {
  const auto found = subscriptions_.find(command.channel);
  if (found == subscriptions_.end() || found->second.live)
    return fail("subscribed to what it did not ask for");
  Subscription& subscription = found->second;
  subscription.live = true;
  subscription.positioned = flag_in(result, "positioned");
  subscription.epoch = text_in(result, "epoch");
  subscription.offset = number_in(result, "offset");
  subscription.moment = channels_->moment();
  const bool recovered = flag_in(result, "recovered");
  if (recovered && !command.since) fail("recovered what it did not ask for");
  array publications;
  const bool stream = !gateway_->find(command.channel)->cache;
  if (result["publications"].get(publications) != simdjson::SUCCESS) {
    if (recovered && stream && command.since && command.since->offset != subscription.offset)
      fail("nothing recovered in " + command.channel);
    return;
  }
  if (!recovered) fail("publications without recovery in " + command.channel);
  if (stream && command.since) subscription.offset = command.since->offset;
  for (const element publication : publications) {
    std::uint64_t offset = 0;
    const auto key = read_publication(command.channel, subscription.epoch, publication, offset);
    if (!key) return;
    if (stream && offset != subscription.offset + 1) {
      fail("recovered offset " + std::to_string(offset) + " of " + command.channel + " after " +
           std::to_string(subscription.offset));
    }
    subscription.offset = offset;
    channels_->count_recovered(1);
  }
}

// Everybody in it has asked for it, and this client is in it when it is subscribed.
void GatewayClient::presence_reply(const Command& command, const object& result) {
  object members;
  bool here = false;
  if (result["presence"].get(members) == simdjson::SUCCESS) {
    for (const auto member : members) {
      if (!channels_->has_asked(member.key, command.channel))
        fail(std::string(member.key) + " present in " + command.channel + " without having asked");
      here = here || member.key == client_id_;
    }
  }
  const auto subscription = subscriptions_.find(command.channel);
  if (here || gateway_->bounds_are_tight || subscription == subscriptions_.end()) return;
  // It may have come or gone while the answer was under way.
  if (subscription->second.live && !subscription->second.leaving &&
      subscription->second.moment < command.moment)
    fail("not present in " + command.channel);
}

void GatewayClient::history_reply(const Command& command, const object& result) {
  const std::string_view epoch = text_in(result, "epoch");
  const std::uint64_t top = number_in(result, "offset");
  std::uint64_t before = 0;
  array publications;
  if (result["publications"].get(publications) != simdjson::SUCCESS) return;
  for (const element publication : publications) {
    std::uint64_t offset = 0;
    if (!read_publication(command.channel, epoch, publication, offset)) return;
    if (before != 0 && offset != before + 1) fail("history of " + command.channel + " with a hole");
    if (offset > top) fail("history of " + command.channel + " beyond its top");
    before = offset;
  }
}

std::optional<PublicationKey> GatewayClient::read_publication(std::string_view channel,
                                                              std::string_view epoch,
                                                              const object& publication,
                                                              std::uint64_t& offset) {
  element content;
  if (publication["data"].get(content) != simdjson::SUCCESS) {
    fail("a publication without data in " + std::string(channel));
    return std::nullopt;
  }
  const auto key = channels_->recognise(simdjson::minify(content), channel);
  offset = number_in(publication, "offset");
  if (key && offset != 0 && !epoch.empty()) channels_->numbered(*key, channel, epoch, offset);
  object publisher;
  if (key && publication["info"].get(publisher) == simdjson::SUCCESS &&
      !channels_->known(text_in(publisher, "client"))) {
    fail("a publication by a client nobody knows in " + std::string(channel));
  }
  return key;
}

void GatewayClient::take_push(const object& push) {
  const std::string_view channel = text_in(push, "channel");
  object event;
  if (push["pub"].get(event) == simdjson::SUCCESS) return publication(channel, event);
  if (push["unsubscribe"].get(event) == simdjson::SUCCESS) {
    return ended_by_server(channel, number_in(event, "code"));
  }
  const bool join = push["join"].get(event) == simdjson::SUCCESS;
  if (!join && push["leave"].get(event) != simdjson::SUCCESS) return fail("a push of no known kind");
  if (!subscriptions_.contains(channel)) return fail("a join or leave in " + std::string(channel));
  object who;
  if (event["info"].get(who) != simdjson::SUCCESS || !channels_->has_asked(text_in(who, "client"), channel))
    fail("a join or leave of somebody who never asked for " + std::string(channel));
}

void GatewayClient::publication(std::string_view channel, const object& event) {
  const auto found = subscriptions_.find(channel);
  if (found == subscriptions_.end() || !found->second.live)
    return fail("a publication in " + std::string(channel) + ", where it is not");
  Subscription& subscription = found->second;
  std::uint64_t offset = 0;
  const auto key = read_publication(channel, subscription.epoch, event, offset);
  if (!key) return;
  if (!subscription.received.insert(*key).second) fail(to_string(*key) + " a second time");
  if (subscription.positioned) {
    if (offset != subscription.offset + 1) {
      fail("offset " + std::to_string(offset) + " of " + std::string(channel) + " after " +
           std::to_string(subscription.offset));
    }
    subscription.offset = offset;
  }
  if (subscription.last) channels_->follows(channel, *subscription.last, *key);
  subscription.last = key;
}

void GatewayClient::ended_by_server(std::string_view channel, std::uint64_t code) {
  const auto found = subscriptions_.find(channel);
  if (found == subscriptions_.end())
    return fail("unsubscribed from " + std::string(channel) + ", where it is not");
  if (code != kInsufficientState && code != kServerUnsubscribe)
    fail("unsubscribe code " + std::to_string(code));
  // As SDKs do: back to where it was.
  if (code == kInsufficientState && found->second.live)
    positions_[found->first] = {found->first, found->second.epoch, found->second.offset};
  subscriptions_.erase(found);
}

}  // namespace holdfast::sim
