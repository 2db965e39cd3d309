// simdjson finds the members; each kty has a function that makes its key.
#include "auth/jwk.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/base64.h"

namespace holdfast::auth {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kJsonDepthMaximum = 8;

// Absent, or a string. Anything else, or a member that is there twice, is an error.
absl::StatusOr<std::optional<std::string>> text_member(const object& jwk, std::string_view name) {
  std::optional<std::string> found;
  for (const auto& [member, value] : jwk) {
    if (member != name) continue;
    std::string_view text;
    if (found.has_value() || value.get(text) != simdjson::SUCCESS) {
      return absl::InvalidArgumentError(
          absl::StrCat("its \"", std::string(name), "\" is not one string; export the key again"));
    }
    found = std::string(text);
  }
  return found;
}

// A member that must be there, decoded.
absl::StatusOr<std::string> bytes_member(const object& jwk, std::string_view name) {
  const auto text = text_member(jwk, name);
  if (!text.ok()) return text.status();
  if (!text->has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has no \"", std::string(name), "\"; export the key again"));
  }
  std::string bytes(decoded_bytes_maximum((*text)->size()), '\0');
  const std::optional<std::size_t> size = decode_base64url(**text, bytes);
  if (!size.has_value() || *size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its \"", std::string(name), "\" is not base64url without padding; export the key again"));
  }
  bytes.resize(*size);
  return bytes;
}

absl::Status wrong_algorithm(const std::string& kty, Algorithm algorithm) {
  return absl::InvalidArgumentError(absl::StrCat("alg ", std::string(name_of(algorithm)), " is not for kty ",
                                                 kty, "; correct one of them"));
}

// What a key of this kind says about itself before its numbers are looked at.
struct Purpose {
  std::string kty;
  std::string curve;  // empty: none
  std::optional<Algorithm> algorithm;
};

absl::StatusOr<Key> make_secret(const object& jwk, const Purpose& purpose, std::size_t& secret_bytes) {
  const absl::StatusOr<std::string> secret = bytes_member(jwk, "k");
  if (!secret.ok()) return secret.status();
  secret_bytes = secret->size();
  return Key::from_secret(*secret, purpose.algorithm);
}

absl::StatusOr<Key> make_rsa(const object& jwk, const Purpose& purpose) {
  const absl::StatusOr<std::string> modulus = bytes_member(jwk, "n");
  if (!modulus.ok()) return modulus.status();
  const absl::StatusOr<std::string> exponent = bytes_member(jwk, "e");
  if (!exponent.ok()) return exponent.status();
  return Key::from_rsa(*modulus, *exponent, purpose.algorithm);
}

std::optional<Algorithm> algorithm_of_curve(std::string_view curve) {
  if (curve == "P-256") return Algorithm::es256;
  if (curve == "P-384") return Algorithm::es384;
  if (curve == "P-521") return Algorithm::es512;
  if (curve == "Ed25519") return Algorithm::eddsa;
  return std::nullopt;
}

absl::StatusOr<Key> make_on_curve(const object& jwk, const Purpose& purpose) {
  const Algorithm algorithm = *algorithm_of_curve(purpose.curve);
  const bool is_edwards = algorithm == Algorithm::eddsa;
  if (is_edwards != (purpose.kty == "OKP")) {
    return absl::InvalidArgumentError(
        absl::StrCat("crv ", purpose.curve, " is not for kty ", purpose.kty, "; correct one of them"));
  }
  if (purpose.algorithm.value_or(algorithm) != algorithm) {
    return wrong_algorithm(absl::StrCat(purpose.kty, " with crv ", purpose.curve), *purpose.algorithm);
  }
  const absl::StatusOr<std::string> x = bytes_member(jwk, "x");
  if (!x.ok()) return x.status();
  if (is_edwards) return Key::from_ed25519(*x);
  const absl::StatusOr<std::string> y = bytes_member(jwk, "y");
  if (!y.ok()) return y.status();
  return Key::from_ec_point(algorithm, *x, *y);
}

absl::StatusOr<Key> make_key(const object& jwk, const Purpose& purpose, std::size_t& secret_bytes) {
  if (purpose.kty == "oct") return make_secret(jwk, purpose, secret_bytes);
  for (const auto& [member, value] : jwk) {
    if (member != "d") continue;
    return absl::InvalidArgumentError(
        "it holds the private key (\"d\"), which only the signer of tokens should have; leave out all "
        "members "
        "but the public ones");
  }
  if (purpose.kty == "RSA") return make_rsa(jwk, purpose);
  return make_on_curve(jwk, purpose);
}

bool lists_verify(const element& key_ops) {
  simdjson::dom::array operations;
  if (key_ops.get(operations) != simdjson::SUCCESS) return false;
  return std::any_of(operations.begin(), operations.end(), [](const element& operation) {
    std::string_view name;
    return operation.get(name) == simdjson::SUCCESS && name == "verify";
  });
}

// Fills `purpose`, or returns why the key is not for verifying tokens.
absl::StatusOr<std::string> read_purpose(const object& jwk, Purpose& purpose) {
  std::array<std::optional<std::string>, 4> texts;
  constexpr std::array<std::string_view, 4> kNames = {"kty", "use", "alg", "crv"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    auto text = text_member(jwk, kNames[i]);
    if (!text.ok()) return text.status();
    texts[i] = *std::move(text);
  }
  const auto& [kty, use, alg, crv] = texts;
  if (!kty.has_value()) return absl::InvalidArgumentError("it has no \"kty\"; export the key again");
  purpose.kty = *kty;
  purpose.curve = crv.value_or("");
  const bool on_curve = *kty == "EC" || *kty == "OKP";
  if (*kty != "oct" && *kty != "RSA" && !on_curve) return absl::StrCat("kty ", *kty, " does not sign tokens");
  if (use.value_or("sig") != "sig") return absl::StrCat("its use is ", *use, ", not sig");
  element key_ops;
  if (jwk.at_key("key_ops").get(key_ops) == simdjson::SUCCESS && !lists_verify(key_ops)) {
    return "its key_ops do not list verify";
  }
  if (alg.has_value()) {
    purpose.algorithm = find_algorithm(*alg);
    if (!purpose.algorithm.has_value()) return absl::StrCat("tokens are not signed with alg ", *alg);
  }
  if (on_curve && !algorithm_of_curve(purpose.curve).has_value()) {
    return absl::StrCat("tokens are not signed on crv ", purpose.curve.empty() ? "(none)" : purpose.curve);
  }
  return std::string();
}

Jwk parse_jwk(const object& jwk) {
  Jwk parsed;
  auto kid = text_member(jwk, "kid");
  if (!kid.ok()) {
    parsed.key = kid.status();
    return parsed;
  }
  parsed.kid = *std::move(kid);
  Purpose purpose;
  absl::StatusOr<std::string> unused = read_purpose(jwk, purpose);
  if (!unused.ok()) {
    parsed.key = unused.status();
    return parsed;
  }
  parsed.unused = *std::move(unused);
  if (parsed.unused.empty()) parsed.key = make_key(jwk, purpose, parsed.secret_bytes);
  return parsed;
}

}  // namespace

absl::StatusOr<std::vector<Jwk>> parse_jwks(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(text);
  object set;
  if (parser.allocate(text.size(), kJsonDepthMaximum) != simdjson::SUCCESS ||
      parser.parse(padded).get(set) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("not a JSON object; a JWK Set is {\"keys\":[...]}");
  }
  std::vector<Jwk> parsed;
  element keys;
  if (set.at_key("keys").get(keys) != simdjson::SUCCESS) {
    parsed.push_back(parse_jwk(set));
    return parsed;
  }
  simdjson::dom::array list;
  if (keys.get(list) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("its \"keys\" is not an array; a JWK Set is {\"keys\":[...]}");
  }
  for (const element& entry : list) {
    object jwk;
    if (entry.get(jwk) == simdjson::SUCCESS) {
      parsed.push_back(parse_jwk(jwk));
    } else {
      parsed.emplace_back().key = absl::InvalidArgumentError("it is not a JSON object; export the set again");
    }
  }
  return parsed;
}

}  // namespace holdfast::auth
