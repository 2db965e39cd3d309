// Canary: making contents and reading them back.
#include "canary.h"

#include <charconv>
#include <cstdio>

#include "base/check.h"

namespace holdfast::sim {
namespace {

char filler(const Canary& canary, std::size_t position) {
  std::uint64_t mixed = (std::uint64_t{canary.client} << 32 | canary.sequence) * 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (position >> 3)) * 0xbf58476d1ce4e5b9u;
  return static_cast<char>('!' + ((mixed >> (8 * (position & 7))) & 0x3f));
}

bool read_digits(std::string_view digits, std::uint32_t& value) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

std::string content(const Canary& canary, std::size_t bytes) {
  CHECK(bytes >= Canary::kBytes);
  std::string text(bytes, ' ');
  char head[Canary::kBytes + 1];
  std::snprintf(head, sizeof head, "%08x%08x%c:", canary.client, canary.sequence,
                static_cast<char>(canary.flag));
  text.replace(0, Canary::kBytes, head);
  for (std::size_t position = Canary::kBytes; position < bytes; ++position) {
    text[position] = filler(canary, position);
  }
  return text;
}

std::optional<Canary> verify(std::string_view payload) {
  Canary canary;
  if (payload.size() < Canary::kBytes) return std::nullopt;
  if (!read_digits(payload.substr(0, 8), canary.client)) return std::nullopt;
  if (!read_digits(payload.substr(8, 8), canary.sequence)) return std::nullopt;
  canary.flag = static_cast<Flag>(payload[16]);
  if (payload[17] != ':') return std::nullopt;
  for (std::size_t position = Canary::kBytes; position < payload.size(); ++position) {
    if (payload[position] != filler(canary, position)) return std::nullopt;
  }
  return canary;
}

}  // namespace holdfast::sim
