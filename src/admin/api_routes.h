// ApiRoutes: what the API's listeners answer: the methods under /api, and /health, /ready and /metrics, which
// need no key because the listener is not for the public. Shard thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "admin/api.h"
#include "admin/conversation.h"
#include "admin/node.h"
#include "gateway/settings.h"
#include "http/request_reader.h"

namespace holdfast::admin {

// Called once; what the response refers to dies when it returns. May be copied.
using Respond = std::function<void(const Response&)>;

class ApiRoutes {
 public:
  struct Sources {
    std::function<const gateway::ApiSettings&()> settings;
    std::function<std::string()> metrics;
    const Node* node;
    ApiCounters* counters;
  };

  ApiRoutes(gateway::Operations& operations, Sources sources);

  // Views of the request die when this returns.
  void serve(const http::ReceivedRequest& request, const Respond& respond);

 private:
  void serve_method(const http::ReceivedRequest& request, const Respond& respond);

  Sources sources_;
  Api api_;
};

// The HTTP status that stands for an error when the caller asks for that (X-Centrifugo-Error-Mode:
// transport).
std::uint16_t status_for(gateway::ErrorCode code);

}  // namespace holdfast::admin
