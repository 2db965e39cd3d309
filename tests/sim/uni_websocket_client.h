// UniWebSocketClient: somebody who only listens, over a WebSocket, in JSON or Protobuf: its first message is
// the request, and nothing it says after that is heard.
//
// Judges what WebSocketClient and Unidirectional judge, and that the close frame says what the disconnect
// push before it did.
#pragma once

#include <string>
#include <string_view>

#include "unidirectional.h"
#include "websocket_client.h"

namespace holdfast::sim {

class UniWebSocketClient final : public WebSocketClient {
 public:
  UniWebSocketClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                     const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, bool protobuf);

  bool served() const override { return established() && sent_everything() && protocol_.up_to_date(); }
  void probe() override {}
  std::string describe() const override;

 private:
  std::string target() const override;
  MessageType draw_type() override { return protocol_.protobuf() ? MessageType::binary : MessageType::text; }
  void message_received(std::optional<MessageType> type, std::string_view payload) override;
  bool may_speak() const override { return true; }
  void speak() override;
  std::string violation() override;
  void on_end() override { protocol_.leave_all(); }
  void on_close_code(std::uint16_t code) override;

  ChannelAudit* channels_;
  Unidirectional protocol_;
  bool frame_pings_ = false;  // wants WebSocket's own
  bool said_connect_ = false;
};

}  // namespace holdfast::sim
