// ClientId: its textual form and back.
#include "gateway/member.h"

namespace holdfast::gateway {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

constexpr bool hyphen_at(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

}  // namespace

ClientId::Text ClientId::text() const {
  Text text;
  std::size_t place = 0;
  for (const std::uint8_t byte : bytes) {
    if (hyphen_at(place)) text[place++] = '-';
    text[place++] = kDigits[byte >> 4];
    text[place++] = kDigits[byte & 0x0f];
  }
  return text;
}

std::optional<ClientId> ClientId::parse(std::string_view text) {
  if (text.size() != kTextBytes) return std::nullopt;
  ClientId id;
  std::size_t place = 0;
  for (std::uint8_t& byte : id.bytes) {
    if (hyphen_at(place) && text[place++] != '-') return std::nullopt;
    const std::size_t high = kDigits.find(text[place++]);
    const std::size_t low = kDigits.find(text[place++]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    byte = static_cast<std::uint8_t>(high << 4 | low);
  }
  return id;
}

}  // namespace holdfast::gateway
