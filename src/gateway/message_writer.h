// Writes messages to clients, in either encoding, at the end of a string the caller owns. Pure.
//
// Each call appends one whole message; what has been appended to an empty string by any number of calls is
// one frame: in JSON the messages are then separated by LF, in Protobuf each has its length in front. A
// shard keeps one string for this, clears it and uses it again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/codes.h"
#include "gateway/encoding.h"
#include "gateway/messages.h"

namespace holdfast::gateway {

// The answer to command `id`. For the results of messages.h.
template <class Result>
void append_reply(Encoding encoding, std::string& frame, std::uint32_t id, const Result& result);

void append_error(Encoding encoding, std::string& frame, std::uint32_t id, const protocol::Error& error);
void append_error(Encoding encoding, std::string& frame, std::uint32_t id, ErrorCode code);

// What a push is about: a channel by its name or, where the client agreed to that, by its number. Neither for
// message, connect, disconnect and refresh.
struct ChannelLabel {
  std::string_view name;
  std::int64_t id = 0;  // if not 0, written instead of the name
};

// A push to a bidirectional connection: inside a reply. For the pushes of messages.h.
template <class Event>
void append_push(Encoding encoding, std::string& frame, const ChannelLabel& channel, const Event& event);

// A push to a unidirectional connection: the bare push.
template <class Event>
void append_bare_push(Encoding encoding, std::string& frame, const ChannelLabel& channel, const Event& event);

// The empty message: a ping, on every kind of connection.
void append_ping(Encoding encoding, std::string& frame);

// Appends messages that were written elsewhere, one or a whole frame of them.
void append_written(Encoding encoding, std::string& frame, std::string_view messages);

}  // namespace holdfast::gateway
