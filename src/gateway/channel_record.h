// ChannelRecord: what a home keeps per channel, and the memory it lives in.
//
// Most channels have no presence, no version and no subscribers beyond shard 63; what those need is apart, so
// that a channel with one subscriber costs this record, its name and a place in the table. Home shard's
// thread only. Records are handed out by a memory::Pool; what they point to is owned by ChannelHome.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "gateway/history.h"
#include "gateway/presence.h"
#include "hub/homes.h"
#include "memory/index_list.h"
#include "memory/mapping.h"
#include "memory/pool.h"
#include "time/wheel.h"

namespace holdfast::gateway {

// What few channels have.
struct ChannelExtra {
  std::optional<Presence> presence;
  hub::ShardSet far_shards;  // from shard 64 on
  std::uint64_t version = 0;
  std::uint64_t version_epoch_hash = 0;

  bool needed() const { return presence.has_value() || !far_shards.empty() || version != 0; }
};

struct ChannelRecord {
  enum class Idle : std::uint8_t { no, never_published, published };
  static constexpr std::uint32_t kNearShards = 64;

  // First, because a free record's first bytes are the pool's.
  time::TimerLink timer = {};     // 12: of the oldest publication, or of keep_until when idle
  time::Tick keep_until = 0;      // 4: when epoch and top may be forgotten
  const char* name = nullptr;     // 8: name_bytes of the heap; nullptr in a free record
  std::uint64_t top = 0;          // 8: offset of the newest publication
  Epoch epoch;                    // 8: empty until somebody needs a stream
  std::uint64_t near_shards = 0;  // 8: bit per shard with subscribers
  History* history = nullptr;     // 8: only while it holds something
  ChannelExtra* extra = nullptr;  // 8
  memory::ListLink idle_link;     // 8
  std::uint8_t name_bytes = 0;    // 1
  Idle idle = Idle::no;           // 1: on which list

  bool live() const { return name != nullptr; }

  std::string_view channel() const { return {name, name_bytes}; }
  bool has_subscribers() const {
    return near_shards != 0 || (extra != nullptr && !extra->far_shards.empty());
  }
  bool has_presence() const { return extra != nullptr && extra->presence.has_value(); }
  bool in_use() const { return live() && (has_subscribers() || has_presence()); }
};
static_assert(sizeof(ChannelRecord) == 80,
              "byte budget: an idle channel is this, its name and 7 bytes of table");
static_assert(std::is_trivially_copyable_v<ChannelRecord>);

// Where the records of a home lie: carve() twice, as Carver asks for, then format() once.
struct ChannelRecords {
  memory::Pool<ChannelRecord> pool;
  ChannelRecord* items = nullptr;
  time::Wheel::State* wheel = nullptr;

  struct Memory {
    memory::PoolState* pool_state;
    ChannelRecord* items;
    time::Wheel::State* wheel;
  };
  static Memory carve(memory::Carver& carver, std::uint32_t channels_maximum) {
    return {carver.take<memory::PoolState>(1), carver.take<ChannelRecord>(channels_maximum),
            carver.take<time::Wheel::State>(1)};
  }
  // `channels_maximum` is the home's bound of channels.
  static ChannelRecords format(const Memory& memory, std::uint32_t channels_maximum) {
    *memory.pool_state = memory::PoolState{};
    return {memory::Pool<ChannelRecord>(memory.pool_state, memory.items, channels_maximum), memory.items,
            memory.wheel};
  }
};

}  // namespace holdfast::gateway
