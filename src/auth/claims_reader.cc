// Two passes over a payload. simdjson's DOM parser proves that all of it is valid and not too deep; On-Demand
// then walks it in place, which gives info, data and meta as they were written. On-Demand alone would not
// look at what it passes over.
#include "auth/claims_reader.h"

#include <simdjson.h>

#include "auth/base64.h"
#include "auth/json_values.h"
#include "base/check.h"

namespace holdfast::auth {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kJsonDepthMaximum = 32;
// The minifier writes whole vectors, so up to this much beyond its result.
constexpr std::size_t kMinifierSlack = 128;

// The two spellings of a blob, of which b64 wins.
struct BlobClaim {
  std::string_view json;
  std::string_view base64;
};

std::string_view verdict_of(bool right_type) {
  return right_type ? std::string_view() : kWrongType;
}

std::string_view read_override(ondemand::value value, ChannelOverride& overrides) {
  return for_each_member(value, [&](std::string_view name, ondemand::value setting) -> std::string_view {
    std::optional<bool>* target = nullptr;
    if (name == "presence") target = &overrides.presence;
    if (name == "join_leave") target = &overrides.join_leave;
    if (name == "force_recovery") target = &overrides.force_recovery;
    if (name == "force_positioning") target = &overrides.force_positioning;
    if (name == "force_push_join_leave") target = &overrides.force_push_join_leave;
    if (target == nullptr) return "";
    // {"value":true}
    const std::string_view wrong = for_each_member(setting, [&](std::string_view key, ondemand::value flag) {
      bool on = false;
      if (key != "value") return std::string_view();
      if (flag.get_bool().get(on) != simdjson::SUCCESS) return kWrongType;
      *target = on;
      return std::string_view();
    });
    return wrong.empty() && !target->has_value() ? kWrongType : wrong;
  });
}

}  // namespace

struct ClaimsReader::Memory {
  explicit Memory(std::size_t bytes)
      : bytes_maximum(bytes),
        text(std::make_unique<char[]>(bytes + simdjson::SIMDJSON_PADDING)),
        // Once for what is decoded, once more for what of it goes on one line.
        scratch(2 * bytes + kMinifierSlack) {
    // simdjson stays below the depth it is given.
    CHECK(dom.allocate(bytes, kJsonDepthMaximum + 1) == simdjson::SUCCESS);
    CHECK(on_demand.allocate(bytes, kJsonDepthMaximum + 1) == simdjson::SUCCESS);
  }

  // Walks the text's members, after both passes have begun.
  template <class Visit>
  std::string_view for_each_claim(std::size_t size, Visit visit);
  template <class Visit>
  std::string_view read_claims(std::size_t size, Claims& claims, Visit visit);
  std::string_view read_subscriptions(ondemand::value value, std::vector<ServerSubscription>& subscriptions);
  std::string_view resolve(const BlobClaim& claim, Blob& blob);

  std::size_t bytes_maximum;
  std::unique_ptr<char[]> text;
  Scratch scratch;
  simdjson::dom::parser dom;
  ondemand::parser on_demand;
  ondemand::document document;
};

ClaimsReader::ClaimsReader(std::size_t bytes_maximum) : memory_(std::make_unique<Memory>(bytes_maximum)) {}
ClaimsReader::~ClaimsReader() = default;

std::span<char> ClaimsReader::buffer() {
  return {memory_->text.get(), memory_->bytes_maximum};
}

std::string_view ClaimsReader::read(std::size_t size, Header& header) {
  CHECK(size <= memory_->bytes_maximum);
  simdjson::dom::object object;
  if (memory_->dom.parse(memory_->text.get(), size, false).get(object) != simdjson::SUCCESS) {
    return kNotAnObject;
  }
  Names names;
  for (const auto& [name, value] : object) {
    names.push_back(name);
    std::string_view text;
    if (name == "crit") return "its header has crit, of which nothing is understood here";
    if (name != "alg" && name != "kid") continue;
    if (value.get(text) != simdjson::SUCCESS) return "its alg or kid is not a string";
    if (name == "alg") {
      header.algorithm = text;
    } else {
      header.kid = text;
    }
  }
  return all_different(names) ? std::string_view() : kDuplicate;
}

template <class Visit>
std::string_view ClaimsReader::Memory::for_each_claim(std::size_t size, Visit visit) {
  CHECK(size <= bytes_maximum);
  scratch.clear();
  simdjson::dom::object valid;
  if (dom.parse(text.get(), size, false).get(valid) != simdjson::SUCCESS) return kNotAnObject;
  const simdjson::padded_string_view padded(text.get(), size, bytes_maximum + simdjson::SIMDJSON_PADDING);
  ondemand::object object;
  if (on_demand.iterate(padded).get(document) != simdjson::SUCCESS) return kNotAnObject;
  if (document.get_object().get(object) != simdjson::SUCCESS) return kNotAnObject;
  return for_each_member(object, visit);
}

// What both kinds of token have; visit gets the other members.
template <class Visit>
std::string_view ClaimsReader::Memory::read_claims(std::size_t size, Claims& claims, Visit visit) {
  BlobClaim info;
  const auto read_one = [&](std::string_view name, ondemand::value value) -> std::string_view {
    if (name == "sub") return verdict_of(get_text(value, claims.user));
    if (name == "exp") return verdict_of(get_date(value, claims.expires_at_s));
    if (name == "nbf") return verdict_of(get_date(value, claims.not_before_s));
    if (name == "iat") return verdict_of(get_date(value, claims.issued_at_s));
    if (name == "jti") return verdict_of(get_text(value, claims.token_id));
    if (name == "iss") return verdict_of(get_text(value, claims.issuer));
    if (name == "aud") return verdict_of(get_text_or_texts(value, claims.audiences));
    if (name == "info") return verdict_of(get_json(value, scratch, info.json));
    if (name == "b64info") return verdict_of(get_text(value, info.base64));
    if (name == "expire_at") return verdict_of(get_date(value, claims.ends_at_claim));
    return visit(name, value);
  };
  if (const std::string_view wrong = for_each_claim(size, read_one); !wrong.empty()) return wrong;
  return resolve(info, claims.info);
}

std::string_view ClaimsReader::Memory::read_subscriptions(ondemand::value value,
                                                          std::vector<ServerSubscription>& subscriptions) {
  return for_each_member(value, [&](std::string_view channel, ondemand::value options) -> std::string_view {
    ServerSubscription& subscription = subscriptions.emplace_back();
    subscription.channel = channel;
    BlobClaim info;
    BlobClaim content;
    const auto read_option = [&](std::string_view name, ondemand::value option) -> std::string_view {
      if (name == "info") return verdict_of(get_json(option, scratch, info.json));
      if (name == "b64info") return verdict_of(get_text(option, info.base64));
      if (name == "data") return verdict_of(get_json(option, scratch, content.json));
      if (name == "b64data") return verdict_of(get_text(option, content.base64));
      if (name == "override") return read_override(option, subscription.overrides);
      return "";
    };
    if (const std::string_view wrong = for_each_member(options, read_option); !wrong.empty()) return wrong;
    if (const std::string_view wrong = resolve(info, subscription.info); !wrong.empty()) return wrong;
    return resolve(content, subscription.data);
  });
}

std::string_view ClaimsReader::Memory::resolve(const BlobClaim& claim, Blob& blob) {
  if (claim.base64.empty()) {
    blob = {claim.json, true};
    return "";
  }
  const std::optional<std::size_t> bytes = decode_base64(claim.base64, scratch.rest());
  if (!bytes.has_value()) return kNotBase64;
  blob.bytes = scratch.take(*bytes);
  // The DOM of the payload has done its work: its parser is free.
  blob.is_json = dom.parse(blob.bytes.data(), blob.bytes.size(), true).error() == simdjson::SUCCESS;
  if (blob.is_json && !on_one_line(scratch, blob.bytes)) return kNotBase64;
  return "";
}

std::string_view ClaimsReader::read(std::size_t size, ConnectionClaims& claims) {
  const auto read_one = [&](std::string_view name, ondemand::value value) -> std::string_view {
    if (name == "meta") return verdict_of(get_json(value, memory_->scratch, claims.meta));
    if (name == "channels") return verdict_of(get_texts(value, claims.channels));
    if (name == "subs") return memory_->read_subscriptions(value, claims.subscriptions);
    if (name == "channel") return "it is a subscription token";
    return "";
  };
  return memory_->read_claims(size, claims, read_one);
}

std::string_view ClaimsReader::read(std::size_t size, SubscriptionClaims& claims) {
  BlobClaim content;
  const auto read_one = [&](std::string_view name, ondemand::value value) -> std::string_view {
    if (name == "channel") return verdict_of(get_text(value, claims.channel));
    if (name == "client") return verdict_of(get_text(value, claims.client));
    if (name == "data") return verdict_of(get_json(value, memory_->scratch, content.json));
    if (name == "b64data") return verdict_of(get_text(value, content.base64));
    if (name == "override") return read_override(value, claims.overrides);
    return "";
  };
  if (const std::string_view wrong = memory_->read_claims(size, claims, read_one); !wrong.empty())
    return wrong;
  if (claims.channel.empty()) return "it is not a subscription token: it has no channel";
  return memory_->resolve(content, claims.data);
}

}  // namespace holdfast::auth
