// HttpStream: a stream of the gateway's over HTTP from its reader's side: one response in chunks, in it
// messages one after another, as events, as lines or with their lengths. Pure.
//
// Judges as well: a response that is another, and what is no chunk or no event, are faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "http_response.h"

namespace holdfast::sim {

// How messages are told apart. Those with lengths are Protobuf, the others JSON.
enum class StreamFraming { events, lines, lengths };

// What makes such a stream: its first message goes with the request.
std::string stream_request(std::string_view path, StreamFraming framing, const std::string& body);
// The same where there is no body but a query: events only.
std::string stream_query(std::string_view path, const std::string& body);

class HttpStream {
 public:
  using Fail = std::function<void(const std::string&)>;

  HttpStream(StreamFraming framing, Fail fail) : framing_(framing), fail_(std::move(fail)) {}

  // Takes what it can from the front of the bytes; returns how many. They are read by next().
  std::size_t read(std::string_view bytes);
  // The next whole message as a frame of the protocol; false: there is none yet.
  bool next(std::string& message);
  // Not 0: it was refused, with this status.
  std::uint16_t refused() const { return refused_; }
  StreamFraming framing() const { return framing_; }

 private:
  std::size_t read_head(std::string_view bytes);

  const StreamFraming framing_;
  Fail fail_;
  bool streaming_ = false;
  std::uint16_t refused_ = 0;
  ChunkReader chunks_;
  std::string body_;
};

}  // namespace holdfast::sim
