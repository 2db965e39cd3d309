// Operations: what applications ask of the gateway, from whatever they speak: the HTTP API, one day others.
//
// Called on a shard's thread; each answers exactly once by its callback, on the same thread, before the call
// returns or in a later turn. Arguments are copied before the call returns; what an answer refers to dies
// when the callback returns. A callback is dropped uncalled only when the server stops. Answers to a caller
// that has gone are the callback's business: let it hold a ConnectionId, and let it be copyable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/codes.h"
#include "gateway/encoding.h"
#include "gateway/position.h"
#include "gateway/publication.h"

namespace holdfast::gateway {

// Nothing: it was done.
using Failure = std::optional<ErrorCode>;

template <class Answer>
using Callback = std::function<void(const Answer&)>;

struct PublishOperation {
  std::string_view channel;
  std::string_view payload;  // JSON, unless `binary`
  bool binary = false;       // then JSON clients in the channel are closed with 3506, unless it is JSON
  std::span<const Tag> tags;
  bool skip_history = false;
  bool delta = false;
  std::string_view idempotency_key;
  std::uint64_t version = 0;
  std::string_view version_epoch;
};

struct PublishAnswer {
  Failure failure;
  Position position;       // without an epoch: outside any history
  bool duplicate = false;  // the key was used before, `position` is what it was answered then
};

// One for each channel, in their order.
struct BroadcastAnswer {
  std::vector<PublishAnswer> answers;
};

// Whom an operation is about: the connections of a user, or of these the one with that client id or session.
struct Target {
  std::string_view user;
  std::string_view client;   // empty: all of the user's
  std::string_view session;  // empty: all
};

// What is not said follows the rules of the channel.
struct FeatureOverride {
  std::optional<bool> presence;
  std::optional<bool> join_leave;
  std::optional<bool> force_recovery;
  std::optional<bool> force_positioning;
  std::optional<bool> force_push_join_leave;
};

struct SubscribeOperation {
  Target target;
  std::string_view channel;
  std::string_view info;  // JSON; chan_info of the subscriber
  std::string_view data;  // JSON; goes along with the push
  std::int64_t expires_at_s = 0;
  bool recover = false;
  Position since;
  FeatureOverride overrides;
};

struct UnsubscribeOperation {
  Target target;
  std::string_view channel;
};

struct DisconnectOperation {
  Target target;
  std::span<const std::string_view> keep;  // client ids that stay
  std::uint16_t code = static_cast<std::uint16_t>(DisconnectCode::force_disconnect);
  std::string_view reason;  // empty: that of the code. Otherwise valid_close_reason() must hold.
};

struct RefreshOperation {
  Target target;
  bool expired = false;           // closes them with 3005
  std::int64_t expires_at_s = 0;  // 0: never
};

// Operations on a user's connections succeed also when there are none.
struct TargetAnswer {
  Failure failure;
  std::uint32_t connections = 0;  // that it applied to
};

struct PresenceAnswer {
  Failure failure;
  std::span<const Member> members;
};

struct PresenceStatsAnswer {
  Failure failure;
  std::uint32_t clients = 0;
  std::uint32_t users = 0;
};

struct HistoryOperation {
  std::string_view channel;
  std::int32_t limit = 0;  // 0: only the position; negative: all
  bool has_since = false;
  Position since;
  bool reverse = false;
};

struct HistoryAnswer {
  Failure failure;
  Position position;
  std::span<const PublicationReference> publications;
};

struct RemoveHistoryAnswer {
  Failure failure;
};

struct ListedChannel {
  std::string_view name;
  std::uint32_t clients = 0;
};

struct ChannelsAnswer {
  std::span<const ListedChannel> channels;
  bool complete = true;  // false: there are more than one answer may hold
};

struct InfoAnswer {
  std::uint64_t clients = 0;
  std::uint64_t users = 0;  // each once, however many connections it has
  std::uint64_t channels = 0;
  std::uint64_t subscriptions = 0;
};

// Commands of a connection that cannot send them itself: SSE and HTTP streams (POST /emulation).
struct EmulationOperation {
  std::string_view session;
  std::string_view node;
  Encoding encoding = Encoding::json;
  std::string_view commands;  // a frame
};

struct EmulationAnswer {
  bool found = false;
};

class Operations {
 public:
  virtual ~Operations() = default;
  virtual void publish(const PublishOperation& operation, Callback<PublishAnswer> done) = 0;
  // `operation.channel` does not count.
  virtual void broadcast(std::span<const std::string_view> channels, const PublishOperation& operation,
                         Callback<BroadcastAnswer> done) = 0;
  virtual void subscribe(const SubscribeOperation& operation, Callback<TargetAnswer> done) = 0;
  virtual void unsubscribe(const UnsubscribeOperation& operation, Callback<TargetAnswer> done) = 0;
  virtual void disconnect(const DisconnectOperation& operation, Callback<TargetAnswer> done) = 0;
  virtual void refresh(const RefreshOperation& operation, Callback<TargetAnswer> done) = 0;
  virtual void presence(std::string_view channel, Callback<PresenceAnswer> done) = 0;
  virtual void presence_stats(std::string_view channel, Callback<PresenceStatsAnswer> done) = 0;
  virtual void history(const HistoryOperation& operation, Callback<HistoryAnswer> done) = 0;
  virtual void remove_history(std::string_view channel, Callback<RemoveHistoryAnswer> done) = 0;
  // An empty pattern is "*".
  virtual void channels(std::string_view pattern, Callback<ChannelsAnswer> done) = 0;
  virtual void info(Callback<InfoAnswer> done) = 0;
  virtual void emulate(const EmulationOperation& operation, Callback<EmulationAnswer> done) = 0;
};

}  // namespace holdfast::gateway
