// Replies and pushes in JSON. simdjson checks the whole text; here every member that is known has to be of
// its type, and those that are not known are passed over, as clients do.
#include <simdjson.h>

#include "centrifugo.h"

namespace holdfast::swarm {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

template <class Value>
bool read_value(const element& from, Value& into) {
  return from.get(into) == simdjson::SUCCESS;
}

bool read_value(const element& from, std::uint32_t& into) {
  std::uint64_t wide = 0;
  if (!read_value(from, wide) || wide > 0xffff'ffff) return false;
  into = static_cast<std::uint32_t>(wide);
  return true;
}

bool read_publication(const element& from, Publication& publication) {
  object members;
  if (!read_value(from, members)) return false;
  for (const auto [name, value] : members) {
    if (name == "data") {
      publication.is_text = read_value(value, publication.text);
    } else if (name == "offset" && !read_value(value, publication.offset)) {
      return false;
    }
  }
  return true;
}

bool read_connect(const object& members, ServerMessage& message) {
  for (const auto [name, value] : members) {
    if (name == "client" && !read_value(value, message.client)) return false;
    if (name == "ping" && !read_value(value, message.ping_s)) return false;
    if (name == "pong" && !read_value(value, message.pong)) return false;
  }
  message.kind = ServerMessage::Kind::connect;
  return true;
}

bool read_subscribe(const object& members, ServerMessage& message, std::vector<Publication>& publications) {
  for (const auto [name, value] : members) {
    if (name == "recoverable" && !read_value(value, message.recoverable)) return false;
    if (name == "positioned" && !read_value(value, message.positioned)) return false;
    if (name == "was_recovering" && !read_value(value, message.was_recovering)) return false;
    if (name == "recovered" && !read_value(value, message.recovered)) return false;
    if (name == "epoch" && !read_value(value, message.epoch)) return false;
    if (name == "offset" && !read_value(value, message.offset)) return false;
    if (name != "publications") continue;
    simdjson::dom::array elements;
    if (!read_value(value, elements)) return false;
    for (const element one : elements) {
      if (!read_publication(one, publications.emplace_back())) return false;
    }
  }
  message.publications = publications;
  message.kind = ServerMessage::Kind::subscribe;
  return true;
}

bool read_push(const object& members, ServerMessage& message) {
  for (const auto [name, value] : members) {
    if (name == "channel" && !read_value(value, message.channel)) return false;
    if (name != "pub") continue;
    if (!read_publication(value, message.publication)) return false;
    message.kind = ServerMessage::Kind::publication;
  }
  return true;
}

bool read_error(const object& members, ServerMessage& message) {
  for (const auto [name, value] : members) {
    if (name == "code" && !read_value(value, message.code)) return false;
  }
  message.kind = ServerMessage::Kind::error;
  return message.code != 0;
}

}  // namespace

struct MessageReader::Json {
  simdjson::dom::parser parser;
};

MessageReader::MessageReader() : json_(std::make_unique<Json>()) {
  static_assert(kPaddingBytes >= simdjson::SIMDJSON_PADDING);
}
MessageReader::~MessageReader() = default;

bool MessageReader::read_json(std::string_view text) {
  constexpr bool kCopy = false;  // the padding is there
  element root;
  object reply;
  if (json_->parser.parse(text.data(), text.size(), kCopy).get(root) != simdjson::SUCCESS) return false;
  if (!read_value(root, reply)) return false;
  if (reply.size() == 0) {
    message_.kind = ServerMessage::Kind::ping;
    return true;
  }
  int bodies = 0;
  for (const auto [name, value] : reply) {
    if (name == "id") {
      if (!read_value(value, message_.id)) return false;
      continue;
    }
    object members;
    if (!read_value(value, members)) return false;
    ++bodies;
    bool right = true;
    if (name == "connect") right = read_connect(members, message_);
    if (name == "subscribe") right = read_subscribe(members, message_, publications_);
    if (name == "push") right = read_push(members, message_);
    if (name == "error") right = read_error(members, message_);
    if (name == "publish") message_.kind = ServerMessage::Kind::publish;
    if (!right) return false;
  }
  return bodies == 1;
}

}  // namespace holdfast::swarm
