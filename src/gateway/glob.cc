// Glob matching without recursion: on a mismatch only the last star is tried again, one byte further. Earlier
// stars need no second try, because the last one can take whatever they would have.
#include "gateway/glob.h"

#include <cstddef>

namespace holdfast::gateway {
namespace {

// One element of a pattern that stands for one byte: how long it is, and whether it takes `byte`.
struct Element {
  std::size_t length;
  bool takes;
};

// `pattern` begins with '['.
Element class_element(std::string_view pattern, char byte) {
  std::size_t place = 1;
  const bool negated = place < pattern.size() && (pattern[place] == '!' || pattern[place] == '^');
  if (negated) ++place;
  bool found = false;
  // A ']' in the first place is a member.
  for (const std::size_t first = place;
       place < pattern.size() && (pattern[place] != ']' || place == first);) {
    const char low = pattern[place];
    const bool range = place + 2 < pattern.size() && pattern[place + 1] == '-' && pattern[place + 2] != ']';
    const char high = range ? pattern[place + 2] : low;
    found = found || (low <= byte && byte <= high);
    place += range ? 3 : 1;
  }
  if (place >= pattern.size()) return {1, byte == '['};
  return {place + 1, found != negated};
}

// `pattern` is not empty and does not begin with '*'.
Element element(std::string_view pattern, char byte) {
  if (pattern.front() == '?') return {1, true};
  if (pattern.front() == '[') return class_element(pattern, byte);
  if (pattern.front() == '\\' && pattern.size() > 1) return {2, pattern[1] == byte};
  return {1, pattern.front() == byte};
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t in_pattern = 0, in_text = 0;
  std::size_t after_star = kNone, star_end = 0;
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_end = in_text;
      continue;
    }
    if (in_pattern < pattern.size()) {
      const Element next = element(pattern.substr(in_pattern), text[in_text]);
      if (next.takes) {
        in_pattern += next.length;
        ++in_text;
        continue;
      }
    }
    if (after_star == kNone) return false;
    in_pattern = after_star;
    in_text = ++star_end;
  }
  return pattern.find_first_not_of('*', in_pattern) == kNone;
}

}  // namespace holdfast::gateway
