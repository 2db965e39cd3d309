// UniWebSocketClient: its request, some noise, and what it is told.
#include "uni_websocket_client.h"

namespace holdfast::sim {

UniWebSocketClient::UniWebSocketClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number,
                                       int listener, const Plan& plan, ChannelAudit* channels,
                                       const GatewayPlan* gateway, bool protobuf)
    : WebSocketClient(world, audit, number, listener, plan),
      channels_(channels),
      protocol_(world, this, channels, gateway, protobuf),
      frame_pings_(random().below(4) == 0) {
  if (frame_pings_) protocol_.expect_no_pings();
}

std::string UniWebSocketClient::target() const {
  return std::string("/connection/uni_websocket?cf_ws_frame_ping_pong=") + (frame_pings_ ? "true" : "false") +
         (protocol_.protobuf() ? "&cf_protocol=protobuf" : "");
}

// One who breaks the rules may begin with that.
void UniWebSocketClient::speak() {
  spoke();
  if (said_connect_) return write(encode(draw_type(), "{\"id\":1,\"connect\":{}}"));
  if (plan().ending == Ending::violate && random().below(2) == 0) return;
  said_connect_ = true;
  write(encode(draw_type(), protocol_.connect_request()));
}

void UniWebSocketClient::message_received(std::optional<MessageType> type, std::string_view payload) {
  if (type != draw_type()) fail("a message of the other encoding");
  const bool was_connected = protocol_.connected();
  protocol_.take(payload, payload.size());
  if (protocol_.connected() && !was_connected) channels_->count("uni_websockets");
  go_on();
}

// Who asked for nothing yet can ask for something that is none.
std::string UniWebSocketClient::violation() {
  if (said_connect_) return WebSocketClient::violation();
  return encode(draw_type(), protocol_.protobuf() ? "\x0a\x7fno token of that length" : "{\"subs\":17}");
}

// The gateway says it with a push first; the core, which ends slow readers, does not.
void UniWebSocketClient::on_close_code(std::uint16_t code) {
  const std::uint16_t told = protocol_.told_code();
  const bool by_gateway = code >= 3000 && code < 4000;
  if (code != kSlow && (told != 0 ? told != code : by_gateway))
    fail("told that it is disconnected by " + std::to_string(told) + ", and closed with another code");
  protocol_.judge_end(code);
}

std::string UniWebSocketClient::describe() const {
  return WebSocketClient::describe() + " unidirectional" + (protocol_.protobuf() ? " protobuf" : " json") +
         (protocol_.connected() ? ", connected" : "") + protocol_.describe();
}

}  // namespace holdfast::sim
