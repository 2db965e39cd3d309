// Whole runs go to simdjson; only the last, unfinished character of a text that is still arriving is looked
// at here.
#include "ws/utf8.h"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace holdfast::ws {

namespace {

unsigned at(std::span<const std::byte> text, std::size_t offset) {
  return std::to_integer<unsigned>(text[offset]);
}

bool ascii(std::span<const std::byte> text) {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080u;
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t seen = 0;
  std::size_t offset = 0;
  for (; offset + kWord <= text.size(); offset += kWord) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + offset, kWord);
    seen |= word;
  }
  for (; offset < text.size(); ++offset) seen |= std::to_integer<std::uint64_t>(text[offset]);
  return (seen & kHighBits) == 0;
}

bool continuation(unsigned byte) {
  return (byte & 0xc0) == 0x80;
}

// Length of the character that `lead` starts; 1 also for what can start none, so that it counts as complete
// and is refused with the rest.
std::size_t character_bytes(unsigned lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 1;
}

// Bytes at the end of `text` that start a character and do not finish it: 0 to 3.
std::size_t unfinished_bytes(std::span<const std::byte> text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const unsigned byte = at(text, text.size() - back);
    if (continuation(byte)) continue;
    return character_bytes(byte) > back ? back : 0;
  }
  return 0;
}

// Can this start of a character become one? Its first byte is a lead, the others are continuations; only the
// second byte has rules beyond that.
bool can_be_finished(std::span<const std::byte> start) {
  if (start.size() < 2) return true;
  const unsigned second = at(start, 1);
  switch (at(start, 0)) {
    case 0xe0:
      return second >= 0xa0;  // below: overlong
    case 0xed:
      return second <= 0x9f;  // above: surrogates
    case 0xf0:
      return second >= 0x90;  // below: overlong
    case 0xf4:
      return second <= 0x8f;  // above: beyond U+10FFFF
    default:
      return true;
  }
}

}  // namespace

bool valid_utf8(std::span<const std::byte> text) {
  // Below a vector's length simdjson's call costs more than its work, and short texts are mostly ASCII.
  constexpr std::size_t kShortBytes = 64;
  if (text.size() < kShortBytes && ascii(text)) return true;
  return simdjson::validate_utf8(reinterpret_cast<const char*>(text.data()), text.size());
}

bool advance_utf8(std::span<const std::byte> text, std::size_t& validated) {
  CHECK(validated <= text.size());
  const std::span<const std::byte> rest = text.subspan(validated);
  const std::size_t unfinished = unfinished_bytes(rest);
  const std::span<const std::byte> whole = rest.first(rest.size() - unfinished);
  if (!valid_utf8(whole) || !can_be_finished(rest.last(unfinished))) return false;
  validated += whole.size();
  return true;
}

}  // namespace holdfast::ws
