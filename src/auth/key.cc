// Keys are made here, each kind in its way, and verify here, each algorithm in its way.
#include "auth/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace holdfast::auth {
namespace {

constexpr std::array kHmacAlgorithms = {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512};
constexpr std::array kRsaAlgorithms = {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512};

struct Curve {
  Algorithm algorithm;
  const char* group;  // OpenSSL's name
  std::size_t coordinate_bytes;
};
constexpr std::array kCurves = {
    Curve{Algorithm::es256, SN_X9_62_prime256v1, 32},
    Curve{Algorithm::es384, SN_secp384r1, 48},
    Curve{Algorithm::es512, SN_secp521r1, 66},
};

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const unsigned char* as_bytes(std::span<const char> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

absl::Status refused(const std::string& reason) {
  ERR_clear_error();  // what OpenSSL left there would be found by the next user of this thread's queue
  return absl::InvalidArgumentError(reason);
}

// Out of memory, or an OpenSSL without its default provider.
absl::Status openssl_failed(const char* what) {
  ERR_clear_error();
  return absl::InternalError(absl::StrCat("OpenSSL could not ", what));
}

absl::Status check_rsa(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kRsaBitsMinimum) {
    return refused(absl::StrCat("an RSA key of ", bits, " bits is too weak, at least ", kRsaBitsMinimum,
                                " are needed; make one with openssl genpkey -algorithm RSA -pkeyopt "
                                "rsa_keygen_bits:2048"));
  }
  if (bits > kRsaBitsMaximum) {
    return refused(absl::StrCat("an RSA key of ", bits, " bits is too slow for every connection, at most ",
                                kRsaBitsMaximum, " are taken; use 2048 to 4096 bits"));
  }
  return absl::OkStatus();
}

// nullptr for an algorithm that is not ES*.
const Curve* curve_for(Algorithm algorithm) {
  for (const Curve& curve : kCurves) {
    if (curve.algorithm == algorithm) return &curve;
  }
  return nullptr;
}

// nullptr for a curve that no algorithm uses.
const Curve* curve_of(EVP_PKEY* key) {
  std::array<char, 64> group = {};
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) return nullptr;
  for (const Curve& curve : kCurves) {
    if (std::string_view(curve.group) == group.data()) return &curve;
  }
  return nullptr;
}

// Does what the numbers say make sense: a point on its curve, an odd exponent above 1, a composite modulus?
bool consistent(EVP_PKEY* key) {
  const PublicKeyContextPointer context(EVP_PKEY_CTX_new(key, nullptr));
  return context != nullptr && EVP_PKEY_public_check(context.get()) == 1;
}

absl::StatusOr<PublicKeyPointer> public_key_from(const char* type, OSSL_PARAM* parameters) {
  const PublicKeyContextPointer context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1) {
    return openssl_failed("make a public key");
  }
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return refused(absl::StrCat("its numbers are not a valid ", type, " public key; export the key again"));
  }
  return PublicKeyPointer(key);
}

// The DER that OpenSSL verifies, of the pair r || s that RFC 7518 section 3.4 puts into a token. Empty when
// the pair has another length or holds a zero, which no signer makes and careless verifiers accept.
std::vector<unsigned char> der_of_pair(std::span<const char> pair, std::size_t expected_bytes) {
  if (pair.size() != expected_bytes) return {};
  const auto half = static_cast<int>(pair.size() / 2);
  BigNumberPointer r(BN_bin2bn(as_bytes(pair), half, nullptr));
  BigNumberPointer s(BN_bin2bn(as_bytes(pair) + half, half, nullptr));
  const EcdsaSignaturePointer signature(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || signature == nullptr) return {};
  if (BN_is_zero(r.get()) || BN_is_zero(s.get())) return {};
  if (ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());  // the signature owns them now
  static_cast<void>(s.release());
  const int length = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (length <= 0) return {};
  std::vector<unsigned char> der(static_cast<std::size_t>(length));
  unsigned char* end = der.data();
  if (i2d_ECDSA_SIG(signature.get(), &end) != length) return {};
  return der;
}

bool mac_matches(const EVP_MAC_CTX* started, std::string_view text, std::span<const char> signature) {
  const MacContextPointer context(EVP_MAC_CTX_dup(started));
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  std::size_t mac_bytes = 0;
  if (context == nullptr || EVP_MAC_update(context.get(), as_bytes(text), text.size()) != 1 ||
      EVP_MAC_final(context.get(), mac.data(), &mac_bytes, mac.size()) != 1) {
    return false;
  }
  return signature.size() == mac_bytes && CRYPTO_memcmp(mac.data(), signature.data(), mac_bytes) == 0;
}

bool signature_matches(const EVP_MD_CTX* started, std::string_view text,
                       std::span<const unsigned char> signature) {
  const DigestContextPointer context(EVP_MD_CTX_new());
  if (context == nullptr || EVP_MD_CTX_copy_ex(context.get(), started) != 1) return false;
  const bool matches =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(text), text.size()) == 1;
  if (!matches) ERR_clear_error();
  return matches;
}

}  // namespace

const Key::Prepared* Key::find(Algorithm algorithm) const {
  const auto prepared =
      std::find_if(prepared_.begin(), prepared_.end(),
                   [algorithm](const Prepared& candidate) { return candidate.algorithm == algorithm; });
  return prepared == prepared_.end() ? nullptr : &*prepared;
}

bool Key::shares_algorithm(const Key& other) const {
  return std::any_of(prepared_.begin(), prepared_.end(),
                     [&other](const Prepared& prepared) { return other.has(prepared.algorithm); });
}

bool Key::verify(Algorithm algorithm, std::string_view text, std::span<const char> signature) const {
  const Prepared* prepared = find(algorithm);
  if (prepared == nullptr) return false;
  if (prepared->mac != nullptr) return mac_matches(prepared->mac.get(), text, signature);
  if (curve_for(algorithm) != nullptr) {
    const std::vector<unsigned char> der = der_of_pair(signature, signature_bytes(algorithm));
    return !der.empty() && signature_matches(prepared->verification.get(), text, der);
  }
  return signature_matches(prepared->verification.get(), text, {as_bytes(signature), signature.size()});
}

absl::StatusOr<Key> Key::from_secret(std::string_view secret, std::optional<Algorithm> only) {
  if (secret.empty()) return refused("the secret is empty; make one with openssl rand -hex 32");
  if (secret.find("-----BEGIN ") != std::string_view::npos) {
    return refused(
        "this is a PEM key, not a secret; an RSA, EC or Ed25519 key is configured as a public key");
  }
  const MacPointer hmac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  if (hmac == nullptr) return openssl_failed("provide HMAC");
  Key key;
  for (const Algorithm algorithm : kHmacAlgorithms) {
    if (only.has_value() && *only != algorithm) continue;
    MacContextPointer started(EVP_MAC_CTX_new(hmac.get()));
    std::string digest = digest_of(algorithm);
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
        OSSL_PARAM_construct_end()};
    if (started == nullptr ||
        EVP_MAC_init(started.get(), as_bytes(secret), secret.size(), parameters.data()) != 1) {
      return openssl_failed("start an HMAC");
    }
    key.prepared_.push_back({algorithm, std::move(started), nullptr});
  }
  if (key.prepared_.empty()) return refused("a secret is for HS256, HS384 or HS512; correct its alg");
  return key;
}

absl::StatusOr<Key> Key::from_pem(std::string_view pem) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return refused(
        "this is a private key, which only the signer of tokens should have; give the public key, from "
        "openssl pkey -in PRIVATE.pem -pubout");
  }
  if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    return refused(
        "this is a certificate; give its public key, from openssl x509 -in CERT.pem -pubkey -noout");
  }
  const BytesSourcePointer source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* decoded = nullptr;
  const DecoderPointer decoder(OSSL_DECODER_CTX_new_for_pkey(&decoded, "PEM", nullptr, nullptr,
                                                             EVP_PKEY_PUBLIC_KEY, nullptr, nullptr));
  if (source == nullptr || decoder == nullptr) return openssl_failed("read PEM");
  const bool read = OSSL_DECODER_from_bio(decoder.get(), source.get()) == 1;
  PublicKeyPointer public_key(decoded);
  if (!read || public_key == nullptr) {
    return refused(
        "no public key in PEM was found; it starts with -----BEGIN PUBLIC KEY-----, as openssl pkey -pubout "
        "writes it");
  }
  return from_public_key(std::move(public_key), std::nullopt);
}

absl::StatusOr<Key> Key::from_rsa(std::span<const char> modulus, std::span<const char> exponent,
                                  std::optional<Algorithm> only) {
  const BigNumberPointer n(BN_bin2bn(as_bytes(modulus), static_cast<int>(modulus.size()), nullptr));
  const BigNumberPointer e(BN_bin2bn(as_bytes(exponent), static_cast<int>(exponent.size()), nullptr));
  const ParameterBuilderPointer builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return openssl_failed("hold the numbers of a key");
  }
  const ParametersPointer parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  absl::StatusOr<PublicKeyPointer> public_key = public_key_from("RSA", parameters.get());
  if (!public_key.ok()) return public_key.status();
  return from_public_key(*std::move(public_key), only);
}

absl::StatusOr<Key> Key::from_ec_point(Algorithm algorithm, std::span<const char> x,
                                       std::span<const char> y) {
  const Curve* curve = curve_for(algorithm);
  if (curve == nullptr || x.size() != curve->coordinate_bytes || y.size() != curve->coordinate_bytes) {
    return refused("x and y do not have the length of their curve's coordinates; export the key again");
  }
  std::vector<unsigned char> point = {POINT_CONVERSION_UNCOMPRESSED};
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  std::string group = curve->group;
  std::array parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  absl::StatusOr<PublicKeyPointer> public_key = public_key_from("EC", parameters.data());
  if (!public_key.ok()) return public_key.status();
  return from_public_key(*std::move(public_key), std::nullopt);
}

absl::StatusOr<Key> Key::from_ed25519(std::span<const char> point) {
  PublicKeyPointer public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(point), point.size()));
  if (public_key == nullptr) return refused("x does not have the 32 bytes of an Ed25519 key");
  return from_public_key(std::move(public_key), std::nullopt);
}

absl::StatusOr<Key> Key::from_public_key(PublicKeyPointer public_key, std::optional<Algorithm> only) {
  EVP_PKEY* const key = public_key.get();
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return prepared_for(key, std::array{Algorithm::eddsa});
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    if (const absl::Status status = check_rsa(key); !status.ok()) return status;
    if (!consistent(key)) return refused("its modulus or exponent is not that of an RSA key; make another");
    if (!only.has_value()) return prepared_for(key, kRsaAlgorithms);
    const auto same = std::find(kRsaAlgorithms.begin(), kRsaAlgorithms.end(), *only);
    if (same == kRsaAlgorithms.end())
      return refused("an RSA key is for RS256, RS384 or RS512; correct its alg");
    return prepared_for(key, {same, 1});
  }
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    const Curve* curve = curve_of(key);
    if (curve == nullptr)
      return refused("its curve is none of P-256, P-384 and P-521; make a key on one of them");
    if (!consistent(key)) return refused("its point does not lie on its curve; export the key again");
    return prepared_for(key, std::array{curve->algorithm});
  }
  const char* type = EVP_PKEY_get0_type_name(key);
  return refused(absl::StrCat("a key of type ", type != nullptr ? type : "unknown",
                              " does not sign tokens; use RSA, EC (P-256, P-384, P-521) or Ed25519"));
}

absl::StatusOr<Key> Key::prepared_for(EVP_PKEY* public_key, std::span<const Algorithm> algorithms) {
  Key key;
  for (const Algorithm algorithm : algorithms) {
    DigestContextPointer started(EVP_MD_CTX_new());
    if (started == nullptr || EVP_DigestVerifyInit_ex(started.get(), nullptr, digest_of(algorithm), nullptr,
                                                      nullptr, public_key, nullptr) != 1) {
      return openssl_failed("start a verification");
    }
    key.prepared_.push_back({algorithm, nullptr, std::move(started)});
  }
  return key;
}

}  // namespace holdfast::auth
