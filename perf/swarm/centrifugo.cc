// Commands, and what both encodings of the answers share.
#include "centrifugo.h"

#include "gateway/protobuf_wire.h"

namespace holdfast::swarm {
namespace {

using gateway::append_varint;
using gateway::wire_tag;
using gateway::WireType;

// Fields of Command, and of its messages.
constexpr std::uint32_t kId = 1, kConnect = 4, kSubscribe = 5, kPublish = 7;
constexpr std::uint32_t kToken = 1;
constexpr std::uint32_t kChannel = 1, kRecover = 3, kEpoch = 6, kOffset = 7, kRecoverable = 10;
constexpr std::uint32_t kPublishData = 2;

constexpr std::string_view kEmptyJson = "{}";
constexpr std::string_view kEmptyProtobuf("\0", 1);

void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_varint(out, wire_tag(field, WireType::varint));
  append_varint(out, value);
}

void append_bytes(std::string& out, std::uint32_t field, std::string_view value) {
  append_varint(out, wire_tag(field, WireType::bytes));
  append_varint(out, value.size());
  out.append(value);
}

void append_command(std::string& frame, std::uint32_t id, std::uint32_t field, std::string_view request) {
  std::string command;
  append_number(command, kId, id);
  append_bytes(command, field, request);
  append_varint(frame, command.size());
  frame.append(command);
}

void begin_json(std::string& frame) {
  if (!frame.empty()) frame.push_back('\n');
}

void end_json(std::string& frame, std::uint32_t id) {
  frame.append("},\"id\":").append(std::to_string(id)).append("}");
}

}  // namespace

void append_connect(Encoding encoding, std::string& frame, std::uint32_t id, std::string_view token) {
  if (encoding == Encoding::protobuf) {
    std::string request;
    if (!token.empty()) append_bytes(request, kToken, token);
    return append_command(frame, id, kConnect, request);
  }
  begin_json(frame);
  frame.append("{\"connect\":{");
  if (!token.empty()) frame.append("\"token\":\"").append(token).append("\"");
  end_json(frame, id);
}

void append_subscribe(Encoding encoding, std::string& frame, std::uint32_t id,
                      const SubscribeCommand& command) {
  if (encoding == Encoding::protobuf) {
    std::string request;
    append_bytes(request, kChannel, command.channel);
    if (command.recover) {
      append_number(request, kRecover, 1);
      append_bytes(request, kEpoch, command.epoch);
      if (command.offset != 0) append_number(request, kOffset, command.offset);
    }
    if (command.recoverable) append_number(request, kRecoverable, 1);
    return append_command(frame, id, kSubscribe, request);
  }
  begin_json(frame);
  frame.append("{\"subscribe\":{\"channel\":\"").append(command.channel).append("\"");
  if (command.recoverable) frame.append(",\"recoverable\":true");
  if (command.recover) {
    frame.append(",\"recover\":true,\"offset\":").append(std::to_string(command.offset));
    frame.append(",\"epoch\":\"").append(command.epoch).append("\"");
  }
  end_json(frame, id);
}

void append_publish(Encoding encoding, std::string& frame, std::uint32_t id, std::string_view channel,
                    std::string_view payload) {
  if (encoding == Encoding::protobuf) {
    std::string request;
    append_bytes(request, kChannel, channel);
    append_bytes(request, kPublishData, payload);
    return append_command(frame, id, kPublish, request);
  }
  begin_json(frame);
  frame.append("{\"publish\":{\"channel\":\"").append(channel).append("\",\"data\":").append(payload);
  end_json(frame, id);
}

std::string_view empty_message(Encoding encoding) {
  return encoding == Encoding::protobuf ? kEmptyProtobuf : kEmptyJson;
}

ws::Opcode opcode_of(Encoding encoding) {
  return encoding == Encoding::protobuf ? ws::Opcode::binary : ws::Opcode::text;
}

// Cuts the first message off `frame` and reads it.
bool MessageReader::take(Encoding encoding, std::string_view& frame) {
  message_ = {};
  publications_.clear();
  std::string_view message;
  if (encoding == Encoding::protobuf) {
    gateway::WireReader wire(frame);
    if (!wire.bytes(message)) return false;
    frame = wire.rest();
    return read_protobuf(message);
  }
  message = frame.substr(0, frame.find('\n'));
  frame.remove_prefix(message.size());
  if (!frame.empty()) {
    frame.remove_prefix(1);
    if (frame.empty()) return false;  // a line break with nothing behind it
  }
  return read_json(message);
}

}  // namespace holdfast::swarm
