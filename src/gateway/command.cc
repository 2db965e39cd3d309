// Names of commands, and making one empty again.
#include "gateway/command.h"

#include <utility>

namespace holdfast::gateway::protocol {

std::string_view name_of(CommandKind kind) {
  switch (kind) {
    case CommandKind::none:
      return "";
    case CommandKind::connect:
      return "connect";
    case CommandKind::subscribe:
      return "subscribe";
    case CommandKind::unsubscribe:
      return "unsubscribe";
    case CommandKind::publish:
      return "publish";
    case CommandKind::presence:
      return "presence";
    case CommandKind::presence_stats:
      return "presence_stats";
    case CommandKind::history:
      return "history";
    case CommandKind::ping:
      return "ping";
    case CommandKind::send:
      return "send";
    case CommandKind::rpc:
      return "rpc";
    case CommandKind::refresh:
      return "refresh";
    case CommandKind::sub_refresh:
      return "sub_refresh";
  }
  return "";
}

void Command::clear() {
  std::vector<SubscribeRequest> subs = std::move(connect.subs);
  std::vector<Header> headers = std::move(connect.headers);
  subs.clear();
  headers.clear();
  *this = Command{};
  connect.subs = std::move(subs);
  connect.headers = std::move(headers);
}

}  // namespace holdfast::gateway::protocol
