// JsonWriter: whatever texts come in, valid JSON comes out; commas come by themselves.
#include "gateway/json_writer.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/entropy.h"
#include "gateway/json_text.h"

namespace holdfast::gateway {
namespace {

using namespace std::string_view_literals;

std::string text_of(std::string_view value) {
  std::string out;
  JsonWriter(out).text(value);
  return out;
}

TEST(JsonWriter, EscapesWhatAStringMayNotHold) {
  EXPECT_EQ(text_of(""), R"("")");
  EXPECT_EQ(text_of("a/b'\x7f"), "\"a/b'\x7f\"");
  EXPECT_EQ(text_of("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(text_of("\0\x01\x1f"sv), R"("\u0000\u0001\u001f")");
  EXPECT_EQ(text_of("\xc3\xa4\xe2\x80\xa8\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x80\xa8\xf0\x9f\x98\x80\"");
}

TEST(JsonWriter, ReplacesBytesThatAreNotUtf8AndKeepsTheRest) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  const auto expect = [&](std::string_view value, std::string_view expected) {
    std::string wanted(expected);
    for (std::size_t at = 0; (at = wanted.find('?', at)) != std::string::npos; at += kReplacement.size()) {
      wanted.replace(at, 1, kReplacement);
    }
    EXPECT_EQ(text_of(value), "\"" + wanted + "\"") << testing::PrintToString(std::string(value));
  };
  expect("\xff", "?");
  expect("a\xc3", "a?");
  expect("\xc3\xa4\x80z", "\xc3\xa4?z");
  expect("\xc0\xaf", "??");
  expect("\xed\xa0\x80", "???");
  expect("\xf0\x9f\x98", "???");
  expect("\xf0\x9f\x98\x80\x80\"", "\xf0\x9f\x98\x80?\\\"");
  expect("\xf5\x80\x80\x80", "????");
}

// Goal: random bytes give valid JSON, and bytes that are UTF-8 come back as they were.
TEST(JsonWriter, RoundTripsThroughAParser) {
  base::Random random(5);
  simdjson::dom::parser parser;
  for (int round = 0; round < 5'000; ++round) {
    std::string value;
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      value += random.below(3) == 0 ? static_cast<char>(random.next()) : "az\"\\\n\xc3\xa4"[random.below(7)];
    }
    const std::string json = text_of(value);
    simdjson::dom::element element;
    ASSERT_EQ(parser.parse(json).get(element), simdjson::SUCCESS) << json;
    std::string_view parsed;
    ASSERT_EQ(element.get(parsed), simdjson::SUCCESS);
    if (valid_utf8(value)) {
      ASSERT_EQ(parsed, value);
    }
  }
}

TEST(JsonWriter, WritesNumbersToTheEdgesOfTheirTypes) {
  std::string out;
  JsonWriter json(out);
  json.open_array();
  json.number(0);
  json.number(std::numeric_limits<std::uint64_t>::max());
  json.integer(std::numeric_limits<std::int64_t>::min());
  json.integer(-1);
  json.boolean(true);
  json.boolean(false);
  json.close_array();
  EXPECT_EQ(out, "[0,18446744073709551615,-9223372036854775808,-1,true,false]");
}

TEST(JsonWriter, SeparatesValuesAndFieldsWhereverTheyStand) {
  std::string out = "{}\n";
  JsonWriter json(out);
  json.open_object();
  json.key("a");
  json.open_array();
  json.open_object();
  json.close_object();
  json.open_array();
  json.close_array();
  json.text("[");
  json.text("x:");
  json.raw("null");
  json.close_array();
  json.key_text("b\"{");
  json.raw("1");
  json.key("c");
  json.text("");
  json.close_object();
  EXPECT_EQ(out,
            "{}\n"
            R"({"a":[{},[],"[","x:",null],"b\"{":1,"c":""})");
}

}  // namespace
}  // namespace holdfast::gateway
