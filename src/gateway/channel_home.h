// ChannelHome: everything the server knows about the channels whose home is this shard (rule R13): numbering,
// history, presence, remembered publishes, and which shards have subscribers.
//
// Home shard's thread only. No I/O and no clock: advance() says what time it is for everything until the next
// advance(). Other shards reach it by letter, this one by call; answers are plain values that hold references
// to publications. Invariant: a channel is known here exactly while it has subscribers, presence, history, or
// a stream whose epoch and top are still remembered; an unknown one takes no memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "base/siphash.h"
#include "gateway/channel_record.h"
#include "gateway/channel_rules.h"
#include "gateway/glob.h"
#include "gateway/idempotency.h"
#include "gateway/publication.h"
#include "gateway/record_names.h"
#include "holdfast/connection.h"
#include "hub/homes.h"
#include "memory/pool.h"
#include "time/wheel.h"

namespace holdfast::gateway {

struct ChannelHomeBounds {
  std::uint32_t idempotency_results = 100'000;        // beyond it the oldest are forgotten
  std::uint64_t presence_memory_bytes = 64ull << 20;  // beyond it joins are refused
};

// May change while running; what was set to expire before keeps its time.
struct ChannelHomeTimes {
  std::chrono::milliseconds history_meta_ttl = std::chrono::hours(720);
  std::chrono::milliseconds idempotency_window = std::chrono::minutes(5);
};

// Since the start; each bound that was hit has its own.
struct ChannelHomeCounters {
  std::uint64_t publications = 0;       // taken, with or without history
  std::uint64_t duplicates = 0;         // answered from a remembered result
  std::uint64_t superseded = 0;         // dropped because a newer version is known
  std::uint64_t recoveries = 0;         // asked for
  std::uint64_t recoveries_failed = 0;  // answered with recovered: false
  std::uint64_t channels_refused = 0;   // the bound of channels, with nothing to evict
  std::uint64_t streams_evicted = 0;    // idle epochs forgotten early to make room for a channel
};

struct PublishOptions {
  std::uint32_t history_size = 0;  // of the channel's rules; 0 or no time: the publication is not kept
  std::chrono::milliseconds history_ttl{0};
  std::string_view idempotency_key;  // empty: none
  std::uint64_t version = 0;         // 0: none. Counts only where history is kept.
  std::string_view version_epoch;
  std::int64_t time_ms = 0;  // wall clock, for the reader
};

struct PublishResult {
  enum class Outcome : std::uint8_t {
    published,
    duplicate,         // the key was used before; `position` is the earlier answer
    superseded,        // not newer than the version known
    too_many_channels  // error 100: the bound of channels is reached
  };
  Outcome outcome = Outcome::published;
  Position position;                 // offset 0 without history
  PublicationReference publication;  // only when published
  hub::ShardSet shards;              // that have subscribers and must get it
};

struct SubscribeRequest {
  std::uint32_t shard = 0;
  bool stream = false;   // positioned or recoverable: the answer needs a position
  bool recover = false;  // and what was published since
  Position since;
  RecoveryMode mode = RecoveryMode::stream;
  std::uint32_t limit = 300;      // publications in one recovery; more missed ones cannot be recovered
  std::uint64_t bytes_limit = 0;  // of their payloads; 0: none
};

struct SubscribeResult {
  bool accepted = false;  // false: the bound of channels is reached (error 100)
  bool recovered = false;
  Position position;  // the top; empty without a stream
};

struct HistoryRequest {
  std::int32_t limit = 0;  // 0: position only; negative: all, up to `limit_maximum`
  bool has_since = false;
  Position since;
  bool reverse = false;
  std::uint32_t limit_maximum = 300;
  std::uint64_t bytes_limit = 0;
};

struct HistoryResult {
  enum class Outcome : std::uint8_t {
    ok,
    unrecoverable,     // error 112: another epoch
    too_many_channels  // error 100
  };
  Outcome outcome = Outcome::ok;
  Position position;
};

class ChannelHome {
 public:
  // A channel nobody ever published to is remembered this long after its last use, not for the whole
  // history_meta_ttl: clients can name any number of those.
  static constexpr std::chrono::milliseconds kUnusedStreamTtl = std::chrono::minutes(10);
  // What one advance() looks at; the rest follows in the next.
  static constexpr std::size_t kExpiriesPerAdvance = 1024;
  static constexpr std::uint64_t kTickNs = 100'000'000;

  // `key` is the server's, shared by all shards (hub::home_of); `entropy` outlives this.
  ChannelHome(ChannelRecords records, base::SipKey key, base::Entropy& entropy,
              const ChannelHomeBounds& bounds, const ChannelHomeTimes& times, std::uint64_t now_ns);
  ~ChannelHome();
  ChannelHome(const ChannelHome&) = delete;
  ChannelHome& operator=(const ChannelHome&) = delete;

  void set_times(const ChannelHomeTimes& times) { times_ = times; }

  // Moves time and lets go of what has expired. False when there was more to do than one call may: call again
  // in the next turn.
  bool advance(std::uint64_t now_ns);
  // When advance() next has something to do, `none` if never.
  std::uint64_t next_wake_ns(std::uint64_t none = std::numeric_limits<std::uint64_t>::max()) const;

  // Numbers, keeps and answers with the shards to deliver to. The draft must be the only reference.
  PublishResult publish(std::string_view channel, PublicationReference draft, const PublishOptions& options);

  // The shard has a subscriber from now on and gets every later publication; the answer describes the moment
  // just before. What is recovered is appended to `recovered`, oldest first.
  SubscribeResult subscribe(std::string_view channel, const SubscribeRequest& request,
                            std::vector<PublicationReference>& recovered);
  // The shard has no subscribers left.
  void unsubscribe(std::string_view channel, std::uint32_t shard);
  // The shards to which joins, leaves and the like must go.
  hub::ShardSet interested(std::string_view channel) const;

  HistoryResult history(std::string_view channel, const HistoryRequest& request,
                        std::vector<PublicationReference>& publications);
  // Drops the publications; epoch and top stay, so whoever has seen them all has missed nothing.
  void remove_history(std::string_view channel);
  // The top, for checks of subscribers' positions; the empty position for an unknown stream.
  Position position(std::string_view channel) const;

  // False when a bound refuses (counted): the client is then not listed.
  bool join(std::string_view channel, const ClientId& id, const Member& member, ConnectionId owner);
  // True when the client was listed through this connection, so that a leave must be told.
  bool leave(std::string_view channel, const ClientId& id, ConnectionId owner);
  // nullptr when nobody is present.
  const Presence* presence(std::string_view channel) const;

  // Calls visit(name, shards with subscribers, clients present) for the channels among the next `budget`
  // records that match and are in use; starts at cursor 0 and returns the next cursor, 0 after the last.
  template <class Visit>
  memory::Index list(std::string_view pattern, memory::Index cursor, std::uint32_t budget,
                     Visit visit) const {
    for (; budget > 0 && cursor < records_.pool.state().fresh; --budget, ++cursor) {
      const ChannelRecord& record = records_.items[cursor];
      if (!record.in_use() || !glob_matches(pattern, record.channel())) continue;
      const Presence* present = presence_of(record);
      visit(record.channel(), shards_of(record), present == nullptr ? 0u : present->num_clients());
    }
    return cursor < records_.pool.state().fresh ? cursor : 0;
  }

  std::uint32_t channels() const { return records_.pool.used(); }
  // Known only by a remembered epoch and top.
  std::uint32_t idle_channels() const { return idle_channels_; }
  std::size_t idempotency_results() const { return idempotency_.results(); }
  std::uint64_t idempotency_evictions() const { return idempotency_.evictions(); }
  const PresenceBudget& presence_budget() const { return presence_budget_; }
  const ChannelHomeCounters& counters() const { return counters_; }
  // Walks everything and CHECKs the invariants. For tests: linear in the number of channels.
  void validate() const;

 private:
  static const Presence* presence_of(const ChannelRecord& record);
  static hub::ShardSet shards_of(const ChannelRecord& record);

  memory::Index find(std::string_view channel) const;
  ChannelRecord& at(memory::Index index) { return records_.pool[index]; }
  // kNoIndex at the bound.
  memory::Index find_or_make(std::string_view channel);
  memory::Index make(std::string_view channel);
  bool evict_idle();
  void drop(memory::Index index);
  // After every change: leaves the channel on the right list and timer, or drops it.
  void settle(memory::Index index);
  void list_idle(memory::Index index, ChannelRecord::Idle idle);
  void drop_expired(ChannelRecord& record);
  // Leaves an earlier wake-up as it is.
  void wake_no_later(memory::Index index, time::Tick deadline);

  // Makes sure of an epoch, lets go of expired publications, and puts off the stream's end.
  void use_stream(ChannelRecord& record);
  bool supersedes(const ChannelRecord& record, const PublishOptions& options) const;
  bool recover(const ChannelRecord& record, const SubscribeRequest& request,
               std::vector<PublicationReference>& recovered) const;
  time::Tick tick_after(std::chrono::milliseconds duration) const;

  ChannelRecords records_;
  base::SipKey key_;
  base::Entropy& entropy_;
  ChannelHomeTimes times_;
  time::Wheel wheel_;
  time::Tick now_;
  std::uint64_t now_ns_;
  RecordNames<ChannelRecord> by_name_;
  // Idle channels, most recent first: those never published to and the others.
  struct IdleList {
    memory::Index first = memory::kNoIndex;
    memory::Index last = memory::kNoIndex;
  };
  IdleList idle_[2];
  std::uint32_t idle_channels_ = 0;
  Idempotency idempotency_;
  PresenceBudget presence_budget_;
  ChannelHomeCounters counters_;
  std::vector<memory::Index> due_;
};

}  // namespace holdfast::gateway
