// The parsers and printers of text.h.
#include "tune/text.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace holdfast::tune {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;

bool is_space(char character) {
  return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

std::optional<std::uint64_t> parse_digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> multiplied(std::optional<std::uint64_t> value, std::uint64_t by) {
  if (!value || *value > std::numeric_limits<std::uint64_t>::max() / by) return std::nullopt;
  return *value * by;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

int hexadecimal(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::uint64_t share_of(std::uint64_t value, std::uint64_t millionths) {
  return value / kMillion * millionths + value % kMillion * millionths / kMillion;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::string digits;
  for (const char character : text) {
    if (character != ',' && character != '_') digits += character;
  }
  std::uint64_t by = 1;
  if (ends_with(digits, "k") || ends_with(digits, "K")) by = 1000;
  if (ends_with(digits, "M") || ends_with(digits, "m")) by = kMillion;
  if (ends_with(digits, "G")) by = 1000 * kMillion;
  if (by > 1) digits.pop_back();
  return multiplied(parse_digits(digits), by);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr struct {
    std::string_view unit;
    std::uint64_t bytes;
  } kUnits[] = {{"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"B", 1}};
  for (const auto& [unit, bytes] : kUnits) {
    if (ends_with(text, unit))
      return multiplied(parse_digits(text.substr(0, text.size() - unit.size())), bytes);
  }
  return parse_digits(text);
}

std::optional<std::uint64_t> parse_share(std::string_view text) {
  const bool percent = ends_with(text, "%");
  if (percent) text.remove_suffix(1);
  const std::size_t point = text.find('.');
  std::string_view fraction = point == std::string_view::npos ? "" : text.substr(point + 1);
  const auto whole = parse_digits(text.substr(0, point));
  if (!whole || *whole > 100 || (point != std::string_view::npos && fraction.empty())) return std::nullopt;
  std::uint64_t value = *whole * kMillion;
  std::uint64_t place = kMillion;
  for (const char digit : fraction) {
    if (digit < '0' || digit > '9') return std::nullopt;
    place /= 10;
    value += place * static_cast<std::uint64_t>(digit - '0');
  }
  if (percent) value /= 100;
  return value <= kMillion ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<std::int64_t>> parse_integers(std::string_view text) {
  std::vector<std::int64_t> values;
  for (const std::string& word : split(single_spaced(text), ' ')) {
    const auto value = parse_integer(word);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return values;
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, ",");
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                kUnits[unit]);
  return text.data();
}

std::string share_text(std::uint64_t millionths) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g%%", static_cast<double>(millionths) / 10'000);
  return text.data();
}

std::string single_spaced(std::string_view text) {
  std::string result;
  for (const char character : trimmed(text)) {
    if (!is_space(character)) {
      result += character;
    } else if (result.back() != ' ') {
      result += ' ';
    }
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string joined(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : " ") + std::to_string(number);
  return text;
}

std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char character : text)
    result += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return result + "'";
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte > ' ' && byte < 0x7f && character != '%') {
      result += character;
    } else {
      result += '%';
      result += kDigits[byte >> 4];
      result += kDigits[byte & 15];
    }
  }
  // A field is never empty, or a line could not be split into its fields again.
  return result.empty() ? "%" : result;
}

std::optional<std::string> unescaped(std::string_view text) {
  if (text == "%") return "";
  std::string result;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (text[place] != '%') {
      result += text[place];
      continue;
    }
    if (place + 2 >= text.size()) return std::nullopt;
    const int high = hexadecimal(text[place + 1]);
    const int low = hexadecimal(text[place + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    place += 2;
  }
  return result;
}

std::string json_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      result += '\\';
      result += character;
    } else if (byte < ' ' || byte >= 0x7f) {
      // Bytes beyond ASCII come from files nobody vouches for: shown one by one, so the output is always
      // JSON.
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(byte));
      result += code.data();
    } else {
      result += character;
    }
  }
  return result + "\"";
}

}  // namespace holdfast::tune
