// Bidirectional: what it is told, and whether that may be.
#include <algorithm>
#include <utility>

#include "bidirectional.h"

namespace holdfast::sim {

// A frame is one message, or several.
void Bidirectional::take(std::string_view frame) {
  if (!codec_.read(frame, false, messages_))
    return client_->fail("no frame: " + std::string(frame.substr(0, 80)));
  for (const client::ServerReply& message : messages_) {
    if (client_->ended()) return;
    take(message);
  }
}

void Bidirectional::take(const client::ServerReply& message) {
  if (told_code_ != 0) return client_->fail("a message behind the disconnect");
  if (is_ping(message)) {
    if (!connected() || !pings_) client_->fail("a ping where there is none");
    if (!client_->plan().answers_pings || !pongs_) return;
    return client_->later(30'000'000, [this] {
      if (client_->may_act()) transmit_(codec_.command({}));
    });
  }
  if (message.has_push()) return take_push(message.push());
  take_reply(message);
}

bool Bidirectional::is_of_kind(Kind kind, const client::ServerReply& reply) const {
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
    case Kind::sub_refresh:
      return reply.has_sub_refresh();
    case Kind::ping:
      return false;
  }
  return false;
}

void Bidirectional::take_reply(const client::ServerReply& reply) {
  const auto found = commands_.find(reply.id());
  if (found == commands_.end()) return client_->fail("a reply to nothing, id " + std::to_string(reply.id()));
  const Command command = std::move(found->second);
  commands_.erase(found);
  if (reply.has_error()) return take_error(command, reply.error().code());
  if (!is_of_kind(command.kind, reply)) return client_->fail("a reply of another kind");
  // Unless the subscription it had has been refused or ended meanwhile.
  const bool again = command.error == kAlreadySubscribed && subscriptions_.find(command.channel) == nullptr;
  if (command.error != 0 && !again)
    return client_->fail("a command succeeds that must not, in " + command.channel);
  take_result(command, reply);
}

void Bidirectional::take_result(const Command& command, const client::ServerReply& reply) {
  switch (command.kind) {
    case Kind::connect:
      return connected_reply(command, reply.connect());
    case Kind::subscribe:
      return subscribed_reply(command, reply.subscribe());
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
        client_->fail("more users than clients");
      return;
    case Kind::rpc:
      if (reply.rpc().data() != std::to_string(reply.id())) client_->fail("another's echo");
      return;
    case Kind::refresh:
      return refreshed_reply(command, reply.refresh());
    case Kind::sub_refresh:
      return sub_refreshed_reply(command, reply.sub_refresh());
    case Kind::ping:
      return client_->fail("a reply to ping");
  }
}

void Bidirectional::take_error(const Command& command, std::uint32_t code) {
  if (command.kind == Kind::publish) channels_->refused(command.publication);
  // Which of the two it is depends on the claim that says so.
  if (code == kTokenEnded && command.error == kTokenExpired) return;
  if (code == command.error || excused(command, code)) return;
  if (command.kind == Kind::connect && (code == kTokenExpired || code == kTokenEnded) &&
      may_be_over(command)) {
    client_->part();  // whatever else it says would close it
    return client_->finish();
  }
  client_->fail("error " + std::to_string(code) + " to a command of kind " +
                std::to_string(static_cast<int>(command.kind)) + " in " + command.channel +
                " that deserves " + std::to_string(command.error));
}

// Has something happened since the command was sent that makes the error right?
bool Bidirectional::excused(const Command& command, std::uint32_t code) {
  const bool subscribes = command.kind == Kind::subscribe && command.error == 0;
  const bool is_known = !subscribes || subscriptions_.refused(command.channel);
  // The server ended the subscription before it had begun.
  if (!is_known && code == kInternal) return true;
  // An application was faster, whether it might have subscribed or not.
  if (command.kind == Kind::subscribe && code == kAlreadySubscribed &&
      channels_->called(user_, command.channel)) {
    return true;
  }
  const bool brings_token = subscribes || command.kind == Kind::sub_refresh;
  if (brings_token && (code == kTokenExpired || code == kTokenEnded) && may_be_over(command)) return true;
  if (command.kind == Kind::sub_refresh && code == kPermissionDenied) {
    const Subscription* subscription = subscriptions_.find(command.channel);
    return subscription == nullptr || !subscription->live;
  }
  if (gateway_->may_refuse() && (code == kInternal || code == kTooManyRequests)) return true;
  if (code == kUnrecoverable && command.since.has_value()) return true;
  const GatewayPlan::Channel* channel = gateway_->find(command.channel);
  if (channel == nullptr) return false;
  // Its first subscription has been refused or ended; this time it brings no token, or was ended as well
  // before it had begun.
  const Subscription* subscription = subscriptions_.find(command.channel);
  const bool ended = subscription == nullptr || !subscription->live;
  const bool refusal = (code == kPermissionDenied && !channel->open) || code == kInternal;
  if (command.error == kAlreadySubscribed && refusal) return ended;
  return code == kUnknownChannel && channel->passing;
}

// By the wall clock, which may have jumped.
bool Bidirectional::may_be_over(const Command& command) const {
  if (command.expires_at_s == 0) return false;
  return expiry_.now_s() >= command.expires_at_s || world_->wall_jumps() != command.wall_jumps;
}

// Is it told of the end of the token that it brought?
bool Bidirectional::is_end_of(const Command& command, bool expires, std::uint32_t ttl_s) {
  if (expires != (command.expires_at_s != 0)) {
    client_->fail("an expiry that is not its token's");
    return false;
  }
  if (world_->wall_jumps() != command.wall_jumps) return true;
  const auto left_s = [&](std::int64_t now_s) {
    return expires ? std::max<std::int64_t>(command.expires_at_s - now_s, 0) : 0;
  };
  if (ttl_s < left_s(expiry_.now_s()) || ttl_s > left_s(command.sent_at_s)) {
    client_->fail("its token lasts for " + std::to_string(ttl_s) + " s, and that is not so");
    return false;
  }
  return true;
}

void Bidirectional::connected_reply(const Command& command, const client::ConnectResult& result) {
  if (connected()) return client_->fail("connected twice");
  client_id_ = result.client();
  session_ = result.session();
  node_ = result.node();
  if (client_id_.size() != 36) return client_->fail("client id " + client_id_);
  if (result.subs_size() != 0) return client_->fail("in channels it did not ask for");
  if (!pings_ && (result.ping() != 0 || result.pong()))
    return client_->fail("told of pings that do not come");
  pongs_ = result.pong();
  channels_->connected(client_id_, user_);
  subscriptions_.connected(user_);
  if (!is_end_of(command, result.expires(), result.ttl())) return;
  expiry_.granted(command.expires_at_s, command.wall_jumps);
  if (result.expires()) bring_later(result.ttl(), [this] { refresh(); });
  client_->after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void Bidirectional::refreshed_reply(const Command& command, const client::RefreshResult& result) {
  channels_->count("tokens_renewed");
  if (!is_end_of(command, result.expires(), result.ttl())) return;
  expiry_.granted(command.expires_at_s, command.wall_jumps);
  if (result.expires()) bring_later(result.ttl(), [this] { refresh(); });
}

void Bidirectional::subscribed_reply(const Command& command, const client::SubscribeResult& result) {
  if (subscriptions_.find(command.channel) == nullptr)
    subscriptions_.begin(command.channel, command.wants_delta);
  subscriptions_.begun(command.channel, command.since, result);
  if (!is_end_of(command, result.expires(), result.ttl())) return;
  subscriptions_.granted(command.channel, command.expires_at_s, command.wall_jumps);
  if (result.expires())
    bring_later(result.ttl(), [this, channel = command.channel] { sub_refresh(channel); });
}

void Bidirectional::sub_refreshed_reply(const Command& command, const client::SubRefreshResult& result) {
  channels_->count("subscriptions_renewed");
  if (!is_end_of(command, result.expires(), result.ttl())) return;
  subscriptions_.granted(command.channel, command.expires_at_s, command.wall_jumps);
  if (result.expires())
    bring_later(result.ttl(), [this, channel = command.channel] { sub_refresh(channel); });
}

// From then on it is in the channel only if it has asked again.
void Bidirectional::unsubscribed_reply(const Command& command) {
  const Subscription* subscription = subscriptions_.find(command.channel);
  if (subscription != nullptr && subscription->live) subscriptions_.leave(command.channel);
}

// Everybody in it has asked for it, and this client is in it when it is subscribed.
void Bidirectional::presence_reply(const Command& command, const client::PresenceResult& result) {
  for (const auto& [client, member] : result.presence()) {
    if (!channels_->has_asked(client, command.channel))
      client_->fail(client + " present in " + command.channel + " without having asked");
  }
  const bool here = result.presence().contains(client_id_);
  const Subscription* subscription = subscriptions_.find(command.channel);
  if (here || gateway_->bounds_are_tight || subscription == nullptr) return;
  // It may have come or gone while the answer was under way.
  const bool passing = gateway_->find(command.channel)->passing;
  if (subscription->live && !subscription->leaving && !passing && subscription->moment < command.moment)
    client_->fail("not present in " + command.channel);
}

void Bidirectional::history_reply(const Command& command, const client::HistoryResult& result) {
  std::uint64_t before = 0;
  for (const client::Publication& publication : result.publications()) {
    if (!subscriptions_.read_publication(command.channel, result.epoch(), publication)) return;
    const std::uint64_t offset = publication.offset();
    if (before != 0 && offset != before + 1) client_->fail("history of " + command.channel + " with a hole");
    if (offset > result.offset()) client_->fail("history of " + command.channel + " beyond its top");
    before = offset;
  }
}

void Bidirectional::take_push(const client::Push& push) {
  if (push.has_refresh()) return expiry_.forget();  // by an application, and only the distance is told
  if (push.has_disconnect()) {
    told_code_ = static_cast<std::uint16_t>(push.disconnect().code());
  } else if (const auto position = subscriptions_.pushed(push)) {
    positions_[position->channel] = *position;
  }
}

// Also for a token that it brought too late.
void Bidirectional::judge_end(std::uint16_t code) {
  if (code == kGap) {
    channels_->count("closed_for_gaps");
    if (!subscriptions_.has_server_side()) client_->fail("closed for a gap where it could have asked again");
  }
  if (code == kSubscriptionExpired) {
    channels_->count("calls_over");
    if (!subscriptions_.may_be_over()) client_->fail("closed for a subscription that is not over");
  }
  if (code != kConnectionExpired) return;
  channels_->count("tokens_over");
  if (expiry_.may_be_over(gateway_->grace_s)) return;
  if (channels_->disturbances() > 0) return;
  const bool late = std::any_of(commands_.begin(), commands_.end(), [this](const auto& entry) {
    return entry.second.kind == Kind::refresh && may_be_over(entry.second);
  });
  if (!late) client_->fail("closed for a token that is not over");
}

}  // namespace holdfast::sim
