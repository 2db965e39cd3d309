// publish, rpc, send: what clients give.
#include <array>
#include <charconv>
#include <utility>

#include "gateway/json_writer.h"
#include "gateway/session.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

Member Sessions::member_of(Index index, Index subscription, ClientId::Text& text) const {
  text = clients_.id(index).text();
  Member member{clients_.user(index), {text.data(), text.size()}, clients_.conn_info(index), {}};
  if (subscription != kNoIndex && (subscribers_[subscription].flags & Subscription::kInfo) != 0) {
    member.chan_info = shard_.chan_infos.at(subscription);
  }
  return member;
}

std::unique_ptr<OwnedMember> Sessions::own_member(Index index, Index subscription) const {
  ClientId::Text text;
  const Member member = member_of(index, subscription, text);
  return std::make_unique<OwnedMember>(OwnedMember{std::string(member.user), std::string(member.client),
                                                   std::string(member.conn_info),
                                                   std::string(member.chan_info)});
}

void Sessions::publish(Index index, std::uint32_t id, const protocol::PublishRequest& request) {
  if (request.type != 0) return error(index, id, ErrorCode::not_available);
  const bool json = clients_[index].encoding() == Encoding::json || shard_.is_json(request.data);
  publish_for(index, id, {request.channel, request.data, json, {}}, false);
}

void Sessions::publish_for(Index index, std::uint32_t id, const PublishCall& call, bool is_rpc) {
  ChannelName name;
  std::uint32_t place = 0;
  if (!allowed(index, id, shard_.settings().resolve(call.channel, name, place))) return;
  const Index subscription = subscribers_.find(clients_[index].subscriptions, call.channel);
  const ChannelRules& channel_rules = rules(place);
  const Caller caller{clients_.user(index), subscription != kNoIndex};
  if (!allowed(index, id, may_publish(name, channel_rules, caller))) return;
  if (call.payload.empty()) return error(index, id, ErrorCode::bad_request);
  const std::uint32_t home = shard_.home_of(call.channel);
  ClientId::Text text;
  const Member publisher = member_of(index, subscription, text);
  PublicationContent content;
  content.payload = call.payload;
  content.publisher = &publisher;
  content.json = call.json;
  PublicationReference draft;
  if (!shard_.post.busy(home)) draft = Publication::make(shard_.shared.publication_budget, content);
  if (!draft) {
    shard_.counters().publications_refused.add();
    return error(index, id, ErrorCode::too_many_requests);
  }
  PublishLetter letter;
  letter.asker = asker(index, id, is_rpc);
  letter.channel = call.channel;
  letter.draft = std::move(draft);
  letter.history_size = channel_rules.history_size;
  letter.history_ttl = channel_rules.history_ttl;
  letter.idempotency_key = call.idempotency_key;
  letter.time_ms = shard_.unix_time_s() * 1000;
  shard_.send(home, std::move(letter));
}

void Sessions::take(PublishAnswerLetter&& letter) {
  const Index index = clients_.find(letter.asker.client);
  if (index == kNoIndex) return;
  const std::uint32_t id = letter.asker.command_id;
  const PublishAnswer& answer = letter.answer;
  if (answer.failure) {
    error(index, id, *answer.failure);
  } else if (!letter.asker.rpc) {
    outgoing_.reply(index, id, protocol::PublishResult{});
  } else {
    scratch_.clear();
    JsonWriter json(scratch_);
    json.open_object();
    json.key("offset");
    json.number(answer.position.offset);
    json.key("epoch");
    json.text(answer.position.epoch.text());
    json.key("duplicate");
    json.boolean(answer.duplicate);
    json.close_object();
    outgoing_.reply(index, id, protocol::RpcResult{scratch_});
  }
  shard_.send_replies_soon();
}

void Sessions::rpc(Index index, std::uint32_t id, const protocol::RpcRequest& request) {
  if (request.method == "publish") {
    PublishCall call;
    if (!rpc_reader_.read(request.data, call)) return error(index, id, ErrorCode::bad_request);
    return publish_for(index, id, call, true);
  }
  if (request.method == "echo" && shard_.settings().client.rpc_echo) {
    return outgoing_.reply(index, id, protocol::RpcResult{request.data});
  }
  error(index, id, ErrorCode::method_not_found);
}

// There is nobody to take it.
void Sessions::send(Index index) {
  if (shard_.settings().client.discard_send) return;
  disconnect(index, DisconnectCode::not_available);
}

}  // namespace holdfast::gateway
