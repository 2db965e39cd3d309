// HomeDesk: one function for each kind of letter.
#include "gateway/home_desk.h"

#include <utility>

namespace holdfast::gateway {

void HomeDesk::read_clock() {
  const std::uint64_t now_ns = shard_.now_ns();
  const std::uint64_t tick = now_ns / ChannelHome::kTickNs;
  if (tick == advanced_tick_) return;
  advanced_tick_ = tick;
  if (!shard_.home.advance(now_ns)) {
    advanced_tick_ = 0;
    shard_.wake_no_later(now_ns);
  }
}

void HomeDesk::take(SubscribeLetter&& letter) {
  read_clock();
  const std::uint32_t shard = letter.context.asker.shard;
  const ConnectionId owner = letter.context.asker.client.connection;
  SubscribeAnswerLetter answer;
  answer.result = shard_.home.subscribe(letter.channel, letter.request, answer.recovered);
  const bool accepted = answer.result.accepted;
  answer.context = std::move(letter.context);
  answer.channel = letter.channel;
  if (accepted && letter.present) {
    if (!shard_.home.join(letter.channel, letter.id, letter.member->view(), owner)) {
      shard_.counters().presence_refused.add();
    }
  }
  shard_.send(shard, std::move(answer));
  if (accepted && letter.announced) tell_membership(letter.channel, true, *letter.member);
}

void HomeDesk::take(UnsubscribeLetter&& letter) {
  read_clock();
  if (letter.present) shard_.home.leave(letter.channel, letter.id, letter.owner);
  if (letter.last) shard_.home.unsubscribe(letter.channel, letter.shard);
  if (letter.announced) tell_membership(letter.channel, false, *letter.member);
}

void HomeDesk::tell_membership(std::string_view channel, bool joined, const OwnedMember& member) {
  shard_.home.interested(channel).for_each([&](std::uint32_t shard) {
    shard_.deliver(shard, MembershipLetter{std::string(channel), joined, member});
  });
}

void HomeDesk::take(PublishLetter&& letter) {
  read_clock();
  PublishOptions options;
  options.history_size = letter.history_size;
  options.history_ttl = letter.history_ttl;
  options.idempotency_key = letter.idempotency_key;
  options.version = letter.version;
  options.version_epoch = letter.version_epoch;
  options.time_ms = letter.time_ms;
  PublishResult result = shard_.home.publish(letter.channel, std::move(letter.draft), options);
  PublishAnswerLetter answer{letter.asker, {}, std::move(letter.done)};
  answer.answer.position = result.position;
  answer.answer.duplicate = result.outcome == PublishResult::Outcome::duplicate;
  if (result.outcome == PublishResult::Outcome::too_many_channels) {
    answer.answer.failure = ErrorCode::internal;
  }
  shard_.send(letter.asker.shard, std::move(answer));
  if (result.outcome != PublishResult::Outcome::published) return;
  result.shards.for_each([&](std::uint32_t shard) {
    shard_.deliver(shard, DeliverLetter{letter.channel, result.publication});
  });
}

void HomeDesk::take(PresenceLetter&& letter) {
  read_clock();
  PresenceAnswerLetter answer{letter.asker, {}, {}, std::move(letter.done)};
  if (const Presence* presence = shard_.home.presence(letter.channel); presence != nullptr) {
    constexpr std::uint64_t kMemberBytes = 128;  // names and quotes around what is counted
    std::uint64_t bytes = 0;
    presence->for_each([&](const Member& member, ConnectionId) {
      bytes += kMemberBytes + member.user.size() + member.conn_info.size() + member.chan_info.size();
      if (bytes > letter.bytes_maximum) return;
      answer.members.push_back({std::string(member.user), std::string(member.client),
                                std::string(member.conn_info), std::string(member.chan_info)});
    });
    if (bytes > letter.bytes_maximum) {
      answer.failure = ErrorCode::limit_exceeded;
      answer.members.clear();
    }
  }
  shard_.send(letter.asker.shard, std::move(answer));
}

void HomeDesk::take(PresenceStatsLetter&& letter) {
  read_clock();
  PresenceStatsAnswerLetter answer{letter.asker, {}, std::move(letter.done)};
  if (const Presence* presence = shard_.home.presence(letter.channel); presence != nullptr) {
    answer.answer.clients = presence->num_clients();
    answer.answer.users = presence->num_users();
  }
  shard_.send(letter.asker.shard, std::move(answer));
}

void HomeDesk::take(HistoryLetter&& letter) {
  read_clock();
  HistoryAnswerLetter answer{letter.asker, {}, {}, std::move(letter.done)};
  answer.result = shard_.home.history(letter.channel, letter.request, answer.publications);
  shard_.send(letter.asker.shard, std::move(answer));
}

void HomeDesk::take(RemoveHistoryLetter&& letter) {
  read_clock();
  shard_.home.remove_history(letter.channel);
  shard_.send(letter.shard, RemoveHistoryAnswerLetter{std::move(letter.done)});
}

void HomeDesk::take(PositionLetter&& letter) {
  read_clock();
  const Position position = shard_.home.position(letter.channel);
  shard_.send(letter.shard, PositionAnswerLetter{std::move(letter.channel), position});
}

void HomeDesk::take(CountUserLetter&& letter) {
  std::uint32_t& connections = connections_of_users_[letter.user_hash];
  if (letter.maximum == 0) {
    if (connections <= 1) {
      connections_of_users_.erase(letter.user_hash);
    } else {
      --connections;
    }
    return;
  }
  const bool allowed = connections < letter.maximum;
  if (allowed) ++connections;
  shard_.send(letter.shard, CountUserAnswerLetter{shard_.number, letter.user_hash, letter.client, allowed});
}

void HomeDesk::count() {
  Counters& counters = shard_.counters();
  const ChannelHome& home = shard_.home;
  counters.home_channels.set(home.channels());
  counters.idle_channels.set(home.idle_channels());
  counters.presence_bytes.set(home.presence_budget().used_bytes);
  counters.idempotency_results.set(home.idempotency_results());
  counters.publications.set(home.counters().publications);
  counters.duplicates.set(home.counters().duplicates);
  counters.recoveries.set(home.counters().recoveries);
  counters.recoveries_failed.set(home.counters().recoveries_failed);
  counters.channels_refused.set(home.counters().channels_refused);
  counters.streams_evicted.set(home.counters().streams_evicted);
  counters.idempotency_evictions.set(home.idempotency_evictions());
}

}  // namespace holdfast::gateway
