// subscribe, sub_refresh, unsubscribe; and the subscriptions a client has not asked for.
//
// A subscription exists here from the moment it is allowed, marked pending until its channel's home has
// answered. The home has then already begun to send what is published: position and recovered publications
// of the answer are of one moment, everything later comes after it.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/connecting.h"
#include "gateway/session.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;
using Purpose = SubscribeContext::Purpose;

namespace {

constexpr std::string_view kFossil = "fossil";

std::uint16_t flags_of(const SubscribeFeatures& features, bool server_side, const ChannelRules& rules) {
  std::uint16_t flags = Subscription::kPending;
  if (features.positioned) flags |= Subscription::kPositioned;
  if (features.recoverable) flags |= Subscription::kRecoverable;
  if (features.join_leave) flags |= Subscription::kJoinLeave;
  if (server_side) flags |= Subscription::kServerSide;
  if (rules.presence) flags |= Subscription::kPresent;
  if (rules.join_leave) flags |= Subscription::kAnnounced;
  return flags;
}

}  // namespace

ChannelRules with_overrides(const ChannelRules& rules, const auth::ChannelOverride& overrides) {
  ChannelRules changed = rules;
  changed.presence = overrides.presence.value_or(rules.presence);
  changed.join_leave = overrides.join_leave.value_or(rules.join_leave);
  changed.force_recovery = overrides.force_recovery.value_or(rules.force_recovery);
  changed.force_positioning = overrides.force_positioning.value_or(rules.force_positioning);
  changed.force_push_join_leave = overrides.force_push_join_leave.value_or(rules.force_push_join_leave);
  if (overrides.force_recovery.value_or(false) && changed.recovery == RecoveryMode::off) {
    changed.recovery = RecoveryMode::stream;
  }
  return changed;
}

// The checks that need nothing but the name and what the client has.
bool Sessions::may_begin(Index index, std::uint32_t id, ChannelName& name, Grant& grant) {
  const Decision decision = shard_.settings().resolve(grant.channel, name, grant.rules);
  if (decision == Decision::empty_name || decision == Decision::bad_name) {
    return allowed(index, id, decision);
  }
  grant.standing = subscribers_.look_up(clients_[index].subscriptions, grant.channel);
  Failure failure;
  if (grant.standing.subscription != kNoIndex) {
    failure = ErrorCode::already_subscribed;
  } else if (grant.standing.count >= shard_.settings().client.max_channels) {
    failure = ErrorCode::limit_exceeded;
  } else if (decision != Decision::allowed) {
    failure = error_for(decision);
  }
  if (failure) error(index, id, *failure);
  return !failure;
}

// False when the client has been told what is wrong with its token.
bool Sessions::read_subscription_token(Index index, std::uint32_t id, std::string_view token,
                                       std::string_view channel) {
  shard_.counters().tokens_verified.add();
  const auth::Verdict verdict = verifier_.verify(token, *shard_.snapshot.keys, shard_.unix_time_s(),
                                                 shard_.snapshot.expectations, subscription_claims_);
  const auth::SubscriptionClaims& claims = subscription_claims_;
  if (!verdict.ok()) {
    shard_.counters().tokens_refused.add();
    const bool expired = verdict.outcome == auth::Outcome::expired;
    error(index, id, expired ? ErrorCode::token_expired : ErrorCode::permission_denied);
    return false;
  }
  const ClientId::Text text = clients_.id(index).text();
  const bool same_client =
      claims.client.empty() || claims.client == std::string_view(text.data(), text.size());
  if (claims.channel != channel || claims.user != clients_.user(index) || !same_client) {
    disconnect(index, DisconnectCode::invalid_token);
    return false;
  }
  if (claims.ends_at_s() != 0 && claims.ends_at_s() <= shard_.unix_time_s()) {
    error(index, id, ErrorCode::expired);
    return false;
  }
  return true;
}

void Sessions::subscribe(Index index, std::uint32_t id, const protocol::SubscribeRequest& request) {
  ChannelName name;
  Grant grant;
  grant.channel = request.channel;
  if (!may_begin(index, id, name, grant)) return;
  const bool has_token = !request.token.empty();
  if (has_token && !read_subscription_token(index, id, request.token, request.channel)) return;
  const auto token = has_token ? SubscribeToken::accepted : SubscribeToken::absent;
  if (!allowed(index, id, may_subscribe(name, rules(grant.rules), clients_.user(index), token))) return;
  if (!request.delta.empty() && request.delta != kFossil) {
    return disconnect(index, DisconnectCode::bad_request);
  }
  if (request.has_tags_filter) return error(index, id, ErrorCode::bad_request);
  if (request.type != 0) return error(index, id, ErrorCode::not_available);

  ChannelRules changed = rules(grant.rules);
  SubscribeContext context;
  if (has_token) {
    const auth::SubscriptionClaims& claims = subscription_claims_;
    changed = with_overrides(changed, claims.overrides);
    grant.expires_at_s = claims.ends_at_s();
    if (claims.info.is_json) grant.chan_info = claims.info.bytes;
    if (claims.data.is_json || clients_[index].encoding() == Encoding::protobuf)
      context.data = claims.data.bytes;
  }
  grant.in_effect = &changed;
  grant.features = granted_features(name, changed, clients_.user(index),
                                    {request.recoverable, request.positioned, request.join_leave});
  grant.delta = changed.delta && request.delta == kFossil;
  // Protobuf clients in JavaScript lose pushes that carry a number.
  const bool json = clients_[index].encoding() == Encoding::json;
  grant.numeric_id = json && (request.flag & protocol::kFlagChannelCompaction) != 0;
  grant.recover = request.recover && grant.features.recoverable;
  grant.since = {request.offset, Epoch::from_client(request.epoch)};
  context.asker = asker(index, id);
  context.recovering = grant.recover;
  context.since_offset = request.offset;
  context.reject_unrecovered = (request.flag & protocol::kFlagRejectUnrecovered) != 0;
  const Failure failure = request_subscription(index, grant, std::move(context));
  if (failure) error(index, id, *failure);
}

Failure Sessions::grant_server_side(Index index, const ServerSide& wanted, SubscribeContext&& context) {
  ChannelName name;
  Grant grant;
  grant.channel = wanted.channel;
  const Decision decision = shard_.settings().resolve(wanted.channel, name, grant.rules);
  if (decision != Decision::allowed) return error_for(decision);
  grant.standing = subscribers_.look_up(clients_[index].subscriptions, wanted.channel);
  const ChannelRules changed = with_overrides(rules(grant.rules), wanted.overrides);
  grant.in_effect = &changed;
  grant.features = granted_features(name, changed, clients_.user(index), wanted.asked);
  grant.server_side = true;
  grant.recover = wanted.recover && grant.features.recoverable;
  grant.since = wanted.since;
  grant.expires_at_s = wanted.expires_at_s;
  grant.chan_info = wanted.chan_info;
  context.recovering = grant.recover;
  return request_subscription(index, grant, std::move(context));
}

bool Sessions::subscribe_server_side(Index index, const ServerSide& wanted) {
  SubscribeContext context;
  context.asker = asker(index, 0);
  context.purpose = Purpose::operation;
  context.recovering = wanted.recover;
  context.since_offset = wanted.since.offset;
  context.data = wanted.data;
  return !grant_server_side(index, wanted, std::move(context));
}

Failure Sessions::request_subscription(Index index, const Grant& grant, SubscribeContext&& context) {
  const std::uint32_t home = shard_.home_of(grant.channel);
  if (shard_.post.busy(home)) return ErrorCode::too_many_requests;
  Client& client = clients_[index];
  const Subscribed subscribed =
      subscribers_.subscribe(index, client.subscriptions, grant.channel, grant.standing,
                             shard_.settings().client.max_channels, grant.rules);
  switch (subscribed.outcome) {
    case Subscribed::Outcome::already:
      return ErrorCode::already_subscribed;
    case Subscribed::Outcome::client_full:
      return ErrorCode::limit_exceeded;
    case Subscribed::Outcome::too_many_on_shard:
      return ErrorCode::internal;
    case Subscribed::Outcome::added:
      break;
  }
  Subscription& subscription = subscribers_[subscribed.subscription];
  subscription.flags = flags_of(grant.features, grant.server_side, *grant.in_effect);
  if (client.encoding() == Encoding::protobuf) subscription.variant |= Variant::kProtobuf;
  if (grant.delta) subscription.variant |= Variant::kDelta;
  if (grant.numeric_id) subscription.variant |= Variant::kNumericId;
  set_subscription_expiry(client, subscription, grant.expires_at_s);
  if (!grant.chan_info.empty()) {
    subscription.flags |= Subscription::kInfo;
    shard_.chan_infos[subscribed.subscription] = grant.chan_info;
  }
  context.ticket = next_ticket_++;
  subscription.position = context.ticket;  // until it is answered

  SubscribeLetter letter;
  letter.context = std::move(context);
  letter.channel = grant.channel;
  const HistorySettings& history = shard_.settings().history;
  letter.request.shard = shard_.number;
  letter.request.stream = grant.features.positioned;
  letter.request.recover = grant.recover;
  letter.request.since = grant.since;
  letter.request.mode = grant.in_effect->recovery;
  letter.request.limit = history.max_publications;
  letter.request.bytes_limit = history.max_answer_bytes;
  letter.present = (subscription.flags & Subscription::kPresent) != 0;
  letter.announced = (subscription.flags & Subscription::kAnnounced) != 0;
  letter.id = clients_.id(index);
  if (letter.present || letter.announced) letter.member = own_member(index, subscribed.subscription);
  shard_.send(home, std::move(letter));
  return {};
}

bool Sessions::waits_for(Index subscription, const SubscribeContext& context) {
  if (subscription == kNoIndex) return false;
  constexpr std::uint16_t kWaiting = Subscription::kPending | Subscription::kHeld;
  return (subscribers_[subscription].flags & kWaiting) == Subscription::kPending &&
         subscribers_[subscription].position == context.ticket;
}

void Sessions::take(SubscribeAnswerLetter&& letter) {
  const SubscribeContext& context = letter.context;
  const Index index = clients_.find(context.asker.client);
  if (index == kNoIndex) return;  // what it held has been undone
  const Index subscription = subscribers_.find(clients_[index].subscriptions, letter.channel);
  const bool waits = waits_for(subscription, context);
  if (!waits || !letter.result.accepted) {
    if (waits) end_subscription(index, subscription);
    if (context.purpose == Purpose::command) error(index, context.asker.command_id, ErrorCode::internal);
    if (context.purpose == Purpose::connect && connecting_.contains(index)) {
      connecting_.at(index)->failed |= waits;
      part_done(index);
    }
    return shard_.send_replies_soon();
  }
  if (context.reject_unrecovered && context.recovering && !letter.result.recovered) {
    end_subscription(index, subscription);
    error(index, context.asker.command_id, ErrorCode::unrecoverable_position);
    return shard_.send_replies_soon();
  }
  settle_position(subscription, letter);
  if (context.purpose == Purpose::connect) {
    subscribers_[subscription].flags |= Subscription::kHeld;
    connecting_.at(index)->parts.at(context.part).answer = std::move(letter);
    return part_done(index);
  }
  answer_subscribe(index, subscription, letter);
}

// Those positioned in another stream than the home has now are ended: theirs is gone.
void Sessions::settle_position(Index subscription, const SubscribeAnswerLetter& letter) {
  const Position& position = letter.result.position;
  subscribers_[subscription].position = position.offset;
  if (position.epoch.empty()) return;
  LocalChannel& channel = subscribers_.channel_of(subscription);
  if (channel.epoch.empty()) {
    channel.epoch = position.epoch;
  } else if (channel.epoch != position.epoch) {
    fan_out_.change_epoch(subscribers_[subscription].channel, position.epoch);
  }
}

protocol::SubscribeResult Sessions::subscribe_result(const Subscription& subscription,
                                                     const SubscribeAnswerLetter& letter) const {
  const auto is = [&subscription](std::uint16_t flag) { return (subscription.flags & flag) != 0; };
  protocol::SubscribeResult result;
  result.expires = is(Subscription::kExpires);
  if (result.expires) result.ttl_s = ttl_s(subscription.expires_s);
  result.recoverable = is(Subscription::kRecoverable);
  result.positioned = is(Subscription::kPositioned);
  result.epoch = letter.result.position.epoch.text();
  result.offset = letter.result.position.offset;
  result.was_recovering = letter.context.recovering;
  result.recovered = letter.result.recovered;
  // The client counts on from where it stood, publication by publication.
  if (!letter.recovered.empty()) result.offset = letter.context.since_offset;
  result.data = letter.context.data;
  result.delta = (subscription.variant & Variant::kDelta) != 0;
  if ((subscription.variant & Variant::kNumericId) != 0) {
    result.id = static_cast<std::int64_t>(subscribers_.channel(subscription.channel).numeric_id);
  }
  return result;
}

void Sessions::answer_subscribe(Index index, Index at, const SubscribeAnswerLetter& letter) {
  Subscription& subscription = subscribers_[at];
  const bool data_as_text = (subscription.variant & Variant::kDelta) != 0;
  if (!views_.fill(letter.recovered, clients_[index].encoding(), data_as_text)) {
    return disconnect(index, DisconnectCode::inappropriate_protocol);
  }
  subscription.flags &= static_cast<std::uint16_t>(~Subscription::kPending);
  protocol::SubscribeResult result = subscribe_result(subscription, letter);
  result.publications = views_.views();
  if (letter.context.purpose == Purpose::command) {
    outgoing_.reply(index, letter.context.asker.command_id, result);
  } else {
    const protocol::Subscribe push{result.recoverable, result.positioned, result.epoch,
                                   letter.result.position.offset, result.data};
    outgoing_.push(index, {letter.channel, 0}, push);
    for (const protocol::Publication& view : views_.views()) outgoing_.push(index, {letter.channel, 0}, view);
  }
  if ((subscription.flags & Subscription::kExpires) != 0) schedule(index);
  shard_.send_replies_soon();
}

void Sessions::hold(Index index, std::string_view channel, const PublicationReference& publication) {
  const auto found = connecting_.find(index);
  if (found == connecting_.end()) return;
  for (Part& part : found->second->parts) {
    if (part.channel != channel) continue;
    if (part.later.size() == Connecting::kLaterMaximum) {
      shard_.counters().gaps.add();
      return disconnect(index, DisconnectCode::insufficient_state);
    }
    part.later.push_back(publication);
    return;
  }
}

void Sessions::sub_refresh(Index index, std::uint32_t id, const protocol::SubRefreshRequest& request) {
  if (request.channel.empty()) return disconnect(index, DisconnectCode::bad_request);
  if (request.type != 0) return error(index, id, ErrorCode::not_available);
  const Index at = subscribers_.find(clients_[index].subscriptions, request.channel);
  if (at == kNoIndex) return error(index, id, ErrorCode::permission_denied);
  if (request.token.empty()) return error(index, id, ErrorCode::bad_request);
  if (!read_subscription_token(index, id, request.token, request.channel)) return;
  const std::int64_t ends_at_s = subscription_claims_.ends_at_s();
  set_subscription_expiry(clients_[index], subscribers_[at], ends_at_s);
  protocol::SubRefreshResult result;
  result.expires = ends_at_s != 0;
  if (result.expires) result.ttl_s = ttl_s(ends_at_s);
  schedule(index);
  outgoing_.reply(index, id, result);
}

void Sessions::unsubscribe_command(Index index, std::uint32_t id, std::string_view channel) {
  if (channel.empty()) return disconnect(index, DisconnectCode::bad_request);
  const Index subscription = subscribers_.find(clients_[index].subscriptions, channel);
  if (subscription != kNoIndex) end_subscription(index, subscription);
  outgoing_.reply(index, id, protocol::UnsubscribeResult{});
}

}  // namespace holdfast::gateway
