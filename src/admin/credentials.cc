// Finding the key in a request, and comparing it.
#include "admin/credentials.h"

#include <openssl/crypto.h>

#include <cstdint>

#include "base/entropy.h"
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
  return query_value(request.query, "api_key");
}

bool same(std::string_view given, const gateway::Secret& expected) {
  return expected.is_set() && given.size() == expected.text.size() &&
         CRYPTO_memcmp(given.data(), expected.text.data(), given.size()) == 0;
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
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

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t length = query.find('&');
    const std::string_view parameter = query.substr(0, length);
    query.remove_prefix(length == std::string_view::npos ? query.size() : length + 1);
    const std::size_t equals = parameter.find('=');
    if (parameter.substr(0, equals) != name) continue;
    return percent_decoded(equals == std::string_view::npos ? std::string_view()
                                                            : parameter.substr(equals + 1));
  }
  return std::nullopt;
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
