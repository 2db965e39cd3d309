// One loop for both alphabets, a table each.
#include "auth/base64.h"

#include <array>
#include <cstdint>

namespace holdfast::auth {
namespace {

constexpr std::uint8_t kNotInAlphabet = 0xff;
using Alphabet = std::array<std::uint8_t, 256>;

consteval Alphabet make_alphabet(char value_62, char value_63) {
  Alphabet values{};
  values.fill(kNotInAlphabet);
  for (std::uint8_t i = 0; i < 26; ++i) {
    values[static_cast<std::size_t>('A' + i)] = i;
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::uint8_t>(26 + i);
  }
  for (std::uint8_t i = 0; i < 10; ++i) {
    values[static_cast<std::size_t>('0' + i)] = static_cast<std::uint8_t>(52 + i);
  }
  values[static_cast<std::size_t>(value_62)] = 62;
  values[static_cast<std::size_t>(value_63)] = 63;
  return values;
}

constexpr Alphabet kUrlSafe = make_alphabet('-', '_');
constexpr Alphabet kStandard = make_alphabet('+', '/');

// `text` is without padding.
std::optional<std::size_t> decode(std::string_view text, std::span<char> into, const Alphabet& alphabet) {
  if (text.size() % 4 == 1 || into.size() < decoded_bytes_maximum(text.size())) return std::nullopt;
  std::size_t written = 0;
  std::uint32_t bits = 0;
  std::uint32_t bit_count = 0;  // bits not yet written: 0, 6, 4 or 2 between characters
  for (const char character : text) {
    const std::uint8_t value = alphabet[static_cast<unsigned char>(character)];
    if (value == kNotInAlphabet) return std::nullopt;
    bits = (bits << 6) | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      into[written++] = static_cast<char>(static_cast<std::uint8_t>(bits >> bit_count));
    }
  }
  const std::uint32_t unused_bits = bits & ((1u << bit_count) - 1);
  if (unused_bits != 0) return std::nullopt;
  return written;
}

}  // namespace

std::optional<std::size_t> decode_base64url(std::string_view text, std::span<char> into) {
  return decode(text, into, kUrlSafe);
}

std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> into) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  return decode(text, into, kStandard);
}

}  // namespace holdfast::auth
