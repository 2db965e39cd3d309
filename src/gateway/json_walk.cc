// The walk over a value, and the grammar of the two tokens that simdjson reads more strictly than we want.
#include "gateway/json_walk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "gateway/json_text.h"

namespace holdfast::gateway {
namespace {

using simdjson::ondemand::json_type;

std::string_view without_trailing_space(std::string_view token) {
  return token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
}

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

bool is_hex_digit(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

// Cuts a run of digits off; false when there is none.
bool take_digits(std::string_view& rest) {
  std::size_t digits = 0;
  while (digits < rest.size() && is_digit(rest[digits])) ++digits;
  rest.remove_prefix(digits);
  return digits > 0;
}

bool valid_number(std::string_view rest) {
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (rest.size() > 1 && rest[0] == '0' && is_digit(rest[1])) return false;
  if (!take_digits(rest)) return false;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (!take_digits(rest)) return false;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    if (!take_digits(rest)) return false;
  }
  return rest.empty();
}

// `rest` begins after a string's opening quote. simdjson has found its closing quote and refused control
// characters; the escapes are left.
bool valid_string(std::string_view rest) {
  constexpr std::size_t kHexDigits = 4;
  while (true) {
    std::size_t stop = 0;
    while (stop < rest.size() && rest[stop] != '"' && rest[stop] != '\\') ++stop;
    if (stop == rest.size()) return false;
    if (rest[stop] == '"') return true;
    rest.remove_prefix(stop + 1);
    if (rest.empty()) return false;
    const char escaped = rest[0];
    rest.remove_prefix(1);
    if (escaped == 'u') {
      if (rest.size() < kHexDigits || !std::all_of(rest.begin(), rest.begin() + kHexDigits, is_hex_digit)) {
        return false;
      }
      rest.remove_prefix(kHexDigits);
    } else if (std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos) {
      return false;
    }
  }
}

}  // namespace

JsonWalk::JsonWalk(std::size_t bytes_maximum)
    : bytes_maximum_(bytes_maximum),
      padded_(std::make_unique<char[]>(bytes_maximum + simdjson::SIMDJSON_PADDING)) {
  CHECK(parser_.allocate(bytes_maximum, kJsonDepthMaximum + 2) == simdjson::SUCCESS);
}

bool JsonWalk::load(std::string_view before, std::string_view text, std::string_view after) {
  if (text.size() > bytes_maximum_ || before.size() + after.size() > bytes_maximum_ - text.size())
    return false;
  char* end = padded_.get();
  for (const std::string_view part : {before, text, after}) end = std::copy(part.begin(), part.end(), end);
  bytes_ = static_cast<std::size_t>(end - padded_.get());
  std::memset(end, 0, simdjson::SIMDJSON_PADDING);
  return parser_.iterate(padded_.get(), bytes_, bytes_ + simdjson::SIMDJSON_PADDING).get(document_) ==
         simdjson::SUCCESS;
}

bool JsonWalk::at_end() {
  return document_.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

bool JsonWalk::valid(simdjson::ondemand::value& value, unsigned depth) {
  json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  switch (type) {
    case json_type::object:
      return depth > 0 && valid_object(value, depth - 1);
    case json_type::array:
      return depth > 0 && valid_array(value, depth - 1);
    case json_type::string: {
      const std::string_view token = value.raw_json_token();
      // Consumed here: a value left for simdjson to skip may be followed by a colon.
      return valid_string(token.substr(1)) && value.get_raw_json_string().error() == simdjson::SUCCESS;
    }
    case json_type::number:
      return valid_number(without_trailing_space(value.raw_json_token()));
    case json_type::boolean:
      return value.get_bool().error() == simdjson::SUCCESS;
    case json_type::null: {
      bool null = false;
      return value.is_null().get(null) == simdjson::SUCCESS && null;
    }
  }
  return false;
}

bool JsonWalk::valid_object(simdjson::ondemand::value& value, unsigned depth) {
  simdjson::ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  const char* const text_end = padded_.get() + bytes_;
  for (auto entry : object) {
    simdjson::ondemand::field field;
    if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
    const char* const key = field.key().raw();
    if (!valid_string({key, static_cast<std::size_t>(text_end - key)})) return false;
    if (!valid(field.value(), depth)) return false;
  }
  return true;
}

bool JsonWalk::valid_array(simdjson::ondemand::value& value, unsigned depth) {
  simdjson::ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  for (auto entry : array) {
    simdjson::ondemand::value element;
    if (entry.get(element) != simdjson::SUCCESS || !valid(element, depth)) return false;
  }
  return true;
}

bool JsonWalk::take_raw(simdjson::ondemand::value& value, unsigned depth, std::string_view& raw) {
  const std::string_view token = value.raw_json_token();
  json_type type;
  if (value.type().get(type) != simdjson::SUCCESS || !valid(value, depth)) return false;
  if (type == json_type::object || type == json_type::array) {
    // simdjson stands at the token after the value; a payload is always inside an object, so there is one.
    const char* next = nullptr;
    if (document_.current_location().get(next) != simdjson::SUCCESS) return false;
    raw = {token.data(), static_cast<std::size_t>(next - token.data())};
  } else {
    raw = token;
  }
  raw = without_trailing_space(raw);
  if (!has_line_break(raw)) return true;
  // The copy is ours, and simdjson does not come back to what it has walked.
  char* const begin = padded_.get() + (raw.data() - padded_.get());
  char* const end =
      std::remove_if(begin, begin + raw.size(), [](char byte) { return byte == '\r' || byte == '\n'; });
  raw = {begin, static_cast<std::size_t>(end - begin)};
  return true;
}

}  // namespace holdfast::gateway
