// Key: one key that tokens are verified with, and the algorithms it may be used for.
//
// The algorithms follow from what the key is (a secret, an RSA key, a point on P-256 ...) when it is made; a
// token's header is compared with them and can add nothing. So a public key never serves as an HMAC secret,
// by construction. What OpenSSL needs for a verification is built once here and copied per use; the key is
// immutable, so all shards use the same one at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/algorithm.h"
#include "auth/openssl_pointers.h"

namespace holdfast::auth {

inline constexpr int kRsaBitsMinimum = 2048;  // RFC 7518 section 3.3
inline constexpr int kRsaBitsMaximum = 8192;  // beyond, a verification takes too long for a connection
inline constexpr std::size_t kSignatureBytesMaximum = kRsaBitsMaximum / 8;
inline constexpr std::size_t kSecretBytesRecommended = 32;  // RFC 7518 section 3.2

// Errors of these say what is wrong with the key and what to do; who calls them adds which key and file.
class Key {
 public:
  // A secret for HS256, HS384 and HS512, or only for `only`.
  static absl::StatusOr<Key> from_secret(std::string_view secret, std::optional<Algorithm> only = {});
  // A public key in PEM: RSA for RS256, RS384 and RS512; EC for the one ES* of its curve; Ed25519 for EdDSA.
  static absl::StatusOr<Key> from_pem(std::string_view pem);
  // The numbers of a JWK, big-endian.
  static absl::StatusOr<Key> from_rsa(std::span<const char> modulus, std::span<const char> exponent,
                                      std::optional<Algorithm> only);
  // `algorithm` names the curve; the coordinates have exactly its length.
  static absl::StatusOr<Key> from_ec_point(Algorithm algorithm, std::span<const char> x,
                                           std::span<const char> y);
  static absl::StatusOr<Key> from_ed25519(std::span<const char> point);

  bool has(Algorithm algorithm) const { return find(algorithm) != nullptr; }
  bool shares_algorithm(const Key& other) const;

  // Is this the signature of `text`? False for an algorithm the key does not have.
  bool verify(Algorithm algorithm, std::string_view text, std::span<const char> signature) const;

 private:
  // One of the two contexts is set: a started HMAC, or a started verification.
  struct Prepared {
    Algorithm algorithm;
    MacContextPointer mac;
    DigestContextPointer verification;
  };

  Key() = default;
  const Prepared* find(Algorithm algorithm) const;
  static absl::StatusOr<Key> from_public_key(PublicKeyPointer public_key, std::optional<Algorithm> only);
  static absl::StatusOr<Key> prepared_for(EVP_PKEY* public_key, std::span<const Algorithm> algorithms);

  std::vector<Prepared> prepared_;  // at most three
};

}  // namespace holdfast::auth
