// GatewayPeer: a client of the gateway for tests of one thing at a time: it connects, answers pings, and
// remembers what it was told. Its messages must be small enough to arrive whole.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "ring/simulated_world.h"

namespace holdfast::sim {

class GatewayPeer final : public ring::ClientObserver {
 public:
  GatewayPeer(ring::SimulatedWorld* world, int listener, const std::string& token)
      : connection_(world->connect(listener, this, 0x7f000001)) {
    EXPECT_NE(connection_, nullptr);
    send_bytes(
        "GET /connection/websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    send(token.empty() ? R"({"id":1,"connect":{}})" : R"({"id":1,"connect":{"token":")" + token + R"("}})");
  }
  void on_network() override {
    std::array<char, 4096> bytes;
    const std::size_t count = connection_->client_receive(std::as_writable_bytes(std::span(bytes)));
    const std::string_view text(bytes.data(), count);
    connected = connected || text.find(R"("connect":{)") != std::string_view::npos;
    for (std::size_t at = 0; (at = text.find(std::string_view("\x81\x02{}", 4), at)) != text.npos; at += 4) {
      ++pings;
      if (answers) send("{}");
    }
    for (std::size_t at = 0; (at = text.find(R"("rpc":{)", at)) != text.npos; ++at) ++echoes;
    // A close frame, and not a length that looks like one.
    for (std::size_t at = 0; (at = text.find('\x88', at)) != text.npos && at + 4 <= text.size(); ++at) {
      const int code =
          static_cast<unsigned char>(text[at + 2]) << 8 | static_cast<unsigned char>(text[at + 3]);
      if (code >= 3000 && code < 5000) close_code = code;
    }
  }

  // As a frame with a mask of zeros.
  void send(const std::string& message) {
    std::string head = "\x81";
    if (message.size() < 126) {
      head += static_cast<char>(0x80 | message.size());
    } else {
      head += {'\xfe', static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xff)};
    }
    send_bytes(head + std::string(4, '\0') + message);
  }

  bool answers = true;
  bool connected = false;
  int pings = 0;
  int echoes = 0;
  int close_code = 0;

 private:
  void send_bytes(std::string_view text) { connection_->client_send(std::as_bytes(std::span(text))); }

  ring::SimulatedConnection* connection_;
};

}  // namespace holdfast::sim
