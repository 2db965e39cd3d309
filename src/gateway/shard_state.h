// ShardState: what the gateway's parts on one shard work on together. Shard thread only, from on_start to
// on_stop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/entropy.h"
#include "gateway/channel_home.h"
#include "gateway/clients.h"
#include "gateway/json_text.h"
#include "gateway/outgoing.h"
#include "gateway/post.h"
#include "gateway/shared_state.h"
#include "gateway/subscribers.h"
#include "holdfast/handler.h"

namespace holdfast::gateway {

// Where the records of one shard lie in its mapping; carve() as memory::Carver asks for.
struct ShardRecords {
  Clients::Memory clients;
  SubscriberRecords::Memory subscribers;
  ChannelRecords::Memory channels;
  static ShardRecords carve(memory::Carver& carver, const SharedState& shared);
};

struct ShardState {
  ShardState(Handler& handler, SharedState& shared, std::uint32_t number, Post::Take take, Post::Hand hand);

  const Settings& settings() const { return *snapshot.settings; }
  Counters& counters() { return shared.counters[number]; }

  std::uint64_t now_ns() const { return handler.now_ns(); }
  // Shards tick one after the other, so that their pings do not meet.
  std::uint64_t wheel_ns() const { return now_ns() + tick_phase_ns; }
  time::Tick now() const { return static_cast<time::Tick>(wheel_ns() / kTickNs); }
  std::int64_t unix_time_s() const { return handler.unix_time_s(); }
  // Rounded up; at least one tick.
  static time::Tick ticks(milliseconds duration) {
    const auto tick_ms = static_cast<std::int64_t>(kTickNs / 1'000'000);
    return static_cast<time::Tick>((duration.count() + tick_ms - 1) / tick_ms) + 1;
  }
  // on_timer is called no later than that.
  void wake_no_later(std::uint64_t time_ns) {
    if (wake_ns != 0 && wake_ns <= time_ns) return;
    wake_ns = time_ns;
    handler.wake_at(time_ns);
  }
  // At the beginning of a tick, counted from this one.
  void wake_in(time::Tick ticks) {
    const std::uint64_t into_tick_ns = wheel_ns() % kTickNs;
    wake_no_later(ticks == 0 ? now_ns() : now_ns() + ticks * kTickNs - into_tick_ns);
  }

  std::uint32_t home_of(std::string_view channel) const {
    return hub::home_of(shared.names_key, channel, shared.shards);
  }
  // To be handed over, or sent, at the end of this turn.
  void send(std::uint32_t shard, Letter letter) {
    post.send(shard, std::move(letter));
    if (post.has_mail()) wake_no_later(now_ns());
  }
  void deliver(std::uint32_t shard, Letter letter) {
    post.deliver(shard, std::move(letter));
    if (post.has_mail()) wake_no_later(now_ns());
  }
  // To this shard, in its next turn.
  void send_later(Letter letter) {
    post.send_later(std::move(letter));
    wake_no_later(now_ns());
  }
  // Reads all of a payload that came as mere bytes.
  bool is_json(std::string_view payload) {
    counters().json_checks.add();
    return json.valid(payload);
  }
  // Replies written outside of a frame of commands.
  void send_replies_soon() {
    if (!outgoing.empty()) wake_no_later(now_ns());
  }

  Handler& handler;
  SharedState& shared;
  const std::uint32_t number;
  const std::uint64_t tick_phase_ns;
  Snapshot snapshot;
  base::Entropy& entropy;
  std::uint64_t wake_ns = 0;
  Clients clients;
  Subscribers subscribers;
  // By subscription, for those with Subscription::kInfo.
  absl::flat_hash_map<memory::Index, std::string> chan_infos;
  ChannelHome home;
  Post post;
  Outgoing outgoing;
  JsonText json;

 private:
  ShardState(Handler& handler, SharedState& shared, std::uint32_t number, Post::Take take, Post::Hand hand,
             const ShardRecords& records);
};

}  // namespace holdfast::gateway
