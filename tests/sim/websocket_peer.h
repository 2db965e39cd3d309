// WebSocketPeer: a WebSocket client for tests of one thing at a time. It asks for its upgrade when it is
// made, sends what a test gives it, byte for byte, and keeps what it hears; it reads only when it is told to.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "ring/simulated_world.h"

namespace holdfast::sim {

class WebSocketPeer final : public ring::ClientObserver {
 public:
  WebSocketPeer(ring::SimulatedWorld& world, int listener) : connection_(world.connect(listener, this, 1)) {
    send(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  }
  void on_network() override {
    if (reads) read();
  }
  void read() {
    std::array<std::byte, 4'096> bytes;
    while (const std::size_t count = connection_->client_receive(bytes))
      heard.append(reinterpret_cast<const char*>(bytes.data()), count);
  }
  void send(std::string_view bytes) { connection_->client_send(std::as_bytes(std::span(bytes))); }
  // Of what it sent, what the server has not taken yet.
  std::size_t unread_bytes() const { return connection_->input_bytes(); }
  bool was_reset() const { return connection_->server_end() == ring::SimulatedConnection::ServerEnd::reset; }

  std::string heard;
  bool reads = true;

 private:
  ring::SimulatedConnection* connection_;
};

}  // namespace holdfast::sim
