// Thin steps over simdjson; its error codes become a bool.
#include "auth/json_values.h"

#include <cmath>

#include "base/check.h"

namespace holdfast::auth {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view without_trailing_space(std::string_view json) {
  return json.substr(0, json.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

std::string_view Scratch::take(std::size_t bytes) {
  CHECK(bytes <= bytes_ - used_);
  const std::string_view taken(memory_.get() + used_, bytes);
  used_ += bytes;
  return taken;
}

bool get_date(ondemand::value value, std::optional<std::int64_t>& date_s) {
  ondemand::number number;
  if (value.get_number().get(number) != simdjson::SUCCESS) return false;
  if (number.is_int64()) {
    date_s = std::clamp(number.get_int64(), -kDateMaximum_s, kDateMaximum_s);
  } else if (number.is_uint64()) {
    date_s = kDateMaximum_s;  // simdjson calls unsigned what does not fit an int64
  } else {
    constexpr auto kMaximum = static_cast<double>(kDateMaximum_s);
    const double seconds = std::clamp(number.get_double(), -kMaximum, kMaximum);
    date_s = static_cast<std::int64_t>(seconds < 0 ? std::floor(seconds) : std::ceil(seconds));
  }
  return true;
}

bool get_text(ondemand::value value, std::string_view& text) {
  return value.get_string().get(text) == simdjson::SUCCESS;
}

bool get_texts(ondemand::value value, std::vector<std::string_view>& texts) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  for (auto element : array) {
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) return false;
    texts.push_back(text);
  }
  return true;
}

bool get_text_or_texts(ondemand::value value, std::vector<std::string_view>& texts) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::array) return get_texts(value, texts);
  std::string_view text;
  if (!get_text(value, text)) return false;
  texts.push_back(text);
  return true;
}

bool get_json(ondemand::value value, Scratch& scratch, std::string_view& json) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::null) return true;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return false;
    if (object.raw_json().get(json) != simdjson::SUCCESS) return false;
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return false;
    if (array.raw_json().get(json) != simdjson::SUCCESS) return false;
  } else {
    json = value.raw_json_token();
  }
  json = without_trailing_space(json);
  return on_one_line(scratch, json);
}

bool on_one_line(Scratch& scratch, std::string_view& json) {
  if (json.find_first_of("\r\n") == std::string_view::npos) return true;
  std::size_t bytes = 0;
  CHECK(json.size() <= scratch.rest().size());
  if (simdjson::minify(json.data(), json.size(), scratch.rest().data(), bytes) != simdjson::SUCCESS) {
    return false;
  }
  json = scratch.take(bytes);
  return true;
}

}  // namespace holdfast::auth
