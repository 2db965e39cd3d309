// Parameters of a query: which one counts, and how it is spelled.
#include "http/query.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Query, ParametersAreFoundByTheirWholeNameAndTheFirstCounts) {
  EXPECT_EQ(find_parameter("a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(find_parameter("a=1&b=2&a=3", "b"), "2");
  EXPECT_EQ(find_parameter("xa=1&ax=2", "a"), std::nullopt);
  EXPECT_EQ(find_parameter("", "a"), std::nullopt);
  EXPECT_EQ(find_parameter("&&a=b=c&", "a"), "b=c");
  EXPECT_EQ(find_parameter("a", "a"), "");
  EXPECT_EQ(find_parameter("a=", "a"), "");
  EXPECT_EQ(find_parameter("a=%41", "a"), "%41");
}

TEST(Query, ValuesAreDecoded) {
  EXPECT_EQ(decode_parameter("a=1&b=%7B%22x%22%3a1%7D&b=2", "b"), R"({"x":1})");
  EXPECT_EQ(decode_parameter("a=b+c%2B", "a"), "b c+");
  EXPECT_EQ(decode_parameter("a=%00%ff", "a"), std::string("\x00\xff", 2));
  EXPECT_EQ(decode_parameter("a", "a"), "");
  EXPECT_EQ(decode_parameter("", "a"), std::nullopt);
}

TEST(Query, ABadlyEncodedValueIsNone) {
  for (const std::string_view bad : {"a=%", "a=%1", "a=%zz", "a=%1z", "a=%z1", "a=x%4&b=1"}) {
    EXPECT_EQ(decode_parameter(bad, "a"), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace holdfast::http
