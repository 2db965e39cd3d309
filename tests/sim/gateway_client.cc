// GatewayClient: the protocol in frames.
#include "gateway_client.h"

namespace holdfast::sim {

GatewayClient::GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                             const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway,
                             bool protobuf)
    : WebSocketClient(world, audit, number, listener, plan),
      protocol_(world, this, channels, gateway, protobuf,
                [this](const std::string& frame) { write(encode(draw_type(), frame)); }),
      frame_pings_(random().below(6) == 0) {
  if (frame_pings_) protocol_.expect_no_pings();
}

std::string GatewayClient::target() const {
  return std::string("/connection/websocket") + (protocol_.protobuf() ? "?cf_protocol=protobuf" : "?") +
         (frame_pings_ ? "&cf_ws_frame_ping_pong=true" : "");
}

void GatewayClient::message_received(std::optional<MessageType> type, std::string_view payload) {
  if (type != draw_type()) fail("a message of the other encoding");
  protocol_.take(payload);
  if (protocol_.told_code() != 0) fail("a disconnect push where there is a close frame");
  go_on();
}

void GatewayClient::speak() {
  spoke();
  protocol_.connect_sent() ? protocol_.speak() : protocol_.connect();
}

std::string GatewayClient::violation() {
  return random().below(2) == 0 ? WebSocketClient::violation() : encode(draw_type(), protocol_.violation());
}

void GatewayClient::probe() {
  if (may_act() && protocol_.connected()) protocol_.publish();
}

}  // namespace holdfast::sim
