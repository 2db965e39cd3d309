// What a token says about a connection or a subscription: the claims of the Centrifugo client protocol.
//
// All views point into the ClaimsReader that filled them, and end with its next use.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::auth {

// Dates are seconds since 1970; those more than a million years from it are moved to this bound, so that
// nothing added to them overflows.
inline constexpr std::int64_t kDateMaximum_s = std::int64_t{1} << 45;

// Bytes for clients: a claim's JSON as it was written (but without line breaks between its parts, which would
// end a frame of the JSON protocol), or what a b64 claim decodes to.
struct Blob {
  std::string_view bytes;
  bool is_json = true;  // false: bytes of a b64 claim that are no JSON, so nothing for JSON clients
  bool empty() const { return bytes.empty(); }
};

// What a token or a server-side subscription changes of its namespace's settings.
struct ChannelOverride {
  std::optional<bool> presence;
  std::optional<bool> join_leave;
  std::optional<bool> force_recovery;
  std::optional<bool> force_positioning;
  std::optional<bool> force_push_join_leave;
};

// One entry of the claim subs.
struct ServerSubscription {
  std::string_view channel;
  Blob info;
  Blob data;
  ChannelOverride overrides;
};

// Both kinds of token.
struct Claims {
  std::string_view user;                      // sub; empty: anonymous
  std::optional<std::int64_t> expires_at_s;   // exp
  std::optional<std::int64_t> not_before_s;   // nbf
  std::optional<std::int64_t> issued_at_s;    // iat
  std::string_view token_id;                  // jti
  std::string_view issuer;                    // iss
  std::vector<std::string_view> audiences;    // aud, a string or several
  Blob info;                                  // info or b64info
  std::optional<std::int64_t> ends_at_claim;  // expire_at

  // When what the token allows must be renewed; 0: never. expire_at, where it is given, stands above exp.
  std::int64_t ends_at_s() const {
    if (ends_at_claim.has_value() && *ends_at_claim == 0) return 0;
    const std::optional<std::int64_t>& end = ends_at_claim.has_value() ? ends_at_claim : expires_at_s;
    return end.has_value() ? std::max<std::int64_t>(*end, 1) : 0;  // before 1970 is long ago, not never
  }
};

struct ConnectionClaims : Claims {
  std::string_view meta;  // JSON for the server only; empty: none
  std::vector<std::string_view> channels;
  std::vector<ServerSubscription> subscriptions;  // subs
};

struct SubscriptionClaims : Claims {
  std::string_view channel;
  std::string_view client;  // empty: any
  Blob data;                // data or b64data
  ChannelOverride overrides;
};

}  // namespace holdfast::auth
