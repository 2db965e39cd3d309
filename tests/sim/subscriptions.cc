// Subscriptions: beginnings, publications, ends.
#include "subscriptions.h"

#include <algorithm>
#include <iterator>

#include "fossil_decoder.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kServerUnsubscribe = 2000, kInsufficientState = 2500;

}  // namespace

const GatewayPlan::Channel* GatewayPlan::find(std::string_view name) const {
  const auto found = std::find_if(channels.begin(), channels.end(),
                                  [name](const auto& known) { return known.name == name; });
  return found == channels.end() ? nullptr : &*found;
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

// For others to come back to.
void Subscriptions::leave(const std::string& channel) {
  const Subscription* subscription = find(channel);
  if (subscription == nullptr) return;
  if (subscription->live && subscription->positioned)
    channels_->left_off({channel, subscription->epoch, subscription->offset});
  all_.erase(channel);
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
    channels_->count_recovered(1);
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
    channels_->count_delta();
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
  if (subscription.positioned) {
    if (event.offset() != subscription.offset + 1) {
      fail_("offset " + std::to_string(event.offset()) + " of " + channel + " after " +
            std::to_string(subscription.offset));
    }
    subscription.offset = event.offset();
  }
  if (subscription.last) channels_->follows(channel, *subscription.last, *key);
  subscription.last = key;
}

void Subscriptions::membership(const std::string& channel, const client::ClientInfo& who) {
  if (find(channel) == nullptr) return fail_("a join or leave in " + channel);
  if (!channels_->has_asked(who.client(), channel))
    fail_("a join or leave of somebody who never asked for " + channel);
}

std::optional<LeftOff> Subscriptions::ended_by_server(const std::string& channel, std::uint32_t code) {
  const Subscription* found = find(channel);
  if (found == nullptr) {
    fail_("unsubscribed from " + channel + ", where it is not");
    return std::nullopt;
  }
  if (code != kInsufficientState && code != kServerUnsubscribe)
    fail_("unsubscribe code " + std::to_string(code));
  // As SDKs do: back to where it was.
  std::optional<LeftOff> position;
  if (code == kInsufficientState && found->live) position = {channel, found->epoch, found->offset};
  all_.erase(channel);
  return position;
}

bool Subscriptions::up_to_date() const {
  return std::all_of(all_.begin(), all_.end(), [this](const auto& entry) {
    const auto& [channel, subscription] = entry;
    if (!subscription.live) return false;
    if (gateway_->passing_is_gone && gateway_->find(channel)->passing) return false;
    if (channels_->missed(channel, subscription.moment, subscription.received)) return false;
    if (subscription.positioned) return subscription.offset >= channels_->top(channel, subscription.epoch);
    return !subscription.last.has_value() || channels_->newest(channel, *subscription.last);
  });
}

std::string Subscriptions::describe() const {
  std::string text;
  for (const auto& [channel, subscription] : all_) {
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
