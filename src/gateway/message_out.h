// The two Outs of message_fields.h and what a Protobuf message measures. Internal to the writer.
//
// Protobuf wants the length of a message before the message. It is measured by the same put() that writes it,
// so the two cannot disagree; messages nest four deep at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "gateway/encoding.h"
#include "gateway/json_writer.h"
#include "gateway/message_fields.h"
#include "gateway/messages.h"
#include "gateway/protobuf_wire.h"

namespace holdfast::gateway::protocol {

class JsonOut {
 public:
  static constexpr Encoding kEncoding = Encoding::json;

  explicit JsonOut(std::string& out) : json_(out) {}

  void always_text(std::string_view name, std::string_view value) {
    json_.key(name);
    json_.text(value);
  }
  void text(std::string_view name, std::uint32_t /*number*/, std::string_view value) {
    if (!value.empty()) always_text(name, value);
  }
  void payload(std::string_view name, std::uint32_t /*number*/, std::string_view value) {
    if (value.empty()) return;
    json_.key(name);
    json_.raw(value);
  }
  void number(std::string_view name, std::uint32_t /*number*/, std::uint64_t value) {
    if (value == 0) return;
    json_.key(name);
    json_.number(value);
  }
  void integer(std::string_view name, std::uint32_t /*number*/, std::int64_t value) {
    if (value == 0) return;
    json_.key(name);
    json_.integer(value);
  }
  void flag(std::string_view name, std::uint32_t /*number*/, bool value) {
    if (!value) return;
    json_.key(name);
    json_.boolean(true);
  }
  template <class Inner>
  void message(std::string_view name, std::uint32_t /*number*/, const Inner& inner) {
    json_.key(name);
    value(inner);
  }
  template <class Inner>
  void list(std::string_view name, std::uint32_t /*number*/, std::span<const Inner> elements) {
    if (elements.empty()) return;
    json_.key(name);
    json_.open_array();
    for (const Inner& element : elements) value(element);
    json_.close_array();
  }
  template <class Inner>
  void map(std::string_view name, std::uint32_t /*number*/, std::span<const MapEntry<Inner>> entries) {
    if (entries.empty()) return;
    json_.key(name);
    json_.open_object();
    for (const MapEntry<Inner>& entry : entries) {
      json_.key_text(entry.key);
      value(entry.value);
    }
    json_.close_object();
  }

  void value(std::string_view text) { json_.text(text); }
  template <class Inner>
  void value(const Inner& inner) {
    json_.open_object();
    put(*this, inner);
    json_.close_object();
  }

 private:
  JsonWriter json_;
};

// A Protobuf message as a stream of tags, varints and bytes, which Sink takes.
template <class Sink>
class ProtobufOut {
 public:
  static constexpr Encoding kEncoding = Encoding::protobuf;

  explicit ProtobufOut(Sink& sink) : sink_(sink) {}

  void text(std::string_view /*name*/, std::uint32_t number, std::string_view value) {
    if (!value.empty()) bytes(number, value);
  }
  void payload(std::string_view name, std::uint32_t number, std::string_view value) {
    text(name, number, value);
  }
  void number(std::string_view /*name*/, std::uint32_t number, std::uint64_t value) {
    if (value == 0) return;
    sink_.varint(wire_tag(number, WireType::varint));
    sink_.varint(value);
  }
  void integer(std::string_view name, std::uint32_t number, std::int64_t value) {
    this->number(name, number, static_cast<std::uint64_t>(value));
  }
  void flag(std::string_view name, std::uint32_t number, bool value) {
    this->number(name, number, value ? 1 : 0);
  }
  template <class Inner>
  void message(std::string_view /*name*/, std::uint32_t number, const Inner& inner);
  template <class Inner>
  void list(std::string_view name, std::uint32_t number, std::span<const Inner> elements) {
    for (const Inner& element : elements) message(name, number, element);
  }
  template <class Inner>
  void map(std::string_view name, std::uint32_t number, std::span<const MapEntry<Inner>> entries) {
    for (const MapEntry<Inner>& entry : entries) message(name, number, entry);
  }

  // Entries of maps have both fields always.
  void always_text(std::uint32_t number, std::string_view value) { bytes(number, value); }

 private:
  void bytes(std::uint32_t number, std::string_view value) {
    sink_.varint(wire_tag(number, WireType::bytes));
    sink_.varint(value.size());
    sink_.bytes(value);
  }

  Sink& sink_;
};

template <class Out, class Inner>
void put(Out& out, const MapEntry<Inner>& entry) {
  out.always_text(1, entry.key);
  if constexpr (std::is_same_v<Inner, std::string_view>) {
    out.always_text(2, entry.value);
  } else {
    out.message("value", 2, entry.value);
  }
}

struct MeasuringSink {
  std::size_t size = 0;
  void varint(std::uint64_t value) { size += varint_bytes(value); }
  void bytes(std::string_view value) { size += value.size(); }
};

struct WritingSink {
  std::string& out;
  void varint(std::uint64_t value) { append_varint(out, value); }
  void bytes(std::string_view value) { out.append(value); }
};

template <class Inner>
std::size_t protobuf_size(const Inner& inner) {
  MeasuringSink sink;
  ProtobufOut<MeasuringSink> out(sink);
  put(out, inner);
  return sink.size;
}

template <class Sink>
template <class Inner>
void ProtobufOut<Sink>::message(std::string_view /*name*/, std::uint32_t number, const Inner& inner) {
  sink_.varint(wire_tag(number, WireType::bytes));
  const std::size_t size = protobuf_size(inner);
  sink_.varint(size);
  if constexpr (std::is_same_v<Sink, MeasuringSink>) {
    sink_.size += size;
  } else {
    put(*this, inner);
  }
}

}  // namespace holdfast::gateway::protocol
