// The members of each method, and what must hold of them together.
#include "admin/api_request.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "admin/json_field.h"
#include "auth/base64.h"
#include "gateway/codes.h"

namespace holdfast::admin {
namespace {

// Nearly all bodies fit into this; more is taken for one request at a time.
constexpr std::size_t kSmallBodyBytes = 64 * 1024;
// A batch runs within one turn; more commands are refused.
constexpr std::size_t kBatchCommandsMaximum = 10'000;
constexpr std::size_t kTagsMaximum = 64;
constexpr std::uint32_t kFirstCode = 3000;
constexpr std::uint32_t kLastCode = 4999;

constexpr std::array<std::string_view, 13> kNames = {
    "publish",        "broadcast", "subscribe",      "unsubscribe", "disconnect", "refresh", "presence",
    "presence_stats", "history",   "history_remove", "channels",    "info",       "batch",
};

bool take_target(JsonField& field, ApiRequest& request) {
  return field.text("user", request.target.user) || field.text("client", request.target.client) ||
         field.text("session", request.target.session);
}

// Of a key that comes twice the last counts.
bool take_tags(JsonField& field, ApiRequest& request) {
  return field.object("tags", [&request](JsonField& member) {
    const auto tag =
        std::find_if(request.tags.begin(), request.tags.end(),
                     [&member](const gateway::Tag& known) { return known.key == member.name(); });
    if (tag != request.tags.end()) return member.text(member.name(), tag->value);
    if (request.tags.size() == kTagsMaximum) return member.refuse();
    request.tags.push_back({member.name(), {}});
    return member.text(member.name(), request.tags.back().value);
  });
}

bool take_publish(JsonField& field, ApiRequest& request) {
  if (field.payload("data", request.data)) return request.has_data = true;
  return field.flag("skip_history", request.skip_history) || field.flag("delta", request.delta) ||
         take_tags(field, request) || field.text("idempotency_key", request.idempotency_key) ||
         field.number("version", request.version) || field.text("version_epoch", request.version_epoch);
}

bool take_position(JsonField& field, std::string_view name, ApiRequest& request) {
  return field.object(name, [&request](JsonField& member) {
    request.has_since = true;
    std::string_view epoch;
    if (member.number("offset", request.since.offset)) return true;
    if (!member.text("epoch", epoch)) return false;
    request.since.epoch = gateway::Epoch::from_client(epoch);
    return true;
  });
}

// {"value": true}
bool take_override(JsonField& field, std::string_view name, std::optional<bool>& target) {
  return field.object(name, [&target](JsonField& member) {
    bool value = false;
    if (!member.flag("value", value)) return false;
    target = value;
    return true;
  });
}

bool take_overrides(JsonField& field, ApiRequest& request) {
  return field.object("override", [&request](JsonField& member) {
    gateway::FeatureOverride& overrides = request.overrides;
    return take_override(member, "presence", overrides.presence) ||
           take_override(member, "join_leave", overrides.join_leave) ||
           take_override(member, "force_recovery", overrides.force_recovery) ||
           take_override(member, "force_positioning", overrides.force_positioning) ||
           take_override(member, "force_push_join_leave", overrides.force_push_join_leave);
  });
}

bool take_subscribe(JsonField& field, ApiRequest& request) {
  if (field.optional_payload("data", request.data)) return true;
  return take_target(field, request) || field.text("channel", request.channel) ||
         field.optional_payload("info", request.info) || field.number("expire_at", request.expires_at_s) ||
         take_position(field, "recover_since", request) || take_overrides(field, request);
}

bool take_disconnect(JsonField& field, ApiRequest& request) {
  return take_target(field, request) || field.texts("whitelist", request.keep) ||
         field.object("disconnect", [&request](JsonField& member) {
           return member.number("code", request.code) || member.text("reason", request.reason);
         });
}

bool take_refresh(JsonField& field, ApiRequest& request) {
  return take_target(field, request) || field.flag("expired", request.expired) ||
         field.number("expire_at", request.expires_at_s) || field.optional_payload("info", request.info);
}

bool take_history(JsonField& field, ApiRequest& request) {
  return field.text("channel", request.channel) || field.number("limit", request.limit) ||
         field.flag("reverse", request.reverse) || take_position(field, "since", request);
}

// Of a command with several methods the last counts, as of any member that comes twice.
bool take_batch(JsonField& field, ApiRequest& request) {
  if (field.flag("parallel", request.parallel)) return true;
  return field.list("commands", [&request](JsonField& element) {
    if (request.commands.size() == kBatchCommandsMaximum) return false;
    BatchCommand& command = request.commands.emplace_back();
    return element.object(element.name(), [&command](JsonField& member) {
      command.method = member.name();
      return member.payload(member.name(), command.request);
    });
  });
}

bool take(Method method, JsonField& field, ApiRequest& request) {
  switch (method) {
    case Method::publish:
      return field.text("channel", request.channel) || take_publish(field, request);
    case Method::broadcast:
      return field.texts("channels", request.channels) || take_publish(field, request);
    case Method::subscribe:
      return take_subscribe(field, request);
    case Method::unsubscribe:
      return take_target(field, request) || field.text("channel", request.channel);
    case Method::disconnect:
      return take_disconnect(field, request);
    case Method::refresh:
      return take_refresh(field, request);
    case Method::presence:
    case Method::presence_stats:
    case Method::history_remove:
      return field.text("channel", request.channel);
    case Method::history:
      return take_history(field, request);
    case Method::channels:
      return field.text("pattern", request.pattern);
    case Method::info:
      return false;
    case Method::batch:
      return take_batch(field, request);
  }
  return false;
}

bool takes_base64(Method method) {
  return method == Method::publish || method == Method::broadcast || method == Method::subscribe;
}

// What a client would not understand is not sent to it.
bool sensible_close(const ApiRequest& request) {
  if (request.code != 0 && (request.code < kFirstCode || request.code > kLastCode)) return false;
  return request.reason.empty() || gateway::valid_close_reason(request.reason);
}

bool complete(Method method, const ApiRequest& request) {
  switch (method) {
    case Method::publish:
      return !request.channel.empty() && request.has_data;
    case Method::broadcast:
      return !request.channels.empty() && request.has_data;
    case Method::subscribe:
    case Method::unsubscribe:
      return !request.target.user.empty() && !request.channel.empty() && request.expires_at_s >= 0;
    case Method::disconnect:
      return !request.target.user.empty() && sensible_close(request);
    case Method::refresh:
      return !request.target.user.empty() && request.expires_at_s >= 0;
    case Method::presence:
    case Method::presence_stats:
    case Method::history:
    case Method::history_remove:
      return !request.channel.empty();
    case Method::channels:
    case Method::info:
    case Method::batch:
      return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(Method method) {
  return kNames[static_cast<std::size_t>(method)];
}

std::optional<Method> method_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Method>(i);
  }
  return std::nullopt;
}

ApiReader::ApiReader() : small_(std::make_unique<gateway::JsonWalk>(kSmallBodyBytes)) {}
ApiReader::~ApiReader() = default;

void ApiReader::forget() {
  large_.reset();
  for (std::string* decoded : {&decoded_data_, &decoded_info_}) {
    if (decoded->capacity() > kSmallBodyBytes) std::string().swap(*decoded);
  }
}

gateway::JsonWalk& ApiReader::walk_for(std::string_view body) {
  large_.reset();
  if (body.size() <= kSmallBodyBytes) return *small_;
  large_ = std::make_unique<gateway::JsonWalk>(body.size());
  return *large_;
}

bool ApiReader::read(Method method, std::string_view body, ApiRequest& request) {
  request = {};
  base64_data_ = base64_info_ = {};
  const auto take_one = [this, method, &request](JsonField& field) {
    if (takes_base64(method) && field.text("b64data", base64_data_)) return true;
    if (method == Method::subscribe && field.text("b64info", base64_info_)) return true;
    return take(method, field, request);
  };
  if (body.empty()) body = "{}";
  return read_object(walk_for(body), body, take_one) && settle_payloads(method, request) &&
         complete(method, request);
}

bool ApiReader::read_legacy(std::string_view body, BatchCommand& command) {
  command = {};
  return read_object(walk_for(body), body, [&command](JsonField& field) {
    return field.text("method", command.method) || field.optional_payload("params", command.request);
  });
}

bool ApiReader::settle_payloads(Method method, ApiRequest& request) {
  if (!base64_data_.empty()) {
    if (!decode(base64_data_, decoded_data_)) return false;
    const bool publishes = method != Method::subscribe;
    if (!publishes && !make_json(decoded_data_)) return false;
    request.data = decoded_data_;
    request.binary = publishes;
    request.has_data = true;
  }
  if (!base64_info_.empty()) {
    if (!decode(base64_info_, decoded_info_) || !make_json(decoded_info_)) return false;
    request.info = decoded_info_;
  }
  return true;
}

bool ApiReader::decode(std::string_view base64, std::string& into) {
  into.resize(auth::decoded_bytes_maximum(base64.size()));
  const std::optional<std::size_t> bytes = auth::decode_base64(base64, into);
  into.resize(bytes.value_or(0));
  return bytes.has_value();
}

bool ApiReader::make_json(std::string& bytes) {
  if (!gateway::JsonText(bytes.size()).valid(bytes)) return false;
  std::string line;
  gateway::append_without_line_breaks(line, bytes);
  bytes.swap(line);
  return true;
}

}  // namespace holdfast::admin
