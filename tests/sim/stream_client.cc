// StreamClient: its request, and the stream it gets.
#include "stream_client.h"

namespace holdfast::sim {

void StreamClient::connected() {
  const std::string body = protocol_.connect_request();
  const bool events = stream_.framing() == StreamFraming::events;
  std::string request = events && random().below(2) == 0
                            ? stream_query("uni_sse", body)
                            : stream_request(events ? "uni_sse" : "uni_http_stream", stream_.framing(), body);
  if (!plan().finishes_handshake) request.resize(random().below(request.size()));
  write(request);
}

std::size_t StreamClient::consume(std::string_view bytes) {
  const std::size_t taken = stream_.read(bytes);
  if (stream_.refused() != 0 && close_code() == 0) hear_close(stream_.refused());
  while (!ended() && stream_.next(message_)) {
    protocol_.take(message_, 1);
    if (protocol_.connected() && !established()) establish();
    if (protocol_.told_code() != 0 && close_code() == 0) hear_close(protocol_.told_code());
  }
  return taken;
}

std::string StreamClient::describe() const {
  constexpr const char* kFramings[] = {" event stream", " stream of lines", " stream of lengths"};
  return Client::describe() + kFramings[static_cast<int>(stream_.framing())] + protocol_.describe();
}

}  // namespace holdfast::sim
