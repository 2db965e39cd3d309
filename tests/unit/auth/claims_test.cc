// What is taken out of a verified payload, and which payloads are refused.
#include "auth/claims.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/token.h"
#include "signer.h"

namespace holdfast::auth {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kSecret = "a secret of more than 32 bytes, as it should be";

// One verifier for all reads of a test, so that what an earlier token left behind would show.
class ClaimsTest : public testing::Test {
 protected:
  ClaimsTest() {
    const KeySource source{.kind = KeySource::Kind::hmac_secret, .name = "secret", .text = kSecret};
    keys_ = *Keys::load({&source, 1});
  }
  std::string_view read_connection(std::string_view payload) {
    return verifier_.verify(signer_.token(payload), keys_, kNow, {}, connection_).reason;
  }
  std::string_view read_subscription(std::string_view payload) {
    return verifier_.verify(signer_.token(payload), keys_, kNow, {}, subscription_).reason;
  }
  Signer signer_ = Signer::hmac(kSecret);
  Keys keys_;
  TokenVerifier verifier_;
  ConnectionClaims connection_;
  SubscriptionClaims subscription_;
};
using ConnectionToken = ClaimsTest;
using SubscriptionToken = ClaimsTest;

TEST_F(ConnectionToken, CarriesAllItsClaims) {
  EXPECT_EQ(read_connection(R"({"sub":"42","exp":1800000100,"nbf":1799999999,"iat":1799999998,"jti":"id",
    "aud":["a","b"],"iss":"i","info":{"name": "A B"},"meta":[1, 2],"channels":["news","chat:1"],
    "subs":{"s1":{},"s2":{"info":7,"data":{"x":[]},"override":{"presence":{"value":true},
    "join_leave":{"value":false},"force_recovery":{"value":true},"force_positioning":{"value":false},
    "force_push_join_leave":{"value":true}}}},"expire_at":1800000200,"custom":{"claim":true}})"),
            "");
  EXPECT_EQ(connection_.user, "42");
  EXPECT_EQ(connection_.expires_at_s, 1800000100);
  EXPECT_EQ(connection_.not_before_s, 1799999999);
  EXPECT_EQ(connection_.issued_at_s, 1799999998);
  EXPECT_EQ(connection_.token_id, "id");
  EXPECT_EQ(connection_.audiences, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(connection_.issuer, "i");
  EXPECT_EQ(connection_.info.bytes, R"({"name": "A B"})");
  EXPECT_TRUE(connection_.info.is_json);
  EXPECT_EQ(connection_.meta, "[1, 2]");
  EXPECT_EQ(connection_.channels, (std::vector<std::string_view>{"news", "chat:1"}));
  EXPECT_EQ(connection_.ends_at_s(), 1800000200);
  ASSERT_EQ(connection_.subscriptions.size(), 2u);
  const ServerSubscription& plain = connection_.subscriptions[0];
  EXPECT_EQ(plain.channel, "s1");
  EXPECT_TRUE(plain.info.empty());
  EXPECT_TRUE(plain.data.empty());
  EXPECT_EQ(plain.overrides.presence, std::nullopt);
  const ServerSubscription& full = connection_.subscriptions[1];
  EXPECT_EQ(full.channel, "s2");
  EXPECT_EQ(full.info.bytes, "7");
  EXPECT_EQ(full.data.bytes, R"({"x":[]})");
  EXPECT_EQ(full.overrides.presence, true);
  EXPECT_EQ(full.overrides.join_leave, false);
  EXPECT_EQ(full.overrides.force_recovery, true);
  EXPECT_EQ(full.overrides.force_positioning, false);
  EXPECT_EQ(full.overrides.force_push_join_leave, true);
}

TEST_F(ConnectionToken, MayBeEmpty) {
  EXPECT_EQ(read_connection("{}"), "");
  EXPECT_EQ(connection_.user, "");
  EXPECT_EQ(connection_.ends_at_s(), 0);
  EXPECT_TRUE(connection_.info.empty());
  EXPECT_TRUE(connection_.meta.empty());
}

TEST_F(ConnectionToken, EndsWithExpireAtBeforeExpAndNeverAtZero) {
  for (const auto& [payload, ends_at_s] : std::vector<std::pair<std::string_view, std::int64_t>>{
           {R"({"exp":1900000000})", 1900000000},
           {R"({"exp":1900000000,"expire_at":0})", 0},
           {R"({"expire_at":0})", 0},
           {R"({"exp":1900000000,"expire_at":1850000000})", 1850000000},
           {R"({"exp":1900000000,"expire_at":1950000000})", 1950000000},
           {R"({"expire_at":1850000000.25})", 1850000001},
           {R"({"expire_at":-5})", 1},
           {R"({"expire_at":-0.25})", 1},
           {R"({"expire_at":-1e300})", 1},
           {R"({"expire_at":1e300})", kDateMaximum_s},
           {R"({"exp":18446744073709551615})", kDateMaximum_s}}) {
    EXPECT_EQ(read_connection(payload), "") << payload;
    EXPECT_EQ(connection_.ends_at_s(), ends_at_s) << payload;
  }
}

TEST_F(ConnectionToken, HandsOnInfoAndMetaAsTheyWereWritten) {
  for (const std::string json :
       {"{}", "[]", "7", "-0.0", "1e2", "true", "false", "\"\"", R"("a\u0041\n")",
        R"({"a":{"b":[1,2,{"c":null}]} , "d" : "}]" })", R"(["\"", "\\"])", "\"\xc3\xa4\"", "[ 1 ,\t2 ]"}) {
    for (const std::string end : {"}", " }", ",\"z\":1}", "\n ,\"z\":1}"}) {
      EXPECT_EQ(read_connection("{\"sub\":\"u\",\"info\": " + json + end), "") << json;
      EXPECT_EQ(connection_.info.bytes, json);
      EXPECT_EQ(read_connection("{\"meta\":" + json + end), "") << json;
      EXPECT_EQ(connection_.meta, json);
    }
  }
  EXPECT_EQ(read_connection(R"({"info":null,"meta":null})"), "");
  EXPECT_TRUE(connection_.info.empty());
  EXPECT_TRUE(connection_.meta.empty());
}

// A frame of the JSON protocol ends at a line break, so one inside would tear it.
TEST_F(ConnectionToken, PutsInfoOnOneLine) {
  EXPECT_EQ(
      read_connection(
          "{\n  \"info\": {\n    \"name\": \"A B\",\r\n    \"x\": [1,\n2]\n  },\n  \"meta\": [\n3 ]\n}"),
      "");
  EXPECT_EQ(connection_.info.bytes, R"({"name":"A B","x":[1,2]})");
  EXPECT_EQ(connection_.meta, "[3]");
  EXPECT_EQ(read_connection(R"({"b64info":"eyJhIjoKMX0="})"), "");  // {"a":\n1}
  EXPECT_EQ(connection_.info.bytes, R"({"a":1})");
}

TEST_F(ConnectionToken, PutsTheLargestPrettyPrintedInfoOnOneLine) {
  std::string info = "[";
  std::size_t lines = 1;
  for (; info.size() < 11'000; ++lines) info += "\n1,";
  info += "\n1]";
  EXPECT_EQ(read_connection("{\"info\":" + info + "}"), "");
  EXPECT_EQ(connection_.info.bytes.size(), info.size() - lines);
  EXPECT_EQ(connection_.info.bytes.find('\n'), std::string_view::npos);
}

TEST_F(ConnectionToken, TakesInfoFromB64InfoWhereBothAreThere) {
  EXPECT_EQ(read_connection(R"({"b64info":"eyJhIjoxfQ==","info":{"b":2}})"), "");
  EXPECT_EQ(connection_.info.bytes, R"({"a":1})");
  EXPECT_TRUE(connection_.info.is_json);
  EXPECT_EQ(read_connection(R"({"b64info":"","info":{"b":2}})"), "");
  EXPECT_EQ(connection_.info.bytes, R"({"b":2})");
  EXPECT_EQ(read_connection(R"({"b64info":"AP8="})"), "");
  EXPECT_EQ(connection_.info.bytes, std::string_view("\0\xff", 2));
  EXPECT_FALSE(connection_.info.is_json);
  EXPECT_EQ(read_connection(R"({"subs":{"c":{"b64info":"MQ==","b64data":"Zm9v"}}})"), "");
  EXPECT_EQ(connection_.subscriptions[0].info.bytes, "1");
  EXPECT_EQ(connection_.subscriptions[0].data.bytes, "foo");
  EXPECT_FALSE(connection_.subscriptions[0].data.is_json);
  for (const std::string_view base64 : {"eyJhIjoxfQ", "AP8", "AP9=", "-_-_", "A P8=", "===="}) {
    EXPECT_EQ(read_connection(R"({"b64info":")" + std::string(base64) + "\"}"), "a b64 claim is not base64");
  }
}

TEST_F(ConnectionToken, UnderstandsEscapesInNamesAndTexts) {
  EXPECT_EQ(read_connection(R"({"\u0073ub":"a\u00e4\/\ud83d\ude00\"","channels":["\u0061"]})"), "");
  EXPECT_EQ(connection_.user, "a\xc3\xa4/\xf0\x9f\x98\x80\"");
  EXPECT_EQ(connection_.channels[0], "a");
}

TEST_F(ConnectionToken, CannotBeASubscriptionToken) {
  for (const std::string_view channel : {R"("news")", R"("")", "null", "7"}) {
    EXPECT_EQ(read_connection(R"({"sub":"u","channel":)" + std::string(channel) + "}"),
              "it is a subscription token");
  }
}

TEST_F(ConnectionToken, IsOneValidObject) {
  const std::string deepest = std::string(31, '[') + "7" + std::string(31, ']');
  const std::string too_deep = "[" + deepest + "]";
  EXPECT_EQ(read_connection("{\"x\":" + deepest + ",\"info\":" + deepest + "}"), "");
  for (const std::string& payload : {std::string("7"),
                                     std::string("null"),
                                     std::string("\"sub\""),
                                     std::string("[]"),
                                     std::string("[{}]"),
                                     std::string("{"),
                                     std::string("{}{}"),
                                     std::string("{} x"),
                                     std::string("{\"sub\":}"),
                                     std::string("{\"sub\"}"),
                                     std::string("{sub:\"u\"}"),
                                     std::string("{\"sub\":\"u\",}"),
                                     std::string("{\"sub\":\"u\n\"}"),
                                     std::string("{\"sub\":\"\xff\"}"),
                                     std::string("{\"sub\":\"\xed\xa0\x80\"}"),
                                     std::string("{\"sub\":\"\\ud800\"}"),
                                     std::string("{\"sub\":\"\\x\"}"),
                                     std::string("{}\0", 3),
                                     std::string("\xef\xbb\xbf{}"),
                                     std::string("{\"info\":{\"a\":}}"),
                                     std::string("{\"info\":[1 2]}"),
                                     std::string("{\"x\":tru}"),
                                     std::string("{\"x\":01}"),
                                     std::string("{\"x\":[}"),
                                     std::string("{\"info\":{\"a\":1]}"),
                                     std::string(" "),
                                     "{\"x\":" + too_deep + "}",
                                     "{\"info\":" + too_deep + "}",
                                     std::string(12'000, '['),
                                     std::string(12'000, '{')}) {
    EXPECT_EQ(read_connection(payload), "its JSON is not one valid object") << payload;
  }
}

TEST_F(ConnectionToken, HasNoClaimTwice) {
  for (const std::string_view payload :
       {R"({"sub":"a","sub":"b"})", R"({"sub":"a","sub":"a"})", R"({"sub":"a","\u0073ub":"b"})",
        R"({"exp":1900000000,"x":1,"exp":1900000001})", R"({"custom":1,"custom":2})", R"({"":1,"":2})",
        R"({"subs":{"a":{},"b":{},"a":{}}})", R"({"subs":{"a":{"info":1,"info":2}}})",
        R"({"subs":{"a":{"override":{"presence":{"value":true},"presence":{"value":true}}}}})",
        R"({"subs":{"a":{"override":{"presence":{"value":true,"value":false}}}}})"}) {
    EXPECT_EQ(read_connection(payload), "a member of its JSON is there twice") << payload;
  }
  EXPECT_EQ(read_connection(R"({"info":{"a":1,"a":2}})"), "") << "what is in info is the application's";
}

TEST_F(ConnectionToken, HasClaimsOfTheirTypes) {
  for (const std::string_view payload : {R"({"sub":42})",
                                         R"({"sub":null})",
                                         R"({"sub":["u"]})",
                                         R"({"sub":{}})",
                                         R"({"sub":true})",
                                         R"({"jti":1})",
                                         R"({"iss":1})",
                                         R"({"aud":1})",
                                         R"({"aud":{}})",
                                         R"({"aud":[null]})",
                                         R"({"b64info":1})",
                                         R"({"b64info":null})",
                                         R"({"channels":"a"})",
                                         R"({"channels":[1]})",
                                         R"({"channels":{}})",
                                         R"({"channels":null})",
                                         R"({"subs":[]})",
                                         R"({"subs":["a"]})",
                                         R"({"subs":{"a":1}})",
                                         R"({"subs":{"a":null}})",
                                         R"({"subs":{"a":{"override":[]}}})",
                                         R"({"subs":{"a":{"override":{"presence":true}}}})",
                                         R"({"subs":{"a":{"override":{"presence":{}}}}})",
                                         R"({"subs":{"a":{"override":{"presence":{"value":1}}}}})",
                                         R"({"subs":{"a":{"b64data":7}}})",
                                         R"({"expire_at":"0"})",
                                         R"({"expire_at":null})"}) {
    EXPECT_EQ(read_connection(payload), "a claim has the wrong type") << payload;
  }
  EXPECT_EQ(read_connection(R"({"client":7,"data":7,"override":7,"subs":{"a":{"x":7,"override":{"y":7}}}})"),
            "")
      << "what is not known here may have any type";
}

TEST_F(ConnectionToken, MayListManyChannels) {
  std::string channels;
  std::string subscriptions;
  for (int i = 0; i < 500; ++i) {
    channels += (i == 0 ? "" : ",") + ("\"c" + std::to_string(i) + "\"");
    subscriptions += (i == 0 ? "" : ",") + ("\"s" + std::to_string(i) + "\":{}");
  }
  EXPECT_EQ(read_connection("{\"channels\":[" + channels + "],\"subs\":{" + subscriptions + "}}"), "");
  ASSERT_EQ(connection_.channels.size(), 500u);
  ASSERT_EQ(connection_.subscriptions.size(), 500u);
  EXPECT_EQ(connection_.channels[499], "c499");
  EXPECT_EQ(connection_.subscriptions[499].channel, "s499");
}

TEST_F(SubscriptionToken, CarriesAllItsClaims) {
  EXPECT_EQ(read_subscription(R"({"sub":"42","channel":"$chat","exp":1800000100,"info":{"a":1},"data":[7],
    "expire_at":0,"client":"c-1","override":{"force_positioning":{"value":true},"future":1},"iss":"i"})"),
            "");
  EXPECT_EQ(subscription_.user, "42");
  EXPECT_EQ(subscription_.channel, "$chat");
  EXPECT_EQ(subscription_.expires_at_s, 1800000100);
  EXPECT_EQ(subscription_.ends_at_s(), 0);
  EXPECT_EQ(subscription_.info.bytes, R"({"a":1})");
  EXPECT_EQ(subscription_.data.bytes, "[7]");
  EXPECT_EQ(subscription_.client, "c-1");
  EXPECT_EQ(subscription_.overrides.force_positioning, true);
  EXPECT_EQ(subscription_.overrides.presence, std::nullopt);
  EXPECT_EQ(subscription_.issuer, "i");
  EXPECT_EQ(read_subscription(R"({"channel":"c","b64info":"MQ==","b64data":"AP8="})"), "");
  EXPECT_EQ(subscription_.info.bytes, "1");
  EXPECT_EQ(subscription_.data.bytes, std::string_view("\0\xff", 2));
  EXPECT_FALSE(subscription_.data.is_json);
  EXPECT_EQ(subscription_.client, "");
}

TEST_F(SubscriptionToken, NamesAChannel) {
  EXPECT_EQ(read_subscription("{}"), "it is not a subscription token: it has no channel");
  EXPECT_EQ(read_subscription(R"({"sub":"u","channel":""})"),
            "it is not a subscription token: it has no channel");
  for (const std::string_view payload :
       {R"({"channel":null})", R"({"channel":7})", R"({"channel":["c"]})", R"({"channel":"c","client":7})",
        R"({"channel":"c","client":null})", R"({"channel":"c","b64data":1})",
        R"({"channel":"c","override":true})", R"({"channel":"c","override":{"presence":null}})"}) {
    EXPECT_EQ(read_subscription(payload), "a claim has the wrong type") << payload;
  }
  EXPECT_EQ(read_subscription(R"({"channel":"c","channel":"d"})"), "a member of its JSON is there twice");
  EXPECT_EQ(read_subscription(R"({"channel":"c","b64data":"?"})"), "a b64 claim is not base64");
}

TEST_F(SubscriptionToken, ExpiresLikeAnyOther) {
  EXPECT_EQ(
      verifier_.verify(signer_.token(R"({"channel":"c","exp":1})"), keys_, kNow, {}, subscription_).outcome,
      Outcome::expired);
  EXPECT_EQ(subscription_.channel, "");
  EXPECT_EQ(
      verifier_.verify(signer_.token(R"({"channel":"c"})"), keys_, kNow, {.audience = "a"}, subscription_)
          .outcome,
      Outcome::invalid);
}

}  // namespace
}  // namespace holdfast::auth
