// Codec: frames, and commands as JSON.
#include "codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "json_reply.h"

namespace holdfast::sim {
namespace {

// In the order of keys: the same message is the same bytes.
std::string serialized(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&out);
  }
  return bytes;
}

std::string with_length(const std::string& bytes) {
  std::string framed;
  std::size_t rest = bytes.size();
  for (; rest > 0x7f; rest >>= 7) framed.push_back(static_cast<char>(rest | 0x80));
  framed.push_back(static_cast<char>(rest));
  return framed + bytes;
}

// A JSON object that is being written. Members with their zero value are left out.
class Object {
 public:
  Object& text(const char* name, const std::string& value) {
    return value.empty() ? *this
                         : raw(name, absl::StrCat("\"", value, "\""));  // nothing of ours needs an escape
  }
  template <class Number>
  Object& number(const char* name, Number value) {
    return value == 0 ? *this : raw(name, std::to_string(value));
  }
  Object& flag(const char* name, bool value) { return value ? raw(name, "true") : *this; }
  Object& raw(const char* name, const std::string& value) {
    if (value.empty()) return *this;
    absl::StrAppend(&text_, text_.empty() ? "\"" : ",\"", name, "\":", value);
    return *this;
  }
  std::string written() const { return absl::StrCat("{", text_, "}"); }

 private:
  std::string text_;
};

std::string json(const client::SubscribeRequest& request) {
  return Object()
      .text("channel", request.channel())
      .text("token", request.token())
      .flag("recover", request.recover())
      .text("epoch", request.epoch())
      .number("offset", request.offset())
      .flag("positioned", request.positioned())
      .flag("recoverable", request.recoverable())
      .flag("join_leave", request.join_leave())
      .text("delta", request.delta())
      .number("flag", request.flag())
      .written();
}

std::string json(const client::ConnectRequest& request) {
  std::string subs;
  const std::map<std::string, client::SubscribeRequest> sorted(request.subs().begin(), request.subs().end());
  for (const auto& [channel, sub] : sorted)
    absl::StrAppend(&subs, subs.empty() ? "{\"" : ",\"", channel, "\":", json(sub));
  if (!subs.empty()) subs += "}";
  return Object().text("token", request.token()).raw("subs", subs).written();
}

std::string json(const client::ChannelRequest& request) {
  // Also when it is empty: a mistake on purpose.
  return Object().raw("channel", absl::StrCat("\"", request.channel(), "\"")).written();
}

std::string json(const client::PublishRequest& request) {
  return Object().text("channel", request.channel()).raw("data", request.data()).written();
}

std::string json(const client::HistoryRequest& request) {
  return Object().text("channel", request.channel()).number("limit", request.limit()).written();
}

std::string json(const client::RpcRequest& request) {
  return Object().text("method", request.method()).raw("data", request.data()).written();
}

std::string json(const client::TokenRequest& request) {
  return Object().text("token", request.token()).written();
}

std::string json(const client::SubRefreshRequest& request) {
  return Object().text("channel", request.channel()).text("token", request.token()).written();
}

std::string json(const client::ClientCommand& command) {
  Object object;
  object.number("id", command.id());
  if (command.has_connect()) object.raw("connect", json(command.connect()));
  if (command.has_subscribe()) object.raw("subscribe", json(command.subscribe()));
  if (command.has_unsubscribe()) object.raw("unsubscribe", json(command.unsubscribe()));
  if (command.has_publish()) object.raw("publish", json(command.publish()));
  if (command.has_presence()) object.raw("presence", json(command.presence()));
  if (command.has_presence_stats()) object.raw("presence_stats", json(command.presence_stats()));
  if (command.has_history()) object.raw("history", json(command.history()));
  if (command.has_ping()) object.raw("ping", "{}");
  if (command.has_rpc()) object.raw("rpc", json(command.rpc()));
  if (command.has_refresh()) object.raw("refresh", json(command.refresh()));
  if (command.has_sub_refresh()) object.raw("sub_refresh", json(command.sub_refresh()));
  return object.written();
}

}  // namespace

bool is_ping(const client::ServerReply& message) {
  return message.ByteSizeLong() == 0;
}

std::size_t read_length(std::string_view bytes, std::size_t& length) {
  length = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 5; ++i) {
    length |= std::size_t{static_cast<unsigned char>(bytes[i]) & 0x7fu} << (7 * i);
    if ((bytes[i] & 0x80) == 0) return i + 1;
  }
  return 0;
}

std::string Codec::command(const client::ClientCommand& command) const {
  return protobuf_ ? with_length(serialized(command)) : json(command);
}

std::string Codec::join(const std::string& first, const std::string& second) const {
  return protobuf_ ? first + second : first + "\n" + second;
}

std::string Codec::connect_request(const client::ConnectRequest& request) const {
  return protobuf_ ? serialized(request) : json(request);
}

bool Codec::read(std::string_view frame, bool bare_pushes, std::vector<client::ServerReply>& messages) {
  messages.clear();
  while (!frame.empty()) {
    client::ServerReply& message = messages.emplace_back();
    if (!protobuf_) {
      const std::string_view line = frame.substr(0, frame.find('\n'));
      frame.remove_prefix(std::min(frame.size(), line.size() + 1));
      if (!read_json(line, bare_pushes, message)) return false;
      continue;
    }
    std::size_t length = 0;
    const std::size_t header = read_length(frame, length);
    if (header == 0 || frame.size() - header < length) return false;
    const std::string bytes(frame.substr(header, length));
    frame.remove_prefix(header + length);
    const bool pushed = bare_pushes && length > 0;  // else a ping
    const bool parsed =
        pushed ? message.mutable_push()->ParseFromString(bytes) : message.ParseFromString(bytes);
    // Written again it is as long, or something in it was not as it is to be written.
    const std::size_t size = pushed ? message.push().ByteSizeLong() : message.ByteSizeLong();
    if (!parsed || size != length) return false;
  }
  return true;
}

bool Codec::read_json(std::string_view line, bool bare_push, client::ServerReply& message) {
  simdjson::dom::object object;
  if (parser_.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) return false;
  if (!bare_push || object.size() == 0) return read_reply(object, message);
  return read_push(object, *message.mutable_push());
}

bool Codec::unquote(const std::string& json, std::string& text) {
  std::string_view meant;
  if (parser_.parse(json).get(meant) != simdjson::SUCCESS) return false;
  text = meant;
  return true;
}

}  // namespace holdfast::sim
