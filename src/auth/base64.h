// Base64 without tolerance: one text for each sequence of bytes, so that a token has one spelling only.
//
// Pure. Refused: any byte outside the alphabet (white space too), padding where none belongs, a last
// character whose unused bits are not zero (RFC 4648 section 3.5).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast::auth {

// How many bytes `characters` characters stand for at most.
constexpr std::size_t decoded_bytes_maximum(std::size_t characters) {
  return characters / 4 * 3 + (characters % 4 * 3) / 4;
}

// The URL-safe alphabet without padding (RFC 7515). Returns the number of bytes written to `into`; nullopt
// when the text is not canonical or `into` is too small.
std::optional<std::size_t> decode_base64url(std::string_view text, std::span<char> into);

// The standard alphabet with padding (the claims b64info and b64data).
std::optional<std::size_t> decode_base64(std::string_view text, std::span<char> into);

}  // namespace holdfast::auth
