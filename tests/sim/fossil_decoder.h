// Fossil deltas from the receiver's side, written apart from src/gateway: what a delta makes of the
// publication before. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::sim {

// Nothing when it is no delta, does not fit the source, or its checksum is not that of what it makes.
std::optional<std::string> apply_delta(std::string_view source, std::string_view delta);

}  // namespace holdfast::sim
