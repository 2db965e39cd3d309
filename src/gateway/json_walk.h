// JsonWalk: a JSON text, loaded once and walked once by simdjson's On-Demand interface. Internal to the two
// readers of JSON in this room; the only header that brings simdjson along.
//
// On-Demand checks only what is asked for. Payloads are passed on to other clients as they came, so here
// every byte of them is asked for: structure and UTF-8 by simdjson, the grammar of numbers and escapes here,
// where simdjson would refuse what JavaScript writes (numbers beyond 64 bits, escapes of lone surrogates).
//
// Owns a padded copy of the text and the parser's memory, allocated at construction; views it gives die with
// the next load().
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace holdfast::gateway {

class JsonWalk {
 public:
  explicit JsonWalk(std::size_t bytes_maximum);

  // False when the text is too long, empty, not UTF-8 or has no JSON tokens.
  bool load(std::string_view before, std::string_view text, std::string_view after);
  bool load(std::string_view text) { return load({}, text, {}); }

  simdjson::ondemand::document& document() { return document_; }

  // True when nothing follows the value that was walked.
  bool at_end();

  // Walks a value to its end. False when it is not JSON or nests deeper than `depth`.
  bool valid(simdjson::ondemand::value& value, unsigned depth);

  // The same, and yields the value's text, without the line breaks between its tokens.
  bool take_raw(simdjson::ondemand::value& value, unsigned depth, std::string_view& raw);

 private:
  bool valid_object(simdjson::ondemand::value& value, unsigned depth);
  bool valid_array(simdjson::ondemand::value& value, unsigned depth);

  std::size_t bytes_maximum_;
  std::size_t bytes_ = 0;
  std::unique_ptr<char[]> padded_;
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
};

}  // namespace holdfast::gateway
