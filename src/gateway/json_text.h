// Is a text one JSON value? For payloads that come from elsewhere than a JSON command (Protobuf clients, the
// HTTP API, tokens) before they are embedded raw into the messages of JSON clients: a broken payload would
// break the frame of everybody else.
//
// A JsonText owns the memory checking needs, so a shard keeps one. Strict RFC 8259 in UTF-8, with two
// liberties that JSON.stringify and others take: numbers of any size, and escapes of lone surrogates.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast::gateway {

// How deep arrays and objects may nest, the command around a payload included: far more than people write,
// and little enough for the stack.
inline constexpr unsigned kJsonDepthMaximum = 128;

class JsonText {
 public:
  // Longer texts are not valid.
  explicit JsonText(std::size_t bytes_maximum);
  ~JsonText();
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  bool valid(std::string_view text);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

bool valid_utf8(std::string_view text);

bool has_line_break(std::string_view text);

// Appends a valid JSON text without the line breaks between its tokens. A payload must not hold one: messages
// of a frame are separated by LF, lines of an event stream by CR as well.
void append_without_line_breaks(std::string& out, std::string_view json);

}  // namespace holdfast::gateway
