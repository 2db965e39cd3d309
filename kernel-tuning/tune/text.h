// text: numbers as people write them, and the quoting that scripts and journals need. Pure.
//
// Everything that comes from a file of the host or from the command line passes through here, so every parser
// says "no" (nullopt) to what it does not fully understand and none of them can overflow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tune {

constexpr std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
  return value / by + (value % by != 0 ? 1 : 0);
}

// The largest power of two is 2^62: nothing on a host needs more, and doubling it would overflow.
constexpr std::uint64_t power_of_two_from(std::uint64_t value) {
  std::uint64_t power = 1;
  while (power < value && power < std::uint64_t{1} << 62) power *= 2;
  return power;
}

// Without its sign; also for the smallest number, which has no positive counterpart.
constexpr std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

// value * share, where the share is in millionths; exact below 2^64 millionths.
std::uint64_t share_of(std::uint64_t value, std::uint64_t millionths);

// "1000000", "1,000,000", "1_000_000", "250k", "1M", "2G" (decimal multiples).
std::optional<std::uint64_t> parse_count(std::string_view text);
// "512", "16KiB", "2MiB", "1GiB".
std::optional<std::uint64_t> parse_bytes(std::string_view text);
// "5%", "0.05", "2.5%": millionths, 0 to 1,000,000.
std::optional<std::uint64_t> parse_share(std::string_view text);
// A whole number alone on its line, as /proc/sys has them; signs allowed.
std::optional<std::int64_t> parse_integer(std::string_view text);
// "4096\t131072\t6291456\n"
std::optional<std::vector<std::int64_t>> parse_integers(std::string_view text);

std::string grouped(std::uint64_t value);          // "1,000,000"
std::string bytes_text(std::uint64_t bytes);       // "3.9 GiB"
std::string share_text(std::uint64_t millionths);  // "5%"
std::string single_spaced(std::string_view text);  // trimmed, white space within it one space each
std::string_view trimmed(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);  // empty parts left out
std::string joined(const std::vector<std::int64_t>& numbers);

// One word of a POSIX shell.
std::string shell_quoted(std::string_view text);
// Without white space and control characters, reversible: for fields of a journal line.
std::string escaped(std::string_view text);
std::optional<std::string> unescaped(std::string_view text);
// With its quotes.
std::string json_quoted(std::string_view text);

}  // namespace holdfast::tune
