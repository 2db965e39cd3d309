// Cuts a frame into commands and gives each to the reader of its encoding.
#include "gateway/command_reader.h"

#include "gateway/json_command.h"
#include "gateway/protobuf_command.h"

namespace holdfast::gateway {

CommandReader::CommandReader(const CommandLimits& limits)
    : limits_(limits), json_(std::make_unique<JsonCommandReader>(limits_)) {}

CommandReader::~CommandReader() = default;

void CommandReader::start(Encoding encoding, std::string_view frame) {
  encoding_ = encoding;
  rest_ = frame;
  outcome_ = frame.empty() || frame.size() > limits_.frame_bytes ? Outcome::malformed : Outcome::command;
}

CommandReader::Outcome CommandReader::next(protocol::Command& command) {
  if (outcome_ != Outcome::command) return outcome_;
  if (rest_.empty()) return outcome_ = Outcome::end;
  std::string_view text;
  bool cut = true;
  if (encoding_ == Encoding::json) {
    text = take_line();
  } else {
    cut = take_protobuf_message(rest_, text);
  }
  if (!cut || !read_command(text, command)) outcome_ = Outcome::malformed;
  return outcome_;
}

bool CommandReader::read_connect(Encoding encoding, std::string_view text, protocol::Command& command) {
  command.clear();
  command.kind = protocol::CommandKind::connect;
  if (text.size() > limits_.frame_bytes) return false;
  const bool read = encoding == Encoding::json ? json_->read(text, command.connect)
                                               : read_protobuf(text, limits_, command.connect);
  return read && within_limits(command.connect);
}

bool CommandReader::read_command(std::string_view text, protocol::Command& command) {
  command.clear();
  const bool read =
      encoding_ == Encoding::json ? json_->read(text, command) : read_protobuf(text, limits_, command);
  return read && within_limits(command.connect);
}

bool CommandReader::within_limits(const protocol::ConnectRequest& request) const {
  return request.name.size() <= limits_.name_bytes && request.version.size() <= limits_.version_bytes;
}

std::string_view CommandReader::take_line() {
  const std::size_t line_bytes = rest_.find('\n');
  const std::string_view line = rest_.substr(0, line_bytes);
  rest_.remove_prefix(line_bytes == std::string_view::npos ? rest_.size() : line_bytes + 1);
  return line;
}

}  // namespace holdfast::gateway
