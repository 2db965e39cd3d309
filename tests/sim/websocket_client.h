// WebSocketClient: RFC 6455 from the client's side, written apart from src/ws so that a shared mistake does
// not hide.
//
// Judges the server as well: its frames must be unmasked, minimal and final, control frames short, nothing
// may follow its close frame, and a pong must answer a ping of this client.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "client.h"

namespace holdfast::sim {

class WebSocketClient : public Client {
 public:
  using Client::Client;

 protected:
  // What its handshake asks for.
  virtual std::string target() const { return "/sim?client=" + std::to_string(number()); }
  std::string violation() override;
  void flood() override;
  std::string encode(MessageType type, std::string_view payload) override;
  // Begins the closing handshake.
  void close_politely() override;

 private:
  enum class State { handshaking, rejected, open, closing, closed };
  struct Frame {
    std::uint8_t opcode = 0;
    bool final = true;
    std::string payload;
  };

  void connected() override;
  std::size_t consume(std::string_view bytes) override;
  MessageType draw_type() override {
    return random().below(2) == 0 ? MessageType::text : MessageType::binary;
  }
  void ping() override;

  std::size_t consume_response(std::string_view bytes);
  void frame_received(std::uint8_t opcode, std::string_view payload);
  void close_received(std::string_view payload);
  void pong_received(std::string_view payload);
  std::string frame(std::uint8_t first_byte, std::string_view payload);

  State state_ = State::handshaking;
  bool close_received_ = false;
  std::uint32_t pings_ = 0;
  std::deque<std::string> unanswered_;  // pings, oldest first
};

}  // namespace holdfast::sim
