// The Origin policy: exact allow-list, same origin by default, nothing but ASCII scheme://host[:port].
#include "http/origin.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::http {
namespace {

// The verdict on a request with this Host and these Origin fields.
bool allowed(const OriginPolicy& policy, std::string_view host, const std::vector<std::string>& origins) {
  RequestHead request;
  request.fields[request.field_count++] = {"Host", host};
  for (const std::string& origin : origins) request.fields[request.field_count++] = {"oRigin", origin};
  return origin_allowed(request, policy);
}

bool same_origin(std::string_view host, const std::string& origin) {
  return allowed({}, host, {origin});
}

TEST(Origin, MatchesTheAllowListExactlyButForTheCaseOfSchemeAndHost) {
  const OriginPolicy policy{.allowed = {"https://Example.com", "http://localhost:3000", "app://desktop"}};
  for (const std::string origin :
       {"https://example.com", "HTTPS://EXAMPLE.COM", "http://localhost:3000", "app://desktop"}) {
    EXPECT_TRUE(allowed(policy, "h", {origin})) << origin;
  }
  for (const std::string origin :
       {"http://example.com", "https://example.com:443", "https://example.com:8443", "https://example.com.",
        "https://example.com/", "https://www.example.com", "https://example.co",
        "https://example.com.evil.example", "https://evil.example", "http://localhost",
        "http://localhost:30000", "http://localhost:3001", "example.com", "//example.com",
        "https:example.com", "https://example.com https://example.com", "null", "", "*"}) {
    EXPECT_FALSE(allowed(policy, "example.com", {origin})) << origin;
  }
}

TEST(Origin, RefusesNullAndMalformedOriginsEvenWhenTheyAreListed) {
  const OriginPolicy policy{.allowed = {"null", "https://ex\xd0\xb0mple.com", "https://a/", ""}};
  for (const std::string origin : {"null", "https://ex\xd0\xb0mple.com", "https://a/", ""}) {
    EXPECT_FALSE(allowed(policy, "h", {origin})) << origin;
  }
}

TEST(Origin, LetsEveryOriginPassAStar) {
  const OriginPolicy policy{.allowed = {"https://a.example", "*"}};
  for (const std::string origin : {"https://b.example", "null", "https://ex\xd0\xb0mple.com", "nonsense"}) {
    EXPECT_TRUE(allowed(policy, "h", {origin})) << origin;
  }
}

TEST(Origin, RefusesMoreThanOneFieldWhateverThePolicy) {
  EXPECT_FALSE(allowed({.allowed = {"*"}}, "h", {"https://a", "https://a"}));
  EXPECT_FALSE(allowed({}, "a", {"https://a", "https://a"}));
}

TEST(Origin, LeavesItToThePolicyWhetherItMayBeMissing) {
  EXPECT_TRUE(allowed({}, "h", {}));
  EXPECT_TRUE(allowed({.allowed = {"https://a"}}, "h", {}));
  EXPECT_FALSE(allowed({.allow_missing = false}, "h", {}));
  EXPECT_FALSE(allowed({.allowed = {"*"}, .allow_missing = false}, "h", {}));
}

TEST(Origin, TreatsTheDefaultPortOfTheSchemeAsGiven) {
  for (const auto& [host, origin] :
       std::vector<std::pair<std::string_view, std::string>>{{"example.com", "http://example.com"},
                                                             {"example.com:80", "http://example.com"},
                                                             {"example.com", "http://example.com:80"},
                                                             {"example.com:443", "https://example.com"},
                                                             {"example.com", "https://example.com:443"},
                                                             {"example.com", "ws://example.com:80"},
                                                             {"example.com:443", "wss://example.com"},
                                                             {"EXAMPLE.com:8000", "http://example.COM:8000"},
                                                             {"127.0.0.1:8000", "http://127.0.0.1:8000"},
                                                             {"[::1]:8000", "http://[::1]:8000"},
                                                             {"[2001:DB8::1]", "https://[2001:db8::1]"}}) {
    EXPECT_TRUE(same_origin(host, origin)) << host << " " << origin;
  }
}

TEST(Origin, RefusesAnotherHostAnotherPortAndWhatIsNoWebOriginByDefault) {
  for (const auto& [host, origin] : std::vector<std::pair<std::string_view, std::string>>{
           {"example.com", "http://example.com:8000"},
           {"example.com:8000", "http://example.com"},
           {"example.com:443", "http://example.com"},
           {"example.com:80", "https://example.com"},
           {"example.com", "https://example.org"},
           {"example.com", "ftp://example.com"},
           {"example.com", "app://example.com"},
           {"example.com", "https://example.com:0"},
           {"example.com", "https://example.com:"},
           {"example.com:", "https://example.com"},
           {"example.com", "https://example.com:0443"},
           {"example.com", "https://example.com:65979"},  // 443 + 65536
           {"example.com", "https://example.com:443443"},
           {"example.com", "https://example.com:44 3"},
           {"example.com", "https://user@example.com"},
           {"example.com", "https://example.com?"},
           {"example.com", "https://example.com#"},
           {"example.com", "https://"},
           {"example.com", "://example.com"},
           {"example.com", "https://.example.com"},
           {"[::1]:8000", "http://::1:8000"},
           {"[::1]", "http://[::1"},
           {"[::1]", "http://[::1]x"},
           {"[]", "http://[]"},
           {"", "http://"},
           {"a]", "http://a]"}}) {
    EXPECT_FALSE(same_origin(host, origin)) << host << " " << origin;
  }
}

TEST(Origin, TellsEntriesThatCanMatchFromThoseThatCannot) {
  for (const std::string_view entry :
       {"*", "https://a.example", "http://localhost:3000", "http://[::1]:1", "app://x"}) {
    EXPECT_TRUE(valid_allowed_origin(entry)) << entry;
  }
  for (const std::string_view entry : {"", "null", "a.example", "https://a.example/", "https://*.a.example/x",
                                       "https://\xd0\xb0.example", "https://a:99999"}) {
    EXPECT_FALSE(valid_allowed_origin(entry)) << entry;
  }
}

}  // namespace
}  // namespace holdfast::http
