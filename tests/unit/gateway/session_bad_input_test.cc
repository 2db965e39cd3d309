// What clients should not send, over a real connection, in both encodings: every command without its fields,
// with fields of other types, twice, unknown; bytes that are no commands; tokens of every bad kind; names
// that are nearly the same. Each has its documented answer, and others on the server notice nothing.
#include <cstdio>

#include "absl/strings/escaping.h"
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

using auth::Signer;

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
[namespaces.open]
history_size = 10
history_ttl = "1m"
presence = true
subscribe = ["anybody"]
publish = ["anybody"]
read_presence = ["anybody"]
read_history = ["anybody"]
)";
constexpr const char* kBadRequest = "close 3501 bad request";

class BadInputTest : public SessionTest {
 protected:
  // The answer to one command of a connected client.
  std::string answer(std::string_view command) { return connected()->ask(command); }

  // Somebody who has done nothing wrong is served as before.
  void expect_others_unhurt(ProtocolClient& other) {
    EXPECT_EQ(other.ask(R"({"rpc":{"method":"x"},"id":7})"),
              R"({"id":7,"error":{"code":104,"message":"method not found"}})");
  }
};

TEST_F(BadInputTest, EachCommandWithoutItsFieldsHasItsAnswer) {
  start(kSettings);
  auto other = connected();
  const struct {
    const char *command, *expected;
  } cases[] = {
      {"connect", kBadRequest},
      {"subscribe", kBadRequest},
      {"unsubscribe", kBadRequest},
      {"publish", kBadRequest},
      {"presence", kBadRequest},
      {"presence_stats", kBadRequest},
      {"history", kBadRequest},
      {"sub_refresh", kBadRequest},
      {"ping", R"({"id":2,"error":{"code":108,"message":"not available"}})"},
      {"send", "close 3508 not available"},
      {"rpc", R"({"id":2,"error":{"code":104,"message":"method not found"}})"},
      {"refresh", R"({"id":2,"error":{"code":107,"message":"bad request"}})"},
  };
  for (const auto& wrong : cases) {
    EXPECT_EQ(answer(absl::StrCat("{\"", wrong.command, "\":{},\"id\":2}")), wrong.expected) << wrong.command;
    // Anything but an object cannot be read at all.
    for (const char* value : {"1", "\"x\"", "[]", "true"}) {
      EXPECT_EQ(answer(absl::StrCat("{\"", wrong.command, "\":", value, ",\"id\":2}")), kBadRequest)
          << wrong.command << " " << value;
    }
  }
  expect_others_unhurt(*other);
}

TEST_F(BadInputTest, FieldsOfAnotherTypeClose) {
  start(kSettings);
  auto other = connected();
  for (const char* command :
       {R"({"subscribe":{"channel":5},"id":2})", R"({"subscribe":{"channel":"open:a","recover":1},"id":2})",
        R"({"subscribe":{"channel":"open:a","offset":"1"},"id":2})",
        R"({"subscribe":{"channel":"open:a","offset":-1},"id":2})",
        R"({"subscribe":{"channel":"open:a","offset":18446744073709551616},"id":2})",
        R"({"unsubscribe":{"channel":{}},"id":2})", R"({"publish":{"channel":["open:a"],"data":1},"id":2})",
        R"({"presence":{"channel":true},"id":2})", R"({"presence_stats":{"channel":1},"id":2})",
        R"({"history":{"channel":"open:a","limit":"3"},"id":2})",
        R"({"history":{"channel":"open:a","limit":1.5},"id":2})",
        R"({"history":{"channel":"open:a","since":7},"id":2})", R"({"rpc":{"method":1},"id":2})",
        R"({"refresh":{"token":1},"id":2})", R"({"sub_refresh":{"channel":"open:a","token":[]},"id":2})",
        R"({"publish":{"channel":"open:a","data":1},"id":"2"})",
        R"({"publish":{"channel":"open:a","data":1},"id":4294967296})"}) {
    EXPECT_EQ(answer(command), kBadRequest) << command;
  }
  expect_others_unhurt(*other);
}

TEST_F(BadInputTest, UnknownFieldsAreSkippedAndOfRepeatedOnesTheLastCounts) {
  start(kSettings);
  EXPECT_EQ(answer(R"({"x":{"y":[1,{"z":null}]},"subscribe":{"channel":"open:a","later":{}},"id":2})"),
            R"({"id":2,"subscribe":{}})");
  auto client = connected();
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"no:a","channel":"open:a"},"id":2,"id":3})"),
            R"({"id":3,"subscribe":{}})");
  EXPECT_EQ(client->ask(R"({"subscribe":{"channel":"open:a"},"id":4})"),
            R"({"id":4,"error":{"code":105,"message":"already subscribed"}})");
}

TEST_F(BadInputTest, DeepHugeAndBrokenJsonCloses) {
  start(kSettings);
  auto other = connected();
  const std::string deep(20'000, '[');
  for (const std::string& broken :
       {absl::StrCat("{\"publish\":{\"channel\":\"open:a\",\"data\":", deep, std::string(20'000, ']'),
                     "},\"id\":2}"),
        absl::StrCat("{\"publish\":{\"channel\":\"open:a\",\"data\":", deep, "},\"id\":2}"),
        std::string("{\"publish\":{\"channel\":\"open:a\",\"data\":{\"a\":}},\"id\":2}"),
        std::string("{\"publish\":{\"channel\":\"open:a\",\"data\":\"\\ud800\"},\"id\":2"),
        std::string("{\"subscribe\":{\"channel\":\"\\u0000\"},\"id\":2}}"), std::string("\n\n"),
        std::string("nul"), std::string("{\"id\":2,\"subscribe\":{\"channel\":\"open:a\"}} x")}) {
    EXPECT_EQ(answer(broken), kBadRequest) << broken.substr(0, 80);
  }
  auto huge = connected();
  huge->send_announced(64 * 1024 + 1);
  EXPECT_TRUE(huge->message().starts_with("close 1009 "));
  expect_others_unhurt(*other);
}

TEST_F(BadInputTest, BrokenProtobufCloses) {
  start(kSettings);
  auto other = connected();
  using namespace std::string_view_literals;
  for (const std::string_view broken : {
           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,              // a length of eleven bytes
           "\x80"sv,                                                      // a length that does not end
           "\x06\x08\x01\x22"sv,                                          // less than its length says
           "\x02\x08\x80"sv,                                              // an id that does not end
           "\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,      // an id of eleven bytes
           "\x04\x08\x02\x2a\x7f"sv,                                      // a request past the end
           "\x06\x08\x02\x2a\x02\x0a\x05"sv,                              // a channel past the end
           "\x07\x08\x02\x2a\x03\x0a\x01\xff"sv,                          // a channel that is no UTF-8
           "\x02\x08\x02"sv,                                              // no request before connect
           "\x03\x08\x02\x0f"sv,                                          // a wire type there is not
           "\x0c\x08\x02\x2a\x08\x0a\x06open:a"sv,                        // a command before connect
           "\x06\x08\x01\x22\x02\x32\x00\x06\x08\x02\x22\x02\x32\x00"sv,  // a second connect
       }) {
    auto client = open_protobuf();
    client->send(broken);
    std::string frame = client->frame();
    if (broken.starts_with("\x06\x08\x01\x22\x02"sv)) frame = client->frame();
    EXPECT_EQ(frame, kBadRequest) << absl::CEscape(absl::string_view(broken.data(), broken.size()));
  }
  expect_others_unhurt(*other);
}

TEST_F(BadInputTest, NamesThatAreNearlyTheSameAreDifferentChannels) {
  start(kSettings);
  auto client = connected();
  const std::vector<std::string> names = {"open:a", "open:A",  "open:a ",  "open: a", "open::a", "open:a:",
                                          "open:",  "open:aa", "open:a.a", "open:-a", "open:a0"};
  int id = 1;
  for (const std::string& name : names) {
    ++id;
    EXPECT_EQ(client->ask(absl::StrCat("{\"subscribe\":{\"channel\":\"", name, "\"},\"id\":", id, "}")),
              absl::StrCat("{\"id\":", id, ",\"subscribe\":{}}"))
        << name;
  }
  for (const std::string& name : names) {
    publish(name, absl::StrCat("\"", name, "\""), 1);
    EXPECT_EQ(client->message(), absl::StrCat("{\"push\":{\"channel\":\"", name, "\",\"pub\":{\"data\":\"",
                                              name, "\",\"offset\":1}}}"));
  }
}

// Each bad token on a connection of its own, for connect, for refresh, and for a subscription.
TEST_F(BadInputTest, BadTokensGetNowhere) {
  const Signer rsa = Signer::rsa();
  const Signer ec = Signer::es256();
  const std::string keys = testing::TempDir() + "bad_tokens_keys.json";
  FILE* file = std::fopen(keys.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(absl::StrCat("{\"keys\":[", rsa.jwk("r"), ",", ec.jwk("e"), "]}").c_str(), file);
  std::fclose(file);
  start("ping_interval = \"0s\"\n", 2, absl::StrCat("jwks_file = \"", keys, "\"\naudience = \"us\"\n"));
  const Signer secret = Signer::hmac(std::string(kSecret));
  const std::string good = R"({"sub":"42","aud":"us"})";
  const std::string none = auth::encode_base64url(R"({"alg":"none"})");
  const std::string shouted = auth::encode_base64url(R"({"alg":"NONE"})");
  const std::string body = auth::encode_base64url(good);
  const std::string zeros = auth::encode_base64url(std::string(64, '\0'));
  const Signer confused = Signer::hmac(rsa.pem());
  const std::string large =
      absl::StrCat(R"({"sub":"42","aud":"us","info":")", std::string(40'000, 'x'), "\"}");
  const struct {
    const char* what;
    std::string token;
  } cases[] = {
      {"no signature", absl::StrCat(none, ".", body, ".")},
      {"no signature, shouted", absl::StrCat(shouted, ".", body, ".AAAA")},
      {"another algorithm", secret.with(auth::Algorithm::hs512).compact(R"({"alg":"HS256"})", good)},
      {"a public key as a secret", confused.compact(R"({"alg":"HS256","kid":"r"})", good)},
      {"RS256 with the secret", secret.compact(R"({"alg":"RS256","kid":"r"})", good)},
      {"a signature of zeros",
       absl::StrCat(auth::encode_base64url(R"({"alg":"ES256","kid":"e"})"), ".", body, ".", zeros)},
      {"not yet valid", secret.token(R"({"sub":"42","aud":"us","nbf":99999999999})")},
      {"for somebody else", secret.token(R"({"sub":"42","aud":"them"})")},
      {"for nobody", secret.token(R"({"sub":"42"})")},
      {"a claim twice", secret.token(R"({"sub":"42","sub":"43","aud":"us"})")},
      {"a header member twice", secret.compact(R"({"alg":"HS256","alg":"HS256"})", good)},
      {"a path for a kid",
       Signer::hmac(std::string(32, '\0')).compact(R"({"alg":"HS256","kid":"../../../dev/zero"})", good)},
      {"larger than any token", secret.token(large)},
      {"no token", "x"},
  };
  EXPECT_TRUE(open()->ask(connect_command(secret.token(good))).starts_with(R"({"id":1,"connect")"));
  EXPECT_TRUE(open()->ask(connect_command(rsa.token(good, "r"))).starts_with(R"({"id":1,"connect")"));
  EXPECT_TRUE(open()->ask(connect_command(ec.token(good, "e"))).starts_with(R"({"id":1,"connect")"));
  const auto in_one_frame = [&](std::string_view second) {
    auto client = open();
    client->send(absl::StrCat(connect_command(secret.token(good)), "\n", std::string(second)));
    client->message();
    return client->message();
  };
  for (const auto& bad : cases) {
    EXPECT_EQ(open()->ask(connect_command(bad.token)), "close 3500 invalid token") << bad.what;
    EXPECT_EQ(in_one_frame(absl::StrCat("{\"refresh\":{\"token\":\"", bad.token, "\"},\"id\":2}")),
              "close 3500 invalid token")
        << bad.what;
    EXPECT_EQ(in_one_frame(absl::StrCat("{\"subscribe\":{\"channel\":\"$a\",\"token\":\"", bad.token,
                                        "\"},\"id\":2}")),
              R"({"id":2,"error":{"code":103,"message":"permission denied"}})")
        << bad.what;
  }
  const std::string over = secret.token(R"({"sub":"42","aud":"us","exp":1000})");
  EXPECT_EQ(open()->ask(connect_command(over)), R"({"id":1,"error":{"code":109,"message":"token expired"}})");
  EXPECT_EQ(in_one_frame(absl::StrCat("{\"refresh\":{\"token\":\"", over, "\"},\"id\":2}")),
            "close 3005 connection expired");
  // A megabyte never becomes a token: it is more than one message.
  auto client = open();
  client->send_announced(1 << 20);
  EXPECT_TRUE(client->message().starts_with("close 1009 "));
  EXPECT_EQ(counted(&Counters::tokens_refused), 3 * std::size(cases) + 2);
}

}  // namespace
}  // namespace holdfast::gateway
