// One array is put around the text, so that every kind of value is walked the same way; a text that ends that
// array itself leaves something behind it.
#include "gateway/json_text.h"

#include <cstring>
#include <span>

#include "gateway/json_walk.h"
#include "ws/utf8.h"

namespace holdfast::gateway {

struct JsonText::Scratch {
  explicit Scratch(std::size_t bytes_maximum) : walk(bytes_maximum + 2) {}
  JsonWalk walk;
};

JsonText::JsonText(std::size_t bytes_maximum) : scratch_(std::make_unique<Scratch>(bytes_maximum)) {}
JsonText::~JsonText() = default;

bool JsonText::valid(std::string_view text) {
  JsonWalk& walk = scratch_->walk;
  if (!walk.load("[", text, "]")) return false;
  simdjson::ondemand::array array;
  if (walk.document().get_array().get(array) != simdjson::SUCCESS) return false;
  std::size_t values = 0;
  for (auto element : array) {
    simdjson::ondemand::value value;
    if (element.get(value) != simdjson::SUCCESS || !walk.valid(value, kJsonDepthMaximum)) return false;
    if (++values > 1) return false;
  }
  return values == 1 && walk.at_end();
}

bool valid_utf8(std::string_view text) {
  return ws::valid_utf8(std::as_bytes(std::span(text.data(), text.size())));
}

bool has_line_break(std::string_view text) {
  // Twice memchr is many times as fast as one search for either.
  return !text.empty() && (std::memchr(text.data(), '\n', text.size()) != nullptr ||
                           std::memchr(text.data(), '\r', text.size()) != nullptr);
}

void append_without_line_breaks(std::string& out, std::string_view json) {
  if (!has_line_break(json)) {
    out.append(json);
    return;
  }
  for (const char byte : json) {
    if (byte != '\r' && byte != '\n') out.push_back(byte);
  }
}

}  // namespace holdfast::gateway
