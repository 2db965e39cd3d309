// The lexical rules of HTTP that the head parser, the upgrade and the origin policy share: byte classes in
// one table, names without case, lists with commas. Pure functions over views; nothing here allocates or
// depends on the locale.
//
// Source: RFC 9110 section 5.6 (tokens, lists), RFC 3986 section 3.2.2 (host).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace holdfast::http {

inline constexpr std::uint8_t kTokenByte = 1;   // methods and field names
inline constexpr std::uint8_t kTargetByte = 2;  // request targets: visible ASCII, no fragment
inline constexpr std::uint8_t kHostByte = 4;    // a host with its port, IPv6 brackets included
inline constexpr std::uint8_t kBase64Byte = 8;  // the base64 alphabet without padding

namespace syntax_detail {

constexpr std::array<std::uint8_t, 256> classify_bytes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view members, std::uint8_t byte_class) {
    for (const char byte : members) {
      std::uint8_t& known = classes[static_cast<unsigned char>(byte)];
      known = static_cast<std::uint8_t>(known | byte_class);
    }
  };
  mark("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       kTokenByte | kTargetByte | kHostByte | kBase64Byte);
  mark("!#$%&'*+-.^_`|~", kTokenByte);
  mark("!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~", kTargetByte);
  mark("-._~!$&'()*+;=%:[]", kHostByte);
  mark("+/", kBase64Byte);
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> kByteClasses = classify_bytes();

}  // namespace syntax_detail

constexpr bool is_of(char byte, std::uint8_t byte_class) {
  return (syntax_detail::kByteClasses[static_cast<unsigned char>(byte)] & byte_class) != 0;
}

// True for an empty text too. No early exit: the common case is that every byte belongs.
constexpr bool all_of(std::string_view text, std::uint8_t byte_class) {
  std::uint8_t common = byte_class;
  for (const char byte : text) common &= syntax_detail::kByteClasses[static_cast<unsigned char>(byte)];
  return (common & byte_class) != 0;
}

constexpr bool is_token(std::string_view text) {
  return !text.empty() && all_of(text, kTokenByte);
}

// Where the first control character other than HTAB is, or the text's size. Eight bytes at a time: this one
// search finds line ends and refuses everything else that no head may contain, and is most of what a head
// costs.
inline std::size_t find_control_byte(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kTop = 0x80 * kEach;
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest of its word");
  std::size_t position = 0;
  const auto is_control = [](char signed_byte) {
    const unsigned char byte = static_cast<unsigned char>(signed_byte);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  };
  while (text.size() - position >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + position, sizeof word);
    const std::uint64_t below_space = (word - 0x20 * kEach) & ~word;
    const std::uint64_t without_delete = word ^ (0x7f * kEach);
    const std::uint64_t is_delete = (without_delete - kEach) & ~without_delete;
    // The lowest mark is exact but for tabs; those above a marked byte may be a borrow, so each is looked at.
    for (std::uint64_t marks = (below_space | is_delete) & kTop; marks != 0; marks &= marks - 1) {
      const std::size_t marked = position + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
      if (is_control(text[marked])) return marked;
    }
    position += sizeof word;
  }
  while (position < text.size() && !is_control(text[position])) ++position;
  return position;
}

// Field values may hold HTAB and bytes above 0x7f, but no other control character.
inline bool has_control_byte(std::string_view text) {
  return find_control_byte(text) != text.size();
}

constexpr char ascii_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

// -1 for what is none.
constexpr int hexadecimal_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const char lower = ascii_lower(byte);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  if (left == right) return true;  // nearly all clients write names as the standards do
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (ascii_lower(left[i]) != ascii_lower(right[i])) return false;
  }
  return true;
}

constexpr bool is_white_space(char byte) {
  return byte == ' ' || byte == '\t';
}

constexpr std::string_view without_white_space(std::string_view text) {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

// Calls visit(std::string_view) for each element of a comma-separated list until it returns false. Empty
// elements are skipped, as RFC 9110 5.6.1.2 asks of recipients. False when a visit returned false.
template <class Visit>
constexpr bool for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = without_white_space(list.substr(0, comma));
    if (!element.empty() && !visit(element)) return false;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace holdfast::http
