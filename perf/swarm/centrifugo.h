// The client's half of the Centrifugo client protocol, as far as the swarm speaks it: commands written, and
// the few replies and pushes they cause read strictly. What else a server may say is `other`, or not
// well-formed. Written from the protocol alone and not from the server's code, so that both cannot be wrong
// together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ws/frame.h"

namespace holdfast::swarm {

// `none`: plain WebSocket messages, not this protocol.
enum class Encoding : std::uint8_t { none, json, protobuf };

inline constexpr std::string_view kProtobufSubprotocol = "centrifuge-protobuf";

struct SubscribeCommand {
  std::string_view channel;
  bool recoverable = false;  // asks for positions
  bool recover = false;      // from `offset` of `epoch` on
  std::uint64_t offset = 0;
  std::string_view epoch;
};

// Each appends one command to a frame.
void append_connect(Encoding encoding, std::string& frame, std::uint32_t id, std::string_view token);
void append_subscribe(Encoding encoding, std::string& frame, std::uint32_t id,
                      const SubscribeCommand& command);
// `payload` is JSON.
void append_publish(Encoding encoding, std::string& frame, std::uint32_t id, std::string_view channel,
                    std::string_view payload);
// The empty command, and that of a server's ping: the same bytes.
std::string_view empty_message(Encoding encoding);
ws::Opcode opcode_of(Encoding encoding);

// Payloads of the swarm are JSON strings without escapes: `text` is what stands between the quotes.
struct Publication {
  std::string_view text;
  bool is_text = false;  // false: a payload of another kind
  std::uint64_t offset = 0;
};

struct ServerMessage {
  enum class Kind : std::uint8_t { ping, connect, subscribe, publish, error, publication, other };
  Kind kind = Kind::other;
  std::uint32_t id = 0;  // of the command; 0 for pings and pushes

  // connect
  std::string_view client;
  std::uint32_t ping_s = 0;
  bool pong = false;
  // subscribe
  bool recoverable = false, positioned = false, was_recovering = false, recovered = false;
  std::string_view epoch;
  std::uint64_t offset = 0;
  std::span<const Publication> publications;
  // error
  std::uint32_t code = 0;
  // publication
  std::string_view channel;
  Publication publication;
};

// Cuts frames into messages. Owns the memory parsing needs: one per thread.
class MessageReader {
 public:
  // So many bytes behind a JSON frame must be there to be read, whatever they are.
  static constexpr std::size_t kPaddingBytes = 64;

  MessageReader();
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  // Calls on_message(const ServerMessage&) for each message of the frame; it returns false to stop. False:
  // the frame is not well-formed. Views in a message end with its call.
  template <class OnMessage>
  bool read(Encoding encoding, std::string_view frame, OnMessage on_message) {
    if (frame.empty()) return false;
    while (!frame.empty()) {
      if (!take(encoding, frame)) return false;
      if (!on_message(message_)) return true;
    }
    return true;
  }

 private:
  struct Json;
  bool take(Encoding encoding, std::string_view& frame);
  bool read_json(std::string_view text);
  bool read_protobuf(std::string_view bytes);

  std::unique_ptr<Json> json_;
  ServerMessage message_;
  std::vector<Publication> publications_;
};

}  // namespace holdfast::swarm
