// UTF-8 against a slow decoder written from the definition (RFC 3629, section 4), at every cut.
#include "ws/utf8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace holdfast::ws {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string encode(unsigned point) {
  std::string text;
  if (point < 0x80) return text += static_cast<char>(point);
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const unsigned marks[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(marks[more] | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | ((point >> (6 * i)) & 0x3f));
  return text;
}

struct Verdict {
  std::size_t first_bad;  // bytes before the first one that cannot be; the size when there is none
  std::size_t whole;      // bytes in whole characters before that
};

// Could `start` be the beginning of the encoding of some code point? By trying: the smallest and the largest
// code point of that beginning must contain one that is allowed, written in its shortest form.
bool begins_a_character(std::string_view start) {
  const unsigned lead = static_cast<unsigned char>(start[0]);
  if (lead < 0x80) return start.size() == 1;
  const std::size_t length = lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || start.size() > length) return false;
  unsigned low = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < start.size(); ++i) {
    const unsigned byte = static_cast<unsigned char>(start[i]);
    if (byte >> 6 != 2) return false;
    low = low << 6 | (byte & 0x3f);
  }
  const unsigned open_bits = static_cast<unsigned>(6 * (length - start.size()));
  low <<= open_bits;
  const unsigned high = low | ((1u << open_bits) - 1);
  const unsigned shortest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  for (const auto& [from, to] : {std::pair{0u, 0xd7ffu}, std::pair{0xe000u, 0x10ffffu}}) {
    if (std::max({low, from, shortest}) <= std::min(high, to)) return true;
  }
  return false;
}

Verdict judge(std::string_view text) {
  Verdict verdict{0, 0};
  while (verdict.first_bad < text.size()) {
    const std::string_view start = text.substr(verdict.whole, verdict.first_bad + 1 - verdict.whole);
    if (!begins_a_character(start)) return verdict;
    ++verdict.first_bad;
    const unsigned lead = static_cast<unsigned char>(start[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (start.size() == length) verdict.whole = verdict.first_bad;
  }
  return verdict;
}

// Holds advance_utf8 against the judge with `text` arriving in pieces; bit i of `cuts` is a cut after byte i.
void expect_agreement(std::string_view text, unsigned cuts, const Verdict& verdict) {
  std::size_t validated = 0;
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const bool piece_ends = end == text.size() || (cuts >> (end - 1) & 1) != 0;
    if (!piece_ends) continue;
    const bool possible = advance_utf8(bytes_of(text.substr(0, end)), validated);
    ASSERT_EQ(possible, end <= verdict.first_bad)
        << ::testing::PrintToString(std::string(text)) << " cuts " << cuts << " at " << end;
    if (!possible) return;
  }
  ASSERT_EQ(validated, verdict.whole);
}

void expect_agreement_at_every_cut(std::string_view text) {
  const Verdict verdict = judge(text);
  ASSERT_EQ(valid_utf8(bytes_of(text)), verdict.whole == text.size());
  for (unsigned cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {
    ASSERT_NO_FATAL_FAILURE(expect_agreement(text, cuts, verdict));
  }
}

TEST(Utf8, AcceptsEveryCodePointAndRefusesEverySurrogateAtEveryCut) {
  for (unsigned point = 0; point <= 0x10ffff; ++point) {
    const std::string text = encode(point);
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    const Verdict expected = surrogate ? Verdict{1, 0} : Verdict{text.size(), text.size()};
    ASSERT_EQ(valid_utf8(bytes_of(text)), !surrogate) << point;
    for (unsigned cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {
      ASSERT_NO_FATAL_FAILURE(expect_agreement(text, cuts, expected)) << point;
    }
  }
}

TEST(Utf8, RefusesWhatLiesBeyondTheLastCodePoint) {
  for (unsigned point = 0x110000; point < 0x200000; point += 0x3f) {
    ASSERT_FALSE(valid_utf8(bytes_of(encode(point))));
  }
}

TEST(Utf8, AgreesWithTheReferenceOnEverySequenceOfTwoBytes) {
  for (unsigned pair = 0; pair <= 0xffff; ++pair) {
    const char text[] = {static_cast<char>(pair >> 8), static_cast<char>(pair & 0xff)};
    ASSERT_NO_FATAL_FAILURE(expect_agreement_at_every_cut({text, 2}));
  }
}

// Every byte behaves like one of these.
constexpr unsigned char kKinds[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                    0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};

TEST(Utf8, AgreesWithTheReferenceOnEveryKindOfSequenceOfThreeAndFourBytes) {
  std::string text(4, '\0');
  for (const unsigned char first : kKinds) {
    for (const unsigned char second : kKinds) {
      for (const unsigned char third : kKinds) {
        text.assign({static_cast<char>(first), static_cast<char>(second), static_cast<char>(third)});
        ASSERT_NO_FATAL_FAILURE(expect_agreement_at_every_cut(text));
        for (const unsigned char fourth : kKinds) {
          const std::string longer = text + static_cast<char>(fourth);
          ASSERT_NO_FATAL_FAILURE(expect_agreement_at_every_cut(longer));
        }
      }
    }
  }
}

TEST(Utf8, AgreesWithTheReferenceWhereverTheSequenceStands) {
  const char* const sequences[] = {"\xe2\x82\xac",     "\xf0\x9f\x98\x80",
                                   "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                   "\xed\xa0\x80",     "\xed\x9f\xbf",
                                   "\xe0\x80\xaf",     "\xe0\xa0\x80",
                                   "\xc0\xaf",         "\xc2\x80",
                                   "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80",
                                   "\xce\xba\xe1\xbd", "\x80",
                                   "\xe2\x82",         "\xf0\x9f\x98"};
  for (const std::string_view sequence : sequences) {
    for (std::size_t before = 0; before <= 140; ++before) {
      for (const std::size_t after : {0u, 1u, 70u}) {
        const std::string text = std::string(before, 'a') + std::string(sequence) + std::string(after, 'z');
        const Verdict verdict = judge(text);
        ASSERT_EQ(valid_utf8(bytes_of(text)), verdict.whole == text.size());
        for (std::size_t cut = before; cut <= before + sequence.size(); ++cut) {
          std::size_t validated = 0;
          const bool first = advance_utf8(bytes_of(std::string_view(text).substr(0, cut)), validated);
          ASSERT_EQ(first, cut <= verdict.first_bad) << before << " " << cut;
          if (!first) continue;
          ASSERT_EQ(advance_utf8(bytes_of(text), validated), text.size() <= verdict.first_bad);
        }
      }
    }
  }
}

TEST(Utf8, FailsAtTheByteAfterWhichNothingCanHelp) {
  for (const std::string_view hopeless : {"\xf4\x90", "\xed\xa0", "\xe0\x80", "\xc0", "\xc1", "\xf5", "\x80",
                                          "\xff", "\xf0\x8f", "\xe2\x41", "\xf0\x9f\x98\x41"}) {
    std::size_t validated = 0;
    const std::string_view before = hopeless.substr(0, hopeless.size() - 1);
    EXPECT_TRUE(advance_utf8(bytes_of(before), validated)) << ::testing::PrintToString(std::string(before));
    EXPECT_FALSE(advance_utf8(bytes_of(hopeless), validated));
  }
}

TEST(Utf8, AcceptsNothingAtAll) {
  std::size_t validated = 0;
  EXPECT_TRUE(valid_utf8({}));
  EXPECT_TRUE(advance_utf8({}, validated));
  EXPECT_EQ(validated, 0u);
}

}  // namespace
}  // namespace holdfast::ws
