// Topics: who on this shard is subscribed to what.
//
// A subscription is 24 bytes in a bounded pool and in two lists: that of its topic and that of its
// connection. Names are hashed with a key drawn at start-up, so that nobody can choose names that collide.
// Shard thread only; making or dropping a topic may allocate, subscribing to one that exists and fanning out
// do not. Invariant: a topic exists here exactly while it has a subscriber here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/siphash.h"
#include "hub/topic_name.h"
#include "memory/index.h"
#include "memory/index_list.h"
#include "memory/pool.h"

namespace holdfast::hub {

struct Subscription {
  memory::Index slot;
  memory::Index topic;
  memory::ListLink by_topic;
  memory::ListLink by_connection;
};
static_assert(sizeof(Subscription) == 24,
              "byte budget: one subscription, both directions, 48 bytes with its position");

class Topics {
 public:
  enum class Added { no, yes, yes_first };   // yes_first: the topic is new on this shard
  enum class Removed { no, yes, yes_last };  // yes_last: the topic is gone from this shard

  Topics(base::SipKey key, memory::Pool<Subscription> subscriptions);

  // `connection_head` is the slot's list of subscriptions. `no` when subscribed already or the pool is at its
  // bound.
  Added subscribe(memory::Index slot, memory::Index& connection_head, std::string_view name);
  Removed unsubscribe(memory::Index& connection_head, std::string_view name);
  // Ends all subscriptions of a connection; calls gone(name) for each topic that lost its last subscriber
  // here.
  template <class Gone>
  void unsubscribe_all(memory::Index& connection_head, Gone gone) {
    while (connection_head != memory::kNoIndex) {
      const memory::Index subscription = connection_head;
      const memory::Index topic = subscriptions_[subscription].topic;
      if (topics_[topic].subscribers == 1) gone(std::string_view(topics_[topic].name));
      remove(connection_head, subscription);
    }
  }

  std::uint32_t subscribers(std::string_view name) const;

  // Calls visit(slot, next) for each subscriber, most recent first; `next` is the slot after it (or
  // kNoIndex), so that it can be prefetched. Visiting must not subscribe or unsubscribe.
  template <class Visit>
  void for_each_subscriber(std::string_view name, Visit visit) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return;
    memory::Index index = topics_[found->second].first;
    while (index != memory::kNoIndex) {
      const Subscription& subscription = subscriptions_[index];
      const memory::Index following = subscription.by_topic.next;
      const memory::Index next_slot =
          following == memory::kNoIndex ? memory::kNoIndex : subscriptions_[following].slot;
      visit(subscription.slot, next_slot);
      index = following;
    }
  }

  // Calls visit(name) for each topic with a subscriber here.
  template <class Visit>
  void for_each_topic(Visit visit) const {
    for (const auto& [name, topic] : by_name_) visit(std::string_view(name));
  }

  std::uint32_t topics() const { return static_cast<std::uint32_t>(by_name_.size()); }
  std::uint32_t subscriptions() const { return subscriptions_.used(); }

 private:
  struct Topic {
    std::string name;
    memory::Index first = memory::kNoIndex;
    std::uint32_t subscribers = 0;
  };
  memory::Index find_of_connection(memory::Index connection_head, memory::Index topic);
  void remove(memory::Index& connection_head, memory::Index subscription);

  memory::Pool<Subscription> subscriptions_;
  std::vector<Topic> topics_;
  std::vector<memory::Index> free_topics_;
  absl::flat_hash_map<std::string, memory::Index, TopicNameHash, TopicNameEqual> by_name_;
};

}  // namespace holdfast::hub
