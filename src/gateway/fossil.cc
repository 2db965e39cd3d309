// The encoder looks up every 16 bytes of the target among the source's blocks of 16, by a rolling hash, and
// stretches what it finds both ways.
//
// Invariant for the time: at each position at most kCandidates blocks are compared, and a match that
// stretches far is taken, so that the position moves on by as much as was compared.
#include "gateway/fossil.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kBlockBytes = 16;
// Blocks of one hash that are compared at a position. Payloads that repeat themselves gain little from more.
constexpr unsigned kCandidates = 16;
// A match this long is taken without looking for a longer one.
constexpr std::size_t kLongEnoughBytes = 1024;
// Four to eight buckets for each block, so that an empty one says no.
constexpr unsigned kBucketBitsPerBlock = 2;

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
constexpr unsigned kDigitBits = 6;
constexpr std::uint8_t kNoDigit = 0xff;

consteval std::array<std::uint8_t, 256> make_digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kDigitValues = make_digit_values();

std::size_t digits_of(std::size_t value) {
  return std::max<std::size_t>(
      1, (static_cast<std::size_t>(std::bit_width(value)) + kDigitBits - 1) / kDigitBits);
}

void append_number(std::string& out, std::size_t value) {
  for (std::size_t digit = digits_of(value); digit > 0; --digit) {
    out.push_back(kDigits[(value >> ((digit - 1) * kDigitBits)) & (kDigits.size() - 1)]);
  }
}

// Cuts a number of 32 bits off.
bool take_number(std::string_view& rest, std::uint32_t& number) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; digits < rest.size(); ++digits) {
    const std::uint8_t digit = kDigitValues[static_cast<unsigned char>(rest[digits])];
    if (digit == kNoDigit) break;
    value = (value << kDigitBits) | digit;
    if (value > std::numeric_limits<std::uint32_t>::max()) return false;
  }
  rest.remove_prefix(digits);
  number = static_cast<std::uint32_t>(value);
  return digits > 0;
}

bool take_character(std::string_view& rest, char expected) {
  if (!rest.starts_with(expected)) return false;
  rest.remove_prefix(1);
  return true;
}

std::uint32_t byte_at(std::string_view text, std::size_t position) {
  return position < text.size() ? static_cast<unsigned char>(text[position]) : 0u;
}

std::uint32_t checksum(std::string_view text) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    sum += (byte_at(text, i) << 24) | (byte_at(text, i + 1) << 16) | (byte_at(text, i + 2) << 8) |
           byte_at(text, i + 3);
  }
  return sum;
}

// A polynomial in the bytes of a block, modulo 2^32.
constexpr std::uint32_t kHashBase = 0x0100'0193;

consteval std::uint32_t power_of_base(std::size_t exponent) {
  std::uint32_t power = 1;
  for (std::size_t i = 0; i < exponent; ++i) power *= kHashBase;
  return power;
}

std::uint32_t hash_of_block(std::string_view text, std::size_t position) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) hash = hash * kHashBase + byte_at(text, position + i);
  return hash;
}

// The hash of the block one byte further.
std::uint32_t roll(std::uint32_t hash, std::string_view text, std::size_t position) {
  constexpr std::uint32_t kOldest = power_of_base(kBlockBytes - 1);
  hash -= byte_at(text, position) * kOldest;
  return hash * kHashBase + byte_at(text, position + kBlockBytes);
}

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::size_t common_prefix(std::string_view left, std::string_view right) {
  const std::size_t shorter = std::min(left.size(), right.size());
  std::size_t same = 0;
  while (same + sizeof(std::uint64_t) <= shorter &&
         word_at(left.data() + same) == word_at(right.data() + same)) {
    same += sizeof(std::uint64_t);
  }
  while (same < shorter && left[same] == right[same]) ++same;
  return same;
}

bool inside_character(std::string_view text, std::size_t position) {
  return position < text.size() && (static_cast<unsigned char>(text[position]) & 0xc0) == 0x80;
}

// How far to move from `position`, by `step`, to stand between characters. 0 when that is further than a
// character of UTF-8 is long: the text is something else.
std::size_t to_character_edge(std::string_view text, std::size_t position, std::ptrdiff_t step) {
  constexpr std::size_t kFurthest = 3;
  for (std::size_t moved = 0; moved <= kFurthest; ++moved) {
    if (!inside_character(text, position)) return moved;
    position += static_cast<std::size_t>(step);
  }
  return 0;
}

void append_literal(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  append_number(out, bytes.size());
  out.push_back(':');
  out.append(bytes);
}

}  // namespace

std::size_t FossilEncoder::bucket_of(std::uint32_t hash) const {
  constexpr std::uint32_t kSpread = 0x9e37'79b1;  // 2^32 over the golden ratio: mixes the low bits upwards
  return (hash * kSpread) >> (32 - bucket_bits_);
}

void FossilEncoder::index(std::string_view source) {
  const std::size_t blocks = source.size() / kBlockBytes;
  bucket_bits_ = static_cast<unsigned>(std::bit_width(blocks)) + kBucketBitsPerBlock;
  buckets_.assign(std::size_t{1} << bucket_bits_, 0);
  later_.assign(blocks, 0);
  // Backwards, so that of equal blocks the first is found first: it has most to stretch into.
  for (std::size_t block = blocks; block > 0; --block) {
    std::uint32_t& bucket = buckets_[bucket_of(hash_of_block(source, (block - 1) * kBlockBytes))];
    later_[block - 1] = bucket;
    bucket = static_cast<std::uint32_t>(block);
  }
}

FossilEncoder::Match FossilEncoder::longest_match(std::string_view source, std::string_view target,
                                                  std::size_t position, std::size_t literal_start,
                                                  std::uint32_t hash) const {
  Match best;
  std::uint32_t block = buckets_[bucket_of(hash)];
  for (unsigned candidate = 0; block != 0 && candidate < kCandidates; ++candidate) {
    if (best.bytes >= kLongEnoughBytes) break;
    const std::size_t block_start = (block - 1) * kBlockBytes;
    const std::size_t forward = common_prefix(source.substr(block_start), target.substr(position));
    if (forward >= kBlockBytes) {
      const std::size_t furthest = std::min(block_start, position - literal_start);
      std::size_t back = 0;
      while (back < furthest && source[block_start - back - 1] == target[position - back - 1]) ++back;
      if (back + forward > best.bytes) best = {block_start - back, position - back, back + forward};
    }
    block = later_[block - 1];
  }
  if (best.bytes == 0) return best;
  const std::size_t skipped = to_character_edge(target, best.target, 1);
  const std::size_t dropped = to_character_edge(target, best.target + best.bytes, -1);
  return {best.source + skipped, best.target + skipped, best.bytes - skipped - dropped};
}

bool FossilEncoder::worth_copying(const Match& match) {
  // The copy's own digits and signs, and the head of a literal that it cuts in two.
  constexpr std::size_t kSigns = 2;
  constexpr std::size_t kLiteralHead = 3;
  return match.bytes > 0 &&
         match.bytes > digits_of(match.bytes) + digits_of(match.source) + kSigns + kLiteralHead;
}

void FossilEncoder::append_delta(std::string& out, std::string_view source, std::string_view target) {
  CHECK(source.size() <= std::numeric_limits<std::uint32_t>::max());
  CHECK(target.size() <= std::numeric_limits<std::uint32_t>::max());
  append_number(out, target.size());
  out.push_back('\n');
  std::size_t literal_start = 0;
  if (source.size() >= kBlockBytes && target.size() >= kBlockBytes) {
    index(source);
    std::size_t position = 0;
    std::uint32_t hash = hash_of_block(target, position);
    while (position + kBlockBytes <= target.size()) {
      const Match match = longest_match(source, target, position, literal_start, hash);
      if (worth_copying(match)) {
        append_literal(out, target.substr(literal_start, match.target - literal_start));
        append_number(out, match.bytes);
        out.push_back('@');
        append_number(out, match.source);
        out.push_back(',');
        position = literal_start = match.target + match.bytes;
        if (position + kBlockBytes <= target.size()) hash = hash_of_block(target, position);
      } else {
        hash = roll(hash, target, position);
        ++position;
      }
    }
  }
  append_literal(out, target.substr(literal_start));
  append_number(out, checksum(target));
  out.push_back(';');
}

bool apply_fossil_delta(std::string_view source, std::string_view delta, std::size_t bytes_maximum,
                        std::string& target) {
  target.clear();
  std::uint32_t size = 0;
  if (!take_number(delta, size) || !take_character(delta, '\n') || size > bytes_maximum) return false;
  while (true) {
    std::uint32_t number = 0;
    if (!take_number(delta, number)) return false;
    if (take_character(delta, ';')) {
      return delta.empty() && target.size() == size && number == checksum(target);
    }
    if (number > size - target.size()) return false;
    if (take_character(delta, ':')) {
      if (number > delta.size()) return false;
      target.append(delta.substr(0, number));
      delta.remove_prefix(number);
    } else {
      std::uint32_t offset = 0;
      if (!take_character(delta, '@') || !take_number(delta, offset) || !take_character(delta, ','))
        return false;
      if (offset > source.size() || number > source.size() - offset) return false;
      target.append(source.substr(offset, number));
    }
  }
}

}  // namespace holdfast::gateway
