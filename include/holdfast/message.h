// Message: a view of one whole message, on its way in or out.
//
// A Message never owns its bytes. One handed to a handler points into the shard's receive memory and dies
// when the handler returns; one handed to send or publish is copied before that call returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace holdfast {

// On a WebSocket the type is the frame's opcode; text has been checked to be UTF-8 on the way in and must be
// UTF-8 on the way out (not checked again). Length-prefixed TCP has no types: everything arrives as binary.
enum class MessageType : std::uint8_t { text = 1, binary = 2 };

struct Message {
  MessageType type = MessageType::binary;
  std::span<const std::byte> bytes;

  Message() = default;
  Message(MessageType message_type, std::span<const std::byte> message_bytes)
      : type(message_type), bytes(message_bytes) {}

  // A view of characters as a message; the characters must outlive its use.
  static Message text(std::string_view characters) {
    return {MessageType::text, std::as_bytes(std::span(characters.data(), characters.size()))};
  }
  static Message binary(std::span<const std::byte> bytes) { return {MessageType::binary, bytes}; }

  // The bytes as characters, whatever the type.
  std::string_view characters() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

}  // namespace holdfast
