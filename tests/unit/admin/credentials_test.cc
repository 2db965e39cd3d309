// The API's key: where it may stand, and what is not it.
#include "admin/credentials.h"

#include <gtest/gtest.h>

namespace holdfast::admin {
namespace {

gateway::ApiSettings settings_with(const std::string& key, const std::string& previous = "") {
  gateway::ApiSettings settings;
  settings.key.text = key;
  settings.previous_key.text = previous;
  return settings;
}

bool allows(const std::string& target, const std::string& fields, const gateway::ApiSettings& settings) {
  const std::string text = "POST " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
  http::RequestHead head;
  EXPECT_EQ(http::parse_head(text, head), http::Status::none);
  return authorized(head, settings);
}

TEST(Credentials, AKeyMayStandInThreePlaces) {
  const auto settings = settings_with("a key of words+");
  EXPECT_TRUE(allows("/api", "X-API-Key: a key of words+\r\n", settings));
  EXPECT_TRUE(allows("/api", "Authorization: apikey a key of words+\r\n", settings));
  EXPECT_TRUE(allows("/api", "authorization: APIKEY a key of words+\r\n", settings));
  EXPECT_TRUE(allows("/api?x=1&api_key=a+key%20of+words%2b", "", settings));
}

TEST(Credentials, AnythingElseIsNotTheKey) {
  const auto settings = settings_with("0123456789abcdef");
  for (const std::string_view key : {"", "0", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcde"}) {
    EXPECT_FALSE(allows("/api", "X-API-Key: " + std::string(key) + "\r\n", settings)) << key;
  }
  EXPECT_FALSE(allows("/api", "", settings));
  EXPECT_FALSE(allows("/api", "Authorization: 0123456789abcdef\r\n", settings));
  EXPECT_FALSE(allows("/api", "Authorization: Bearer 0123456789abcdef\r\n", settings));
  EXPECT_FALSE(allows("/api?api_key=%30123456789abcde", "", settings));
  EXPECT_FALSE(allows("/api?api_key=0123456789abcdef%", "", settings));
  EXPECT_FALSE(allows("/api?xapi_key=0123456789abcdef", "", settings));
  // The first that is there counts.
  EXPECT_FALSE(allows("/api?api_key=0123456789abcdef", "X-API-Key: wrong\r\n", settings));
}

TEST(Credentials, ThePreviousKeyStillWorks) {
  const auto settings = settings_with("new key new key ", "old key old key ");
  EXPECT_TRUE(allows("/api?api_key=new+key+new+key+", "", settings));
  EXPECT_TRUE(allows("/api?api_key=old+key+old+key+", "", settings));
}

TEST(Credentials, WithoutAKeyNobodyIsLetIn) {
  EXPECT_FALSE(allows("/api", "X-API-Key:\r\n", settings_with("")));
  EXPECT_FALSE(allows("/api?api_key=", "", settings_with("")));
  EXPECT_FALSE(allows("/api?api_key", "", settings_with("")));
}

TEST(Credentials, DrawnSecretsDiffer) {
  const std::string secret = draw_secret();
  EXPECT_EQ(secret.size(), 32u);
  EXPECT_EQ(secret.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(secret, draw_secret());
}

}  // namespace
}  // namespace holdfast::admin
