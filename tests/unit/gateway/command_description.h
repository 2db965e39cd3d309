// A command in words that tests and fuzz targets can compare: every field that is not zero, sorted where the
// encodings do not promise an order. Once from a Command and once from what protoc's classes understood of
// the same bytes; the two are written separately on purpose.
#pragma once

#include <client.pb.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "gateway/command.h"

namespace holdfast::gateway::tests {

class Description {
 public:
  Description& text(const char* name, std::string_view value) {
    if (!value.empty()) add(name, value);
    return *this;
  }
  template <class Number>
  Description& number(const char* name, Number value) {
    if (value != Number{}) add(name, std::to_string(value));
    return *this;
  }
  Description& group(const char* name, const Description& inner) {
    add(name, "{" + inner.words_ + "}");
    return *this;
  }
  const std::string& words() const { return words_; }

 private:
  void add(const char* name, std::string_view value) {
    words_.append(name).append("=").append(value).append(";");
  }
  std::string words_;
};

inline Description describe(const protocol::SubscribeRequest& request) {
  return Description()
      .text("channel", request.channel)
      .text("token", request.token)
      .number("recover", request.recover)
      .text("epoch", request.epoch)
      .number("offset", request.offset)
      .text("data", request.data)
      .number("positioned", request.positioned)
      .number("recoverable", request.recoverable)
      .number("join_leave", request.join_leave)
      .text("delta", request.delta)
      .number("tf", request.has_tags_filter)
      .number("flag", request.flag)
      .number("type", request.type);
}

inline Description describe(const client::SubscribeRequest& request) {
  return Description()
      .text("channel", request.channel())
      .text("token", request.token())
      .number("recover", request.recover())
      .text("epoch", request.epoch())
      .number("offset", request.offset())
      .text("data", request.data())
      .number("positioned", request.positioned())
      .number("recoverable", request.recoverable())
      .number("join_leave", request.join_leave())
      .text("delta", request.delta())
      .number("tf", request.has_tf())
      .number("flag", request.flag())
      .number("type", request.type());
}

inline Description describe(const protocol::ConnectRequest& request) {
  Description description;
  description.text("token", request.token)
      .text("data", request.data)
      .text("name", request.name)
      .text("version", request.version)
      .number("flag", request.flag);
  std::map<std::string_view, const protocol::SubscribeRequest*> subs;
  for (const protocol::SubscribeRequest& sub : request.subs) subs[sub.channel] = &sub;
  for (const auto& [channel, sub] : subs) description.group("sub", describe(*sub));
  std::map<std::string_view, std::string_view> headers;
  for (const protocol::Header& header : request.headers) headers[header.name] = header.value;
  for (const auto& [name, value] : headers) {
    description.group("header", Description().text("name", name).text("value", value));
  }
  return description;
}

inline Description describe(const client::ConnectRequest& request) {
  Description description;
  description.text("token", request.token())
      .text("data", request.data())
      .text("name", request.name())
      .text("version", request.version())
      .number("flag", request.flag());
  std::map<std::string_view, client::SubscribeRequest> subs;
  for (const auto& [channel, sub] : request.subs()) (subs[channel] = sub).set_channel(channel);
  for (const auto& [channel, sub] : subs) description.group("sub", describe(sub));
  std::map<std::string_view, std::string_view> headers;
  for (const auto& [name, value] : request.headers()) headers[name] = value;
  for (const auto& [name, value] : headers) {
    description.group("header", Description().text("name", name).text("value", value));
  }
  return description;
}

// Only what the command's kind makes valid.
inline Description describe(const protocol::Command& command) {
  using protocol::CommandKind;
  Description description;
  description.number("id", command.id).text("kind", name_of(command.kind));
  switch (command.kind) {
    case CommandKind::none:
    case CommandKind::ping:
      return description;
    case CommandKind::connect:
      return description.group("", describe(command.connect));
    case CommandKind::subscribe:
      return description.group("", describe(command.subscribe));
    case CommandKind::unsubscribe:
      return description.text("channel", command.unsubscribe.channel);
    case CommandKind::publish:
      return description.text("channel", command.publish.channel)
          .text("data", command.publish.data)
          .number("type", command.publish.type);
    case CommandKind::presence:
      return description.text("channel", command.presence.channel);
    case CommandKind::presence_stats:
      return description.text("channel", command.presence_stats.channel);
    case CommandKind::history:
      return description.text("channel", command.history.channel)
          .number("limit", command.history.limit)
          .number("since", command.history.has_since)
          .number("offset", command.history.since_offset)
          .text("epoch", command.history.since_epoch)
          .number("reverse", command.history.reverse);
    case CommandKind::send:
      return description.text("data", command.send.data);
    case CommandKind::rpc:
      return description.text("method", command.rpc.method).text("data", command.rpc.data);
    case CommandKind::refresh:
      return description.text("token", command.refresh.token);
    case CommandKind::sub_refresh:
      return description.text("channel", command.sub_refresh.channel)
          .text("token", command.sub_refresh.token)
          .number("type", command.sub_refresh.type);
  }
  return description;
}

inline Description describe(const client::ClientCommand& command) {
  Description description;
  description.number("id", command.id());
  if (command.has_connect())
    return description.text("kind", "connect").group("", describe(command.connect()));
  if (command.has_subscribe()) {
    return description.text("kind", "subscribe").group("", describe(command.subscribe()));
  }
  if (command.has_unsubscribe()) {
    return description.text("kind", "unsubscribe").text("channel", command.unsubscribe().channel());
  }
  if (command.has_publish()) {
    return description.text("kind", "publish")
        .text("channel", command.publish().channel())
        .text("data", command.publish().data())
        .number("type", command.publish().type());
  }
  if (command.has_presence()) {
    return description.text("kind", "presence").text("channel", command.presence().channel());
  }
  if (command.has_presence_stats()) {
    return description.text("kind", "presence_stats").text("channel", command.presence_stats().channel());
  }
  if (command.has_history()) {
    const client::HistoryRequest& history = command.history();
    return description.text("kind", "history")
        .text("channel", history.channel())
        .number("limit", history.limit())
        .number("since", history.has_since())
        .number("offset", history.since().offset())
        .text("epoch", history.since().epoch())
        .number("reverse", history.reverse());
  }
  if (command.has_ping()) return description.text("kind", "ping");
  if (command.has_send()) return description.text("kind", "send").text("data", command.send().data());
  if (command.has_rpc()) {
    return description.text("kind", "rpc")
        .text("method", command.rpc().method())
        .text("data", command.rpc().data());
  }
  if (command.has_refresh())
    return description.text("kind", "refresh").text("token", command.refresh().token());
  if (command.has_sub_refresh()) {
    return description.text("kind", "sub_refresh")
        .text("channel", command.sub_refresh().channel())
        .text("token", command.sub_refresh().token())
        .number("type", command.sub_refresh().type());
  }
  return description;
}

}  // namespace holdfast::gateway::tests
