// Client routes: what plain requests on the listeners for clients are answered: the demonstration page, the
// beginnings of streams, and commands for those streams. Pure; the page and the streams are served by those
// who call this.
//
//   GET  /connection/uni_sse?cf_connect=    an event stream; the ConnectRequest is in the query
//   POST /connection/uni_http_stream        lines of JSON, or Protobuf; the ConnectRequest is the body
//   GET  /connection/sse?cf_connect=, POST /connection/http_stream
//                                           the same for both directions: first a frame of commands,
//   POST /emulation                         and later frames with the session they are for
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "admin/conversation.h"
#include "gateway/client.h"
#include "gateway/encoding.h"
#include "http/origin.h"
#include "http/request_reader.h"

namespace holdfast::admin {

struct ClientRoute {
  enum class Kind : std::uint8_t { response, page, stream, emulation };

  Kind kind = Kind::response;
  std::uint16_t status = 200;
  std::string fields;         // whole lines: what the answer says to browsers
  std::string_view text;      // of a response
  gateway::Transport stream;  // and of an emulation the encoding
  std::string first;          // of a stream: what it begins with; of an emulation: the commands
  std::string session;
  std::string node;
};

// Whether a plain request to this path is for us at all.
bool is_client_path(std::string_view path, bool demonstration);

ClientRoute route_client(const http::ReceivedRequest& request, const http::OriginPolicy& origins,
                         bool demonstration);

// The head of a stream's response, without what the response writer writes itself.
std::string_view content_type_of(const gateway::Transport& transport);

}  // namespace holdfast::admin
