// CommandReader: the commands of one frame, one after the other, in either encoding.
//
// JSON: commands stand in one line each; a last line may end in LF. Protobuf: each is preceded by its length
// as a varint. Both yield the same commands for the same requests, under the same rules:
//   - unknown fields are skipped; in JSON they must be JSON all the same, to the last byte of the command;
//   - null in JSON means absent, except for payloads, which it is a value of;
//   - of a field that comes twice the last counts; a request that comes twice is merged, as Protobuf has it;
//   - a field of another type makes a JSON command malformed (numbers out of their type's range, too);
//   Protobuf
//     knows another type only as an unknown field, and cuts numbers to 32 bits;
//   - texts that are not UTF-8, and whatever breaks a limit below, make it malformed;
//   - an empty frame is malformed.
//
// Pure but for its own memory: a shard keeps one and reads one frame at a time; it must not start another
// frame before it is done with a command of this one. Nothing is allocated while reading, once the vectors of
// the Command have grown to their bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/command.h"
#include "gateway/encoding.h"

namespace holdfast::gateway {

struct CommandLimits {
  std::size_t frame_bytes = 64 * 1024;
  std::size_t subs = 128;  // as many as a connection may have channels
  std::size_t headers = 64;
  std::size_t name_bytes = 16;
  std::size_t version_bytes = 64;
};

class JsonCommandReader;

class CommandReader {
 public:
  enum class Outcome : std::uint8_t { command, end, malformed };

  explicit CommandReader(const CommandLimits& limits = {});
  ~CommandReader();
  CommandReader(const CommandReader&) = delete;
  CommandReader& operator=(const CommandReader&) = delete;

  // Of CommandLimits::subs, for the frames that follow.
  void set_subs_maximum(std::size_t subs) { limits_.subs = subs; }

  // The frame must live until it has been read.
  void start(Encoding encoding, std::string_view frame);

  // The next command. What came before a malformed one was well-formed and stays executed; after it, and
  // after the end, the answer does not change.
  Outcome next(protocol::Command& command);

  // What of the frame has not been read.
  std::string_view rest() const { return rest_; }

  // A whole text that is a ConnectRequest and nothing else: how unidirectional connections begin. Fills
  // command.connect; the kind is connect, the id 0. JSON may contain line breaks.
  bool read_connect(Encoding encoding, std::string_view text, protocol::Command& command);

 private:
  bool read_command(std::string_view text, protocol::Command& command);
  bool within_limits(const protocol::ConnectRequest& request) const;
  std::string_view take_line();

  CommandLimits limits_;
  std::unique_ptr<JsonCommandReader> json_;
  Encoding encoding_ = Encoding::json;
  Outcome outcome_ = Outcome::end;  // that of the last call
  std::string_view rest_;
};

}  // namespace holdfast::gateway
