// The signature algorithms a token may have: their names (RFC 7518 section 3.1, RFC 8037) and digests.
//
// A name is only ever compared with the algorithms a key carries (auth/key.h); it chooses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::auth {

enum class Algorithm : std::uint8_t {
  hs256,
  hs384,
  hs512,
  rs256,
  rs384,
  rs512,
  es256,
  es384,
  es512,
  eddsa,
};

// Exact and case-sensitive: "none" in any spelling is not among them.
std::optional<Algorithm> find_algorithm(std::string_view name);
std::string_view name_of(Algorithm algorithm);

// OpenSSL's name of the digest the signature is made over; nullptr for EdDSA, which brings its own.
const char* digest_of(Algorithm algorithm);

// Bytes of a signature of this algorithm; 0 where that depends on the key (RS*).
std::size_t signature_bytes(Algorithm algorithm);

}  // namespace holdfast::auth
