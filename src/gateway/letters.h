// Letters: what the shards of a gateway say to each other. To a channel's home go requests, from it come
// answers and deliveries, both in the order in which they were written (FIFO for each pair of shards): that
// is what makes a subscription's answer come before every later publication, and nothing be lost between.
//
// A letter carries everything its answer needs, so that nobody keeps a table of what is under way. Plain
// values that own what they hold; read and destroyed on the thread of the receiving shard, or where the
// server is torn down.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "gateway/channel_home.h"
#include "gateway/client.h"
#include "gateway/member.h"
#include "gateway/operations.h"
#include "gateway/position.h"
#include "gateway/publication.h"

namespace holdfast::gateway {

// A Member with bytes of its own.
struct OwnedMember {
  std::string user;
  std::string client;
  std::string conn_info;
  std::string chan_info;
  Member view() const { return {user, client, conn_info, chan_info}; }
};

// Whom an answer is for: a command of a client, or an operation, whose callback travels in the letter.
struct Asker {
  std::uint32_t shard = 0;
  ClientReference client;
  std::uint32_t command_id = 0;
  bool rpc = false;  // the command was an rpc: the answer is its data
};

// What the asking shard needs again when a subscription is answered.
struct SubscribeContext {
  enum class Purpose : std::uint8_t {
    command,    // a client's subscribe: answered by a reply
    connect,    // part of a connect: answered when all parts are
    operation,  // asked for by an application: the client is told by a push
  };
  Asker asker;
  Purpose purpose = Purpose::command;
  std::uint32_t part = 0;    // of the connect
  std::uint64_t ticket = 0;  // of the subscription that waits, so that no other takes its answer
  bool recovering = false;
  bool reject_unrecovered = false;
  std::uint64_t since_offset = 0;
  std::string data;
};

struct SubscribeLetter {
  SubscribeContext context;
  std::string channel;
  SubscribeRequest request;
  ClientId id;
  bool present = false;                 // is to be listed in the channel's presence
  bool announced = false;               // others are told of the join
  std::unique_ptr<OwnedMember> member;  // when one of the two
};

struct SubscribeAnswerLetter {
  SubscribeContext context;
  std::string channel;
  SubscribeResult result;
  std::vector<PublicationReference> recovered;
};

struct UnsubscribeLetter {
  std::string channel;
  std::uint32_t shard = 0;
  bool last = false;  // the shard has no subscriber left
  bool present = false;
  bool announced = false;
  ClientId id;
  ConnectionId owner;
  std::unique_ptr<OwnedMember> member;  // when announced
};

struct PublishLetter {
  Asker asker;
  std::string channel;
  PublicationReference draft;
  std::uint32_t history_size = 0;
  std::chrono::milliseconds history_ttl{0};
  std::string idempotency_key;
  std::uint64_t version = 0;
  std::string version_epoch;
  std::int64_t time_ms = 0;
  Callback<PublishAnswer> done;  // of an operation
};

struct PublishAnswerLetter {
  Asker asker;
  PublishAnswer answer;
  Callback<PublishAnswer> done;
};

struct PresenceLetter {
  Asker asker;
  std::string channel;
  std::uint64_t bytes_maximum = 0;
  Callback<gateway::PresenceAnswer> done;
};

struct PresenceAnswerLetter {
  Asker asker;
  Failure failure;
  std::vector<OwnedMember> members;
  Callback<gateway::PresenceAnswer> done;
};

struct PresenceStatsLetter {
  Asker asker;
  std::string channel;
  Callback<PresenceStatsAnswer> done;
};

struct PresenceStatsAnswerLetter {
  Asker asker;
  PresenceStatsAnswer answer;
  Callback<PresenceStatsAnswer> done;
};

struct HistoryLetter {
  Asker asker;
  std::string channel;
  HistoryRequest request;
  Callback<HistoryAnswer> done;
};

struct HistoryAnswerLetter {
  Asker asker;
  HistoryResult result;
  std::vector<PublicationReference> publications;
  Callback<HistoryAnswer> done;
};

struct RemoveHistoryLetter {
  std::uint32_t shard = 0;
  std::string channel;
  Callback<RemoveHistoryAnswer> done;
};

struct RemoveHistoryAnswerLetter {
  Callback<RemoveHistoryAnswer> done;
};

// Where is the top of this channel? Asked now and then, because a delivery can be lost only by a fault.
struct PositionLetter {
  std::uint32_t shard = 0;
  std::string channel;
};

struct PositionAnswerLetter {
  std::string channel;
  Position position;
};

struct DeliverLetter {
  std::string channel;
  PublicationReference publication;
};

struct MembershipLetter {
  std::string channel;
  bool joined = false;
  OwnedMember member;
};

// Deliveries from this home were lost because the receiver was too far behind: its subscribers of channels
// that live there have a gap.
struct GapLetter {
  std::uint32_t home = 0;
};

// An operation on the connections of a user; every shard gets it.
struct TargetLetter {
  enum class Kind : std::uint8_t { subscribe, unsubscribe, disconnect, refresh };
  struct Gathering {
    std::uint32_t awaited = 0;
    TargetAnswer answer;
    Callback<TargetAnswer> done;
  };
  Kind kind = Kind::subscribe;
  std::uint32_t shard = 0;
  std::shared_ptr<Gathering> gathering;  // touched by the asking shard only
  std::string user, client, session, channel, conn_info, data, reason;
  std::vector<std::string> keep;
  std::uint16_t code = 0;
  std::int64_t expires_at_s = 0;
  bool flag = false;  // recover, or expired
  Position since;
  FeatureOverride overrides;
};

struct TargetAnswerLetter {
  std::shared_ptr<TargetLetter::Gathering> gathering;
  std::uint32_t connections = 0;
};

struct ListChannelsLetter {
  struct Gathering;
  std::uint32_t shard = 0;
  std::shared_ptr<Gathering> gathering;
  std::string pattern;
  memory::Index cursor = 0;
};

struct ListChannelsAnswerLetter {
  std::shared_ptr<ListChannelsLetter::Gathering> gathering;
  std::vector<std::pair<std::string, std::uint32_t>> channels;
  bool last = false;
};

struct ListUsersLetter {
  struct Gathering;
  std::uint32_t shard = 0;
  std::shared_ptr<Gathering> gathering;
  memory::Index cursor = 0;
};

struct ListUsersAnswerLetter {
  std::shared_ptr<ListUsersLetter::Gathering> gathering;
  std::vector<std::uint64_t> hashes;  // of their names
  bool last = false;
};

struct EmulateLetter {
  std::uint32_t shard = 0;
  ClientReference client;
  Encoding encoding = Encoding::json;
  std::string commands;
  Callback<EmulationAnswer> done;
};

struct EmulateAnswerLetter {
  EmulationAnswer answer;
  Callback<EmulationAnswer> done;
};

// How many connections a user has on all shards is counted on one.
struct CountUserLetter {
  std::uint32_t shard = 0;
  std::uint64_t user_hash = 0;
  std::uint32_t maximum = 0;  // 0: one connection less
  ClientReference client;
};

struct CountUserAnswerLetter {
  std::uint32_t home = 0;
  std::uint64_t user_hash = 0;
  ClientReference client;
  bool allowed = false;
};

using Letter =
    std::variant<SubscribeLetter, SubscribeAnswerLetter, UnsubscribeLetter, PublishLetter,
                 PublishAnswerLetter, PresenceLetter, PresenceAnswerLetter, PresenceStatsLetter,
                 PresenceStatsAnswerLetter, HistoryLetter, HistoryAnswerLetter, RemoveHistoryLetter,
                 RemoveHistoryAnswerLetter, PositionLetter, PositionAnswerLetter, DeliverLetter,
                 MembershipLetter, GapLetter, std::shared_ptr<const TargetLetter>, TargetAnswerLetter,
                 ListChannelsLetter, ListChannelsAnswerLetter, ListUsersLetter, ListUsersAnswerLetter,
                 EmulateLetter, EmulateAnswerLetter, CountUserLetter, CountUserAnswerLetter>;

}  // namespace holdfast::gateway
