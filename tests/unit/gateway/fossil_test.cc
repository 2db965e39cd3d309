// Fossil deltas: understood as the JavaScript package makes them, made so that they apply, safe against
// anything.
#include "gateway/fossil.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "fossil_vectors.h"
#include "gateway/json_text.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kBytesMaximum = 1 << 20;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string delta_of(std::string_view source, std::string_view target) {
  FossilEncoder encoder;
  std::string delta;
  encoder.append_delta(delta, source, target);
  return delta;
}

void expect_round_trip(std::string_view source, std::string_view target) {
  const std::string delta = delta_of(source, target);
  std::string made = "what was there before";
  ASSERT_TRUE(apply_fossil_delta(source, delta, target.size(), made)) << testing::PrintToString(delta);
  ASSERT_EQ(made, target);
}

TEST(Fossil, AppliesWhatTheJavaScriptPackageMakes) {
  for (const FossilVector& vector : kFossilVectors) {
    std::string made;
    ASSERT_TRUE(apply_fossil_delta(from_hex(vector.source), from_hex(vector.delta), kBytesMaximum, made))
        << vector.name;
    EXPECT_EQ(made, from_hex(vector.target)) << vector.name;
  }
}

TEST(Fossil, MakesDeltasAboutAsShortAsTheJavaScriptPackageDoes) {
  for (const FossilVector& vector : kFossilVectors) {
    const std::string source = from_hex(vector.source);
    const std::string target = from_hex(vector.target);
    expect_round_trip(source, target);
    EXPECT_LE(delta_of(source, target).size(), from_hex(vector.delta).size() * 5 / 4 + 8) << vector.name;
  }
}

TEST(Fossil, MakesTheDeltaOfTheGoldenTrace) {
  EXPECT_EQ(delta_of(R"({"a":1,"text":"hello hello hello"})", R"({"a":2,"text":"hello hello hello"})"),
            "Y\n6:{\"a\":2S@6,368ORI;");
}

// Goal: apply(create(a, b), a) == b. Method: targets are sources with pieces moved, repeated, dropped and
// overwritten, over alphabets that make matches likely, unlikely and ambiguous; sizes around the block size.
TEST(Fossil, RoundTripsRandomEditsOfRandomTexts) {
  base::Random random(21);
  FossilEncoder encoder;
  for (int round = 0; round < 5'000; ++round) {
    const std::uint64_t alphabet = 1 + random.below(round % 2 == 0 ? 3 : 256);
    std::string source;
    for (std::uint64_t i = random.below(round % 10 == 0 ? 2'000 : 70); i > 0; --i) {
      source.push_back(static_cast<char>(random.below(alphabet)));
    }
    std::string target = random.below(8) == 0 ? "" : source;
    for (std::uint64_t edits = random.below(6); edits > 0; --edits) {
      const std::size_t from = random.below(source.size() + 1);
      const std::string_view piece = std::string_view(source).substr(from, random.below(100));
      const std::size_t place = random.below(target.size() + 1);
      switch (random.below(4)) {
        case 0:
          target.insert(place, piece);
          break;
        case 1:
          target.erase(place, random.below(40));
          break;
        case 2:
          target.insert(place, 1 + random.below(20), static_cast<char>(random.next()));
          break;
        default:
          target.append(piece);
      }
    }
    std::string delta;
    encoder.append_delta(delta, source, target);
    std::string made;
    ASSERT_TRUE(apply_fossil_delta(source, delta, target.size(), made)) << "round " << round;
    ASSERT_EQ(made, target) << "round " << round;
  }
}

TEST(Fossil, RoundTripsTextsThatRepeatThemselves) {
  const std::string zeros(64 * 1024, '\0');
  const std::string continuations(64 * 1024, '\x80');
  std::string period;
  for (std::size_t i = 0; i < 64 * 1024; ++i) period.push_back(static_cast<char>(i % 15));
  for (const std::string& source : {zeros, continuations, period}) {
    for (const std::string& target : {zeros, continuations, period}) {
      expect_round_trip(source, target);
      expect_round_trip(source, std::string_view(target).substr(7));
      expect_round_trip(source, target + "x" + target);
    }
  }
}

TEST(Fossil, MakesADeltaThatIsUtf8OfATargetThatIs) {
  constexpr std::string_view kCharacters[] = {
      "a", "\xc3\xa4", "\xc3\xb6", "\xe2\x82\xac", "\xe2\x82\xad", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81"};
  base::Random random(22);
  const auto text_of = [&](std::uint64_t characters) {
    std::string text;
    for (; characters > 0; --characters) text += kCharacters[random.below(std::size(kCharacters))];
    return text;
  };
  for (int round = 0; round < 3'000; ++round) {
    const std::string common = text_of(10 + random.below(30));
    const std::string source = text_of(random.below(4)) + common + text_of(random.below(4));
    const std::string target = text_of(random.below(4)) + common + text_of(random.below(4));
    const std::string delta = delta_of(source, target);
    ASSERT_TRUE(valid_utf8(delta)) << "round " << round;
    std::string made;
    ASSERT_TRUE(apply_fossil_delta(source, delta, target.size(), made));
    ASSERT_EQ(made, target);
  }
}

TEST(Fossil, RefusesDeltasThatDoNotFit) {
  std::string made;
  constexpr std::string_view kSource = "0123456789";
  const std::string good = delta_of(kSource, "abcd");
  ASSERT_TRUE(apply_fossil_delta(kSource, good, 4, made));
  EXPECT_FALSE(apply_fossil_delta(kSource, good, 3, made)) << "larger than allowed";
  EXPECT_FALSE(apply_fossil_delta(kSource, good + "x", 4, made)) << "something behind the end";
  std::string corrupt = good;
  corrupt[4] = 'x';
  EXPECT_FALSE(apply_fossil_delta(kSource, corrupt, 4, made)) << "another checksum";
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_FALSE(apply_fossil_delta(kSource, std::string_view(good).substr(0, bytes), 4, made)) << bytes;
  }
  for (const std::string_view delta : {
           "0\n0",            // no end
           "\n0;",            // no size
           "0 0;",            // no line break
           "1\n0;",           // too little
           "0\n1:a0;",        // too much
           "2\n2@9,0;",       // beyond the source
           "2\n2@A,0;",       // from beyond the source
           "2\n2@~~~~~,0;",   //
           "2\n2@0;0;",       // no comma
           "2\n2@,0;",        // no offset
           "2\n2?0;",         // no such operation
           "2\n~~~~~~~:a0;",  // a number of more than 32 bits
           "5\n9:abcde0;",    // a literal longer than the delta
           "2\n:ab0;",        // no count
       }) {
    EXPECT_FALSE(apply_fossil_delta(kSource, delta, kBytesMaximum, made)) << delta;
  }
}

}  // namespace
}  // namespace holdfast::gateway
