// Signing by OpenSSL's one-shot calls; every failure is a CHECK, since tests know their keys.
#include "signer.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <vector>

#include "base/check.h"

namespace holdfast::auth {
namespace {

constexpr std::size_t kSignatureRoom = 1024;  // an RSA key of 8192 bits

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string taken_from(BIO* sink) {
  char* text = nullptr;
  const long length = BIO_get_mem_data(sink, &text);
  return std::string(text, static_cast<std::size_t>(length));
}

std::string number_of(EVP_PKEY* key, const char* name, std::size_t bytes = 0) {
  BIGNUM* number = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const BigNumberPointer owner(number);
  const int length = bytes != 0 ? static_cast<int>(bytes) : BN_num_bytes(number);
  std::string text(static_cast<std::size_t>(length), '\0');
  CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), length) == length);
  return text;
}

// r || s from the DER that OpenSSL makes.
std::string pair_of_der(std::string_view der, std::size_t bytes) {
  const unsigned char* at = as_bytes(der);
  const EcdsaSignaturePointer signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  CHECK(signature != nullptr);
  std::string pair(bytes, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(pair.data());
  const int half = static_cast<int>(bytes / 2);
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, half) == half);
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + half, half) == half);
  return pair;
}

std::string member(std::string_view name, std::string_view bytes) {
  return "\"" + std::string(name) + "\":\"" + encode_base64url(bytes) + "\"";
}

}  // namespace

std::string encode_base64url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), as_bytes(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  while (text.ends_with('=')) text.pop_back();
  for (char& character : text) {
    if (character == '+') character = '-';
    if (character == '/') character = '_';
  }
  return text;
}

std::string header_for(std::string_view algorithm, std::string_view kid) {
  std::string header = "{\"alg\":\"" + std::string(algorithm) + "\",\"typ\":\"JWT\"";
  if (!kid.empty()) header += ",\"kid\":\"" + std::string(kid) + "\"";
  return header + "}";
}

Signer Signer::hmac(std::string secret, Algorithm algorithm) {
  Signer signer;
  signer.algorithm_ = algorithm;
  signer.secret_ = std::move(secret);
  return signer;
}

Signer Signer::rsa(unsigned bits, Algorithm algorithm) {
  Signer signer;
  signer.algorithm_ = algorithm;
  signer.key_.reset(EVP_RSA_gen(bits));
  CHECK(signer.key_ != nullptr);
  return signer;
}

Signer Signer::ec(Algorithm algorithm, const char* group) {
  Signer signer;
  signer.algorithm_ = algorithm;
  signer.key_.reset(EVP_EC_gen(group));
  CHECK(signer.key_ != nullptr);
  return signer;
}

Signer Signer::ed25519() {
  Signer signer;
  signer.algorithm_ = Algorithm::eddsa;
  signer.key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CHECK(signer.key_ != nullptr);
  return signer;
}

Signer Signer::with(Algorithm algorithm) const {
  Signer signer;
  signer.algorithm_ = algorithm;
  signer.secret_ = secret_;
  if (key_ != nullptr) {
    CHECK(EVP_PKEY_up_ref(key_.get()) == 1);
    signer.key_.reset(key_.get());
  }
  return signer;
}

std::string Signer::pem() const {
  const BytesSourcePointer sink(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PUBKEY(sink.get(), key_.get()) == 1);
  return taken_from(sink.get());
}

std::string Signer::private_pem() const {
  const BytesSourcePointer sink(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PrivateKey(sink.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return taken_from(sink.get());
}

std::string Signer::jwk(std::string_view kid, std::string_view extra) const {
  std::string jwk = "{" + std::string(extra) + "\"kid\":\"" + std::string(kid) + "\",";
  EVP_PKEY* const key = key_.get();
  if (key == nullptr) return jwk + "\"kty\":\"oct\"," + member("k", secret_) + "}";
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    return jwk + "\"kty\":\"RSA\"," + member("n", number_of(key, OSSL_PKEY_PARAM_RSA_N)) + "," +
           member("e", number_of(key, OSSL_PKEY_PARAM_RSA_E)) + "}";
  }
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    std::string point(32, '\0');
    std::size_t length = point.size();
    CHECK(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(point.data()), &length) == 1);
    return jwk + "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," + member("x", point) + "}";
  }
  const std::size_t bytes = signature_bytes(algorithm_) / 2;
  const std::string_view curve = bytes == 32 ? "P-256" : bytes == 48 ? "P-384" : "P-521";
  return jwk + "\"kty\":\"EC\",\"crv\":\"" + std::string(curve) + "\"," +
         member("x", number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes)) + "," +
         member("y", number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes)) + "}";
}

std::string Signer::sign(std::string_view text) const {
  std::string signature(kSignatureRoom, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  std::size_t length = signature.size();
  const char* digest = digest_of(algorithm_);
  if (key_ == nullptr) {
    unsigned mac_length = 0;
    CHECK(HMAC(EVP_get_digestbyname(digest), secret_.data(), static_cast<int>(secret_.size()), as_bytes(text),
               text.size(), out, &mac_length) != nullptr);
    length = mac_length;
  } else {
    const DigestContextPointer context(EVP_MD_CTX_new());
    CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr) == 1);
    CHECK(EVP_DigestSign(context.get(), out, &length, as_bytes(text), text.size()) == 1);
  }
  signature.resize(length);
  if (key_ != nullptr && EVP_PKEY_is_a(key_.get(), "EC") == 1) {
    return pair_of_der(signature, signature_bytes(algorithm_));
  }
  return signature;
}

std::string Signer::compact(std::string_view header, std::string_view payload) const {
  const std::string text = encode_base64url(header) + "." + encode_base64url(payload);
  return text + "." + encode_base64url(sign(text));
}

std::string Signer::token(std::string_view payload, std::string_view kid) const {
  return compact(header_for(name_of(algorithm_), kid), payload);
}

}  // namespace holdfast::auth
