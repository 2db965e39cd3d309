// Event streams and HTTP streams travel in HTTP chunks; one frame is one chunk.
#include "gateway/framing.h"

#include <string_view>

#include "http/response_writer.h"

namespace holdfast::gateway {
namespace {

Message bytes_of(std::string_view text) {
  return Message::binary(std::as_bytes(std::span(text.data(), text.size())));
}

// A message is one line, so an event is one `data` field.
std::string events_of(std::string_view messages) {
  std::string events;
  while (!messages.empty()) {
    const std::size_t length = messages.find('\n');
    events.append("data: ").append(messages.substr(0, length)).append("\n\n");
    messages.remove_prefix(length == std::string_view::npos ? messages.size() : length + 1);
  }
  return events;
}

}  // namespace

Message frame_message(const Transport& transport, const std::string& messages, std::string& scratch) {
  const bool json = transport.encoding == Encoding::json;
  switch (transport.framing) {
    case Framing::websocket:
      return json ? Message::text(messages) : bytes_of(messages);
    case Framing::event_stream:
      scratch.clear();
      http::append_chunk(scratch, events_of(messages));
      return bytes_of(scratch);
    case Framing::http_stream:
      scratch.clear();
      http::append_chunk(scratch, json ? messages + "\n" : messages);
      return bytes_of(scratch);
  }
  return {};
}

}  // namespace holdfast::gateway
