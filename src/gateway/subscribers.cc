// Subscribers: the two lists of a subscription, kept in step, and the channels they make and drop.
#include "gateway/subscribers.h"

#include <cstring>

#include "base/check.h"
#include "hub/topic_name.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

Subscribers::Subscribers(base::SipKey key, SubscriberRecords records)
    : subscriptions_(records.subscriptions),
      channels_(records.channels),
      items_(records.channel_items),
      by_name_(make_record_names<LocalChannel>(records.channel_items, key)) {
  CHECK(channels_.capacity() >= subscriptions_.capacity());
}

Subscribers::~Subscribers() {
  for (Index index = 0; index < channels_.state().fresh; ++index) {
    if (items_[index].name == nullptr) continue;
    delete items_[index].last;
    delete[] items_[index].name;
  }
}

Index Subscribers::find_channel(std::string_view channel) const {
  const auto found = by_name_.find(channel);
  return found == by_name_.end() ? kNoIndex : *found;
}

Index Subscribers::find(Index client_head, std::string_view channel) const {
  const Index wanted = find_channel(channel);
  if (wanted == kNoIndex) return kNoIndex;
  for (Index index = client_head; index != kNoIndex; index = subscriptions_[index].by_client.next) {
    if (subscriptions_[index].channel == wanted) return index;
  }
  return kNoIndex;
}

Standing Subscribers::look_up(Index client_head, std::string_view channel) const {
  Standing standing{find_channel(channel), kNoIndex, 0};
  for (Index index = client_head; index != kNoIndex; index = subscriptions_[index].by_client.next) {
    if (subscriptions_[index].channel == standing.channel) standing.subscription = index;
    ++standing.count;
  }
  return standing;
}

Subscribed Subscribers::subscribe(Index client, Index& client_head, std::string_view channel,
                                  const Standing& standing, std::uint32_t channels_per_client,
                                  std::uint32_t rules) {
  CHECK(hub::valid_topic_name(channel));
  Index at = standing.channel;
  CHECK(at == kNoIndex || channels_[at].channel() == channel);
  if (standing.subscription != kNoIndex) return {Subscribed::Outcome::already, false, kNoIndex};
  if (standing.count >= channels_per_client) return {Subscribed::Outcome::client_full, false, kNoIndex};
  const Index subscription = subscriptions_.claim();
  if (subscription == kNoIndex) return {Subscribed::Outcome::too_many_on_shard, false, kNoIndex};
  const bool is_new = at == kNoIndex;
  if (is_new) at = make_channel(channel, rules);
  subscriptions_[subscription] = Subscription{client, at, {}, {}, 0, 0, 0, 0, 0};
  memory::list_push_front(channels_[at].first, subscription, [this](Index index) -> memory::ListLink& {
    return subscriptions_[index].by_channel;
  });
  memory::list_push_front(client_head, subscription, [this](Index index) -> memory::ListLink& {
    return subscriptions_[index].by_client;
  });
  ++channels_[at].subscribers;
  return {Subscribed::Outcome::added, is_new, subscription};
}

bool Subscribers::unsubscribe(Index& client_head, Index subscription) {
  const Index at = subscriptions_[subscription].channel;
  LocalChannel& channel = channels_[at];
  CHECK(channel.subscribers > 0);
  memory::list_remove(channel.first, subscription,
                      [this](Index index) -> memory::ListLink& { return subscriptions_[index].by_channel; });
  memory::list_remove(client_head, subscription,
                      [this](Index index) -> memory::ListLink& { return subscriptions_[index].by_client; });
  subscriptions_.release(subscription);
  if (--channel.subscribers > 0) return false;
  CHECK(channel.first == kNoIndex);
  drop_channel(at);
  return true;
}

Index Subscribers::make_channel(std::string_view name, std::uint32_t rules) {
  const Index index = channels_.claim();
  CHECK(index != kNoIndex);  // every channel has a subscription, and there are as many records
  char* copy = new char[name.size()];
  std::memcpy(copy, name.data(), name.size());
  channels_[index] = LocalChannel{
      kNoIndex, 0, copy, next_numeric_id_++, nullptr, {}, rules, static_cast<std::uint8_t>(name.size()), {}};
  CHECK(by_name_.insert(index).second);
  return index;
}

void Subscribers::drop_channel(Index index) {
  CHECK(by_name_.erase(index) == 1);
  LocalChannel& channel = channels_[index];
  delete channel.last;
  delete[] channel.name;
  channel.last = nullptr;
  channel.name = nullptr;
  channels_.release(index);
}

PublicationReference Subscribers::last(Index channel) const {
  const LocalChannel& record = channels_[channel];
  return record.last == nullptr ? PublicationReference{} : *record.last;
}

void Subscribers::set_last(Index channel, PublicationReference publication) {
  LocalChannel& record = channels_[channel];
  if (!publication) {
    delete record.last;
    record.last = nullptr;
  } else if (record.last == nullptr) {
    record.last = new PublicationReference(std::move(publication));
  } else {
    *record.last = std::move(publication);
  }
}

}  // namespace holdfast::gateway
