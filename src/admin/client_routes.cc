// Browsers ask before they post JSON across origins (OPTIONS), and show a page an answer only when it names
// their origin; who may is the same policy as for WebSockets.
#include "admin/client_routes.h"

#include <optional>

#include "admin/json_field.h"
#include "gateway/protobuf_wire.h"
#include "http/query.h"

namespace holdfast::admin {
namespace {

using gateway::Encoding;
using gateway::Framing;
using Kind = ClientRoute::Kind;

struct StreamPath {
  std::string_view path;
  Framing framing;
  bool unidirectional;
};
constexpr StreamPath kStreamPaths[] = {
    {"/connection/uni_sse", Framing::event_stream, true},
    {"/connection/uni_http_stream", Framing::http_stream, true},
    {"/connection/sse", Framing::event_stream, false},
    {"/connection/http_stream", Framing::http_stream, false},
};
constexpr std::string_view kEmulation = "/emulation";
constexpr std::string_view kProtobufType = "application/octet-stream";

const StreamPath* stream_path(std::string_view path) {
  for (const StreamPath& known : kStreamPaths) {
    if (known.path == path) return &known;
  }
  return nullptr;
}

ClientRoute respond(std::uint16_t status, std::string_view text, std::string fields = {}) {
  ClientRoute route;
  route.status = status;
  route.text = text;
  route.fields = std::move(fields);
  return route;
}

// What a browser is told when the request came from a page of another origin; nullopt: it may not.
std::optional<std::string> origin_fields(const http::RequestHead& head, const http::OriginPolicy& origins) {
  if (!http::origin_allowed(head, origins)) return std::nullopt;
  const auto origin = head.find("Origin");
  if (!origin) return std::string();
  // The origin has passed the check of its form, so it cannot end the line.
  std::string fields = "Access-Control-Allow-Origin: ";
  return fields.append(*origin).append("\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

Encoding encoding_of(const http::RequestHead& head) {
  const auto type = head.find("Content-Type");
  return type && type->starts_with(kProtobufType) ? Encoding::protobuf : Encoding::json;
}

ClientRoute begin_stream(const http::ReceivedRequest& request, const StreamPath& path, std::string fields) {
  const http::RequestHead& head = request.head;
  if (head.version == http::Version::http_1_0) return respond(505, "Streams need HTTP/1.1.\n", fields);
  const bool posted = head.method == "POST";
  if (!posted && (head.method != "GET" || path.framing != Framing::event_stream)) {
    return respond(405, "This method is not answered here.\n", fields + "Allow: POST\r\n");
  }
  ClientRoute route;
  if (posted) {
    route.first = request.body;
  } else if (auto query = http::decode_parameter(head.query, "cf_connect")) {
    route.first = std::move(*query);
  }
  route.kind = Kind::stream;
  route.stream.framing = path.framing;
  route.stream.unidirectional = path.unidirectional;
  if (path.framing == Framing::http_stream) route.stream.encoding = encoding_of(head);
  // In Protobuf a request that says nothing has no bytes.
  const bool may_be_empty = path.unidirectional && route.stream.encoding == Encoding::protobuf;
  if (route.first.empty() && !may_be_empty) {
    return respond(400, "It is not said how to connect.\n", std::move(fields));
  }
  route.fields = std::move(fields);
  return route;
}

bool read_emulation(std::string_view body, ClientRoute& route) {
  gateway::JsonWalk walk(body.size());
  std::string_view session, node, commands;
  const bool read = read_object(walk, body, [&](JsonField& field) {
    return field.text("session", session) || field.text("node", node) || field.text("data", commands);
  });
  route.session = session;
  route.node = node;
  route.first = commands;
  return read;
}

// EmulationRequest {string node = 1; string session = 2; bytes data = 3;}
bool read_protobuf_emulation(std::string_view body, ClientRoute& route) {
  gateway::WireReader reader(body);
  std::string* const fields[] = {&route.node, &route.session, &route.first};
  while (!reader.at_end()) {
    std::uint32_t tag = 0;
    std::string_view bytes;
    if (!reader.tag(tag)) return false;
    const std::uint32_t number = gateway::wire_number(tag);
    if (number > std::size(fields) || gateway::wire_type(tag) != gateway::WireType::bytes) {
      if (!reader.skip(tag, gateway::kWireDepthMaximum)) return false;
    } else if (reader.bytes(bytes)) {
      *fields[number - 1] = bytes;
    } else {
      return false;
    }
  }
  return true;
}

ClientRoute emulation(const http::ReceivedRequest& request, std::string fields) {
  if (request.head.method != "POST") {
    return respond(405, "This method is not answered here.\n", fields + "Allow: POST\r\n");
  }
  ClientRoute route;
  route.kind = Kind::emulation;
  route.stream.encoding = encoding_of(request.head);
  const bool read = route.stream.encoding == Encoding::json ? read_emulation(request.body, route)
                                                            : read_protobuf_emulation(request.body, route);
  if (!read || route.session.empty()) return respond(400, "This is no emulation request.\n", fields);
  route.fields = std::move(fields);
  return route;
}

}  // namespace

bool is_client_path(std::string_view path, bool demonstration) {
  return (path == "/" && demonstration) || path == kEmulation || stream_path(path) != nullptr;
}

ClientRoute route_client(const http::ReceivedRequest& request, const http::OriginPolicy& origins,
                         bool demonstration) {
  const http::RequestHead& head = request.head;
  if (!is_client_path(head.path, demonstration)) return respond(404, "There is nothing at this path.\n");
  if (head.path == "/") {
    if (head.method != "GET" && head.method != "HEAD") {
      return respond(405, "This method is not answered here.\n", "Allow: GET, HEAD\r\n");
    }
    ClientRoute page;
    page.kind = Kind::page;
    return page;
  }
  std::optional<std::string> fields = origin_fields(head, origins);
  if (!fields) return respond(403, "This origin may not connect.\n");
  if (head.method == "OPTIONS") {
    return respond(
        200, "",
        *fields +
            "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: Content-Type\r\n"
            "Access-Control-Max-Age: 600\r\n");
  }
  const StreamPath* path = stream_path(head.path);
  return path != nullptr ? begin_stream(request, *path, std::move(*fields))
                         : emulation(request, std::move(*fields));
}

std::string_view content_type_of(const gateway::Transport& transport) {
  if (transport.framing == Framing::event_stream) return "text/event-stream; charset=utf-8";
  return transport.encoding == Encoding::protobuf ? kProtobufType : "application/json";
}

}  // namespace holdfast::admin
