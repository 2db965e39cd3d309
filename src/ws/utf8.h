// UTF-8: is a whole text valid, and is one that is still arriving? Pure. simdjson does the long runs.
//
// Refused: overlong forms, surrogates, code points above U+10FFFF (RFC 3629).
#pragma once

#include <cstddef>
#include <span>

namespace holdfast::ws {

// A whole text.
bool valid_utf8(std::span<const std::byte> text);

// A text so far. The first `validated` bytes were found valid by earlier calls and end between two
// characters; the rest is checked now. False as soon as no continuation could make the text valid. Else moves
// `validated` to the end, or to the start of a last character that is still incomplete: a text that ends
// there is not valid.
bool advance_utf8(std::span<const std::byte> text, std::size_t& validated);

}  // namespace holdfast::ws
