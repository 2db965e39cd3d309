// The wire format of Protobuf: varints, tags, bytes, and skipping what is not known. Internal to the readers
// and writers of this room. Pure.
//
// As strict as what protoc generates: varints of at most ten bytes, tags and lengths of at most five, groups
// (a form of nesting that only old definitions have) only skipped, and closed as they were opened.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::gateway {

enum class WireType : std::uint8_t {
  varint = 0,
  fixed64 = 1,
  bytes = 2,
  group = 3,
  group_end = 4,
  fixed32 = 5
};

constexpr std::uint32_t wire_tag(std::uint32_t number, WireType type) {
  return (number << 3) | static_cast<std::uint32_t>(type);
}
constexpr WireType wire_type(std::uint32_t tag) {
  return static_cast<WireType>(tag & 7);
}
constexpr std::uint32_t wire_number(std::uint32_t tag) {
  return tag >> 3;
}

// How deep messages and groups may nest.
inline constexpr unsigned kWireDepthMaximum = 100;

// Cuts what it reads off a text; false when there is not enough of it, or it is not well-formed.
class WireReader {
 public:
  explicit WireReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  bool varint(std::uint64_t& value) {
    constexpr std::size_t kBytesMaximum = 10;
    return varint(value, kBytesMaximum);
  }

  bool tag(std::uint32_t& tag) {
    std::uint64_t value = 0;
    if (!varint(value, kShortBytesMaximum)) return false;
    tag = static_cast<std::uint32_t>(value);
    return wire_number(tag) != 0;
  }

  bool bytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!varint(size, kShortBytesMaximum) || size > rest_.size()) return false;
    bytes = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(bytes.size());
    return true;
  }

  // The value behind a tag. A group at `depth` levels from the bound.
  bool skip(std::uint32_t tag, unsigned depth) {
    std::uint64_t varint_value = 0;
    std::string_view bytes_value;
    switch (wire_type(tag)) {
      case WireType::varint:
        return varint(varint_value);
      case WireType::fixed64:
        return skip_bytes(sizeof(std::uint64_t));
      case WireType::bytes:
        return bytes(bytes_value);
      case WireType::group:
        return depth > 0 && skip_group(wire_number(tag), depth - 1);
      case WireType::fixed32:
        return skip_bytes(sizeof(std::uint32_t));
      case WireType::group_end:
        break;
    }
    return false;
  }

 private:
  static constexpr std::size_t kShortBytesMaximum = 5;

  bool varint(std::uint64_t& value, std::size_t bytes_maximum) {
    value = 0;
    for (std::size_t i = 0; i < bytes_maximum && i < rest_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      value |= std::uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  bool skip_bytes(std::size_t bytes) {
    if (bytes > rest_.size()) return false;
    rest_.remove_prefix(bytes);
    return true;
  }

  bool skip_group(std::uint32_t number, unsigned depth) {
    std::uint32_t inner = 0;
    while (tag(inner)) {
      if (wire_type(inner) == WireType::group_end) return wire_number(inner) == number;
      if (!skip(inner, depth)) return false;
    }
    return false;
  }

  std::string_view rest_;
};

constexpr std::size_t varint_bytes(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

}  // namespace holdfast::gateway
