// Unidirectional: its request, and what comes of it.
#include "unidirectional.h"

namespace holdfast::sim {

// Nobody can bring another token on such a connection, so there is no grace.
Unidirectional::Unidirectional(ring::SimulatedWorld* world, Client* client, ChannelAudit* channels,
                               const GatewayPlan* gateway, bool protobuf)
    : client_(client),
      channels_(channels),
      gateway_(gateway),
      codec_(protobuf),
      subscriptions_(world, channels, gateway, &codec_,
                     [client](const std::string& what) { client->fail(what); }),
      expiry_(world, 0) {}

std::string Unidirectional::connect_request() {
  base::Random& random = client_->random();
  client::ConnectRequest request;
  const std::uint64_t who = random.below(gateway_->users.size() + 1);
  if (who < gateway_->users.size()) {
    user_ = gateway_->users[who];
    const bool expires = gateway_->tokens_expire && random.below(2) == 0;
    if (expires) expires_at_s_ = expiry_.now_s() + 5 + static_cast<std::int64_t>(random.below(300));
    request.set_token(gateway_->token(user_, expires_at_s_));
    expiry_.granted(expires_at_s_);
  }
  for (std::uint64_t count = random.below(4); count > 0; --count) {
    std::optional<LeftOff> since;
    if (random.below(2) == 0) since = channels_->take_left_off(random.next());
    const GatewayPlan::Channel& channel =
        since ? *gateway_->find(since->channel) : gateway_->channels[random.below(gateway_->channels.size())];
    if (asked_.contains(channel.name)) continue;
    client::SubscribeRequest& sub = (*request.mutable_subs())[channel.name];
    sub.set_positioned(channel.history && random.below(2) != 0);
    sub.set_join_leave(random.below(3) == 0);
    if (since) {
      sub.set_recover(true);
      sub.set_epoch(since->epoch);
      sub.set_offset(since->offset);
    }
    asked_[channel.name] = since;
    channels_->ask_without_a_name(channel.name);
  }
  return codec_.connect_request(request);
}

void Unidirectional::take(std::string_view frame, std::size_t messages_maximum) {
  if (!codec_.read(frame, true, messages_) || messages_.empty() || messages_.size() > messages_maximum)
    return client_->fail("no frame of pushes: " + std::string(frame.substr(0, 80)));
  for (const client::ServerReply& message : messages_) {
    const client::Push& push = message.push();
    if (told_code_ != 0) return client_->fail("a message behind the disconnect");
    if (is_ping(message)) {
      if (!connected_ || !pings_) client_->fail("a ping where there is none");
    } else if (push.has_disconnect()) {
      told_code_ = static_cast<std::uint16_t>(push.disconnect().code());
    } else if (push.has_connect()) {
      connected_push(push.connect());
    } else if (!connected_) {
      client_->fail("a push before connect");
    } else if (push.has_refresh()) {
      expiry_.forget();  // by an application, and only the distance is told
    } else {
      static_cast<void>(subscriptions_.pushed(push));
    }
  }
}

// What it is not in, it may not be in.
void Unidirectional::connected_push(const client::Connected& connect) {
  if (connected_) return client_->fail("connected twice");
  if (connect.client().size() != 36) return client_->fail("client id " + connect.client());
  if (connect.expires() != (expires_at_s_ != 0)) return client_->fail("an expiry that is not its token's");
  if (connect.pong()) return client_->fail("it is asked for pongs");
  connected_ = true;
  channels_->connected(connect.client(), user_);
  subscriptions_.connected(user_);
  for (const auto& [channel, since] : asked_) {
    channels_->asked_to_subscribe(connect.client(), channel);
    const auto found = connect.subs().find(channel);
    const GatewayPlan::Channel& known = *gateway_->find(channel);
    if (found == connect.subs().end()) {
      const bool excused = !known.open || known.passing || gateway_->may_refuse();
      if (!excused) client_->fail("not in " + channel + ", which it asked for");
      continue;
    }
    if (!known.open) client_->fail("in " + channel + ", which is not open");
    subscriptions_.begin(channel, false);
    subscriptions_.begun(channel, since, found->second);
    subscriptions_.find(channel)->server_side = true;
  }
  for (const auto& [channel, result] : connect.subs()) {
    if (!asked_.contains(channel)) client_->fail("in " + channel + ", which it did not ask for");
  }
  client_->after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void Unidirectional::look_at_expiry() {
  if (!client_->may_act()) return;
  if (client_->plan().healthy()) {
    if (expiry_.overdue()) return client_->fail("its token is over, and it is still connected");
    if (const auto over = subscriptions_.overdue())
      return client_->fail("its subscription to " + *over + " is over, and it is still connected");
  }
  client_->after(Expiry::kLookNs, [this] { look_at_expiry(); });
}

void Unidirectional::judge_end(std::uint16_t code) {
  if (code == kConnectionExpired) {
    channels_->count("tokens_over");
    if (!expiry_.may_be_over(0) && channels_->disturbances() == 0)
      client_->fail("closed for a token that is not over");
  }
  if (code == kSubscriptionExpired) {
    channels_->count("calls_over");
    if (!subscriptions_.may_be_over()) client_->fail("closed for a subscription that is not over");
  }
  if (code == kGap) channels_->count("closed_for_gaps");
  if (code == kNoPong) client_->fail("closed for a pong nobody owes");
}

}  // namespace holdfast::sim
