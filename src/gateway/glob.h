// Glob patterns over channel names: `*` any run of bytes, `?` one byte, `[a-z]` and `[!a-z]` classes, `\`
// takes the next byte as it is. Pure; time is at most pattern times text.
#pragma once

#include <string_view>

namespace holdfast::gateway {

// A class without its `]`, or a `\` at the end, stands for itself.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace holdfast::gateway
