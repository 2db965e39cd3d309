// Glob patterns, as a table, and their time.
#include "gateway/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::gateway {
namespace {

TEST(Glob, MatchesWholeNames) {
  struct Case {
    std::string_view pattern, text;
    bool expected;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"news", "news", true},
      {"news", "new", false},
      {"news", "newsy", false},
      {"*", "", true},
      {"*", "anything", true},
      {"chat:*", "chat:", true},
      {"chat:*", "chat:room", true},
      {"chat:*", "chats:room", false},
      {"*room", "chat:room", true},
      {"*room", "chat:rooms", false},
      {"a*b*c", "a1b2b3c", true},
      {"a*b*c", "a1c2b", false},
      {"**", "x", true},
      {"?", "x", true},
      {"?", "", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[abc]x", "bx", true},
      {"[abc]x", "dx", false},
      {"[a-c]", "b", true},
      {"[a-c]", "d", false},
      {"[!a-c]", "d", true},
      {"[!a-c]", "a", false},
      {"[^a]", "b", true},
      {"[]a]", "]", true},
      {"[a-]", "-", true},
      {"[a", "[a", true},
      {"[a", "a", false},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"a\\", "a\\", true},
      {"\\[a]", "[a]", true},
      {"*[0-9]", "room9", true},
      {"*[0-9]", "room", false},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(glob_matches(one.pattern, one.text), one.expected) << one.pattern << " on " << one.text;
  }
}

TEST(Glob, DoesNotTakeExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(255, 'a')));
  EXPECT_TRUE(glob_matches(pattern, std::string(255, 'a')));
}

}  // namespace
}  // namespace holdfast::gateway
