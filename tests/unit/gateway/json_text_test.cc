// JsonText: what may be embedded into other clients' messages, and what line breaks do to it.
#include "gateway/json_text.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace holdfast::gateway {
namespace {

using namespace std::string_view_literals;

TEST(JsonText, AcceptsEveryKindOfValue) {
  JsonText text(1024);
  for (const std::string_view json :
       {"null"sv, "true"sv, " false\n"sv, "0"sv, "-1.5E-7"sv, "1e999"sv, "99999999999999999999999"sv,
        "\"\""sv, "\"\\u00e4\\ud800\""sv, "[]"sv, "{}"sv, "\r\n{\"a\":[1,{\"b\":\"]\"}]}\t"sv, "\"],[\""sv}) {
    EXPECT_TRUE(text.valid(json)) << json;
  }
}

TEST(JsonText, RefusesEverythingElse) {
  JsonText text(1024);
  for (const std::string_view json : {""sv,     " "sv,       "nul"sv,    "truefalse"sv, "1 2"sv,
                                      "1,2"sv,  ","sv,       "]"sv,      "],["sv,       "1],[2"sv,
                                      "[1"sv,   "{"sv,       "01"sv,     "1."sv,        "hello"sv,
                                      "\"a"sv,  "\"\\x\""sv, "\"\n\""sv, "\"\xff\""sv,  "{}{}"sv,
                                      "{}\0"sv, "{\"a\"}"sv, "{a:1}"sv,  "[1,]"sv,      "\xef\xbb\xbf{}"sv}) {
    EXPECT_FALSE(text.valid(json)) << json;
  }
}

TEST(JsonText, RefusesWhatIsLongerOrDeeperThanItsBounds) {
  JsonText text(10);
  EXPECT_TRUE(text.valid("\"12345678\""));
  EXPECT_FALSE(text.valid("\"123456789\""));
  JsonText deep(1'000'000);
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(deep.valid(nested(kJsonDepthMaximum)));
  EXPECT_FALSE(deep.valid(nested(kJsonDepthMaximum + 1)));
  EXPECT_FALSE(deep.valid(nested(500'000)));
  EXPECT_FALSE(deep.valid(std::string(1'000'000, '[')));
  EXPECT_TRUE(deep.valid("{}")) << "a refusal must not stick";
}

TEST(JsonText, LosesItsLineBreaksAndNothingElse) {
  std::string out = "x";
  append_without_line_breaks(out, "{\r\n \"a\":\n\n1,\r\"b\":\"\\n\"}\n");
  EXPECT_EQ(out, R"(x{ "a":1,"b":"\n"})");
  append_without_line_breaks(out, "");
  append_without_line_breaks(out, "\n");
  EXPECT_EQ(out, R"(x{ "a":1,"b":"\n"})");
}

}  // namespace
}  // namespace holdfast::gateway
