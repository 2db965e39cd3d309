// Limits: a Config in the units the shard works in.
#pragma once

#include <algorithm>

#include "holdfast/config.h"
#include "http/request_head.h"
#include "http/upgrade.h"
#include "net/ping_moments.h"
#include "net/rate.h"
#include "net/ticks.h"

namespace holdfast::shard {

struct Limits {
  Limits(const Config& config, std::uint32_t shards)
      : max_message_bytes(config.max_message_bytes),
        max_handshakes(config.max_handshakes),
        accept_rate(accept_rate_of(config, shards)),
        message_rate(config.max_messages_per_second, net::Rate::kSecondNs),
        byte_rate(config.max_bytes_per_second, net::Rate::kSecondNs),
        max_outbox_bytes(outbox_bytes(config)),
        max_outbox_messages(config.max_outbox_messages),
        ping_enabled(config.ping_interval.count() > 0),
        handshake_timeout(net::ticks(config.handshake_timeout)),
        ping_interval(net::ticks(config.ping_interval)),
        ping_moments(ping_interval),
        pong_timeout(net::ticks(config.pong_timeout)),
        message_timeout(net::ticks(config.message_timeout)),
        close_timeout(net::ticks(config.close_timeout)),
        stall_timeout(net::ticks(config.stall_timeout)),
        drain_timeout(net::ticks(config.drain_timeout)),
        http_idle_enabled(config.http_idle_timeout.count() > 0),
        http_idle_timeout(net::ticks(config.http_idle_timeout)),
        origin{config.allowed_origins, config.allow_missing_origin} {}

  // A shard's part of it; 0: any number.
  static std::uint64_t accepts_per_second_of(const Config& config, std::uint32_t shards) {
    return (std::uint64_t{config.max_accepts_per_second} + shards - 1) / shards;
  }
  // The burst is at least one whole client, or nobody could ever come in.
  static net::Rate accept_rate_of(const Config& config, std::uint32_t shards) {
    const std::uint64_t rate = accepts_per_second_of(config, shards);
    return {rate, rate == 0 ? 0 : std::max(kAcceptBurstNs, (net::Rate::kSecondNs + rate - 1) / rate)};
  }
  // The queue of a listener. Where their rate has clients wait in it, all those who come in within some
  // seconds fit: the kernel leaves the others without an answer, and they ask again after 1, 2, 4 seconds and
  // find the queue empty by then, or full again.
  static std::uint32_t accept_backlog_of(const Config& config, std::uint32_t shards) {
    const std::uint64_t wanted =
        std::min(accepts_per_second_of(config, shards) * kQueuedSeconds, kAcceptBacklogMaximum);
    return std::max(config.tuning.accept_backlog, static_cast<std::uint32_t>(wanted));
  }
  // The bound of an outbox, with its default filled in.
  static std::uint32_t outbox_bytes(const Config& config) {
    if (config.max_outbox_bytes > 0) return config.max_outbox_bytes;
    return std::max(1u << 20, 4 * config.max_message_bytes);
  }

  // How long a rejected client may keep sending before its socket goes; long enough for the answer to be
  // read.
  static constexpr time::Tick kLingerTicks = 20;
  // Connections that lose what they hold when memory is used up, before it is tried again.
  static constexpr std::uint32_t kEvictedAtOnce = 16;
  // Slots looked at per turn when a drain or a stop walks over all of them.
  static constexpr std::uint32_t kSweepPerTurn = 2048;
  // Deadlines fired per turn; the rest follow in the next one.
  static constexpr std::size_t kDeadlinesPerTurn = 4096;
  // Letters from other threads taken in per turn; the rest follow in the next one.
  static constexpr std::uint32_t kLettersPerTurn = 1024;
  // A connection from which something arrived within this share of an interval is left out when its moment
  // comes.
  static constexpr time::Tick kQuietShare = 4;
  // Connections ahead of the one being worked on whose cache line is asked for: covers a memory access at the
  // pace of one send or one completion.
  static constexpr std::size_t kPrefetchAhead = 4;
  // Completions taken from the ring at once.
  static constexpr std::size_t kCompletionsPerReap = 256;
  // Completions put aside by an early flush; more of them stay in the ring.
  static constexpr std::size_t kDeferredMaximum = 1024;
  // What is read in one turn of the uncertain, and as much of the patient (shard_read.cc): so long, and so
  // many bytes, each read counted as a small buffer more than it was. The brief wait for both at most.
  // Between looking how much it was: the large buffers of a shard.
  static constexpr std::uint64_t kShareNs = 150'000;
  static constexpr std::size_t kShareBytes = 512 * 1024;
  static constexpr std::size_t kShareBatch = 8;
  // Sockets closed in one turn, or as many as came in (shard_end.cc).
  static constexpr std::size_t kClosesPerTurn = 16;
  // Lists of slots with something to do, each with two places for every slot.
  static constexpr std::size_t kWorkLists = 13;
  // The most wake-ups a busy shard waits for before it looks, and how long at most (measured: 4 to 6 % less
  // CPU per message than looking at each, because one enter hands over at most 20 deferred completions unless
  // more are waited for).
  static constexpr std::uint32_t kBatchMaximum = 256;
  static constexpr std::uint64_t kBatchWaitNs = 50'000;
  // After a round of pings on an otherwise quiet shard their pongs are waited for together, this long at
  // most: waking up for each costs more than reading it.
  static constexpr std::uint64_t kPongWaitNs = 1'000'000;
  // A shard sleeps this long at most.
  static constexpr std::uint64_t kSleepMaximumNs = 1'000'000'000;
  // Clients that may come in at once after a pause, where their rate is limited: so much of a second's.
  static constexpr std::uint64_t kAcceptBurstNs = net::Rate::kSecondNs / 10;
  // Clients give up after about that long, and who has given up is taken in for nothing.
  static constexpr std::uint64_t kQueuedSeconds = 5;
  static constexpr std::uint64_t kAcceptBacklogMaximum = 65'535;
  // A turn longer than this is counted: everybody on the shard has waited for it.
  static constexpr std::uint64_t kSlowTurnNs = 50'000'000;
  // Not having run for this long beyond what was asked for is a gap in time, not a reason to expire anybody.
  static constexpr std::uint64_t kGapNs = 1'000'000'000;
  // While no client may come in for the rate of accepts.
  static constexpr std::uint64_t kPausedAcceptNs = 5'000'000;
  // While a neighbour's mailbox is full.
  static constexpr std::uint64_t kStalledForwardNs = 1'000'000;

  std::uint32_t max_message_bytes;
  std::uint32_t max_handshakes;
  net::Rate accept_rate;
  net::Rate message_rate;
  net::Rate byte_rate;
  bool input_limited() const { return message_rate.limits() || byte_rate.limits(); }
  std::uint32_t max_outbox_bytes;
  std::uint32_t max_outbox_messages;  // 0: any number
  bool ping_enabled;
  time::Tick handshake_timeout;
  time::Tick ping_interval;
  net::PingMoments ping_moments;
  time::Tick pong_timeout;
  time::Tick message_timeout;
  time::Tick close_timeout;
  time::Tick stall_timeout;
  time::Tick drain_timeout;
  bool http_idle_enabled;
  time::Tick http_idle_timeout;
  http::HeadLimits head;
  http::OriginPolicy origin;
};

}  // namespace holdfast::shard
