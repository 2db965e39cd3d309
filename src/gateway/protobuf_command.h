// Reads one command, or one ConnectRequest, from Protobuf. Internal to CommandReader. Pure: views in the
// command point into the bytes given.
//
// Written against the wire format rather than through generated classes: nothing is copied, no map is built
// that then has an order of its own, nothing a client sends gets logged, and the fields are those the JSON
// reader has. The tests and the fuzz target hold it against what protoc generates from client.proto.
#pragma once

#include <string_view>

#include "gateway/command.h"
#include "gateway/command_reader.h"

namespace holdfast::gateway {

// Fill what the bytes say; false when they are malformed, and then the target's content means nothing.
bool read_protobuf(std::string_view bytes, const CommandLimits& limits, protocol::Command& command);
bool read_protobuf(std::string_view bytes, const CommandLimits& limits, protocol::ConnectRequest& request);

// Cuts the next message, whose length stands before it as a varint, off `rest`.
bool take_protobuf_message(std::string_view& rest, std::string_view& message);

}  // namespace holdfast::gateway
