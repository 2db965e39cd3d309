// ChannelHome: how a channel's record comes and goes, and what time does to it.
//
// Every change ends in settle(), which alone decides whether a record stays, on which list of idle channels
// it stands and what its timer waits for. A timer may fire before there is something to do (its channel was
// used meanwhile); it is then set again, which is cheaper than moving it with every publication.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "gateway/channel_home.h"
#include "net/ticks.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

time::Tick tick_of(std::uint64_t now_ns) {
  return static_cast<time::Tick>(now_ns / ChannelHome::kTickNs);
}

time::Wheel start_wheel(const ChannelRecords& records, time::Tick now) {
  time::Wheel::format(records.wheel, now);
  return time::Wheel(records.wheel, &records.items->timer, sizeof(ChannelRecord), records.pool.capacity());
}

}  // namespace

ChannelHome::ChannelHome(ChannelRecords records, base::SipKey key, base::Entropy& entropy,
                         const ChannelHomeBounds& bounds, const ChannelHomeTimes& times, std::uint64_t now_ns)
    : records_(records),
      key_(key),
      entropy_(entropy),
      times_(times),
      wheel_(start_wheel(records, tick_of(now_ns))),
      now_(tick_of(now_ns)),
      now_ns_(now_ns),
      by_name_(make_record_names<ChannelRecord>(records.items, key)),
      idempotency_(entropy, bounds.idempotency_results) {
  presence_budget_.bound_bytes = bounds.presence_memory_bytes;
  // To rehash a million names would stop the shard for a noticeable time; the memory is touched on use only.
  by_name_.reserve(records_.pool.capacity());
}

ChannelHome::~ChannelHome() {
  for (Index index = 0; index < records_.pool.state().fresh; ++index) {
    if (records_.items[index].live()) drop(index);
  }
}

// Rounded up, so that nothing expires early.
time::Tick ChannelHome::tick_after(std::chrono::milliseconds duration) const {
  const auto ns = static_cast<std::uint64_t>(duration.count()) * 1'000'000u;
  return now_ + static_cast<time::Tick>((ns + kTickNs - 1) / kTickNs) + 1;
}

bool ChannelHome::advance(std::uint64_t now_ns) {
  CHECK(now_ns >= now_ns_);
  now_ns_ = now_ns;
  now_ = tick_of(now_ns);
  const bool remembered_done = idempotency_.drop_expired(now_, kExpiriesPerAdvance);
  due_.clear();
  const bool due_done = wheel_.advance(now_, kExpiriesPerAdvance, due_);
  for (const Index index : due_) {
    ChannelRecord& record = at(index);
    CHECK(record.live());
    drop_expired(record);
    settle(index);
  }
  return remembered_done && due_done;
}

std::uint64_t ChannelHome::next_wake_ns(std::uint64_t none) const {
  constexpr time::Tick kFar = 1u << 30;
  time::Tick ticks = wheel_.ticks_until_next(kFar);
  time::Tick expires = 0;
  if (idempotency_.next_expiry(expires)) {
    ticks = std::min(ticks, net::reached(now_, expires) ? 0 : expires - now_);
  }
  if (ticks == kFar) return none;
  return (now_ns_ / kTickNs + ticks) * kTickNs;
}

Index ChannelHome::find(std::string_view channel) const {
  const auto found = by_name_.find(channel);
  return found == by_name_.end() ? kNoIndex : *found;
}

Index ChannelHome::find_or_make(std::string_view channel) {
  const Index index = find(channel);
  return index == kNoIndex ? make(channel) : index;
}

Index ChannelHome::make(std::string_view channel) {
  if (records_.pool.used() == records_.pool.capacity() && !evict_idle()) {
    ++counters_.channels_refused;
    return kNoIndex;
  }
  const Index index = records_.pool.claim();
  ChannelRecord& record = at(index);
  record = ChannelRecord{};
  record.timer.reset();
  char* name = new char[channel.size()];
  std::memcpy(name, channel.data(), channel.size());
  record.name = name;
  record.name_bytes = static_cast<std::uint8_t>(channel.size());
  CHECK(by_name_.insert(index).second);
  return index;
}

// Streams that nobody ever published to go first: anybody can make those.
bool ChannelHome::evict_idle() {
  for (const IdleList& list : idle_) {
    if (list.last == kNoIndex) continue;
    drop(list.last);
    ++counters_.streams_evicted;
    return true;
  }
  return false;
}

void ChannelHome::drop(Index index) {
  ChannelRecord& record = at(index);
  CHECK(by_name_.erase(index) == 1);
  list_idle(index, ChannelRecord::Idle::no);
  wheel_.cancel(index);
  delete record.history;
  delete record.extra;
  delete[] record.name;
  record = ChannelRecord{};
  records_.pool.release(index);
}

void ChannelHome::drop_expired(ChannelRecord& record) {
  if (record.history == nullptr) return;
  record.history->drop_expired(now_);
  if (!record.history->empty()) return;
  delete record.history;
  record.history = nullptr;
}

void ChannelHome::settle(Index index) {
  ChannelRecord& record = at(index);
  if (record.extra != nullptr && !record.extra->needed()) {
    delete record.extra;
    record.extra = nullptr;
  }
  const bool in_use = record.in_use();
  const bool has_history = record.history != nullptr;
  if (!in_use && !has_history && (record.epoch.empty() || net::reached(now_, record.keep_until))) {
    drop(index);
    return;
  }
  using Idle = ChannelRecord::Idle;
  const Idle idle = in_use || has_history ? Idle::no
                    : record.top > 0      ? Idle::published
                                          : Idle::never_published;
  if (idle != record.idle) list_idle(index, idle);
  if (has_history) {
    wake_no_later(index, record.history->oldest().expires_tick());
  } else if (!in_use) {
    wake_no_later(index, record.keep_until);
  } else {
    wheel_.cancel(index);
  }
}

void ChannelHome::wake_no_later(Index index, time::Tick deadline) {
  if (wheel_.scheduled(index) && net::reached(deadline, wheel_.deadline(index))) return;
  wheel_.schedule(index, deadline);
}

void ChannelHome::list_idle(Index index, ChannelRecord::Idle idle) {
  using Idle = ChannelRecord::Idle;
  const auto link_of = [this](Index other) -> memory::ListLink& { return at(other).idle_link; };
  ChannelRecord& record = at(index);
  if (record.idle != Idle::no) {
    IdleList& list = idle_[record.idle == Idle::published];
    if (list.last == index) list.last = record.idle_link.previous;
    memory::list_remove(list.first, index, link_of);
    --idle_channels_;
  }
  record.idle = idle;
  if (idle == Idle::no) return;
  IdleList& list = idle_[idle == Idle::published];
  memory::list_push_front(list.first, index, link_of);
  if (list.last == kNoIndex) list.last = index;
  ++idle_channels_;
}

void ChannelHome::validate() const {
  std::uint32_t live = 0, idle = 0;
  for (Index index = 0; index < records_.pool.state().fresh; ++index) {
    const ChannelRecord& record = records_.items[index];
    if (!record.live()) continue;
    ++live;
    CHECK(find(record.channel()) == index);
    CHECK(record.history == nullptr || !record.history->empty());
    CHECK(record.history == nullptr || record.history->newest()->offset() == record.top);
    CHECK(record.history == nullptr || record.history->newest()->epoch() == record.epoch);
    CHECK(record.extra == nullptr || record.extra->needed());
    CHECK(!record.has_presence() || !record.extra->presence->empty());
    const bool held = record.in_use() || record.history != nullptr;
    CHECK(held || !record.epoch.empty());
    CHECK(held == (record.idle == ChannelRecord::Idle::no));
    CHECK(wheel_.scheduled(index) == (record.history != nullptr || !record.in_use()));
    idle += held ? 0 : 1;
  }
  CHECK(live == records_.pool.used() && live == by_name_.size());
  CHECK(idle == idle_channels_);
  wheel_.validate();
}

}  // namespace holdfast::gateway
