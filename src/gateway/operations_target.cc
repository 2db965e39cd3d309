// Operations on the connections of a user: every shard is asked, because a user may be connected anywhere.
#include <algorithm>

#include "base/check.h"
#include "gateway/operations_desk.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

void OperationsDesk::to_all_shards(TargetLetter&& letter, const Target& target, Callback<TargetAnswer> done) {
  letter.shard = shard_.number;
  letter.user = target.user;
  letter.client = target.client;
  letter.session = target.session;
  letter.gathering = std::make_shared<TargetLetter::Gathering>();
  letter.gathering->awaited = shard_.shared.shards;
  letter.gathering->done = std::move(done);
  const auto shared = std::make_shared<const TargetLetter>(std::move(letter));
  for (std::uint32_t shard = 0; shard < shard_.shared.shards; ++shard) {
    shard_.send(shard, std::shared_ptr<const TargetLetter>(shared));
  }
}

void OperationsDesk::subscribe(const SubscribeOperation& operation, Callback<TargetAnswer> done) {
  std::uint32_t place = 0;
  if (const Failure failure = check(operation.channel, place)) return done({failure, 0});
  TargetLetter letter;
  letter.kind = TargetLetter::Kind::subscribe;
  letter.channel = operation.channel;
  letter.conn_info = operation.info;
  letter.data = operation.data;
  letter.expires_at_s = operation.expires_at_s;
  letter.flag = operation.recover;
  letter.since = operation.since;
  letter.overrides = operation.overrides;
  to_all_shards(std::move(letter), operation.target, std::move(done));
}

void OperationsDesk::unsubscribe(const UnsubscribeOperation& operation, Callback<TargetAnswer> done) {
  std::uint32_t place = 0;
  const Failure failure = check(operation.channel, place);
  if (failure == ErrorCode::bad_request) return done({failure, 0});
  TargetLetter letter;
  letter.kind = TargetLetter::Kind::unsubscribe;
  letter.channel = operation.channel;
  to_all_shards(std::move(letter), operation.target, std::move(done));
}

void OperationsDesk::disconnect(const DisconnectOperation& operation, Callback<TargetAnswer> done) {
  TargetLetter letter;
  letter.kind = TargetLetter::Kind::disconnect;
  letter.code = operation.code;
  letter.reason =
      operation.reason.empty() ? reason_of(static_cast<DisconnectCode>(operation.code)) : operation.reason;
  if (letter.reason.empty()) letter.reason = "disconnected by the application";
  for (const std::string_view client : operation.keep) letter.keep.emplace_back(client);
  to_all_shards(std::move(letter), operation.target, std::move(done));
}

void OperationsDesk::refresh(const RefreshOperation& operation, Callback<TargetAnswer> done) {
  TargetLetter letter;
  letter.kind = TargetLetter::Kind::refresh;
  letter.flag = operation.expired;
  letter.expires_at_s = operation.expires_at_s;
  to_all_shards(std::move(letter), operation.target, std::move(done));
}

bool OperationsDesk::selected(const TargetLetter& letter, Index index) const {
  const ClientId::Text text = shard_.clients.id(index).text();
  const std::string_view id(text.data(), text.size());
  if (!letter.client.empty() && letter.client != id) return false;
  if (!letter.session.empty() && letter.session != sessions_.session_of(shard_.clients.reference(index))) {
    return false;
  }
  return std::find(letter.keep.begin(), letter.keep.end(), id) == letter.keep.end();
}

void OperationsDesk::take(std::shared_ptr<const TargetLetter>&& letter) {
  TargetAnswerLetter answer{letter->gathering, 0};
  shard_.clients.for_each_of(letter->user, [&](Index index) {
    if (selected(*letter, index) && apply(*letter, index)) ++answer.connections;
  });
  shard_.send_replies_soon();
  shard_.send(letter->shard, std::move(answer));
}

bool OperationsDesk::subscribe_client(const TargetLetter& letter, Index index) {
  Sessions::ServerSide wanted;
  wanted.channel = letter.channel;
  wanted.chan_info = letter.conn_info;
  wanted.data = letter.data;
  wanted.expires_at_s = letter.expires_at_s;
  wanted.recover = letter.flag;
  wanted.since = letter.since;
  wanted.overrides = {letter.overrides.presence, letter.overrides.join_leave, letter.overrides.force_recovery,
                      letter.overrides.force_positioning, letter.overrides.force_push_join_leave};
  return sessions_.subscribe_server_side(index, wanted);
}

bool OperationsDesk::apply(const TargetLetter& letter, Index index) {
  switch (letter.kind) {
    case TargetLetter::Kind::subscribe:
      return subscribe_client(letter, index);
    case TargetLetter::Kind::unsubscribe: {
      const Index subscription = shard_.subscribers.find(shard_.clients[index].subscriptions, letter.channel);
      if (subscription == kNoIndex) return false;
      sessions_.unsubscribe(index, subscription, UnsubscribeCode::server);
      return true;
    }
    case TargetLetter::Kind::disconnect:
      sessions_.disconnect(index, letter.code, letter.reason);
      return true;
    case TargetLetter::Kind::refresh:
      sessions_.refresh_by_server(index, letter.flag, letter.expires_at_s);
      return true;
  }
  return false;
}

void OperationsDesk::take(TargetAnswerLetter&& letter) {
  TargetLetter::Gathering& gathering = *letter.gathering;
  gathering.answer.connections += letter.connections;
  CHECK(gathering.awaited > 0);
  if (--gathering.awaited == 0) gathering.done(gathering.answer);
}

void OperationsDesk::emulate(const EmulationOperation& operation, Callback<EmulationAnswer> done) {
  const ClientReference reference = sessions_.find_session(operation.session);
  const std::uint32_t shard = static_cast<std::uint32_t>(reference.connection.value >> 48) - 1;
  if (reference.client == kNoIndex || shard >= shard_.shared.shards ||
      operation.node != std::to_string(shard)) {
    return done({false});
  }
  shard_.send(shard, EmulateLetter{shard_.number, reference, operation.encoding,
                                   std::string(operation.commands), std::move(done)});
}

void OperationsDesk::take(EmulateLetter&& letter) {
  const Index index = shard_.clients.find(letter.client);
  const bool found = index != kNoIndex && !shard_.clients[index].transport().unidirectional &&
                     shard_.clients[index].encoding() == letter.encoding;
  if (found) {
    sessions_.commands(index, letter.encoding, letter.commands);
    shard_.send_replies_soon();
  }
  shard_.send(letter.shard, EmulateAnswerLetter{{found}, std::move(letter.done)});
}

void OperationsDesk::take(EmulateAnswerLetter&& letter) {
  letter.done(letter.answer);
}

}  // namespace holdfast::gateway
