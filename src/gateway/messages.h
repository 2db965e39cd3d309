// What the server says, as views for the writers: results of replies and the events that are pushed. The
// caller fills one on the stack from what it keeps, writes it, and forgets it; nothing here owns.
//
// Members that have their zero value are not written. Payloads (`data`, `conn_info`, `chan_info`) are written
// raw: for a JSON connection they must be JSON without line breaks (json_text.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/member.h"

namespace holdfast::gateway::protocol {

template <class Value>
struct MapEntry {
  std::string_view key;
  Value value;
};
using Tag = MapEntry<std::string_view>;

// A push, and an element of a recovery or of history.
struct Publication {
  std::string_view data;
  const Member* info = nullptr;
  std::uint64_t offset = 0;
  std::span<const Tag> tags;
  std::int64_t time_ms = 0;
  bool delta = false;  // data is a fossil delta against the publication before
  // JSON, once delta is negotiated: data becomes a string, delta or not.
  bool data_as_text = false;
};

// Results.

struct Error {
  std::uint32_t code = 0;
  std::string_view message;
  bool temporary = false;
};

struct SubscribeResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
  bool recoverable = false;
  bool positioned = false;
  std::string_view epoch;
  std::uint64_t offset = 0;
  std::int64_t id = 0;  // the channel's number
  bool was_recovering = false;
  bool recovered = false;
  std::span<const Publication> publications;
  std::string_view data;
  bool delta = false;
};

struct ConnectResult {
  std::string_view client;
  std::string_view version;
  std::uint32_t ping_s = 0;
  bool pong = false;
  bool expires = false;
  std::uint32_t ttl_s = 0;
  std::string_view data;
  std::span<const MapEntry<SubscribeResult>> subs;
  std::string_view session;
  std::string_view node;
  std::int64_t time_ms = 0;
};

struct UnsubscribeResult {};
struct PublishResult {};

struct PresenceResult {
  std::span<const MapEntry<Member>> presence;  // by client id
};

struct PresenceStatsResult {
  std::uint32_t num_clients = 0;
  std::uint32_t num_users = 0;
};

struct HistoryResult {
  std::span<const Publication> publications;
  std::string_view epoch;
  std::uint64_t offset = 0;
};

struct RpcResult {
  std::string_view data;
};

struct RefreshResult {
  std::string_view client;
  std::string_view version;
  bool expires = false;
  std::uint32_t ttl_s = 0;
};

struct SubRefreshResult {
  bool expires = false;
  std::uint32_t ttl_s = 0;
};

// Pushes, besides Publication.

struct Join {
  Member info;
};

struct Leave {
  Member info;
};

struct Unsubscribe {
  std::uint32_t code = 0;
  std::string_view reason;
};

// A server-side subscription has begun.
struct Subscribe {
  bool recoverable = false;
  bool positioned = false;
  std::string_view epoch;
  std::uint64_t offset = 0;
  std::string_view data;
};

// A message to one client, outside of channels.
struct Message {
  std::string_view data;
};

struct Disconnect {
  std::uint32_t code = 0;
  std::string_view reason;
  bool reconnect = false;
};

// How unidirectional connections begin. Says what a ConnectResult says, under other field numbers.
struct Connect {
  ConnectResult result;
};

struct Refresh {
  bool expires = false;
  std::uint32_t ttl_s = 0;
};

}  // namespace holdfast::gateway::protocol
