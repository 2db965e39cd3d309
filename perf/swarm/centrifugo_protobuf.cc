// Replies and pushes in Protobuf. A field that is known has to have its type; others are passed over.
#include "centrifugo.h"
#include "gateway/protobuf_wire.h"

namespace holdfast::swarm {
namespace {

using gateway::wire_tag;
using gateway::WireReader;
using gateway::WireType;

constexpr std::uint32_t varint_field(std::uint32_t number) {
  return wire_tag(number, WireType::varint);
}
constexpr std::uint32_t bytes_field(std::uint32_t number) {
  return wire_tag(number, WireType::bytes);
}

// Hands every field to on_field(tag, reader), which reads its value and returns kRead, or leaves it.
enum class Field : std::uint8_t { read, unknown, wrong };
template <class OnField>
bool read_fields(std::string_view bytes, OnField on_field) {
  WireReader reader(bytes);
  while (!reader.at_end()) {
    std::uint32_t tag = 0;
    if (!reader.tag(tag)) return false;
    const Field found = on_field(tag, reader);
    if (found == Field::wrong) return false;
    if (found == Field::unknown && !reader.skip(tag, gateway::kWireDepthMaximum)) return false;
  }
  return true;
}

Field read_if(bool right) {
  return right ? Field::read : Field::wrong;
}

Field read_number(WireReader& reader, std::uint32_t& into) {
  std::uint64_t wide = 0;
  if (!reader.varint(wide) || wide > 0xffff'ffff) return Field::wrong;
  into = static_cast<std::uint32_t>(wide);
  return Field::read;
}

Field read_flag(WireReader& reader, bool& into) {
  std::uint64_t value = 0;
  if (!reader.varint(value) || value > 1) return Field::wrong;
  into = value == 1;
  return Field::read;
}

bool read_publication(std::string_view bytes, Publication& publication) {
  const bool right = read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    if (tag == bytes_field(4)) return read_if(reader.bytes(publication.text));
    if (tag == varint_field(6)) return read_if(reader.varint(publication.offset));
    return Field::unknown;
  });
  std::string_view& text = publication.text;
  publication.is_text = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  if (publication.is_text) text = text.substr(1, text.size() - 2);
  return right;
}

bool read_connect(std::string_view bytes, ServerMessage& message) {
  message.kind = ServerMessage::Kind::connect;
  return read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    if (tag == bytes_field(1)) return read_if(reader.bytes(message.client));
    if (tag == varint_field(7)) return read_number(reader, message.ping_s);
    if (tag == varint_field(8)) return read_flag(reader, message.pong);
    return Field::unknown;
  });
}

bool read_subscribe(std::string_view bytes, ServerMessage& message, std::vector<Publication>& publications) {
  message.kind = ServerMessage::Kind::subscribe;
  const bool right = read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    if (tag == varint_field(3)) return read_flag(reader, message.recoverable);
    if (tag == bytes_field(6)) return read_if(reader.bytes(message.epoch));
    if (tag == varint_field(8)) return read_flag(reader, message.recovered);
    if (tag == varint_field(9)) return read_if(reader.varint(message.offset));
    if (tag == varint_field(10)) return read_flag(reader, message.positioned);
    if (tag == varint_field(12)) return read_flag(reader, message.was_recovering);
    if (tag != bytes_field(7)) return Field::unknown;
    std::string_view publication;
    return read_if(reader.bytes(publication) && read_publication(publication, publications.emplace_back()));
  });
  message.publications = publications;
  return right;
}

bool read_push(std::string_view bytes, ServerMessage& message) {
  return read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    if (tag == bytes_field(2)) return read_if(reader.bytes(message.channel));
    if (tag != bytes_field(4)) return Field::unknown;
    message.kind = ServerMessage::Kind::publication;
    std::string_view publication;
    return read_if(reader.bytes(publication) && read_publication(publication, message.publication));
  });
}

bool read_error(std::string_view bytes, ServerMessage& message) {
  message.kind = ServerMessage::Kind::error;
  const bool right = read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    return tag == varint_field(1) ? read_number(reader, message.code) : Field::unknown;
  });
  return right && message.code != 0;
}

}  // namespace

bool MessageReader::read_protobuf(std::string_view bytes) {
  if (bytes.empty()) {
    message_.kind = ServerMessage::Kind::ping;
    return true;
  }
  int bodies = 0;
  const bool right = read_fields(bytes, [&](std::uint32_t tag, WireReader& reader) {
    if (tag == varint_field(1)) return read_number(reader, message_.id);
    if (gateway::wire_type(tag) != WireType::bytes) return Field::unknown;
    std::string_view body;
    if (!reader.bytes(body)) return Field::wrong;
    ++bodies;
    switch (gateway::wire_number(tag)) {
      case 1:  // the id, which is a number
        return Field::wrong;
      case 2:
        return read_if(read_error(body, message_));
      case 4:
        return read_if(read_push(body, message_));
      case 5:
        return read_if(read_connect(body, message_));
      case 6:
        return read_if(read_subscribe(body, message_, publications_));
      case 8:
        message_.kind = ServerMessage::Kind::publish;
        return Field::read;
      default:
        return Field::read;
    }
  });
  return right && bodies == 1;
}

}  // namespace holdfast::swarm
