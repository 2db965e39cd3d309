// JsonWriter: appends JSON to a string the caller owns. Used for messages to clients and for the HTTP API.
//
// Commas come by themselves: a value or a key is separated from what stands before it unless that is an
// opening bracket, a colon, a line break or nothing. Whatever names and texts clients choose, the output is
// valid JSON in UTF-8 as long as keys and brackets pair up and raw() is given JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::gateway {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void open_object() { open('{'); }
  void close_object() { out_.push_back('}'); }
  void open_array() { open('['); }
  void close_array() { out_.push_back(']'); }

  // A name of ours: written as it is.
  void key(std::string_view name) {
    separate();
    out_.push_back('"');
    out_.append(name);
    out_.append("\":", 2);
  }
  // A name somebody chose: escaped.
  void key_text(std::string_view name) {
    text(name);
    out_.push_back(':');
  }

  // Escaped; bytes that are not UTF-8 become U+FFFD.
  void text(std::string_view value);
  void number(std::uint64_t value);
  void integer(std::int64_t value);
  void boolean(bool value) { raw(value ? "true" : "false"); }
  // A JSON value without line breaks, as it is.
  void raw(std::string_view json) {
    separate();
    out_.append(json);
  }

 private:
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
  }
  void separate();
  void append_escaped(std::string_view valid_utf8);

  std::string& out_;
};

}  // namespace holdfast::gateway
