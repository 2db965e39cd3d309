// Subscriptions: beginnings, publications, ends.
#include "subscriptions.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "fossil_decoder.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kServerUnsubscribe = 2000, kInsufficientState = 2500, kExpired = 2501;

}  // namespace

const GatewayPlan::Channel* GatewayPlan::find(std::string_view name) const {
  const auto found = std::find_if(channels.begin(), channels.end(),
                                  [name](const auto& known) { return known.name == name; });
  return found == channels.end() ? nullptr : &*found;
}

void Subscriptions::connected(std::string user) {
  user_ = std::move(user);
  connected_at_ = channels_->moment();
}

Subscription* Subscriptions::find(std::string_view channel) {
  const auto found = all_.find(channel);
  return found == all_.end() ? nullptr : &found->second;
}

std::string Subscriptions::any(base::Random& random) const {
  if (all_.empty()) return {};
  auto chosen = all_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(all_.size())));
  return chosen->second.live && !chosen->second.leaving ? chosen->first : std::string();
}

void Subscriptions::erase(std::string_view channel) {
  ends_[std::string(channel)] = channels_->tick();
  all_.erase(std::string(channel));
}

bool Subscriptions::refused(const std::string& channel) {
  const Subscription* subscription = find(channel);
  if (subscription == nullptr || subscription->live) return false;
  erase(channel);
  return true;
}

// For others to come back to.
void Subscriptions::leave(const std::string& channel) {
  const Subscription* subscription = find(channel);
  if (subscription == nullptr) return;
  if (subscription->live && subscription->positioned)
    channels_->left_off({channel, subscription->epoch, subscription->offset});
  erase(channel);
}

void Subscriptions::leave_all() {
  while (!all_.empty()) leave(std::string(all_.begin()->first));
}

void Subscriptions::begun(const std::string& channel, const std::optional<LeftOff>& since,
                          const client::SubscribeResult& result) {
  Subscription* found = find(channel);
  if (found == nullptr || found->live) return fail_("subscribed to what it did not ask for");
  Subscription& subscription = *found;
  const GatewayPlan::Channel& known = *gateway_->find(channel);
  subscription.live = true;
  subscription.positioned = result.positioned();
  subscription.delta = result.delta();
  subscription.epoch = result.epoch();
  subscription.offset = result.offset();
  subscription.moment = channels_->moment();
  if (subscription.delta != (subscription.wants_delta && known.delta)) fail_("deltas against the rules");
  if (result.recovered() && !since) fail_("recovered what it did not ask for");
  const bool stream = !known.cache;
  if (result.publications_size() == 0) {
    if (result.recovered() && stream && since && since->offset != subscription.offset)
      fail_("nothing recovered in " + channel);
    return;
  }
  if (!result.recovered()) fail_("publications without recovery in " + channel);
  if (stream && since) subscription.offset = since->offset;
  recovered(subscription, channel, stream, result);
}

void Subscriptions::granted(const std::string& channel, std::int64_t expires_at_s, std::uint64_t wall_jumps) {
  Subscription* subscription = find(channel);
  if (subscription == nullptr || !subscription->live) {
    renewed_unseen_.insert(channel);
    return;
  }
  if (!subscription->expiry) subscription->expiry.emplace(world_, gateway_->grace_s);
  subscription->expiry->granted(expires_at_s, wall_jumps);
}

void Subscriptions::begun_by_server(const std::string& channel, const client::Subscribed& event) {
  const SubscribeCall* call = channels_->find_call(event.data());
  if (call == nullptr || call->user != user_ || call->channel != channel)
    return fail_("subscribed to " + channel + " for " + event.data());
  Subscription& subscription = all_[channel];
  if (subscription.live) return fail_("subscribed to " + channel + " once more");
  subscription = {};  // and what it asked for itself will be refused
  subscription.live = subscription.server_side = true;
  subscription.positioned = event.positioned();
  subscription.epoch = event.epoch();
  subscription.offset = event.offset();
  subscription.moment = channels_->moment();
  if (event.recoverable()) subscription.recovers = call->since;
  granted(channel, call->expires_at_s, world_->wall_jumps());
  if (renewed_unseen_.erase(channel) > 0) subscription.expiry->forget();
  channels_->count("calls_heeded");
}

void Subscriptions::recovered(Subscription& subscription, const std::string& channel, bool stream,
                              const client::SubscribeResult& result) {
  for (const client::Publication& publication : result.publications()) {
    if (publication.delta()) fail_("a delta among what is recovered");
    const auto content = content_of(subscription, publication);
    if (!content || !recognise(channel, subscription.epoch, *content, publication)) return;
    if (stream && publication.offset() != subscription.offset + 1) {
      fail_("recovered offset " + std::to_string(publication.offset()) + " of " + channel + " after " +
            std::to_string(subscription.offset));
    }
    subscription.offset = publication.offset();
    channels_->count("recovered");
  }
}

// Where deltas were agreed on, JSON carries content as a string; and a delta is against what came before it.
std::optional<std::string> Subscriptions::content_of(Subscription& subscription,
                                                     const client::Publication& publication) {
  std::string content = publication.data();
  if (subscription.delta && !codec_->protobuf() && !codec_->unquote(publication.data(), content)) {
    fail_("a publication that is no string where deltas were agreed on");
    return std::nullopt;
  }
  if (publication.delta()) {
    const auto made = apply_delta(subscription.base, content);
    if (!subscription.delta || !made) {
      fail_("a delta nobody wanted, or against something else");
      return std::nullopt;
    }
    channels_->count("deltas_applied");
    content = *made;
  }
  if (subscription.delta) subscription.base = content;
  return content;
}

std::optional<PublicationKey> Subscriptions::recognise(std::string_view channel, std::string_view epoch,
                                                       const std::string& content,
                                                       const client::Publication& publication) {
  const auto key = channels_->recognise(content, channel);
  if (!key) return key;
  const std::uint64_t offset = publication.offset();
  if (offset != 0 && !epoch.empty()) channels_->numbered(*key, channel, epoch, offset);
  if (publication.has_info() && !channels_->known(publication.info().client()))
    fail_("a publication by a client nobody knows in " + std::string(channel));
  return key;
}

std::optional<PublicationKey> Subscriptions::read_publication(std::string_view channel,
                                                              std::string_view epoch,
                                                              const client::Publication& publication) {
  return recognise(channel, epoch, publication.data(), publication);
}

std::optional<LeftOff> Subscriptions::pushed(const client::Push& push) {
  const std::string& channel = push.channel();
  if (push.has_pub()) {
    publication(channel, push.pub());
  } else if (push.has_subscribe()) {
    begun_by_server(channel, push.subscribe());
  } else if (push.has_unsubscribe()) {
    return ended_by_server(channel, push.unsubscribe().code());
  } else if (push.has_join()) {
    membership(channel, push.join().info());
  } else if (push.has_leave()) {
    membership(channel, push.leave().info());
  } else {
    fail_("a push of no known kind");
  }
  return std::nullopt;
}

void Subscriptions::publication(const std::string& channel, const client::Publication& event) {
  Subscription* found = find(channel);
  if (found == nullptr || !found->live) return fail_("a publication in " + channel + ", where it is not");
  Subscription& subscription = *found;
  const auto content = content_of(subscription, event);
  if (!content) return;
  const auto key = recognise(channel, subscription.epoch, *content, event);
  if (!key) return;
  if (!subscription.received.insert(*key).second) fail_(to_string(*key) + " a second time");
  if (subscription.positioned && !takes_place(subscription, channel, event.offset())) {
    fail_("offset " + std::to_string(event.offset()) + " of " + channel + " after " +
          std::to_string(subscription.offset));
  }
  if (subscription.last) channels_->follows(channel, *subscription.last, *key);
  subscription.last = key;
}

// What one that an application made recovers comes first, and leads up to where it began.
bool Subscriptions::takes_place(Subscription& subscription, const std::string& channel,
                                std::uint64_t offset) {
  const std::optional<LeftOff> recovers = std::exchange(subscription.recovers, {});
  if (recovers && offset <= subscription.offset) {
    const bool newest = offset == subscription.offset;
    subscription.offset = offset;
    channels_->count("recovered_by_calls");
    if (gateway_->find(channel)->cache) return newest;
    return offset == recovers->offset + 1 && recovers->epoch == subscription.epoch;
  }
  return offset == ++subscription.offset;
}

void Subscriptions::membership(const std::string& channel, const client::ClientInfo& who) {
  if (find(channel) == nullptr) return fail_("a join or leave in " + channel);
  if (!channels_->has_asked(who.client(), channel))
    fail_("a join or leave of somebody who never asked for " + channel);
}

std::optional<LeftOff> Subscriptions::ended_by_server(const std::string& channel, std::uint32_t code) {
  Subscription* found = find(channel);
  if (found == nullptr) {
    // One that an application made may be ended before this client was told that it had begun.
    if (!channels_->called(user_, channel)) fail_("unsubscribed from " + channel + ", where it is not");
    return std::nullopt;
  }
  const bool over = code == kExpired;
  if (code != kInsufficientState && code != kServerUnsubscribe && !over)
    fail_("unsubscribe code " + std::to_string(code));
  if (found->server_side && code != kServerUnsubscribe)
    fail_("it did not ask for " + channel + " and is to ask again, code " + std::to_string(code));
  if (code == kInsufficientState) channels_->count("told_of_gaps");
  if (over) {
    channels_->count("subscriptions_over");
    if (!found->expiry || !found->expiry->may_be_over(gateway_->grace_s))
      fail_("its subscription to " + channel + " ends before its token");
  }
  // As SDKs do: back to where it was.
  std::optional<LeftOff> position;
  const bool comes_back = code == kInsufficientState || (over && found->positioned);
  if (comes_back && found->live) position = {channel, found->epoch, found->offset};
  erase(channel);
  return position;
}

// Each of them has made it subscribe, unless it was already; or it has ended since.
bool Subscriptions::heeds_calls() const {
  if (gateway_->may_refuse()) return true;
  return channels_->all_calls(user_, connected_at_, [this](const SubscribeCall& call) {
    const auto end = ends_.find(call.channel);
    return all_.contains(call.channel) || gateway_->find(call.channel)->passing ||
           (end != ends_.end() && end->second > call.moment);
  });
}

std::optional<std::string> Subscriptions::overdue() {
  for (auto& [channel, subscription] : all_) {
    if (subscription.live && subscription.expiry && subscription.expiry->overdue()) return channel;
  }
  return std::nullopt;
}

bool Subscriptions::has_server_side() const {
  return std::any_of(all_.begin(), all_.end(), [](const auto& entry) { return entry.second.server_side; });
}

bool Subscriptions::may_be_over() const {
  // The server may know of one by a call that this client has not been told of; and of another time.
  const bool another_time = world_->wall_jumps() > 0;
  const auto now_s = static_cast<std::int64_t>(world_->clock().wall_ns() / 1'000'000'000);
  constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();
  return channels_->call_over(user_, another_time ? kEver : now_s - gateway_->grace_s) ||
         std::any_of(all_.begin(), all_.end(), [this](const auto& entry) {
           const auto& expiry = entry.second.expiry;
           return entry.second.server_side && expiry && expiry->may_be_over(gateway_->grace_s);
         });
}

bool Subscriptions::up_to_date() const {
  return heeds_calls() && std::all_of(all_.begin(), all_.end(), [this](const auto& entry) {
           const auto& [channel, subscription] = entry;
           if (!subscription.live) return false;
           if (gateway_->passing_is_gone && gateway_->find(channel)->passing) return false;
           if (channels_->missed(channel, subscription.moment, subscription.received)) return false;
           if (subscription.positioned)
             return subscription.offset >= channels_->top(channel, subscription.epoch);
           return !subscription.last.has_value() || channels_->newest(channel, *subscription.last);
         });
}

std::string Subscriptions::describe() const {
  std::string text;
  for (const auto& [channel, subscription] : all_) {
    text += ", in " + channel + (subscription.live ? "" : " not yet") +
            (subscription.positioned ? " at " + std::to_string(subscription.offset) + " of " +
                                           std::to_string(channels_->top(channel, subscription.epoch))
                                     : "") +
            (subscription.server_side ? " by a call" : "");
    if (const auto missed = channels_->missed(channel, subscription.moment, subscription.received))
      text += " without " + to_string(*missed);
  }
  return text;
}

}  // namespace holdfast::sim
