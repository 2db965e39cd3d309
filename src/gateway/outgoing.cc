// Outgoing: when a frame is complete, and where it goes.
#include "gateway/outgoing.h"

#include "gateway/framing.h"

namespace holdfast::gateway {

void Outgoing::appended() {
  ++messages_;
  const Transport transport = clients_[client_].transport();
  // A unidirectional WebSocket client expects one push a message.
  const bool alone = transport.unidirectional && transport.framing == Framing::websocket;
  if (alone || messages_ == kMessagesPerFrame || frame_.size() >= kFrameBytes) flush();
}

// A connection that takes no more is ended by the core, and comes back as on_close.
void Outgoing::flush() {
  if (messages_ > 0) {
    Client& client = clients_[client_];
    client.connection.send(frame_message(client.transport(), frame_, scratch_));
  }
  messages_ = 0;
  client_ = memory::kNoIndex;
  frame_.clear();
}

}  // namespace holdfast::gateway
