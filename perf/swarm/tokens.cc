// The compact form of a JSON Web Token, RFC 7515, and HMAC by OpenSSL.
#include "tokens.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>
#include <fstream>

#include "base/check.h"

namespace holdfast::swarm {
namespace {

constexpr std::int64_t kDayS = 24 * 3600;
constexpr std::size_t kTokenBytesMaximum = 16 * 1024;

void append_base64url(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(kDigits[bits >> (held - 6) & 63]);
  }
  if (held > 0) out.push_back(kDigits[bits << (6 - held) & 63]);
}

}  // namespace

Tokens Tokens::signed_with(std::string secret, std::string user) {
  Tokens tokens;
  tokens.secret_ = std::move(secret);
  tokens.user_ = std::move(user);
  tokens.expires_unix_s_ = static_cast<std::int64_t>(std::time(nullptr)) + kDayS;
  return tokens;
}

absl::StatusOr<Tokens> Tokens::from_file(const std::string& path) {
  std::ifstream file(path);
  Tokens tokens;
  for (std::string line; std::getline(file, line);) {
    const bool fit =
        line.find_first_of("\"\\ \r\t") == std::string::npos && line.size() <= kTokenBytesMaximum;
    if (!fit) return absl::InvalidArgumentError("--tokens=" + path + ": a line is no token");
    if (!line.empty()) tokens.given_.push_back(line);
  }
  if (tokens.given_.empty()) {
    return absl::InvalidArgumentError("--tokens=" + path + " cannot be read, or has no line");
  }
  return tokens;
}

std::string Tokens::user_of(std::uint64_t number) const {
  return user_.empty() ? std::string("u").append(std::to_string(number)) : user_;
}

std::string Tokens::of(std::uint64_t number) const {
  if (!given_.empty()) return given_[number % given_.size()];
  if (secret_.empty()) return "";
  std::string token;
  append_base64url(token, R"({"alg":"HS256","typ":"JWT"})");
  token.push_back('.');
  append_base64url(token,
                   "{\"sub\":\"" + user_of(number) + "\",\"exp\":" + std::to_string(expires_unix_s_) + "}");
  std::array<unsigned char, EVP_MAX_MD_SIZE> signature;
  unsigned bytes = 0;
  CHECK(HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
             reinterpret_cast<const unsigned char*>(token.data()), token.size(), signature.data(),
             &bytes) != nullptr);
  token.push_back('.');
  append_base64url(token, {reinterpret_cast<const char*>(signature.data()), bytes});
  return token;
}

}  // namespace holdfast::swarm
