// Reads one command, or one ConnectRequest, from JSON text. Internal to CommandReader.
//
// Owns the parser's memory. Views in the command point into it and die with the next read.
#pragma once

#include <cstddef>
#include <string_view>

#include "gateway/command.h"
#include "gateway/command_reader.h"
#include "gateway/json_walk.h"

namespace holdfast::gateway {

class JsonCommandReader {
 public:
  explicit JsonCommandReader(const CommandLimits& limits) : limits_(limits), walk_(limits.frame_bytes) {}

  // Fills what the text says; false when it is malformed, and then the target's content means nothing.
  bool read(std::string_view text, protocol::Command& command);
  bool read(std::string_view text, protocol::ConnectRequest& request);

 private:
  template <class Request>
  bool read_document(std::string_view text, Request& request);

  const CommandLimits& limits_;
  JsonWalk walk_;
};

}  // namespace holdfast::gateway
