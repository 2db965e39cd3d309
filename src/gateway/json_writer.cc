// Texts are copied in runs between the bytes that need an escape; whether they are UTF-8 is simdjson's
// question, asked once per text.
#include "gateway/json_writer.h"

#include <array>
#include <charconv>
#include <cstddef>

#include "gateway/json_text.h"

namespace holdfast::gateway {
namespace {

// For each byte: 0 when it stands for itself in a string, the letter of its short escape, or 'u'.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> escapes{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) escapes[byte] = 'u';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  return escapes;
}

constexpr std::array<char, 256> kEscapes = make_escapes();
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

char escape_of(char byte) {
  return kEscapes[static_cast<unsigned char>(byte)];
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// The longest prefix that is one valid character; 0 when the text starts with none.
std::size_t character_bytes(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  std::size_t bytes = 1;
  while (bytes < text.size() && bytes < kLongest && is_continuation(text[bytes])) ++bytes;
  for (; bytes > 0; --bytes) {
    if (valid_utf8(text.substr(0, bytes))) return bytes;
  }
  return 0;
}

template <class Integer>
void append_digits(std::string& out, Integer value) {
  std::array<char, 20> digits;  // of the longest 64-bit number, sign included
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

void JsonWriter::separate() {
  if (out_.empty()) return;
  const char last = out_.back();
  if (last != '{' && last != '[' && last != ':' && last != '\n') out_.push_back(',');
}

void JsonWriter::text(std::string_view value) {
  separate();
  out_.push_back('"');
  if (valid_utf8(value)) {
    append_escaped(value);
  } else {
    while (!value.empty()) {
      const std::size_t bytes = character_bytes(value);
      if (bytes == 0) {
        out_.append(kReplacement);
        value.remove_prefix(1);
      } else {
        append_escaped(value.substr(0, bytes));
        value.remove_prefix(bytes);
      }
    }
  }
  out_.push_back('"');
}

void JsonWriter::append_escaped(std::string_view valid_utf8) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::size_t run_start = 0;
  for (std::size_t i = 0; i < valid_utf8.size(); ++i) {
    const char escape = escape_of(valid_utf8[i]);
    if (escape == 0) continue;
    out_.append(valid_utf8, run_start, i - run_start);
    run_start = i + 1;
    out_.push_back('\\');
    out_.push_back(escape);
    if (escape == 'u') {
      const auto byte = static_cast<unsigned char>(valid_utf8[i]);
      out_.append("00", 2);
      out_.push_back(kHexDigits[byte >> 4]);
      out_.push_back(kHexDigits[byte & 0xf]);
    }
  }
  out_.append(valid_utf8, run_start);
}

void JsonWriter::number(std::uint64_t value) {
  separate();
  append_digits(out_, value);
}

void JsonWriter::integer(std::int64_t value) {
  separate();
  append_digits(out_, value);
}

}  // namespace holdfast::gateway
