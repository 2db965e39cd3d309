// Numbers as people and the kernel write them, and what scripts, journals and JSON make of text.
#include "tune/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast::tune {
namespace {

TEST(Counts, AreReadWithMultiplesAndGroups) {
  EXPECT_EQ(parse_count("0"), 0u);
  EXPECT_EQ(parse_count("1M"), 1'000'000u);
  EXPECT_EQ(parse_count("250k"), 250'000u);
  EXPECT_EQ(parse_count("2G"), 2'000'000'000u);
  EXPECT_EQ(parse_count("1,000,000"), 1'000'000u);
  EXPECT_EQ(parse_count("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(Counts, RefuseWhatIsNotWhollyANumberOrDoesNotFit) {
  for (const char* text : {"", "k", "-1", "+1", "1 ", " 1", "1x", "1.5M", "0x10", "1e6", "1MM",
                           "18446744073709551616", "18446744073709551615k", "99999999999999999999G"}) {
    EXPECT_EQ(parse_count(text), std::nullopt) << text;
  }
}

TEST(Bytes, AreBinaryMultiples) {
  EXPECT_EQ(parse_bytes("16KiB"), 16'384u);
  EXPECT_EQ(parse_bytes("2MiB"), 2u << 20);
  EXPECT_EQ(parse_bytes("512B"), 512u);
  EXPECT_EQ(parse_bytes("512"), 512u);
  for (const char* text : {"KiB", "1KB", "99999999999999GiB", "1.5MiB", "-1KiB"})
    EXPECT_EQ(parse_bytes(text), std::nullopt);
}

TEST(Shares, AreMillionthsUpToTheWhole) {
  EXPECT_EQ(parse_share("5%"), 50'000u);
  EXPECT_EQ(parse_share("2.5%"), 25'000u);
  EXPECT_EQ(parse_share("0.05"), 50'000u);
  EXPECT_EQ(parse_share("100%"), 1'000'000u);
  EXPECT_EQ(parse_share("1"), 1'000'000u);
  EXPECT_EQ(parse_share("0"), 0u);
  for (const char* text : {"", "%", "101%", "1.1", "5", "-5%", ".", "0.", "0.x", "5 %", "100.01%"})
    EXPECT_EQ(parse_share(text), std::nullopt) << text;
}

TEST(Shares, OfLargeNumbersDoNotOverflow) {
  EXPECT_EQ(share_of(1'000'000, 50'000), 50'000u);
  EXPECT_EQ(share_of(std::numeric_limits<std::uint64_t>::max(), 1'000'000),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(share_of(3, 333'333), 0u);
}

TEST(Integers, OfProcAreReadWhole) {
  EXPECT_EQ(parse_integer("-262144\n"), -262'144);
  EXPECT_EQ(parse_integers("4096\t131072\t6291456\n"), (std::vector<std::int64_t>{4096, 131'072, 6'291'456}));
  for (const char* text : {"", "\n", "1 2x", "banana", "99999999999999999999"})
    EXPECT_EQ(parse_integers(text), std::nullopt);
}

TEST(Integers, HaveAMagnitudeToTheLast) {
  EXPECT_EQ(magnitude(-262'144), 262'144u);
  EXPECT_EQ(magnitude(0), 0u);
  EXPECT_EQ(magnitude(std::numeric_limits<std::int64_t>::min()), std::uint64_t{1} << 63);
}

TEST(Powers, AreTheNextOneAndNeverOverflow) {
  EXPECT_EQ(power_of_two_from(0), 1u);
  EXPECT_EQ(power_of_two_from(1'024), 1'024u);
  EXPECT_EQ(power_of_two_from(1'025), 2'048u);
  EXPECT_EQ(power_of_two_from(std::numeric_limits<std::uint64_t>::max()), std::uint64_t{1} << 62);
}

TEST(Printing, GroupsAndScales) {
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(4'110'000'000), "3.8 GiB");
  EXPECT_EQ(share_text(25'000), "2.5%");
  EXPECT_EQ(single_spaced("  4096\t131072 \n"), "4096 131072");
  EXPECT_EQ(single_spaced(" \n"), "");
}

TEST(Quoting, LeavesNothingToTheShell) {
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's $(x)"), "'it'\\''s $(x)'");
}

TEST(Escaping, IsReversedExactlyForEveryByte) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  for (const std::string& text : {every, std::string(), std::string("%"), std::string("a b\n%41")}) {
    const std::string field = escaped(text);
    EXPECT_EQ(field.find_first_of(" \n\t"), std::string::npos);
    EXPECT_FALSE(field.empty());
    EXPECT_EQ(unescaped(field), text);
  }
  for (const char* text : {"%4", "%zz", "abc%"}) EXPECT_EQ(unescaped(text), std::nullopt) << text;
}

TEST(Json, EscapesWhatWouldEndOrBreakAString) {
  EXPECT_EQ(json_quoted("a\"b\\c\n\x01\xff"), "\"a\\\"b\\\\c\\u000a\\u0001\\u00ff\"");
}

}  // namespace
}  // namespace holdfast::tune
