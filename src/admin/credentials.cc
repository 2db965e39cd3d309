// Finding the key in a request, and comparing it.
#include "admin/credentials.h"

#include <openssl/crypto.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/entropy.h"
#include "http/query.h"
#include "http/syntax.h"

namespace holdfast::admin {
namespace {

constexpr std::string_view kScheme = "apikey ";

std::optional<std::string> key_of(const http::RequestHead& request) {
  if (const auto key = request.find("X-API-Key")) return std::string(*key);
  if (const auto credentials = request.find("Authorization")) {
    if (credentials->size() > kScheme.size() &&
        http::equals_ignoring_case(credentials->substr(0, kScheme.size()), kScheme)) {
      return std::string(credentials->substr(kScheme.size()));
    }
  }
  return http::decode_parameter(request.query, "api_key");
}

bool same(std::string_view given, const gateway::Secret& expected) {
  return expected.is_set() && given.size() == expected.text.size() &&
         CRYPTO_memcmp(given.data(), expected.text.data(), given.size()) == 0;
}

}  // namespace

bool authorized(const http::RequestHead& request, const gateway::ApiSettings& settings) {
  const std::optional<std::string> key = key_of(request);
  if (!key) return false;
  // Both are compared, so that the time does not tell which one nearly fitted.
  const bool current = same(*key, settings.key);
  const bool previous = same(*key, settings.previous_key);
  return current || previous;
}

std::string draw_secret() {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  base::SystemEntropy entropy;
  std::string secret;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = entropy.next();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) secret.push_back(kHexDigits[bits & 0xf]);
  }
  return secret;
}

}  // namespace holdfast::admin
