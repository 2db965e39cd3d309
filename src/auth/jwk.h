// One key of a JWK Set, from JSON to a Key. Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
//
// Pure. A set may hold keys for other purposes (encryption, other algorithms): these are left out with a
// remark, as RFC 7517 section 5 asks; a key meant for tokens that is broken is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/key.h"

namespace holdfast::auth {

struct Jwk {
  std::optional<std::string> kid;
  // What the key is for; empty `unused` when it verifies tokens.
  std::string unused;
  absl::StatusOr<Key> key = absl::InternalError("no key was read");
  std::size_t secret_bytes = 0;  // of a kty oct
};

// The keys of {"keys":[...]}, or the one of a bare JWK, in their order. An error is about the text as a
// whole; one about a single key stands in Jwk::key.
absl::StatusOr<std::vector<Jwk>> parse_jwks(const std::string& text);

}  // namespace holdfast::auth
