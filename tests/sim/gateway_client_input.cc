// GatewayClient: what it is told, and whether that may be.
#include <algorithm>
#include <utility>

#include "gateway_client.h"

namespace holdfast::sim {

// A frame is one message, or several.
void GatewayClient::message_received(std::optional<MessageType> type, std::string_view payload) {
  if (type != draw_type()) fail("a message of the other encoding");
  if (!codec_.read(payload, false, messages_)) return fail("no frame: " + std::string(payload.substr(0, 80)));
  for (const client::ServerReply& message : messages_) {
    if (ended()) return;
    take(message);
  }
  go_on();
}

void GatewayClient::take(const client::ServerReply& message) {
  if (is_ping(message)) {
    if (client_id_.empty()) fail("a ping before the reply to connect");
    if (!plan().answers_pings) return;
    return later(30'000'000, [this] {
      if (may_act()) write(encode(draw_type(), codec_.command({})));
    });
  }
  if (message.has_push()) return take_push(message.push());
  take_reply(message);
}

bool GatewayClient::is_of_kind(Kind kind, const client::ServerReply& reply) const {
  switch (kind) {
    case Kind::connect:
      return reply.has_connect();
    case Kind::subscribe:
      return reply.has_subscribe();
    case Kind::unsubscribe:
      return reply.has_unsubscribe();
    case Kind::publish:
      return reply.has_publish();
    case Kind::presence:
      return reply.has_presence();
    case Kind::presence_stats:
      return reply.has_presence_stats();
    case Kind::history:
      return reply.has_history();
    case Kind::rpc:
      return reply.has_rpc();
    case Kind::refresh:
      return reply.has_refresh();
    case Kind::ping:
      return false;
  }
  return false;
}

void GatewayClient::take_reply(const client::ServerReply& reply) {
  const auto found = commands_.find(reply.id());
  if (found == commands_.end()) return fail("a reply to nothing, id " + std::to_string(reply.id()));
  const Command command = std::move(found->second);
  commands_.erase(found);
  if (reply.has_error()) return take_error(command, reply.error().code());
  if (!is_of_kind(command.kind, reply)) return fail("a reply of another kind");
  // Unless the first subscription has been refused or ended meanwhile.
  if (command.error == kAlreadySubscribed && subscriptions_.find(command.channel) == nullptr) {
    subscriptions_.begin(command.channel, false);
    return take_result(command, reply);
  }
  if (command.error != 0) return fail("a command succeeds that must not, in " + command.channel);
  take_result(command, reply);
}

void GatewayClient::take_result(const Command& command, const client::ServerReply& reply) {
  switch (command.kind) {
    case Kind::connect:
      return connected_reply(command, reply.connect());
    case Kind::subscribe:
      return subscriptions_.begun(command.channel, command.since, reply.subscribe());
    case Kind::unsubscribe:
      return unsubscribed_reply(command);
    case Kind::publish:
      return channels_->acknowledged(command.publication);
    case Kind::presence:
      return presence_reply(command, reply.presence());
    case Kind::history:
      return history_reply(command, reply.history());
    case Kind::presence_stats:
      if (reply.presence_stats().num_users() > reply.presence_stats().num_clients())
        fail("more users than clients");
      return;
    case Kind::rpc:
      if (reply.rpc().data() != std::to_string(reply.id())) fail("another's echo");
      return;
    case Kind::refresh:
      channels_->count_token_renewed();
      return granted(command.expires_at_s, reply.refresh().expires(), reply.refresh().ttl());
    case Kind::ping:
      return fail("a reply to ping");
  }
}

void GatewayClient::take_error(const Command& command, std::uint32_t code) {
  if (command.kind == Kind::publish) channels_->refused(command.publication);
  if (code == command.error) return;
  const bool subscribes = command.kind == Kind::subscribe && command.error == 0;
  const bool is_known = !subscribes || subscriptions_.end(command.channel);
  // The server ended the subscription before it had begun.
  if (!is_known && code == kInternal) return;
  if (gateway_->bounds_are_tight && (code == kInternal || code == kTooManyRequests)) return;
  if (code == kUnrecoverable && command.since.has_value()) return;
  const GatewayPlan::Channel* channel = gateway_->find(command.channel);
  if (code == kUnknownChannel && channel != nullptr && channel->passing) return;
  if (command.kind == Kind::connect && code == kTokenExpired && expiry_.may_be_over(0)) {
    part();  // whatever else it says would close it
    return finish();
  }
  fail("error " + std::to_string(code) + " to a command of kind " +
       std::to_string(static_cast<int>(command.kind)) + " in " + command.channel + " that deserves " +
       std::to_string(command.error));
}

void GatewayClient::connected_reply(const Command& command, const client::ConnectResult& result) {
  if (!client_id_.empty()) return fail("connected twice");
  client_id_ = result.client();
  if (client_id_.size() != 36) return fail("client id " + client_id_);
  if (result.subs_size() != 0) return fail("in channels it did not ask for");
  channels_->connected(client_id_, number());
  granted(command.expires_at_s, result.expires(), result.ttl());
}

// With a new token, or one that somebody else has renewed. SDKs bring another before it is over.
void GatewayClient::granted(std::int64_t expires_at_s, bool expires, std::uint32_t ttl_s) {
  if (expires != (expires_at_s != 0)) return fail("an expiry that is not its token's");
  expiry_.granted(expires_at_s);
  if (!expires) return;
  if (brings_tokens_) {
    const std::uint64_t ttl_ns = std::uint64_t{ttl_s} * 1'000'000'000;
    after(ttl_ns / 2 + random().below(ttl_ns / 2 + 1), [this] { refresh(); });
  }
  if (looks_at_expiry_) return;
  looks_at_expiry_ = true;
  after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void GatewayClient::unsubscribed_reply(const Command& command) {
  const Subscription* subscription = subscriptions_.find(command.channel);
  // Unless the server ended it before.
  if (subscription != nullptr && subscription->leaving) subscriptions_.leave(command.channel);
}

// Everybody in it has asked for it, and this client is in it when it is subscribed.
void GatewayClient::presence_reply(const Command& command, const client::PresenceResult& result) {
  for (const auto& [client, member] : result.presence()) {
    if (!channels_->has_asked(client, command.channel))
      fail(client + " present in " + command.channel + " without having asked");
  }
  const bool here = result.presence().contains(client_id_);
  const Subscription* subscription = subscriptions_.find(command.channel);
  if (here || gateway_->bounds_are_tight || subscription == nullptr) return;
  // It may have come or gone while the answer was under way.
  const bool passing = gateway_->find(command.channel)->passing;
  if (subscription->live && !subscription->leaving && !passing && subscription->moment < command.moment)
    fail("not present in " + command.channel);
}

void GatewayClient::history_reply(const Command& command, const client::HistoryResult& result) {
  std::uint64_t before = 0;
  for (const client::Publication& publication : result.publications()) {
    if (!subscriptions_.read_publication(command.channel, result.epoch(), publication)) return;
    const std::uint64_t offset = publication.offset();
    if (before != 0 && offset != before + 1) fail("history of " + command.channel + " with a hole");
    if (offset > result.offset()) fail("history of " + command.channel + " beyond its top");
    before = offset;
  }
}

void GatewayClient::take_push(const client::Push& push) {
  if (push.has_refresh()) {
    return expiry_.forget();  // by an application, and only the distance is told
  }
  if (const auto position = subscriptions_.pushed(push)) positions_[position->channel] = *position;
}

// Also for a token that it brought too late.
void GatewayClient::on_close_code(std::uint16_t code) {
  if (code != kConnectionExpired) return;
  channels_->count_token_over();
  if (expiry_.may_be_over(gateway_->grace_s)) return;
  if (channels_->disturbances() > 0) return;
  const bool late = std::any_of(commands_.begin(), commands_.end(), [this](const auto& entry) {
    const Command& command = entry.second;
    return command.kind == Kind::refresh && command.expires_at_s != 0 &&
           expiry_.now_s() >= command.expires_at_s;
  });
  if (!late) fail("closed for a token that is not over");
}

}  // namespace holdfast::sim
