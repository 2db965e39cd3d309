// A field of a request, as Protobuf has it.
#include "gateway/protobuf_command.h"

#include <cstdint>

#include "gateway/json_text.h"
#include "gateway/protobuf_wire.h"
#include "gateway/request_fields.h"

namespace holdfast::gateway {
namespace {

// A message on its way to be read: its bytes, and how deep it may nest.
struct Encoded {
  std::string_view bytes;
  const CommandLimits& limits;
  unsigned depth;
};

template <class Request>
bool read_fields(const Encoded& encoded, Request& request);

// An entry of a map is a message of key and value; like in any message, they may come in any order and more
// than once.
struct KeyOfEntry {
  std::string_view& key;
};
template <class Field>
bool take(Field& field, KeyOfEntry& entry) {
  return field.text("key", 1, entry.key);
}

struct TextOfEntry {
  std::string_view& text;
};
template <class Field>
bool take(Field& field, TextOfEntry& entry) {
  return field.text("value", 2, entry.text);
}

template <class Request>
struct MessageOfEntry {
  Request& request;
};
template <class Field, class Request>
bool take(Field& field, MessageOfEntry<Request>& entry) {
  return field.message("value", 2, entry.request);
}

// The value of an entry, to be taken like a field.
class EntryValue {
 public:
  explicit EntryValue(const Encoded& entry) : entry_(entry) {}

  const CommandLimits& limits() const { return entry_.limits; }
  bool failed() const { return failed_; }

  bool text(std::string_view /*name*/, std::uint32_t /*number*/, std::string_view& target) {
    TextOfEntry value{target};
    failed_ = !read_fields(entry_, value);
    return true;
  }

  template <class Request>
  bool message(std::string_view /*name*/, std::uint32_t /*number*/, Request& request) {
    MessageOfEntry<Request> value{request};
    failed_ = !read_fields(entry_, value);
    return true;
  }

 private:
  const Encoded& entry_;
  bool failed_ = false;
};

class ProtobufField {
 public:
  ProtobufField(const CommandLimits& limits, unsigned depth) : limits_(limits), depth_(depth) {}

  const CommandLimits& limits() const { return limits_; }
  bool failed() const { return failed_; }

  // Tag and value. Values of types that no request uses are skipped.
  bool read(WireReader& input) {
    if (!input.tag(tag_)) return false;
    switch (wire_type(tag_)) {
      case WireType::varint:
        return input.varint(varint_);
      case WireType::bytes:
        return input.bytes(bytes_);
      default:
        return input.skip(tag_, depth_);
    }
  }

  bool text(std::string_view /*name*/, std::uint32_t number, std::string_view& target) {
    if (!is_bytes(number)) return false;
    if (!valid_utf8(bytes_)) failed_ = true;
    target = bytes_;
    return true;
  }

  bool flag(std::string_view /*name*/, std::uint32_t number, bool& target) {
    if (!is_varint(number)) return false;
    target = varint_ != 0;
    return true;
  }

  template <class Integer>
  bool number(std::string_view /*name*/, std::uint32_t number, Integer& target) {
    if (!is_varint(number)) return false;
    target = static_cast<Integer>(varint_);
    return true;
  }

  bool payload(std::string_view /*name*/, std::uint32_t number, std::string_view& target) {
    if (!is_bytes(number)) return false;
    target = bytes_;
    return true;
  }

  // A message is there.
  bool present(std::string_view name, std::uint32_t number, bool& target) {
    protocol::Nothing nothing;
    return message(name, number, nothing, &target);
  }

  template <class Request>
  bool message(std::string_view /*name*/, std::uint32_t number, Request& request, bool* there = nullptr) {
    if (!is_bytes(number)) return false;
    if (!read_fields(inner(), request)) failed_ = true;
    if (there != nullptr) *there = true;
    return true;
  }

  // Calls add(key, value) for the entry this field is.
  template <class Add>
  bool map(std::string_view /*name*/, std::uint32_t number, const Add& add) {
    if (!is_bytes(number)) return false;
    const Encoded entry = inner();
    std::string_view text;
    KeyOfEntry key{text};
    EntryValue value(entry);
    failed_ = !read_fields(entry, key) || !add(text, value) || value.failed();
    return true;
  }

 private:
  Encoded inner() const { return {bytes_, limits_, depth_ - 1}; }
  bool is_bytes(std::uint32_t number) const { return tag_ == wire_tag(number, WireType::bytes); }
  bool is_varint(std::uint32_t number) const { return tag_ == wire_tag(number, WireType::varint); }

  const CommandLimits& limits_;
  unsigned depth_;
  std::uint32_t tag_ = 0;
  std::uint64_t varint_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

// Requests nest far less deep than the bound: only groups come near it.
template <class Request>
bool read_fields(const Encoded& encoded, Request& request) {
  WireReader input(encoded.bytes);
  while (!input.at_end()) {
    ProtobufField field(encoded.limits, encoded.depth);
    if (!field.read(input)) return false;
    take(field, request);
    if (field.failed()) return false;
  }
  return true;
}

}  // namespace

bool read_protobuf(std::string_view bytes, const CommandLimits& limits, protocol::Command& command) {
  return read_fields({bytes, limits, kWireDepthMaximum}, command);
}

bool read_protobuf(std::string_view bytes, const CommandLimits& limits, protocol::ConnectRequest& request) {
  return read_fields({bytes, limits, kWireDepthMaximum}, request);
}

bool take_protobuf_message(std::string_view& rest, std::string_view& message) {
  WireReader input(rest);
  if (!input.bytes(message)) return false;
  rest = input.rest();
  return true;
}

}  // namespace holdfast::gateway
