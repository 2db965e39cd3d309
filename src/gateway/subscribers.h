// Subscribers: who on this shard is subscribed to which channel, and what the shard must know to serve them.
//
// A subscription is 40 bytes in a bounded pool and in two lists, that of its channel and that of its client.
// A channel's record lives in a pool too. Names are hashed with the server's key, so that nobody can choose
// names that collide. Shard thread only; making or dropping a channel allocates its name, everything else
// nothing. Invariant: a channel exists here exactly while it has a subscription here.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "base/siphash.h"
#include "gateway/glob.h"
#include "gateway/publication.h"
#include "gateway/record_names.h"
#include "memory/index.h"
#include "memory/index_list.h"
#include "memory/mapping.h"
#include "memory/pool.h"

namespace holdfast::gateway {

// In which form a subscriber gets a publication: each shard encodes it at most once per form. Bits.
struct Variant {
  static constexpr std::uint8_t kProtobuf = 1;   // otherwise JSON
  static constexpr std::uint8_t kDelta = 2;      // negotiated; JSON payloads are then strings
  static constexpr std::uint8_t kNumericId = 4;  // the push carries the channel's number, not its name
  static constexpr std::uint32_t kCount = 8;
};

struct Subscription {
  static constexpr std::uint16_t kPositioned = 1;  // `position` is checked against every publication
  static constexpr std::uint16_t kRecoverable = 2;
  static constexpr std::uint16_t kServerSide = 4;   // a gap closes the connection instead of ending this
  static constexpr std::uint16_t kJoinLeave = 8;    // wants pushes of joins and leaves
  static constexpr std::uint16_t kPending = 16;     // the home has not answered yet: nothing is delivered
  static constexpr std::uint16_t kDeltaReady = 32;  // has seen the publication the next delta refers to
  static constexpr std::uint16_t kPresent = 64;     // listed in the channel's presence
  static constexpr std::uint16_t kGapped = 128;     // missed something: delivers nothing more
  static constexpr std::uint16_t kExpires = 256;    // `expires_s` counts
  static constexpr std::uint16_t kAnnounced = 512;  // others were told of the join, and are told of the leave
  static constexpr std::uint16_t kHeld = 1024;      // answered, but the connect it is part of is not
  static constexpr std::uint16_t kInfo = 2048;      // has a chan_info

  memory::Index client;         // 4
  memory::Index channel;        // 4
  memory::ListLink by_channel;  // 8
  memory::ListLink by_client;   // 8
  std::uint64_t position;       // 8: offset of the last publication delivered
  std::uint32_t expires_s;      // 4: wall clock; until 2106
  std::uint16_t flags;          // 2
  std::uint8_t variant;         // 1
  std::uint8_t spare;           // 1
};
static_assert(sizeof(Subscription) == 40, "byte budget: one subscription, both directions, 48 bytes");

// A channel with subscribers on this shard.
struct LocalChannel {
  memory::Index first;         // 4: subscription; first, because a free record's first bytes are the pool's
  std::uint32_t subscribers;   // 4
  const char* name;            // 8: name_bytes of the heap; nullptr in a free record
  std::uint64_t numeric_id;    // 8: for pushes without the name; never used again on this shard
  PublicationReference* last;  // 8: what deltas refer to; only where somebody wants deltas
  Epoch epoch;                 // 8: of the stream the subscribers are positioned in; empty: none known
  std::uint32_t rules;         // 4: place of its rules in the Settings (Settings::rules_of)
  std::uint8_t name_bytes;     // 1
  std::uint8_t spare[3];       // 3

  std::string_view channel() const { return {name, name_bytes}; }
};
static_assert(sizeof(LocalChannel) == 48);
static_assert(std::is_trivially_copyable_v<Subscription> && std::is_trivially_copyable_v<LocalChannel>);

// Where both pools lie: carve() twice, as Carver asks for, then format() once.
struct SubscriberRecords {
  memory::Pool<Subscription> subscriptions;
  memory::Pool<LocalChannel> channels;
  LocalChannel* channel_items = nullptr;

  struct Memory {
    memory::PoolState* states;  // two
    Subscription* subscriptions;
    LocalChannel* channels;
  };
  static Memory carve(memory::Carver& carver, std::uint32_t subscriptions_maximum) {
    return {carver.take<memory::PoolState>(2), carver.take<Subscription>(subscriptions_maximum),
            carver.take<LocalChannel>(subscriptions_maximum)};
  }
  static SubscriberRecords format(const Memory& memory, std::uint32_t subscriptions_maximum) {
    memory.states[0] = memory.states[1] = memory::PoolState{};
    return {memory::Pool<Subscription>(&memory.states[0], memory.subscriptions, subscriptions_maximum),
            memory::Pool<LocalChannel>(&memory.states[1], memory.channels, subscriptions_maximum),
            memory.channels};
  }
};

// What a client's list says of a channel, as long as nobody subscribes or unsubscribes.
struct Standing {
  memory::Index channel = memory::kNoIndex;       // kNoIndex: nobody on this shard is subscribed to it
  memory::Index subscription = memory::kNoIndex;  // the client's; kNoIndex: it has none
  std::uint32_t count = 0;                        // all subscriptions of the client
};

struct Subscribed {
  enum class Outcome : std::uint8_t {
    added,
    already,            // error 105
    client_full,        // error 106: the client's bound
    too_many_on_shard,  // error 100: the shard's bound, counted in refusals()
  };
  Outcome outcome;
  bool channel_is_new;         // its home must hear that this shard has subscribers
  memory::Index subscription;  // when added: with zero position, flags and variant
};

class Subscribers {
 public:
  // `key` is the server's.
  Subscribers(base::SipKey key, SubscriberRecords records);
  ~Subscribers();
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;

  // One walk over the client's list.
  Standing look_up(memory::Index client_head, std::string_view channel) const;
  // `client_head` is the client's list, and `standing` what look_up has just said of it and the channel.
  // `rules` is kept for a channel that is new here.
  Subscribed subscribe(memory::Index client, memory::Index& client_head, std::string_view channel,
                       const Standing& standing, std::uint32_t channels_per_client, std::uint32_t rules);
  // Ends one subscription. True when the channel lost its last subscriber here, so that its home must hear;
  // its name is then gone.
  bool unsubscribe(memory::Index& client_head, memory::Index subscription);
  // Ends all subscriptions of a client: calls ending(subscription, last) before each, where `last` says that
  // the channel goes with it.
  template <class Ending>
  void unsubscribe_all(memory::Index& client_head, Ending ending) {
    while (client_head != memory::kNoIndex) {
      const memory::Index subscription = client_head;
      ending(subscription, channel_of(subscription).subscribers == 1);
      unsubscribe(client_head, subscription);
    }
  }

  // kNoIndex when there is none.
  memory::Index find(memory::Index client_head, std::string_view channel) const;
  memory::Index find_channel(std::string_view channel) const;

  Subscription& operator[](memory::Index subscription) { return subscriptions_[subscription]; }
  LocalChannel& channel(memory::Index channel) { return channels_[channel]; }
  LocalChannel& channel_of(memory::Index subscription) {
    return channels_[subscriptions_[subscription].channel];
  }

  // Calls visit(index, subscription, next_client) for each subscriber of the channel, most recent first;
  // `next_client` is the client after it (or kNoIndex), so that it can be prefetched. Visiting may change the
  // subscription but must not subscribe or unsubscribe: note what must end, and end it afterwards (rule R11).
  template <class Visit>
  void for_each_subscriber(memory::Index channel, Visit visit) {
    memory::Index index = channels_[channel].first;
    while (index != memory::kNoIndex) {
      Subscription& subscription = subscriptions_[index];
      const memory::Index following = subscription.by_channel.next;
      const memory::Index next_client =
          following == memory::kNoIndex ? memory::kNoIndex : subscriptions_[following].client;
      visit(index, subscription, next_client);
      index = following;
    }
  }
  // Calls visit(index, subscription) for each subscription of a client; same rules.
  template <class Visit>
  void for_each_of_client(memory::Index client_head, Visit visit) {
    while (client_head != memory::kNoIndex) {
      Subscription& subscription = subscriptions_[client_head];
      const memory::Index following = subscription.by_client.next;
      visit(client_head, subscription);
      client_head = following;
    }
  }

  // Calls visit(channel record) for those among the next `budget` records that are in use and match; starts
  // at cursor 0 and returns the next cursor, 0 after the last. With "*" also to look up all rules again after
  // a reload.
  template <class Visit>
  memory::Index list(std::string_view pattern, memory::Index cursor, std::uint32_t budget, Visit visit) {
    const memory::Index end = channels_.state().fresh;
    for (; budget > 0 && cursor < end; --budget, ++cursor) {
      LocalChannel& channel = items_[cursor];
      if (channel.name != nullptr && glob_matches(pattern, channel.channel())) visit(channel);
    }
    return cursor < end ? cursor : 0;
  }

  // What the next delta of the channel refers to; empty without one.
  PublicationReference last(memory::Index channel) const;
  // Keeps it, or with an empty reference lets go of it.
  void set_last(memory::Index channel, PublicationReference publication);

  std::uint32_t channels() const { return channels_.used(); }
  std::uint32_t subscriptions() const { return subscriptions_.used(); }
  std::uint64_t refusals() const { return subscriptions_.state().refusals; }

 private:
  memory::Index make_channel(std::string_view name, std::uint32_t rules);
  void drop_channel(memory::Index channel);

  memory::Pool<Subscription> subscriptions_;
  memory::Pool<LocalChannel> channels_;
  LocalChannel* items_;
  RecordNames<LocalChannel> by_name_;
  std::uint64_t next_numeric_id_ = 1;
};

}  // namespace holdfast::gateway
