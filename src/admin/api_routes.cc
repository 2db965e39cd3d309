// Paths, methods, credentials, and the form of answers.
#include "admin/api_routes.h"

#include <utility>

#include "admin/credentials.h"
#include "gateway/codes.h"
#include "http/syntax.h"

namespace holdfast::admin {
namespace {

using gateway::ErrorCode;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kApi = "/api";

bool reads(const http::ReceivedRequest& request) {
  return request.head.method == "GET" || request.head.method == "HEAD";
}

void respond_error(const Respond& respond, std::uint16_t status, ErrorCode code) {
  respond({status, kJson, {}, envelope({code, {}})});
}

void respond_not_allowed(const Respond& respond, std::string_view allow) {
  respond({405, "text/plain; charset=utf-8", allow, "This method is not answered here.\n"});
}

// Whether errors are to show in the status, too.
bool errors_in_status(const http::RequestHead& head) {
  const auto mode = head.find("X-Centrifugo-Error-Mode");
  return mode && http::equals_ignoring_case(*mode, "transport");
}

}  // namespace

std::uint16_t status_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::internal:
      return 500;
    case ErrorCode::unauthorized:
    case ErrorCode::token_expired:
    case ErrorCode::expired:
      return 401;
    case ErrorCode::unknown_channel:
    case ErrorCode::method_not_found:
      return 404;
    case ErrorCode::permission_denied:
      return 403;
    case ErrorCode::already_subscribed:
    case ErrorCode::limit_exceeded:
    case ErrorCode::bad_request:
    case ErrorCode::not_available:
      return 400;
    case ErrorCode::too_many_requests:
      return 429;
    case ErrorCode::unrecoverable_position:
      return 416;
    case ErrorCode::concurrent_pagination:
      return 409;
  }
  return 500;
}

ApiRoutes::ApiRoutes(gateway::Operations& operations, Sources sources)
    : sources_(std::move(sources)), api_(operations, [node = sources_.node] { return node->facts(); }) {}

void ApiRoutes::serve(const http::ReceivedRequest& request, const Respond& respond) {
  const std::string_view path = request.head.path;
  if (path == kApi || (path.starts_with(kApi) && path[kApi.size()] == '/')) {
    return serve_method(request, respond);
  }
  if (path != "/health" && path != "/ready" && path != "/metrics") {
    return respond({404, "text/plain; charset=utf-8", {}, "There is nothing at this path.\n"});
  }
  if (!reads(request)) return respond_not_allowed(respond, "Allow: GET, HEAD\r\n");
  if (path == "/metrics") return respond({200, kMetricsType, {}, sources_.metrics()});
  if (path == "/health") return respond({200, kJson, {}, "{}"});
  if (sources_.node->draining) return respond({503, kJson, {}, R"({"ready":false,"reason":"draining"})"});
  respond({200, kJson, {}, R"({"ready":true})"});
}

void ApiRoutes::serve_method(const http::ReceivedRequest& request, const Respond& respond) {
  if (request.head.method != "POST") return respond_not_allowed(respond, "Allow: POST\r\n");
  if (!authorized(request.head, sources_.settings())) {
    sources_.counters->api_unauthorized.add();
    return respond_error(respond, 401, ErrorCode::unauthorized);
  }
  sources_.counters->api_requests.add();
  const auto answer = [respond, counters = sources_.counters,
                       in_status = errors_in_status(request.head)](const ApiReply& reply) {
    if (reply.failure) counters->api_errors.add();
    const bool told = reply.failure && in_status;
    respond({told ? status_for(*reply.failure) : std::uint16_t{200}, kJson, {}, envelope(reply)});
  };
  const std::string_view path = request.head.path;
  if (path == kApi) return api_.run_legacy(request.body, answer);
  const std::string_view method = path.substr(kApi.size() + 1);
  if (!method_named(method)) {
    sources_.counters->api_errors.add();
    return respond_error(respond, 404, ErrorCode::method_not_found);
  }
  api_.run(method, request.body, answer);
}

}  // namespace holdfast::admin
