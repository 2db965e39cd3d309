// connect and refresh: who a client is, and what it is given without asking.
//
// The reply to connect holds the server-side subscriptions, so it waits for the homes of their channels;
// everything the client sent behind connect waits with it.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/connecting.h"
#include "gateway/session.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

// Unidirectional clients have no replies: they are closed with what stands for the error.
void Sessions::refuse_connect(Index index, std::uint32_t id, ErrorCode code) {
  shard_.counters().connect_failures.add();
  if (clients_[index].transport().unidirectional) return disconnect(index, disconnect_for(code));
  error(index, id, code);
  end_all_subscriptions(index);
  clients_[index].state = Client::State::refused;
}

void Sessions::connect(Index index, std::uint32_t id, const protocol::ConnectRequest& request) {
  connection_claims_ = {};
  if (!identify(index, id, request.token)) return;
  Client& client = clients_[index];
  client.state = Client::State::connecting;
  Connecting& connecting = *(connecting_[index] = std::make_unique<Connecting>(held_bytes_));
  connecting.command_id = id;
  connecting.awaited = 1;
  count_user(index, connecting);
  if (client.state != Client::State::connecting) return;
  if (!begin_server_side(index, request)) return;
  part_done(index);
}

// False when the client has been told that it is not let in.
bool Sessions::identify(Index index, std::uint32_t id, std::string_view token) {
  if (token.empty()) {
    if (shard_.settings().client.allow_anonymous) return true;
    shard_.counters().connect_failures.add();
    disconnect(index, DisconnectCode::bad_request);
    return false;
  }
  shard_.counters().tokens_verified.add();
  const auth::Verdict verdict = verifier_.verify(token, *shard_.snapshot.keys, shard_.unix_time_s(),
                                                 shard_.snapshot.expectations, connection_claims_);
  if (!verdict.ok()) shard_.counters().tokens_refused.add();
  if (verdict.outcome == auth::Outcome::expired) {
    refuse_connect(index, id, ErrorCode::token_expired);
    return false;
  }
  const auth::ConnectionClaims& claims = connection_claims_;
  if (!verdict.ok() || claims.user.size() > Users::kNameBytesMaximum) {
    shard_.counters().connect_failures.add();
    disconnect(index, DisconnectCode::invalid_token);
    return false;
  }
  if (claims.ends_at_s() != 0 && claims.ends_at_s() <= shard_.unix_time_s()) {
    refuse_connect(index, id, ErrorCode::expired);
    return false;
  }
  clients_.set_user(index, claims.user);
  if (claims.info.is_json) clients_.set_conn_info(index, claims.info.bytes);
  set_expiry(index, claims.ends_at_s());
  return true;
}

void Sessions::count_user(Index index, Connecting& connecting) {
  const std::uint32_t maximum = shard_.settings().client.max_connections_per_user;
  const std::string_view user = clients_.user(index);
  if (maximum == 0 || user.empty()) return;
  ++connecting.awaited;
  const std::uint64_t hash = base::siphash(shard_.shared.names_key, user);
  shard_.send(shard_.home_of(user), CountUserLetter{shard_.number, hash, maximum, clients_.reference(index)});
}

void Sessions::take(CountUserAnswerLetter&& letter) {
  const Index index = clients_.find(letter.client);
  if (index == kNoIndex || clients_[index].state != Client::State::connecting) {
    if (letter.allowed) shard_.send(letter.home, CountUserLetter{shard_.number, letter.user_hash, 0, {}});
    return;
  }
  if (!letter.allowed) {
    shard_.counters().connect_failures.add();
    return disconnect(index, DisconnectCode::connection_limit);
  }
  clients_[index].flags |= Client::kCountedUser;
  part_done(index);
}

// What the token says, the personal channel, and what a unidirectional client asks for and may have. False
// when the client has been refused.
bool Sessions::begin_server_side(Index index, const protocol::ConnectRequest& request) {
  const auto part = [&](ServerSide wanted, bool required) {
    const auto asked = std::find_if(request.subs.begin(), request.subs.end(),
                                    [&](const auto& sub) { return sub.channel == wanted.channel; });
    if (asked != request.subs.end() && asked->recover) {
      wanted.recover = true;
      wanted.since = {asked->offset, Epoch::from_client(asked->epoch)};
    }
    return begin_part(index, wanted, required);
  };
  for (const auth::ServerSubscription& sub : connection_claims_.subscriptions) {
    const bool json_only = clients_[index].encoding() == Encoding::json;
    ServerSide wanted{sub.channel, sub.info.is_json ? sub.info.bytes : std::string_view(),
                      sub.data.is_json || !json_only ? sub.data.bytes : std::string_view(), sub.overrides};
    if (!part(wanted, true)) return false;
  }
  for (const std::string_view channel : connection_claims_.channels) {
    if (!part({channel}, true)) return false;
  }
  const std::string personal = shard_.settings().personal_channel_of(clients_.user(index));
  if (!personal.empty() && !part({personal}, true)) return false;
  if (!clients_[index].transport().unidirectional) return true;
  for (const protocol::SubscribeRequest& sub : request.subs) {
    ChannelName name;
    std::uint32_t place = 0;
    const Settings& settings = shard_.settings();
    if (settings.resolve(sub.channel, name, place) != Decision::allowed) continue;
    if (may_subscribe(name, rules(place), clients_.user(index), SubscribeToken::absent) !=
        Decision::allowed) {
      continue;
    }
    ServerSide wanted{sub.channel};
    wanted.asked = {sub.recoverable || sub.recover, sub.positioned, sub.join_leave};
    if (!part(wanted, false)) return false;
  }
  return true;
}

bool Sessions::begin_part(Index index, const ServerSide& wanted, bool required) {
  Connecting& connecting = *connecting_.at(index);
  const auto same = [&](const Part& part) { return part.channel == wanted.channel; };
  if (std::any_of(connecting.parts.begin(), connecting.parts.end(), same)) return true;
  SubscribeContext context;
  context.asker = asker(index, connecting.command_id);
  context.purpose = SubscribeContext::Purpose::connect;
  context.part = static_cast<std::uint32_t>(connecting.parts.size());
  context.recovering = wanted.recover;
  context.since_offset = wanted.since.offset;
  context.data = wanted.data;
  connecting.parts.emplace_back().channel = wanted.channel;
  ++connecting.awaited;
  const Failure failure = grant_server_side(index, wanted, std::move(context));
  if (!failure) return clients_[index].state == Client::State::connecting;
  --connecting.awaited;
  connecting.parts.pop_back();
  if (!required) return true;
  const std::uint32_t id = connecting.command_id;
  connecting_.erase(index);
  if (*failure == ErrorCode::limit_exceeded) {
    shard_.counters().connect_failures.add();
    disconnect(index, DisconnectCode::channel_limit);
  } else {
    refuse_connect(index, id, *failure);
  }
  return false;
}

void Sessions::part_done(Index index) {
  const auto found = connecting_.find(index);
  CHECK(found != connecting_.end() && found->second->awaited > 0);
  if (--found->second->awaited > 0) return;
  std::unique_ptr<Connecting> connecting = std::move(found->second);
  connecting_.erase(found);
  finish_connect(index, std::move(connecting));
}

void Sessions::finish_connect(Index index, std::unique_ptr<Connecting> connecting) {
  if (connecting->failed) return refuse_connect(index, connecting->command_id, ErrorCode::internal);
  for (Part& part : connecting->parts) {
    if (!fill_part(index, part)) return disconnect(index, DisconnectCode::inappropriate_protocol);
  }
  write_connect(index, *connecting);
  Client& client = clients_[index];
  client.state = Client::State::connected;
  shard_.counters().connects.add();
  ++connected_;
  release_held(index, *connecting);
  if (client.state != Client::State::connected) return;
  clients_[index].pinged_at = shard_.now();
  schedule(index);
  shard_.send_replies_soon();
  if (!connecting->held_input.empty()) commands(index, client.encoding(), connecting->held_input);
}

// False when something in it cannot be told to a JSON client.
bool Sessions::fill_part(Index index, Part& part) {
  const Index subscription = subscribers_.find(clients_[index].subscriptions, part.channel);
  if (subscription == kNoIndex) part.answer.reset();  // ended meanwhile
  if (!part.answer) return true;
  if (!part.views.fill(part.answer->recovered, clients_[index].encoding(), false)) return false;
  part.result = subscribe_result(subscribers_[subscription], *part.answer);
  part.result.publications = part.views.views();
  return true;
}

void Sessions::write_connect(Index index, const Connecting& connecting) {
  Client& client = clients_[index];
  const Transport transport = client.transport();
  const ClientId::Text id = clients_.id(index).text();
  protocol::ConnectResult result;
  result.client = {id.data(), id.size()};
  result.version = kVersion;
  const ClientSettings& settings = shard_.settings().client;
  if (settings.ping_interval.count() > 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(settings.ping_interval).count();
    client.ping_interval_s = static_cast<std::uint16_t>(std::min<std::int64_t>(seconds, 0xffff));
  }
  if (client.ping_interval_s != 0 && !transport.frame_pings) {
    const bool asks_pong = !transport.unidirectional && settings.pong_timeout.count() > 0;
    if (asks_pong) client.flags |= Client::kAsksPong;
    result.ping_s = client.ping_interval_s;
    result.pong = asks_pong;
  }
  result.expires = client.expires_s != 0;
  if (result.expires) result.ttl_s = ttl_s(client.expires_s);
  std::vector<protocol::MapEntry<protocol::SubscribeResult>> subs;
  for (const Part& part : connecting.parts) {
    if (part.answer) subs.push_back({part.channel, part.result});
  }
  result.subs = subs;
  const bool named = transport.unidirectional || transport.framing != Framing::websocket;
  const std::string session = named ? session_of(clients_.reference(index)) : std::string();
  const std::string node = named ? std::to_string(shard_.number) : std::string();
  result.session = session;
  result.node = node;
  if (transport.unidirectional) {
    outgoing_.push(index, {}, protocol::Connect{result});
  } else {
    outgoing_.reply(index, connecting.command_id, result);
  }
}

// From here on its server-side subscriptions are like any other.
void Sessions::release_held(Index index, const Connecting& connecting) {
  for (const Part& part : connecting.parts) {
    const Index subscription = subscribers_.find(clients_[index].subscriptions, part.channel);
    if (subscription == kNoIndex || !part.answer) continue;
    subscribers_[subscription].flags &=
        static_cast<std::uint16_t>(~(Subscription::kPending | Subscription::kHeld));
    if (!views_.fill(part.later, clients_[index].encoding(), false)) {
      return disconnect(index, DisconnectCode::inappropriate_protocol);
    }
    for (const protocol::Publication& view : views_.views()) {
      outgoing_.push(index, {part.channel, 0}, view);
    }
  }
}

void Sessions::refresh(Index index, std::uint32_t id, std::string_view token) {
  if (token.empty()) return error(index, id, ErrorCode::bad_request);
  shard_.counters().tokens_verified.add();
  const auth::Verdict verdict = verifier_.verify(token, *shard_.snapshot.keys, shard_.unix_time_s(),
                                                 shard_.snapshot.expectations, connection_claims_);
  if (!verdict.ok()) shard_.counters().tokens_refused.add();
  if (verdict.outcome == auth::Outcome::expired) return disconnect(index, DisconnectCode::connection_expired);
  if (!verdict.ok() || connection_claims_.user != clients_.user(index)) {
    return disconnect(index, DisconnectCode::invalid_token);
  }
  const std::int64_t ends_at_s = connection_claims_.ends_at_s();
  if (ends_at_s != 0 && ends_at_s <= shard_.unix_time_s()) {
    return disconnect(index, DisconnectCode::connection_expired);
  }
  set_expiry(index, ends_at_s);
  clients_.set_conn_info(
      index, connection_claims_.info.is_json ? connection_claims_.info.bytes : std::string_view());
  const ClientId::Text text = clients_.id(index).text();
  protocol::RefreshResult result;
  result.client = {text.data(), text.size()};
  result.version = kVersion;
  result.expires = ends_at_s != 0;
  if (result.expires) result.ttl_s = ttl_s(ends_at_s);
  outgoing_.reply(index, id, result);
}

bool Sessions::refresh_by_server(Index index, bool expired, std::int64_t expires_at_s) {
  if (expired || (expires_at_s != 0 && expires_at_s <= shard_.unix_time_s())) {
    disconnect(index, DisconnectCode::connection_expired);
    return false;
  }
  set_expiry(index, expires_at_s);
  protocol::Refresh push{expires_at_s != 0, 0};
  if (push.expires) push.ttl_s = ttl_s(expires_at_s);
  outgoing_.push(index, {}, push);
  return true;
}

}  // namespace holdfast::gateway
