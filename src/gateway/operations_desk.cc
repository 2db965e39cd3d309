// Operations on channels: a question to the home, its answer to the callback.
#include "gateway/operations_desk.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "base/check.h"
#include "gateway/permissions.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

Failure OperationsDesk::check(std::string_view channel, std::uint32_t& rules) const {
  ChannelName name;
  const Decision decision = shard_.settings().resolve(channel, name, rules);
  if (decision == Decision::allowed) return {};
  return error_for(decision);
}

// What is not binary was read as JSON where it came from.
bool OperationsDesk::is_json(const PublishOperation& operation) const {
  return !operation.binary || shard_.is_json(operation.payload);
}

void OperationsDesk::publish(const PublishOperation& operation, Callback<PublishAnswer> done) {
  publish_as(operation, is_json(operation), std::move(done));
}

void OperationsDesk::publish_as(const PublishOperation& operation, bool json, Callback<PublishAnswer> done) {
  std::uint32_t place = 0;
  PublishAnswer refused;
  refused.failure = check(operation.channel, place);
  if (operation.payload.empty()) refused.failure = ErrorCode::bad_request;
  if (refused.failure) return done(refused);
  const std::uint32_t home = shard_.home_of(operation.channel);
  PublicationContent content;
  content.payload = operation.payload;
  content.tags = operation.tags;
  content.delta = operation.delta;
  content.json = json;
  PublishLetter letter;
  if (!shard_.post.busy(home)) letter.draft = Publication::make(shard_.shared.publication_budget, content);
  if (!letter.draft) {
    shard_.counters().publications_refused.add();
    refused.failure = ErrorCode::too_many_requests;
    return done(refused);
  }
  const ChannelRules& rules = shard_.settings().rules(place);
  letter.asker = asker();
  letter.channel = operation.channel;
  letter.history_size = operation.skip_history ? 0 : rules.history_size;
  letter.history_ttl = rules.history_ttl;
  letter.idempotency_key = operation.idempotency_key;
  letter.version = operation.version;
  letter.version_epoch = operation.version_epoch;
  letter.time_ms = shard_.unix_time_s() * 1000;
  letter.done = std::move(done);
  shard_.send(home, std::move(letter));
}

void OperationsDesk::take(PublishAnswerLetter&& letter) {
  letter.done(letter.answer);
}

void OperationsDesk::broadcast(std::span<const std::string_view> channels, const PublishOperation& operation,
                               Callback<BroadcastAnswer> done) {
  struct Gathering {
    BroadcastAnswer answer;
    std::size_t awaited;
    Callback<BroadcastAnswer> done;
  };
  auto gathering = std::make_shared<Gathering>(Gathering{{}, channels.size(), std::move(done)});
  gathering->answer.answers.resize(channels.size());
  if (channels.empty()) return gathering->done(gathering->answer);
  const bool json = is_json(operation);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    PublishOperation one = operation;
    one.channel = channels[i];
    publish_as(one, json, [gathering, i](const PublishAnswer& answer) {
      gathering->answer.answers[i] = answer;
      if (--gathering->awaited == 0) gathering->done(gathering->answer);
    });
  }
}

void OperationsDesk::presence(std::string_view channel, Callback<PresenceAnswer> done) {
  std::uint32_t place = 0;
  PresenceAnswer refused{check(channel, place), {}};
  if (!refused.failure && !shard_.settings().rules(place).presence)
    refused.failure = ErrorCode::not_available;
  if (refused.failure) return done(refused);
  const std::uint64_t bytes_maximum = shard_.settings().client.max_outbox_bytes / 2;
  shard_.send(shard_.home_of(channel),
              PresenceLetter{asker(), std::string(channel), bytes_maximum, std::move(done)});
}

void OperationsDesk::take(PresenceAnswerLetter&& letter) {
  std::vector<Member> members;
  members.reserve(letter.members.size());
  for (const OwnedMember& member : letter.members) members.push_back(member.view());
  letter.done(PresenceAnswer{letter.failure, members});
}

void OperationsDesk::presence_stats(std::string_view channel, Callback<PresenceStatsAnswer> done) {
  std::uint32_t place = 0;
  PresenceStatsAnswer refused{check(channel, place)};
  if (!refused.failure && !shard_.settings().rules(place).presence)
    refused.failure = ErrorCode::not_available;
  if (refused.failure) return done(refused);
  shard_.send(shard_.home_of(channel), PresenceStatsLetter{asker(), std::string(channel), std::move(done)});
}

void OperationsDesk::take(PresenceStatsAnswerLetter&& letter) {
  letter.done(letter.answer);
}

void OperationsDesk::history(const HistoryOperation& operation, Callback<HistoryAnswer> done) {
  std::uint32_t place = 0;
  HistoryAnswer refused{check(operation.channel, place), {}, {}};
  if (!refused.failure && !shard_.settings().rules(place).keeps_history()) {
    refused.failure = ErrorCode::not_available;
  }
  if (refused.failure) return done(refused);
  HistoryLetter letter;
  letter.asker = asker();
  letter.channel = operation.channel;
  letter.request.limit = operation.limit;
  letter.request.has_since = operation.has_since;
  letter.request.since = operation.since;
  letter.request.reverse = operation.reverse;
  letter.request.limit_maximum = shard_.settings().history.max_publications;
  letter.request.bytes_limit = shard_.settings().history.max_answer_bytes;
  letter.done = std::move(done);
  shard_.send(shard_.home_of(operation.channel), std::move(letter));
}

void OperationsDesk::take(HistoryAnswerLetter&& letter) {
  HistoryAnswer answer{{}, letter.result.position, letter.publications};
  switch (letter.result.outcome) {
    case HistoryResult::Outcome::ok:
      break;
    case HistoryResult::Outcome::unrecoverable:
      answer.failure = ErrorCode::unrecoverable_position;
      break;
    case HistoryResult::Outcome::too_many_channels:
      answer.failure = ErrorCode::internal;
      break;
  }
  letter.done(answer);
}

void OperationsDesk::remove_history(std::string_view channel, Callback<RemoveHistoryAnswer> done) {
  std::uint32_t place = 0;
  RemoveHistoryAnswer refused{check(channel, place)};
  if (!refused.failure && !shard_.settings().rules(place).keeps_history()) {
    refused.failure = ErrorCode::not_available;
  }
  if (refused.failure) return done(refused);
  shard_.send(shard_.home_of(channel),
              RemoveHistoryLetter{shard_.number, std::string(channel), std::move(done)});
}

void OperationsDesk::take(RemoveHistoryAnswerLetter&& letter) {
  letter.done({});
}

// Each shard lists its own subscribers, a part per turn; the asking shard adds them up.
struct ListChannelsLetter::Gathering {
  static constexpr std::size_t kChannelsMaximum = 100'000;
  static constexpr std::uint32_t kRecordsPerTurn = 16'384;

  std::uint32_t awaited = 0;
  bool complete = true;
  absl::flat_hash_map<std::string, std::uint32_t> clients;
  Callback<ChannelsAnswer> done;
};

void OperationsDesk::channels(std::string_view pattern, Callback<ChannelsAnswer> done) {
  auto gathering = std::make_shared<ListChannelsLetter::Gathering>();
  gathering->awaited = shard_.shared.shards;
  gathering->done = std::move(done);
  for (std::uint32_t shard = 0; shard < shard_.shared.shards; ++shard) {
    const std::string_view wanted = pattern.empty() ? std::string_view("*") : pattern;
    shard_.send(shard, ListChannelsLetter{shard_.number, gathering, std::string(wanted), 0});
  }
}

void OperationsDesk::take(ListChannelsLetter&& letter) {
  using Gathering = ListChannelsLetter::Gathering;
  ListChannelsAnswerLetter answer;
  letter.cursor = shard_.subscribers.list(
      letter.pattern, letter.cursor, Gathering::kRecordsPerTurn, [&answer](const LocalChannel& channel) {
        answer.channels.emplace_back(channel.channel(), channel.subscribers);
      });
  answer.gathering = letter.gathering;
  answer.last = letter.cursor == 0;
  shard_.send(letter.shard, std::move(answer));
  if (letter.cursor != 0) shard_.send_later(std::move(letter));
}

void OperationsDesk::take(ListChannelsAnswerLetter&& letter) {
  ListChannelsLetter::Gathering& gathering = *letter.gathering;
  for (auto& [name, clients] : letter.channels) {
    const bool room = gathering.clients.size() < ListChannelsLetter::Gathering::kChannelsMaximum;
    if (room || gathering.clients.contains(name)) {
      gathering.clients[name] += clients;
    } else {
      gathering.complete = false;
    }
  }
  CHECK(gathering.awaited > 0);
  if (!letter.last || --gathering.awaited > 0) return;
  std::vector<ListedChannel> listed;
  listed.reserve(gathering.clients.size());
  for (const auto& [name, clients] : gathering.clients) listed.push_back({name, clients});
  gathering.done(ChannelsAnswer{listed, gathering.complete});
}

// A user may be connected to several shards, and counts once: each shard names its own, a part per turn.
struct ListUsersLetter::Gathering {
  static constexpr std::uint32_t kRecordsPerTurn = 16'384;

  std::uint32_t awaited = 0;
  absl::flat_hash_set<std::uint64_t> users;
  Callback<InfoAnswer> done;
};

void OperationsDesk::info(Callback<InfoAnswer> done) {
  auto gathering = std::make_shared<ListUsersLetter::Gathering>();
  gathering->awaited = shard_.shared.shards;
  gathering->done = std::move(done);
  for (std::uint32_t shard = 0; shard < shard_.shared.shards; ++shard) {
    shard_.send(shard, ListUsersLetter{shard_.number, gathering, 0});
  }
}

void OperationsDesk::take(ListUsersLetter&& letter) {
  ListUsersAnswerLetter answer;
  letter.cursor = shard_.clients.users().list(
      letter.cursor, ListUsersLetter::Gathering::kRecordsPerTurn,
      [&](std::string_view name) { answer.hashes.push_back(base::siphash(shard_.shared.names_key, name)); });
  answer.gathering = letter.gathering;
  answer.last = letter.cursor == 0;
  shard_.send(letter.shard, std::move(answer));
  if (letter.cursor != 0) shard_.send_later(std::move(letter));
}

// The rest are gauges of all shards, as they last stood.
void OperationsDesk::take(ListUsersAnswerLetter&& letter) {
  ListUsersLetter::Gathering& gathering = *letter.gathering;
  gathering.users.insert(letter.hashes.begin(), letter.hashes.end());
  CHECK(gathering.awaited > 0);
  if (!letter.last || --gathering.awaited > 0) return;
  InfoAnswer answer;
  answer.users = gathering.users.size();
  for (const Counters& counters : shard_.shared.counters) {
    answer.clients += counters.clients.get();
    answer.channels += counters.home_channels.get() - counters.idle_channels.get();
    answer.subscriptions += counters.subscriptions.get();
  }
  gathering.done(answer);
}

}  // namespace holdfast::gateway
