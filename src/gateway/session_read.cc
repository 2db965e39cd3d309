// presence, presence_stats, history: what clients read of a channel.
#include <utility>
#include <vector>

#include "gateway/session.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

bool Sessions::may_read(Index index, std::uint32_t id, std::string_view channel, MayRead decide) {
  ChannelName name;
  std::uint32_t place = 0;
  if (!allowed(index, id, shard_.settings().resolve(channel, name, place))) return false;
  const bool subscribed = subscribers_.find(clients_[index].subscriptions, channel) != kNoIndex;
  if (!allowed(index, id, decide(name, rules(place), {clients_.user(index), subscribed}))) return false;
  if (!shard_.post.busy(shard_.home_of(channel))) return true;
  error(index, id, ErrorCode::too_many_requests);
  return false;
}

void Sessions::presence(Index index, std::uint32_t id, std::string_view channel) {
  if (!may_read(index, id, channel, may_read_presence)) return;
  const std::uint64_t bytes_maximum = shard_.settings().client.max_outbox_bytes / 2;
  shard_.send(shard_.home_of(channel),
              PresenceLetter{asker(index, id), std::string(channel), bytes_maximum, {}});
}

void Sessions::take(PresenceAnswerLetter&& letter) {
  const Index index = clients_.find(letter.asker.client);
  if (index == kNoIndex) return;
  const std::uint32_t id = letter.asker.command_id;
  if (letter.failure) {
    error(index, id, *letter.failure);
  } else {
    std::vector<protocol::MapEntry<Member>> entries;
    entries.reserve(letter.members.size());
    for (const OwnedMember& member : letter.members) {
      entries.push_back({member.client, member.view()});
    }
    outgoing_.reply(index, id, protocol::PresenceResult{entries});
  }
  shard_.send_replies_soon();
}

void Sessions::presence_stats(Index index, std::uint32_t id, std::string_view channel) {
  if (!may_read(index, id, channel, may_read_presence)) return;
  shard_.send(shard_.home_of(channel), PresenceStatsLetter{asker(index, id), std::string(channel), {}});
}

void Sessions::take(PresenceStatsAnswerLetter&& letter) {
  const Index index = clients_.find(letter.asker.client);
  if (index == kNoIndex) return;
  const PresenceStatsAnswer& answer = letter.answer;
  outgoing_.reply(index, letter.asker.command_id,
                  protocol::PresenceStatsResult{answer.clients, answer.users});
  shard_.send_replies_soon();
}

void Sessions::history(Index index, std::uint32_t id, const protocol::HistoryRequest& request) {
  if (!may_read(index, id, request.channel, may_read_history)) return;
  const HistorySettings& settings = shard_.settings().history;
  HistoryLetter letter;
  letter.asker = asker(index, id);
  letter.channel = request.channel;
  letter.request.limit = request.limit;
  letter.request.has_since = request.has_since;
  letter.request.since = {request.since_offset, Epoch::from_client(request.since_epoch)};
  letter.request.reverse = request.reverse;
  letter.request.limit_maximum = settings.max_publications;
  letter.request.bytes_limit = settings.max_answer_bytes;
  shard_.send(shard_.home_of(request.channel), std::move(letter));
}

void Sessions::take(HistoryAnswerLetter&& letter) {
  const Index index = clients_.find(letter.asker.client);
  if (index == kNoIndex) return;
  const std::uint32_t id = letter.asker.command_id;
  switch (letter.result.outcome) {
    case HistoryResult::Outcome::unrecoverable:
      error(index, id, ErrorCode::unrecoverable_position);
      break;
    case HistoryResult::Outcome::too_many_channels:
      error(index, id, ErrorCode::internal);
      break;
    case HistoryResult::Outcome::ok:
      if (!views_.fill(letter.publications, clients_[index].encoding(), false)) {
        return disconnect(index, DisconnectCode::inappropriate_protocol);
      }
      const Position& position = letter.result.position;
      outgoing_.reply(index, id,
                      protocol::HistoryResult{views_.views(), position.epoch.text(), position.offset});
      break;
  }
  shard_.send_replies_soon();
}

}  // namespace holdfast::gateway
