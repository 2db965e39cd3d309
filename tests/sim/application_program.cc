// ApplicationProgram: who its clients are, and what comes for connections that have ended.
#include "application_program.h"

#include <utility>

#include "holdfast/server.h"
#include "http_client.h"
#include "length_prefixed_client.h"
#include "websocket_client.h"

namespace holdfast::sim {

std::vector<Protocol> ApplicationProgram::listeners() const {
  std::vector<Protocol> protocols = {Protocol::websocket};
  if (scenario_.length_prefixed) protocols.push_back(Protocol::length_prefixed);
  if (scenario_.http) protocols.push_back(Protocol::http);
  return protocols;
}

std::unique_ptr<Handler> ApplicationProgram::make_handler(std::uint32_t) {
  auto application = std::make_unique<Application>(audit_, world_, &refused_);
  applications_.push_back(application.get());
  return application;
}

std::unique_ptr<Client> ApplicationProgram::make_client(const Machine::Part& part, std::uint32_t number,
                                                        const Plan& plan) {
  const int websocket = part.listeners.front();
  const auto drawn = [&](Protocol protocol) {
    return plan.protocol.has_value() ? *plan.protocol == protocol : world_->random().below(3) == 0;
  };
  if (scenario_.length_prefixed && drawn(Protocol::length_prefixed))
    return std::make_unique<LengthPrefixedClient>(world_, audit_, number, part.listeners[1], plan);
  if (scenario_.http && drawn(Protocol::http)) {
    // To their own port, or to that of the WebSocket clients.
    const bool own = world_->random().below(2) == 0;
    return std::make_unique<HttpClient>(world_, audit_, number, own ? part.listeners.back() : websocket,
                                        plan);
  }
  return std::make_unique<WebSocketClient>(world_, audit_, number, websocket, plan);
}

// For a connection that has ended meanwhile: nobody may get it.
void ApplicationProgram::disturb(Server& server) {
  const ConnectionId parted = applications_[world_->random().below(applications_.size())]->parted();
  if (parted.value == 0) return;
  if (world_->random().below(2) == 0) {
    server.send(parted, Message::text("for nobody"));
  } else {
    server.close(parted, 4997, "for nobody");
  }
}

}  // namespace holdfast::sim
