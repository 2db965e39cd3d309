// From the messages of a frame to the bytes for one kind of connection. Pure.
#pragma once

#include <string>

#include "gateway/client.h"
#include "holdfast/message.h"

namespace holdfast::gateway {

// `messages` is what message_writer.h has appended to an empty string; `scratch` is used where the framing
// needs more than that. The result points into one of the two.
Message frame_message(const Transport& transport, const std::string& messages, std::string& scratch);

}  // namespace holdfast::gateway
