// What tests sign tokens with: a private key of any kind, its public form as PEM and as JWK, and the compact
// form of whatever header and payload a test writes, valid or not.
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>

#include "auth/algorithm.h"
#include "auth/openssl_pointers.h"

namespace holdfast::auth {

std::string encode_base64url(std::string_view bytes);

// {"alg":"RS256"} or {"alg":"RS256","kid":"k"}.
std::string header_for(std::string_view algorithm, std::string_view kid = "");

class Signer {
 public:
  static Signer hmac(std::string secret, Algorithm algorithm = Algorithm::hs256);
  static Signer rsa(unsigned bits = 2048, Algorithm algorithm = Algorithm::rs256);
  // `group` may name a curve that is not the algorithm's.
  static Signer ec(Algorithm algorithm, const char* group);
  static Signer es256() { return ec(Algorithm::es256, "P-256"); }
  static Signer ed25519();

  // The same key, signing with another digest.
  Signer with(Algorithm algorithm) const;

  std::string pem() const;          // SubjectPublicKeyInfo
  std::string private_pem() const;  // PKCS #8
  // {"kty":...,"kid":"KID",...}; `extra` is further members, as `"use":"sig",`.
  std::string jwk(std::string_view kid, std::string_view extra = "") const;

  // The raw signature as JWS wants it.
  std::string sign(std::string_view text) const;
  // header.payload.signature over exactly these two texts.
  std::string compact(std::string_view header, std::string_view payload) const;
  // With the header that belongs to it.
  std::string token(std::string_view payload, std::string_view kid = "") const;

 private:
  Algorithm algorithm_ = Algorithm::hs256;
  std::string secret_;
  PublicKeyPointer key_;
};

}  // namespace holdfast::auth
