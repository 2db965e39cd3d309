// The order of the checks: size, parts, header, signature, payload, audience and issuer, time. The last comes
// last so that "expired" is only said of a token that a fresh one can replace.
#include "auth/token.h"

#include <algorithm>
#include <optional>
#include <span>

#include "auth/base64.h"

namespace holdfast::auth {
namespace {

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header and payload with the dot between them
};

// Exactly three parts, none empty: five would be an encrypted token, an empty third an unsigned one.
std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const Parts parts{.header = token.substr(0, first),
                    .payload = token.substr(first + 1, second - first - 1),
                    .signature = token.substr(second + 1),
                    .signed_text = token.substr(0, second)};
  if (parts.header.empty() || parts.payload.empty() || parts.signature.empty()) return std::nullopt;
  if (parts.signature.find('.') != std::string_view::npos) return std::nullopt;
  return parts;
}

Verdict judge(const Claims& claims, std::int64_t now_unix_s, const Expectations& expectations) {
  if (!expectations.audience.empty() && std::find(claims.audiences.begin(), claims.audiences.end(),
                                                  expectations.audience) == claims.audiences.end()) {
    return {Outcome::invalid, "it is for another audience"};
  }
  if (!expectations.issuer.empty() && claims.issuer != expectations.issuer) {
    return {Outcome::invalid, "it is from another issuer"};
  }
  if (claims.expires_at_s.has_value() && now_unix_s >= *claims.expires_at_s) {
    return {Outcome::expired, "it is past its exp"};
  }
  if (claims.not_before_s.has_value() && now_unix_s < *claims.not_before_s) {
    return {Outcome::not_yet_valid, "it is before its nbf"};
  }
  return {Outcome::ok, ""};
}

}  // namespace

TokenVerifier::TokenVerifier(std::size_t token_bytes_maximum)
    : token_bytes_maximum_(token_bytes_maximum), reader_(decoded_bytes_maximum(token_bytes_maximum)) {}

Verdict TokenVerifier::verify(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                              const Expectations& expectations, ConnectionClaims& claims) {
  return verify_kind(token, keys, now_unix_s, expectations, claims);
}

Verdict TokenVerifier::verify(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                              const Expectations& expectations, SubscriptionClaims& claims) {
  return verify_kind(token, keys, now_unix_s, expectations, claims);
}

template <class ClaimsOfKind>
Verdict TokenVerifier::verify_kind(std::string_view token, const Keys& keys, std::int64_t now_unix_s,
                                   const Expectations& expectations, ClaimsOfKind& claims) {
  claims = {};
  std::string_view payload;
  if (const std::string_view wrong = check_signature(token, keys, payload); !wrong.empty()) {
    return {Outcome::invalid, wrong};
  }
  const std::optional<std::size_t> payload_bytes = decode_base64url(payload, reader_.buffer());
  if (!payload_bytes.has_value()) return {Outcome::invalid, "the payload is not base64url"};
  Verdict verdict;
  if (const std::string_view wrong = reader_.read(*payload_bytes, claims); !wrong.empty()) {
    verdict = {Outcome::invalid, wrong};
  } else {
    verdict = judge(claims, now_unix_s, expectations);
  }
  if (!verdict.ok()) claims = {};
  return verdict;
}

// Empty when a key of ours made the signature; `payload` is then the part to believe.
std::string_view TokenVerifier::check_signature(std::string_view token, const Keys& keys,
                                                std::string_view& payload) {
  if (token.size() > token_bytes_maximum_) return "it is too long";
  const std::optional<Parts> parts = split(token);
  if (!parts.has_value()) return "it does not have three parts";

  const std::optional<std::size_t> header_bytes = decode_base64url(parts->header, reader_.buffer());
  if (!header_bytes.has_value()) return "the header is not base64url";
  Header header;
  if (const std::string_view wrong = reader_.read(*header_bytes, header); !wrong.empty()) return wrong;
  const std::optional<Algorithm> algorithm = find_algorithm(header.algorithm);
  if (!algorithm.has_value()) return "tokens are not signed with its alg";

  const Keys::Candidates candidates = keys.candidates(header.kid, *algorithm);
  if (candidates.count == 0) {
    return candidates.kid_unknown ? "no key has its kid" : "no key is for its alg";
  }
  const std::optional<std::size_t> signature_size = decode_base64url(parts->signature, signature_);
  if (!signature_size.has_value()) return "the signature is not base64url";
  const std::span<const char> signature(signature_.data(), *signature_size);
  const auto signed_by = [&](const Key* key) {
    return key->verify(*algorithm, parts->signed_text, signature);
  };
  if (std::none_of(candidates.span().begin(), candidates.span().end(), signed_by)) {
    return "the signature is not that of a key here";
  }
  payload = parts->payload;
  return "";
}

}  // namespace holdfast::auth
