// What requests consist of, said once for both encodings: name for JSON, number for Protobuf, place in the
// Command. Internal to the readers.
//
// take(field, request) offers one field that came in to each field the request has. A Field answers true when
// it is the one, having stored its value or noted that it cannot be (then the whole command is malformed);
// a field nobody takes is unknown. Its operations: text, payload, number (of the target's type), flag,
// present (a message is there), message (a nested request), map (calls back with
// each key, and the value as a field named value, number 2).
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "gateway/command.h"

namespace holdfast::gateway::protocol {

// Finds or adds the entry of `key`; nullptr when there would be more than `maximum`.
template <class Entry>
Entry* entry_of(std::vector<Entry>& entries, std::string_view Entry::*name, std::string_view key,
                std::size_t maximum) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [name, key](const Entry& entry) { return entry.*name == key; });
  if (found != entries.end()) {
    *found = {};
    (*found).*name = key;
    return &*found;
  }
  if (entries.size() == maximum) return nullptr;
  Entry& added = entries.emplace_back();
  added.*name = key;
  return &added;
}

template <class Field>
bool take(Field& field, SubscribeRequest& request) {
  return field.text("channel", 1, request.channel) || field.text("token", 2, request.token) ||
         field.flag("recover", 3, request.recover) || field.text("epoch", 6, request.epoch) ||
         field.number("offset", 7, request.offset) || field.payload("data", 8, request.data) ||
         field.flag("positioned", 9, request.positioned) ||
         field.flag("recoverable", 10, request.recoverable) ||
         field.flag("join_leave", 11, request.join_leave) || field.text("delta", 12, request.delta) ||
         field.present("tf", 13, request.has_tags_filter) || field.number("flag", 14, request.flag) ||
         field.number("type", 15, request.type);
}

template <class Field>
bool take(Field& field, ConnectRequest& request) {
  const auto add_sub = [&request](std::string_view channel, auto& value) {
    SubscribeRequest* sub = entry_of(request.subs, &SubscribeRequest::channel, channel, value.limits().subs);
    if (sub == nullptr || !value.message("value", 2, *sub)) return false;
    sub->channel = channel;
    return true;
  };
  const auto add_header = [&request](std::string_view name, auto& value) {
    Header* header = entry_of(request.headers, &Header::name, name, value.limits().headers);
    return header != nullptr && value.text("value", 2, header->value);
  };
  return field.text("token", 1, request.token) || field.payload("data", 2, request.data) ||
         field.map("subs", 3, add_sub) || field.text("name", 4, request.name) ||
         field.text("version", 5, request.version) || field.map("headers", 6, add_header) ||
         field.number("flag", 7, request.flag);
}

template <class Field>
bool take(Field& field, ChannelRequest& request) {
  return field.text("channel", 1, request.channel);
}

template <class Field>
bool take(Field& field, PublishRequest& request) {
  return field.text("channel", 1, request.channel) || field.payload("data", 2, request.data) ||
         field.number("type", 3, request.type);
}

// HistoryRequest.since, whose fields live in the request.
struct SinceFields {
  HistoryRequest& request;
};

template <class Field>
bool take(Field& field, SinceFields& since) {
  return field.number("offset", 1, since.request.since_offset) ||
         field.text("epoch", 2, since.request.since_epoch);
}

template <class Field>
bool take(Field& field, HistoryRequest& request) {
  SinceFields since{request};
  return field.text("channel", 1, request.channel) || field.number("limit", 7, request.limit) ||
         field.message("since", 8, since, &request.has_since) || field.flag("reverse", 9, request.reverse);
}

template <class Field>
bool take(Field& /*field*/, Nothing& /*request*/) {
  return false;
}

template <class Field>
bool take(Field& field, DataRequest& request) {
  return field.payload("data", 1, request.data);
}

template <class Field>
bool take(Field& field, RpcRequest& request) {
  return field.payload("data", 1, request.data) || field.text("method", 2, request.method);
}

template <class Field>
bool take(Field& field, TokenRequest& request) {
  return field.text("token", 1, request.token);
}

template <class Field>
bool take(Field& field, SubRefreshRequest& request) {
  return field.text("channel", 1, request.channel) || field.text("token", 2, request.token) ||
         field.number("type", 3, request.type);
}

template <class Field>
bool take(Field& field, Command& command) {
  const auto request = [&field, &command](CommandKind kind, auto& place) {
    bool there = false;
    if (!field.message(name_of(kind), static_cast<std::uint32_t>(kind), place, &there)) return false;
    if (there && (command.kind == CommandKind::none || kind < command.kind)) command.kind = kind;
    return true;
  };
  return field.number("id", 1, command.id) || request(CommandKind::connect, command.connect) ||
         request(CommandKind::subscribe, command.subscribe) ||
         request(CommandKind::unsubscribe, command.unsubscribe) ||
         request(CommandKind::publish, command.publish) || request(CommandKind::presence, command.presence) ||
         request(CommandKind::presence_stats, command.presence_stats) ||
         request(CommandKind::history, command.history) || request(CommandKind::ping, command.ping) ||
         request(CommandKind::send, command.send) || request(CommandKind::rpc, command.rpc) ||
         request(CommandKind::refresh, command.refresh) ||
         request(CommandKind::sub_refresh, command.sub_refresh);
}

}  // namespace holdfast::gateway::protocol
