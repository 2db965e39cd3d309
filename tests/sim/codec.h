// Codec: the client protocol in its two encodings, from the client's side and written apart from src/gateway:
// Protobuf by what protoc makes of tests/protocol/client.proto, JSON by hand from the same names. What is
// said is the same in both, so clients speak and judge in protoc's classes. Pure.
//
// Judges as well: in JSON a member nobody knows or a value of another kind, in Protobuf what could be written
// shorter, and bytes that are left over, are faults.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client.pb.h"
#include "simdjson.h"

namespace holdfast::sim {

class Codec {
 public:
  explicit Codec(bool protobuf) : protobuf_(protobuf) {}
  bool protobuf() const { return protobuf_; }

  // Payloads are JSON.
  std::string command(const client::ClientCommand& command) const;
  // Several of them in one frame.
  std::string join(const std::string& first, const std::string& second) const;
  // How a unidirectional connection begins.
  std::string connect_request(const client::ConnectRequest& request) const;

  // The messages of a frame; a push by itself, as unidirectional connections have them, is put into a reply.
  // False: it is no such frame. A payload of JSON is as it was written, without white space.
  bool read(std::string_view frame, bool bare_pushes, std::vector<client::ServerReply>& messages);
  // What a JSON string means.
  bool unquote(const std::string& json, std::string& text);

 private:
  bool read_json(std::string_view line, bool bare_push, client::ServerReply& message);

  bool protobuf_;
  simdjson::dom::parser parser_;
};

// A ping, to which the empty command is the pong.
bool is_ping(const client::ServerReply& message);

// The length in front of a Protobuf message: how many bytes it takes, 0 when there are too few.
std::size_t read_length(std::string_view bytes, std::size_t& length);

}  // namespace holdfast::sim
