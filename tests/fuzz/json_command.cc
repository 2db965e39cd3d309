// Fuzz target: frames of JSON commands, and texts that payloads are checked as.
//
// What must hold besides not crashing: nothing that is accepted is invalid JSON to simdjson's DOM, or the
// other way round, but for what we take on purpose; payloads are JSON without line breaks; and a command says
// the same when its frame is read again on its own.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "../unit/gateway/command_description.h"
#include "base/check.h"
#include "gateway/command_reader.h"
#include "gateway/json_text.h"

namespace {

using holdfast::gateway::CommandLimits;
using holdfast::gateway::CommandReader;
using holdfast::gateway::Encoding;
using holdfast::gateway::JsonText;
using holdfast::gateway::protocol::Command;
using holdfast::gateway::protocol::SubscribeRequest;
using holdfast::gateway::tests::describe;
using Outcome = holdfast::gateway::CommandReader::Outcome;

// Small, so that short inputs reach the limits.
constexpr CommandLimits kLimits{.frame_bytes = 2048, .subs = 3, .headers = 2};

void check_payload(JsonText& json, std::string_view payload) {
  if (payload.empty()) return;
  CHECK(payload.find_first_of("\r\n") == std::string_view::npos);
  CHECK(json.valid(payload));
}

void check_command(JsonText& json, const Command& command) {
  CHECK(command.connect.subs.size() <= kLimits.subs);
  CHECK(command.connect.headers.size() <= kLimits.headers);
  CHECK(command.connect.name.size() <= kLimits.name_bytes);
  CHECK(command.connect.version.size() <= kLimits.version_bytes);
  check_payload(json, command.connect.data);
  for (const SubscribeRequest& sub : command.connect.subs) check_payload(json, sub.data);
  check_payload(json, command.subscribe.data);
  check_payload(json, command.publish.data);
  check_payload(json, command.send.data);
  check_payload(json, command.rpc.data);
  CHECK(holdfast::gateway::valid_utf8(describe(command).words()));
}

// Commands are read one by one, so the reader's verdict on a line must be that on the line alone.
void check_line(std::string_view line, const Command* expected) {
  static CommandReader reader(kLimits);
  Command command;
  reader.start(Encoding::json, line);
  const bool alone = reader.next(command) == Outcome::command;
  CHECK(alone == (expected != nullptr));
  if (alone) CHECK(describe(command).words() == describe(*expected).words());
}

// The DOM refuses numbers beyond 64 bits and escapes of lone surrogates, and allows deeper nesting.
void check_against_dom(JsonText& json, std::string_view text) {
  static simdjson::dom::parser parser;
  const bool valid = json.valid(text);
  simdjson::dom::element element;
  const simdjson::error_code error = parser.parse(text.data(), text.size(), true).get(element);
  if (valid) {
    CHECK(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR || error == simdjson::STRING_ERROR);
  } else if (error == simdjson::SUCCESS) {
    CHECK(text.size() > holdfast::gateway::kJsonDepthMaximum);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static CommandReader reader(kLimits);
  static JsonText json(kLimits.frame_bytes);
  if (size > kLimits.frame_bytes) return 0;
  // A copy of the exact size, so that a sanitizer sees a read past the frame.
  const auto copy = std::make_unique<char[]>(size);
  if (size > 0) std::memcpy(copy.get(), bytes, size);
  const std::string_view frame(copy.get(), size);
  check_against_dom(json, frame);

  Command command;
  std::string_view rest = frame;
  reader.start(Encoding::json, frame);
  Outcome outcome = reader.next(command);
  for (; outcome == Outcome::command; outcome = reader.next(command)) {
    const std::size_t line_bytes = rest.find('\n');
    check_command(json, command);
    check_line(rest.substr(0, line_bytes), &command);
    rest.remove_prefix(line_bytes == std::string_view::npos ? rest.size() : line_bytes + 1);
  }
  CHECK(outcome == reader.next(command));
  CHECK(rest.empty() == (outcome == Outcome::end) || frame.empty());
  if (outcome == Outcome::malformed) check_line(rest.substr(0, rest.find('\n')), nullptr);
  return 0;
}
