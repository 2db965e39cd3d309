// Command: one decoded request of a client, the same for both encodings.
//
// Every string_view points into the frame it was read from or into the CommandReader's memory, and dies with
// the reader's next call. Texts are valid UTF-8. Payloads (`data`) are bytes nobody has looked into: from a
// JSON connection they are one JSON value without line breaks, from a Protobuf connection anything. A field
// that was absent has its zero value. Only the members of the command's kind are set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::gateway::protocol {

// The values are the field numbers of the requests in Command. A command with several takes the lowest.
enum class CommandKind : std::uint8_t {
  none = 0,  // no request: with id 0 a pong
  connect = 4,
  subscribe = 5,
  unsubscribe = 6,
  publish = 7,
  presence = 8,
  presence_stats = 9,
  history = 10,
  ping = 11,
  send = 12,
  rpc = 13,
  refresh = 14,
  sub_refresh = 15,
};

// The JSON name of the request, which is also that of its reply; empty for none.
std::string_view name_of(CommandKind kind);

// SubscribeRequest::flag
inline constexpr std::int64_t kFlagChannelCompaction = 1;  // may push the channel's number for its name
inline constexpr std::int64_t kFlagRejectUnrecovered = 2;  // answer 112 where recovery fails

struct SubscribeRequest {
  std::string_view channel;
  std::string_view token;
  std::string_view epoch;
  std::string_view data;
  std::string_view delta;  // the delta type asked for, or empty
  std::uint64_t offset = 0;
  std::int64_t flag = 0;
  std::uint32_t type = 0;
  bool recover = false;
  bool positioned = false;
  bool recoverable = false;
  bool join_leave = false;
  bool has_tags_filter = false;  // `tf` was there; what it says is not read
};

struct Header {
  std::string_view name;
  std::string_view value;
};

struct ConnectRequest {
  std::string_view token;
  std::string_view data;
  std::string_view name;
  std::string_view version;
  std::int64_t flag = 0;
  std::vector<SubscribeRequest> subs;  // server-side subscriptions to go on with, each channel once
  std::vector<Header> headers;         // each name once
};

struct HistoryRequest {
  std::string_view channel;
  std::string_view since_epoch;
  std::uint64_t since_offset = 0;
  std::int32_t limit = 0;
  bool has_since = false;
  bool reverse = false;
};

struct PublishRequest {
  std::string_view channel;
  std::string_view data;
  std::uint32_t type = 0;
};

struct RpcRequest {
  std::string_view method;
  std::string_view data;
};

struct SubRefreshRequest {
  std::string_view channel;
  std::string_view token;
  std::uint32_t type = 0;
};

// Requests that say no more than this.
struct ChannelRequest {
  std::string_view channel;
};
struct DataRequest {
  std::string_view data;
};
struct TokenRequest {
  std::string_view token;
};
struct Nothing {};

struct Command {
  CommandKind kind = CommandKind::none;
  std::uint32_t id = 0;
  ConnectRequest connect;
  SubscribeRequest subscribe;
  ChannelRequest unsubscribe;
  PublishRequest publish;
  ChannelRequest presence;
  ChannelRequest presence_stats;
  HistoryRequest history;
  Nothing ping;
  DataRequest send;
  RpcRequest rpc;
  TokenRequest refresh;
  SubRefreshRequest sub_refresh;

  // Back to the empty command, keeping the vectors' memory.
  void clear();
};

// The protocol's only commands without an id are send and the pong; whatever else comes without one counts as
// a pong.
inline bool is_pong(const Command& command) {
  return command.id == 0 && command.kind != CommandKind::send;
}

}  // namespace holdfast::gateway::protocol
