// Topics: the two lists of a subscription, kept in step.
#include "hub/topics.h"

#include "base/check.h"

namespace holdfast::hub {

using memory::Index;
using memory::kNoIndex;

Topics::Topics(base::SipKey key, memory::Pool<Subscription> subscriptions)
    : subscriptions_(subscriptions), by_name_(0, TopicNameHash{key}, TopicNameEqual{}) {}

Index Topics::find_of_connection(Index connection_head, Index topic) {
  for (Index index = connection_head; index != kNoIndex; index = subscriptions_[index].by_connection.next) {
    if (subscriptions_[index].topic == topic) return index;
  }
  return kNoIndex;
}

Topics::Added Topics::subscribe(Index slot, Index& connection_head, std::string_view name) {
  CHECK(valid_topic_name(name));
  const auto found = by_name_.find(name);
  if (found != by_name_.end() && find_of_connection(connection_head, found->second) != kNoIndex)
    return Added::no;
  const Index subscription = subscriptions_.claim();
  if (subscription == kNoIndex) return Added::no;

  Index topic = kNoIndex;
  if (found != by_name_.end()) {
    topic = found->second;
  } else if (!free_topics_.empty()) {
    topic = free_topics_.back();
    free_topics_.pop_back();
  } else {
    topic = static_cast<Index>(topics_.size());
    topics_.emplace_back();
  }
  if (found == by_name_.end()) {
    topics_[topic] = Topic{std::string(name), kNoIndex, 0};
    by_name_.emplace(std::string(name), topic);
  }
  subscriptions_[subscription] = Subscription{slot, topic, {}, {}};
  memory::list_push_front(topics_[topic].first, subscription, [this](Index index) -> memory::ListLink& {
    return subscriptions_[index].by_topic;
  });
  memory::list_push_front(connection_head, subscription, [this](Index index) -> memory::ListLink& {
    return subscriptions_[index].by_connection;
  });
  return ++topics_[topic].subscribers == 1 ? Added::yes_first : Added::yes;
}

Topics::Removed Topics::unsubscribe(Index& connection_head, std::string_view name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return Removed::no;
  const Index topic = found->second;
  const Index subscription = find_of_connection(connection_head, topic);
  if (subscription == kNoIndex) return Removed::no;
  const bool last = topics_[topic].subscribers == 1;
  remove(connection_head, subscription);
  return last ? Removed::yes_last : Removed::yes;
}

void Topics::remove(Index& connection_head, Index subscription) {
  const Index index = subscriptions_[subscription].topic;
  Topic& topic = topics_[index];
  CHECK(topic.subscribers > 0);
  memory::list_remove(topic.first, subscription,
                      [this](Index link) -> memory::ListLink& { return subscriptions_[link].by_topic; });
  memory::list_remove(connection_head, subscription,
                      [this](Index link) -> memory::ListLink& { return subscriptions_[link].by_connection; });
  subscriptions_.release(subscription);
  if (--topic.subscribers > 0) return;
  CHECK(topic.first == kNoIndex);
  by_name_.erase(topic.name);
  free_topics_.push_back(index);
}

std::uint32_t Topics::subscribers(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? 0 : topics_[found->second].subscribers;
}

}  // namespace holdfast::hub
