// "<size>\n", then "<count>@<offset>," for bytes of the source and "<count>:<bytes>" for new ones, then
// "<checksum>;". Numbers have six bits a digit.
#include "fossil_decoder.h"

#include <cstdint>

namespace holdfast::sim {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

// At least one digit; the character behind it is taken too.
bool take_number(std::string_view& text, std::uint64_t& number, char& behind) {
  number = 0;
  std::size_t digits = 0;
  for (; digits < text.size(); ++digits) {
    const std::size_t digit = kDigits.find(text[digits]);
    if (digit == std::string_view::npos) break;
    number = number << 6 | digit;
  }
  if (digits == 0 || digits > 6 || digits == text.size()) return false;
  behind = text[digits];
  text.remove_prefix(digits + 1);
  return true;
}

std::uint32_t checksum(std::string_view text) {
  std::uint32_t sum = 0;
  for (std::size_t position = 0; position < text.size(); ++position)
    sum += std::uint32_t{static_cast<unsigned char>(text[position])} << (24 - 8 * (position % 4));
  return sum;
}

}  // namespace

std::optional<std::string> apply_delta(std::string_view source, std::string_view delta) {
  std::uint64_t size = 0, count = 0, offset = 0;
  char mark = 0;
  if (!take_number(delta, size, mark) || mark != '\n') return std::nullopt;
  std::string target;
  while (take_number(delta, count, mark)) {
    if (mark == ';') {
      const bool right = target.size() == size && checksum(target) == count && delta.empty();
      return right ? std::optional(target) : std::nullopt;
    }
    if (mark == ':') {
      if (count > delta.size()) return std::nullopt;
      target.append(delta.substr(0, count));
      delta.remove_prefix(count);
    } else if (mark == '@') {
      if (!take_number(delta, offset, mark) || mark != ',') return std::nullopt;
      if (offset > source.size() || count > source.size() - offset) return std::nullopt;
      target.append(source.substr(offset, count));
    } else {
      return std::nullopt;
    }
    if (target.size() > size) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
