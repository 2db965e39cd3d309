// Fuzz target: tokens, and the keys they are verified with.
//
// Input: one byte chooses what the rest is. 't': a token as it comes from a client. 'c': the header of a
// token up to the first line break and its payload after it, signed here with a key that is known, so that
// what stands behind the signature is reached. 'k': a JWK Set. 'p': a public key in PEM. 'b': a base64 text.
// What must hold besides not crashing: claims come only with the verdict ok and within their bounds, JSON for
// clients is one line, and an accepted base64 text is the one its bytes are written as.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "auth/base64.h"
#include "auth/token.h"
#include "base/check.h"

namespace {

using holdfast::auth::Blob;
using holdfast::auth::Claims;
using holdfast::auth::ConnectionClaims;
using holdfast::auth::Expectations;
using holdfast::auth::Keys;
using holdfast::auth::KeySource;
using holdfast::auth::Outcome;
using holdfast::auth::SubscriptionClaims;
using holdfast::auth::TokenVerifier;
using holdfast::auth::Verdict;

constexpr std::int64_t kNow = 1'300'000'000;  // before the examples of RFC 7515 expire
constexpr std::string_view kSecret = "the secret that this target signs with";

// The keys of the examples in RFC 7515 and RFC 8037, the tokens of which are in the corpus.
constexpr std::string_view kJwks =
    R"({"keys":[)"
    R"({"kty":"oct","kid":"a1","k":")"
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    R"("},)"
    R"({"kty":"RSA","kid":"a2","e":"AQAB","n":")"
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q"
    "lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBY"
    "UsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNm"
    "oudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    R"("},)"
    R"({"kty":"EC","kid":"a3","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

struct World {
  World() {
    const std::array sources = {
        KeySource{.kind = KeySource::Kind::hmac_secret, .name = "secret", .text = std::string(kSecret)},
        KeySource{.kind = KeySource::Kind::jwks, .name = "set", .text = std::string(kJwks)}};
    absl::StatusOr<Keys> loaded = Keys::load(sources);
    CHECK(loaded.ok());
    keys = *std::move(loaded);
  }
  Keys keys;
  TokenVerifier verifier{4096};  // small, so that inputs reach the bound
};

World& world() {
  static World* const the_world = new World;
  return *the_world;
}

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string encode_base64url(std::string_view bytes) {
  std::string text = encode_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string sign(std::string_view header, std::string_view payload) {
  const std::string text = encode_base64url(header) + "." + encode_base64url(payload);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(),
             &length) != nullptr);
  return text + "." + encode_base64url({reinterpret_cast<const char*>(mac.data()), length});
}

void check_blob(const Blob& blob) {
  if (blob.is_json) CHECK(blob.bytes.find_first_of("\r\n") == std::string_view::npos);
}

void check_claims(const Claims& claims, const Verdict& verdict) {
  CHECK(verdict.ok() == verdict.reason.empty());
  check_blob(claims.info);
  for (const auto& date :
       {claims.expires_at_s, claims.not_before_s, claims.issued_at_s, claims.ends_at_claim}) {
    CHECK(std::abs(date.value_or(0)) <= holdfast::auth::kDateMaximum_s);
  }
  CHECK(claims.ends_at_s() >= 0);
  if (!verdict.ok()) {
    CHECK(claims.user.empty() && claims.info.empty() && claims.audiences.empty());
    return;
  }
  CHECK(claims.expires_at_s.value_or(kNow + 1) > kNow);
  CHECK(claims.not_before_s.value_or(kNow) <= kNow);
}

void verify(std::string_view text) {
  // A copy of the exact size, so that a sanitizer sees a read past it.
  const std::vector<char> copy(text.begin(), text.end());
  const std::string_view token(copy.data(), copy.size());
  ConnectionClaims connection;
  const Verdict first = world().verifier.verify(token, world().keys, kNow, {}, connection);
  check_claims(connection, first);
  for (const auto& subscription : connection.subscriptions) {
    check_blob(subscription.info);
    check_blob(subscription.data);
  }
  CHECK(connection.meta.find_first_of("\r\n") == std::string_view::npos);
  SubscriptionClaims subscription;
  const Verdict second = world().verifier.verify(token, world().keys, kNow, {}, subscription);
  check_claims(subscription, second);
  check_blob(subscription.data);
  CHECK(second.ok() == !subscription.channel.empty());
  CHECK(!first.ok() || !second.ok());  // no token is both
  const Expectations expectations{.audience = "a", .issuer = "i"};
  const Verdict third = world().verifier.verify(token, world().keys, kNow, expectations, connection);
  CHECK(!third.ok() || connection.issuer == "i");
}

void load(KeySource::Kind kind, std::string_view text) {
  const KeySource source{.kind = kind, .name = "fuzz", .text = std::string(text)};
  const absl::StatusOr<Keys> keys = Keys::load({&source, 1});
  CHECK(keys.ok() || keys.status().message().find("fuzz: ") == 0);
  if (keys.ok()) CHECK(keys->size() > 0 && keys->size() <= holdfast::auth::kKeysMaximum);
}

void decode(std::string_view text) {
  std::string bytes(holdfast::auth::decoded_bytes_maximum(text.size()), '\0');
  if (const auto size = holdfast::auth::decode_base64url(text, bytes); size.has_value()) {
    CHECK(encode_base64url({bytes.data(), *size}) == text);
  }
  if (const auto size = holdfast::auth::decode_base64(text, bytes); size.has_value()) {
    CHECK(encode_base64({bytes.data(), *size}) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  switch (bytes[0]) {
    case 't':
      verify(rest);
      break;
    case 'c': {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      verify(sign(rest.substr(0, end), rest.substr(std::min(end + 1, rest.size()))));
      break;
    }
    case 'k':
      load(KeySource::Kind::jwks, rest);
      break;
    case 'p':
      load(KeySource::Kind::public_key, rest);
      break;
    case 'b':
      decode(rest);
      break;
    default:
      break;
  }
  return 0;
}
