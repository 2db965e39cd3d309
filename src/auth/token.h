// TokenVerifier: from a JWT to its claims, or why not. Source: RFC 7515 (compact form), RFC 7519.
//
// Pure: no clock, no I/O. Nothing is believed before the signature is verified: of an unverified token only
// the header is read, and in it only alg and kid, which are compared with the keys' own. One per shard; the
// keys are shared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/claims.h"
#include "auth/claims_reader.h"
#include "auth/key.h"
#include "auth/keys.h"

namespace holdfast::auth {

inline constexpr std::size_t kTokenBytesMaximum = 16 * 1024;

// What every token must say, from the configuration; empty: not asked for.
struct Expectations {
  std::string audience;  // must be among those in aud
  std::string issuer;    // must be iss
};

enum class Outcome {
  ok,
  expired,        // right in everything else: the client should bring a fresh one
  not_yet_valid,  // right in everything else
  invalid,
};

struct Verdict {
  Outcome outcome = Outcome::invalid;
  // For logs, empty when ok: a constant sentence, never a piece of the token.
  std::string_view reason;
  bool ok() const { return outcome == Outcome::ok; }
};

class TokenVerifier {
 public:
  // Longer tokens are invalid before any work is done on them.
  explicit TokenVerifier(std::size_t token_bytes_maximum = kTokenBytesMaximum);

  // Fills `claims` when the verdict is ok and leaves it empty otherwise. The views in it end with the next
  // call.
  [[nodiscard]] Verdict verify(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                               const Expectations& expectations, ConnectionClaims& claims);
  [[nodiscard]] Verdict verify(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                               const Expectations& expectations, SubscriptionClaims& claims);

 private:
  template <class ClaimsOfKind>
  Verdict verify_kind(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                      const Expectations& expectations, ClaimsOfKind& claims);
  std::string_view check_signature(std::string_view token, const Keys& keys, std::string_view& payload);

  std::size_t token_bytes_maximum_;
  ClaimsReader reader_;
  std::array<char, kSignatureBytesMaximum> signature_;
};

}  // namespace holdfast::auth
