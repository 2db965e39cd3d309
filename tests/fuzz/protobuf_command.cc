// Fuzz target: frames of Protobuf commands.
//
// What must hold besides not crashing: the commands are those that protoc's classes understand, in the same
// order, up to the first message those refuse; views lie within the frame.
#include <client.pb.h>
#include <google/protobuf/io/coded_stream.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "../unit/gateway/command_description.h"
#include "base/check.h"
#include "gateway/command_reader.h"

namespace {

using google::protobuf::io::CodedInputStream;
using holdfast::client::ClientCommand;
using holdfast::client::ConnectRequest;
using holdfast::gateway::CommandLimits;
using holdfast::gateway::CommandReader;
using holdfast::gateway::Encoding;
using holdfast::gateway::protocol::Command;
using holdfast::gateway::tests::describe;
using Outcome = holdfast::gateway::CommandReader::Outcome;

constexpr CommandLimits kLimits{.frame_bytes = 2048, .subs = 3, .headers = 2};

bool within_limits(const ConnectRequest& request) {
  return request.name().size() <= kLimits.name_bytes && request.version().size() <= kLimits.version_bytes &&
         static_cast<std::size_t>(request.subs_size()) <= kLimits.subs &&
         static_cast<std::size_t>(request.headers_size()) <= kLimits.headers;
}

// The next message, cut off as the library does it, whose lengths have five bytes at most.
bool take_message(CodedInputStream& input, std::string_view frame, std::string_view& message) {
  const int begin = input.CurrentPosition();
  std::uint64_t size = 0;
  if (!input.ReadVarint64(&size) || input.CurrentPosition() - begin > 5) return false;
  const auto start = static_cast<std::size_t>(input.CurrentPosition());
  if (size > frame.size() - start) return false;
  message = frame.substr(start, static_cast<std::size_t>(size));
  return input.Skip(static_cast<int>(size));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static CommandReader reader(kLimits);
  static const google::protobuf::LogSilencer silencer;  // of texts that are not UTF-8
  if (size == 0 || size > kLimits.frame_bytes) return 0;
  // A copy of the exact size, so that a sanitizer sees a read past the frame.
  const auto copy = std::make_unique<std::uint8_t[]>(size);
  std::memcpy(copy.get(), bytes, size);
  const std::string_view frame(reinterpret_cast<const char*>(copy.get()), size);

  CodedInputStream input(copy.get(), static_cast<int>(size));
  reader.start(Encoding::protobuf, frame);
  Command command;
  while (static_cast<std::size_t>(input.CurrentPosition()) < size) {
    std::string_view message;
    ClientCommand wanted;
    const bool valid = take_message(input, frame, message) &&
                       wanted.ParseFromArray(message.data(), static_cast<int>(message.size()));
    const Outcome outcome = reader.next(command);
    if (outcome == Outcome::command) {
      CHECK(valid && within_limits(wanted.connect()));
      CHECK(describe(command).words() == describe(wanted).words());
    } else {
      CHECK(outcome == Outcome::malformed);
      CHECK(!valid || !within_limits(wanted.connect()));
      return 0;
    }
  }
  CHECK(reader.next(command) == Outcome::end);
  return 0;
}
