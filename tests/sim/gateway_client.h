// GatewayClient: a client of the gateway over a WebSocket, in JSON or Protobuf, with the protocol's pings or
// with WebSocket's own.
//
// Judges what WebSocketClient and Bidirectional judge.
#pragma once

#include <string>
#include <string_view>

#include "bidirectional.h"
#include "websocket_client.h"

namespace holdfast::sim {

class GatewayClient final : public WebSocketClient {
 public:
  GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, bool protobuf);

  bool served() const override { return established() && sent_everything() && protocol_.up_to_date(); }
  void probe() override;
  std::string describe() const override { return WebSocketClient::describe() + protocol_.describe(); }

 private:
  std::string target() const override;
  MessageType draw_type() override { return protocol_.protobuf() ? MessageType::binary : MessageType::text; }
  void message_received(std::optional<MessageType> type, std::string_view payload) override;
  bool may_speak() const override { return protocol_.unanswered() < plan().window; }
  void speak() override;
  std::string violation() override;
  void on_end() override { protocol_.leave_all(); }
  void on_close_code(std::uint16_t code) override { protocol_.judge_end(code); }

  Bidirectional protocol_;
  bool frame_pings_ = false;
};

}  // namespace holdfast::sim
