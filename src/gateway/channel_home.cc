// ChannelHome: what publishers, subscribers and readers ask of a channel. Its coming and going is in
// channel_lifetime.cc.
#include "gateway/channel_home.h"

#include <algorithm>

#include "base/check.h"
#include "net/ticks.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

const Presence* ChannelHome::presence_of(const ChannelRecord& record) {
  return record.has_presence() ? &*record.extra->presence : nullptr;
}

hub::ShardSet ChannelHome::shards_of(const ChannelRecord& record) {
  hub::ShardSet shards = record.extra != nullptr ? record.extra->far_shards : hub::ShardSet{};
  for (std::uint64_t bits = record.near_shards; bits != 0; bits &= bits - 1) {
    shards.insert(static_cast<std::uint32_t>(__builtin_ctzll(bits)));
  }
  return shards;
}

void ChannelHome::use_stream(ChannelRecord& record) {
  // A stream whose end has come but whose timer has not fired yet is over all the same.
  if (!record.epoch.empty() && !record.in_use() && record.history == nullptr &&
      net::reached(now_, record.keep_until)) {
    record.epoch = {};
  }
  if (record.epoch.empty()) {
    record.epoch = Epoch::draw(entropy_);
    record.top = 0;
    if (record.extra != nullptr) record.extra->version = record.extra->version_epoch_hash = 0;
  }
  drop_expired(record);
  const auto ttl =
      record.top > 0 ? times_.history_meta_ttl : std::min(times_.history_meta_ttl, kUnusedStreamTtl);
  record.keep_until = tick_after(ttl);
}

bool ChannelHome::supersedes(const ChannelRecord& record, const PublishOptions& options) const {
  if (options.version == 0 || record.extra == nullptr || record.extra->version == 0) return true;
  return record.extra->version_epoch_hash != base::siphash(key_, options.version_epoch) ||
         options.version > record.extra->version;
}

PublishResult ChannelHome::publish(std::string_view channel, PublicationReference draft,
                                   const PublishOptions& options) {
  CHECK(draft && hub::valid_topic_name(channel));
  PublishResult result;
  const bool has_key = !options.idempotency_key.empty();
  if (has_key) {
    if (const Position* earlier = idempotency_.find(channel, options.idempotency_key); earlier != nullptr) {
      ++counters_.duplicates;
      return {PublishResult::Outcome::duplicate, *earlier, {}, {}};
    }
  }
  const bool kept = options.history_size > 0 && options.history_ttl.count() > 0;
  const Index index = kept ? find_or_make(channel) : find(channel);
  if (kept) {
    if (index == kNoIndex) return {PublishResult::Outcome::too_many_channels, {}, {}, {}};
    ChannelRecord& record = at(index);
    use_stream(record);
    if (!supersedes(record, options)) {
      ++counters_.superseded;
      result = {PublishResult::Outcome::superseded, {record.top, record.epoch}, {}, {}};
      settle(index);
      return result;
    }
    if (options.version > 0) {
      if (record.extra == nullptr) record.extra = new ChannelExtra;
      record.extra->version = options.version;
      record.extra->version_epoch_hash = base::siphash(key_, options.version_epoch);
    }
    result.position = {++record.top, record.epoch};
    record.keep_until = tick_after(times_.history_meta_ttl);
    Publication::number(draft, result.position, options.time_ms, tick_after(options.history_ttl));
    if (record.history == nullptr) record.history = new History;
    record.history->push(draft, options.history_size);
  } else {
    Publication::number(draft, {}, options.time_ms, 0);
  }
  ++counters_.publications;
  result.publication = std::move(draft);
  if (has_key) {
    idempotency_.remember(channel, options.idempotency_key, result.position,
                          tick_after(times_.idempotency_window));
  }
  if (index != kNoIndex) {
    result.shards = shards_of(at(index));
    settle(index);
  }
  return result;
}

SubscribeResult ChannelHome::subscribe(std::string_view channel, const SubscribeRequest& request,
                                       std::vector<PublicationReference>& recovered) {
  CHECK(hub::valid_topic_name(channel) && request.shard < hub::kShardsMaximum);
  const Index index = find_or_make(channel);
  if (index == kNoIndex) return {};
  ChannelRecord& record = at(index);
  SubscribeResult result;
  result.accepted = true;
  if (request.stream) {
    use_stream(record);
    result.position = {record.top, record.epoch};
    if (request.recover) {
      ++counters_.recoveries;
      result.recovered = recover(record, request, recovered);
      if (!result.recovered) ++counters_.recoveries_failed;
    }
  }
  if (request.shard < ChannelRecord::kNearShards) {
    record.near_shards |= std::uint64_t{1} << request.shard;
  } else {
    if (record.extra == nullptr) record.extra = new ChannelExtra;
    record.extra->far_shards.insert(request.shard);
  }
  settle(index);
  return result;
}

// The rule of the protocol: either nothing was missed, or everything that was is here and in the right order.
bool ChannelHome::recover(const ChannelRecord& record, const SubscribeRequest& request,
                          std::vector<PublicationReference>& recovered) const {
  const bool same_epoch = request.since.epoch.empty() || request.since.epoch == record.epoch;
  if (request.mode == RecoveryMode::off) return false;
  if (request.mode == RecoveryMode::cache) {
    if (record.history == nullptr) return false;
    const PublicationReference& newest = record.history->newest();
    if (newest->offset() != record.top) return false;
    const bool seen = request.since.offset == record.top && request.since.epoch == record.epoch;
    if (!seen) recovered.push_back(newest);
    return true;
  }
  if (!same_epoch) return false;
  if (request.since.offset == record.top) return true;
  if (record.history == nullptr || request.since.offset > record.top) return false;
  const std::uint64_t missed = record.top - request.since.offset;
  if (record.history->oldest().offset() > request.since.offset + 1 || missed > request.limit) return false;
  const std::size_t before = recovered.size();
  HistorySlice slice;
  slice.since = request.since.offset;
  slice.from_an_end = false;
  slice.limit = request.limit;
  slice.bytes_limit = request.bytes_limit;
  record.history->read(slice, recovered);
  if (recovered.size() - before == missed) return true;
  recovered.resize(before);
  return false;
}

void ChannelHome::unsubscribe(std::string_view channel, std::uint32_t shard) {
  CHECK(shard < hub::kShardsMaximum);
  const Index index = find(channel);
  if (index == kNoIndex) return;
  ChannelRecord& record = at(index);
  // Those who were subscribed until now may come back.
  if (!record.epoch.empty()) use_stream(record);
  if (shard < ChannelRecord::kNearShards) {
    record.near_shards &= ~(std::uint64_t{1} << shard);
  } else if (record.extra != nullptr) {
    record.extra->far_shards.erase(shard);
  }
  settle(index);
}

hub::ShardSet ChannelHome::interested(std::string_view channel) const {
  const Index index = find(channel);
  return index == kNoIndex ? hub::ShardSet{} : shards_of(records_.items[index]);
}

HistoryResult ChannelHome::history(std::string_view channel, const HistoryRequest& request,
                                   std::vector<PublicationReference>& publications) {
  CHECK(hub::valid_topic_name(channel));
  const Index index = find_or_make(channel);
  if (index == kNoIndex) return {HistoryResult::Outcome::too_many_channels, {}};
  ChannelRecord& record = at(index);
  use_stream(record);
  HistoryResult result;
  result.position = {record.top, record.epoch};
  if (request.has_since && !request.since.epoch.empty() && request.since.epoch != record.epoch) {
    result.outcome = HistoryResult::Outcome::unrecoverable;
  } else if (request.limit != 0 && record.history != nullptr) {
    HistorySlice slice;
    slice.since = request.since.offset;
    slice.from_an_end = !request.has_since;
    slice.reverse = request.reverse;
    slice.limit = request.limit < 0
                      ? request.limit_maximum
                      : std::min(static_cast<std::uint32_t>(request.limit), request.limit_maximum);
    slice.bytes_limit = request.bytes_limit;
    record.history->read(slice, publications);
  }
  settle(index);
  return result;
}

void ChannelHome::remove_history(std::string_view channel) {
  const Index index = find(channel);
  if (index == kNoIndex || at(index).history == nullptr) return;
  ChannelRecord& record = at(index);
  delete record.history;
  record.history = nullptr;
  settle(index);
}

Position ChannelHome::position(std::string_view channel) const {
  const Index index = find(channel);
  if (index == kNoIndex) return {};
  return {records_.items[index].top, records_.items[index].epoch};
}

bool ChannelHome::join(std::string_view channel, const ClientId& id, const Member& member,
                       ConnectionId owner) {
  CHECK(hub::valid_topic_name(channel));
  const Index index = find_or_make(channel);
  if (index == kNoIndex) return false;
  ChannelRecord& record = at(index);
  if (record.extra == nullptr) record.extra = new ChannelExtra;
  if (!record.extra->presence) record.extra->presence.emplace(presence_budget_, key_);
  const bool joined = record.extra->presence->join(id, member, owner);
  if (record.extra->presence->empty()) record.extra->presence.reset();
  settle(index);
  return joined;
}

bool ChannelHome::leave(std::string_view channel, const ClientId& id, ConnectionId owner) {
  const Index index = find(channel);
  if (index == kNoIndex || !at(index).has_presence()) return false;
  ChannelRecord& record = at(index);
  if (!record.epoch.empty()) use_stream(record);
  Presence& present = *record.extra->presence;
  const bool left = present.leave(id, owner);
  if (present.empty()) record.extra->presence.reset();
  settle(index);
  return left;
}

const Presence* ChannelHome::presence(std::string_view channel) const {
  const Index index = find(channel);
  return index == kNoIndex ? nullptr : presence_of(records_.items[index]);
}

}  // namespace holdfast::gateway
