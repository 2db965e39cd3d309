// The two encodings of the client protocol. A connection has one for its life; what a message says does not
// depend on it.
#pragma once

#include <cstdint>

namespace holdfast::gateway {

enum class Encoding : std::uint8_t { json, protobuf };

}  // namespace holdfast::gateway
