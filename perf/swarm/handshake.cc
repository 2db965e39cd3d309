// The request is written once; only its key changes.
#include "handshake.h"

#include <algorithm>
#include <array>

#include "content.h"
#include "http/syntax.h"

namespace holdfast::swarm {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kVersion = "HTTP/1.1 ";
constexpr std::string_view kSwitching = "101";

// 16 bytes in base64: 22 digits, of which the last carries two bits, and the padding.
void write_key(std::uint64_t seed, char* key) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr int kDigitsOfWord = 10;
  std::uint64_t bits = 0;
  for (int i = 0; i < 21; ++i) {
    if (i % kDigitsOfWord == 0) bits = mixed(seed += 0x51ed);
    key[i] = kDigits[bits & 63];
    bits >>= 6;
  }
  key[21] = kDigits[(bits & 3) << 4];
  key[22] = key[23] = '=';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

Handshake::Handshake(std::string_view host, std::string_view path, std::string_view subprotocol)
    : subprotocol_(subprotocol) {
  request_.append("GET ").append(path).append(" HTTP/1.1\r\nHost: ").append(host);
  request_.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
  key_at_ = request_.size();
  request_.append(kKeyBytes, '=').append("\r\nSec-WebSocket-Version: 13");
  if (!subprotocol.empty()) request_.append("\r\nSec-WebSocket-Protocol: ").append(subprotocol);
  request_.append(kEnd);
}

std::string_view Handshake::request(std::uint64_t seed) {
  write_key(seed, request_.data() + key_at_);
  return request_;
}

Answer Handshake::check(std::string_view received, std::uint64_t seed, std::size_t* head_bytes) {
  const std::string_view start = received.substr(0, std::min(received.size(), kVersion.size()));
  if (start != kVersion.substr(0, start.size())) return Answer::malformed;
  const std::size_t end = received.find(kEnd);
  if (end == std::string_view::npos) {
    return received.size() >= kHeadMaximumBytes ? Answer::malformed : Answer::incomplete;
  }
  *head_bytes = end + kEnd.size();
  std::string_view head = received.substr(0, end + kLineEnd.size());
  const std::string_view status = head.substr(kVersion.size(), kSwitching.size());
  if (status != kSwitching) return Answer::refused;
  bool key_right = false;
  bool upgrades = false;
  bool unasked = false;
  bool agreed = subprotocol_.empty();
  std::array<char, http::AcceptKey::kLength> expected;
  accept_key_.compute(request(seed).substr(key_at_, kKeyBytes), expected);
  head.remove_prefix(head.find(kLineEnd) + kLineEnd.size());
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    head.remove_prefix(line.size() + kLineEnd.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Answer::malformed;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (http::equals_ignoring_case(name, "Sec-WebSocket-Accept")) {
      key_right = value == std::string_view(expected.data(), expected.size());
    } else if (http::equals_ignoring_case(name, "Upgrade")) {
      upgrades = http::equals_ignoring_case(value, "websocket");
    } else if (http::equals_ignoring_case(name, "Sec-WebSocket-Extensions")) {
      unasked = true;
    } else if (http::equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
      agreed = !agreed && value == subprotocol_;
      unasked = unasked || !agreed;
    }
  }
  if (!key_right) return Answer::wrong_key;
  return upgrades && agreed && !unasked ? Answer::accepted : Answer::no_upgrade;
}

}  // namespace holdfast::swarm
