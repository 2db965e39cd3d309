// Tokens as attackers and clumsy issuers write them: each signed form verifies with its own key only, and
// nothing that was not signed by a key here gets through.
#include "auth/token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "signer.h"

namespace holdfast::auth {
namespace {

using Kind = KeySource::Kind;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::string_view kPayload = R"({"sub":"u1","exp":1800000060})";
const std::string kSecret = "a secret of more than 32 bytes, as it should be";

// One key of each kind, made once: RSA keys take their time.
struct SigningKeys {
  Signer hs256 = Signer::hmac(kSecret);
  Signer rs256 = Signer::rsa();
  Signer es256 = Signer::es256();
  Signer es384 = Signer::ec(Algorithm::es384, "P-384");
  Signer es512 = Signer::ec(Algorithm::es512, "P-521");
  Signer eddsa = Signer::ed25519();

  std::vector<std::pair<std::string, Signer>> all() const {
    std::vector<std::pair<std::string, Signer>> signers;
    for (const Algorithm algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
      signers.emplace_back(name_of(algorithm), hs256.with(algorithm));
    }
    for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512}) {
      signers.emplace_back(name_of(algorithm), rs256.with(algorithm));
    }
    signers.emplace_back("ES256", es256.with(Algorithm::es256));
    signers.emplace_back("ES384", es384.with(Algorithm::es384));
    signers.emplace_back("ES512", es512.with(Algorithm::es512));
    signers.emplace_back("EdDSA", eddsa.with(Algorithm::eddsa));
    return signers;
  }
};

const SigningKeys& signing_keys() {
  static const SigningKeys* const keys = new SigningKeys;
  return *keys;
}

KeySource source_of(const Signer& signer) {
  return {.kind = Kind::jwks, .name = "test", .text = signer.jwk("k")};
}

Keys load(const std::vector<KeySource>& sources) {
  absl::StatusOr<Keys> keys = Keys::load(sources);
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *std::move(keys);
}

// Every kind of key, as a server has them that takes tokens from several issuers.
const Keys& all_keys() {
  static const Keys* const keys = new Keys(load(
      {source_of(signing_keys().hs256), source_of(signing_keys().rs256), source_of(signing_keys().es256),
       source_of(signing_keys().es384), source_of(signing_keys().es512), source_of(signing_keys().eddsa)}));
  return *keys;
}

Verdict verify(std::string_view token, const Keys& keys, const Expectations& expectations = {},
               std::int64_t now_unix_s = kNow) {
  TokenVerifier verifier;
  ConnectionClaims claims;
  // A copy of the exact size, so that a sanitizer sees a read past it.
  const std::vector<char> exact(token.begin(), token.end());
  const Verdict verdict =
      verifier.verify({exact.data(), exact.size()}, keys, now_unix_s, expectations, claims);
  EXPECT_EQ(verdict.ok(), verdict.reason.empty());
  if (!verdict.ok()) {
    EXPECT_TRUE(claims.user.empty());
    EXPECT_FALSE(claims.expires_at_s.has_value());
  }
  return verdict;
}

void expect_invalid(std::string_view token, std::string_view reason, const Keys& keys = all_keys()) {
  const Verdict verdict = verify(token, keys);
  EXPECT_EQ(verdict.outcome, Outcome::invalid) << token;
  EXPECT_EQ(verdict.reason, reason) << token;
}

constexpr std::string_view kWrongSignature = "the signature is not that of a key here";

TEST(Token, VerifiesWithEveryAlgorithm) {
  for (const auto& [name, signer] : signing_keys().all()) {
    EXPECT_EQ(verify(signer.token(kPayload), all_keys()).reason, "") << name;
    EXPECT_EQ(verify(signer.token(kPayload, "k"), all_keys()).reason, "") << name;
    EXPECT_EQ(verify(signer.token(kPayload, "k"), load({source_of(signer)})).reason, "") << name;
  }
}

TEST(Token, VerifiesWithKeysInPemToo) {
  for (const auto& [name, signer] : signing_keys().all()) {
    const KeySource source = name.starts_with("HS")
                                 ? KeySource{.kind = Kind::hmac_secret, .name = "s", .text = kSecret}
                                 : KeySource{.kind = Kind::public_key, .name = "p", .text = signer.pem()};
    EXPECT_EQ(verify(signer.token(kPayload), load({source})).reason, "") << name;
  }
}

TEST(Token, IsInvalidUnderAnyOtherAlgorithmThanItWasSignedWith) {
  for (const auto& [signed_with, signer] : signing_keys().all()) {
    for (const auto& [claimed, other] : signing_keys().all()) {
      if (claimed == signed_with) continue;
      EXPECT_EQ(verify(signer.compact(header_for(claimed), kPayload), all_keys()).outcome, Outcome::invalid)
          << signed_with << " as " << claimed;
    }
  }
}

TEST(Token, IsInvalidWithAnotherKeyOfTheSameKind) {
  const Keys others =
      load({source_of(Signer::hmac("another secret, which is long enough")), source_of(Signer::rsa()),
            source_of(Signer::es256()), source_of(Signer::ec(Algorithm::es384, "P-384")),
            source_of(Signer::ec(Algorithm::es512, "P-521")), source_of(Signer::ed25519())});
  for (const auto& [name, signer] : signing_keys().all()) {
    expect_invalid(signer.token(kPayload), kWrongSignature, others);
    expect_invalid(signer.token(kPayload, "k"), kWrongSignature, others);
  }
}

TEST(Token, IsInvalidWithoutKeys) {
  for (const auto& [name, signer] : signing_keys().all()) {
    EXPECT_EQ(verify(signer.token(kPayload), Keys()).outcome, Outcome::invalid) << name;
  }
}

TEST(Token, CannotBeUnsigned) {
  const std::string payload = encode_base64url(kPayload);
  for (const std::string_view none : {"none", "None", "NONE", "nOnE", "none ", "", "HS256 ", "hs256", "Hs256",
                                      "HS1", "HS256\\u0000", "RSA", "PS256", "ES256K", "HMAC"}) {
    const std::string text = encode_base64url(header_for(none)) + "." + payload;
    EXPECT_EQ(verify(text + ".", all_keys()).outcome, Outcome::invalid) << none;
    expect_invalid(text + ".AAAA", "tokens are not signed with its alg");
    expect_invalid(signing_keys().hs256.compact(header_for(none), kPayload),
                   "tokens are not signed with its alg");
  }
}

// The public key is known to everybody, also as the bytes of its PEM file, of its numbers, of its JWK.
TEST(Token, CannotUseAPublicKeyAsAnHmacSecret) {
  for (const Signer* signer : {&signing_keys().rs256, &signing_keys().es256, &signing_keys().eddsa}) {
    const Keys keys = load({{.kind = Kind::public_key, .name = "p", .text = signer->pem()}});
    std::string pem = signer->pem();
    for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), signer->jwk("k"), std::string()}) {
      for (const Algorithm algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512}) {
        const std::string token = Signer::hmac(secret, algorithm).token(kPayload);
        expect_invalid(token, "no key is for its alg", keys);
        expect_invalid(token, kWrongSignature);
      }
    }
  }
}

TEST(Token, CannotBringItsOwnKey) {
  const Signer attacker = Signer::es256();
  for (const std::string& member :
       {"\"jwk\":" + attacker.jwk("k"), std::string(R"("jku":"https://evil.example/keys.json")"),
        std::string(R"("x5u":"file:///etc/passwd")"), std::string(R"("x5c":["AAAA"])")}) {
    expect_invalid(attacker.compact(R"({"alg":"ES256",)" + member + "}", kPayload), kWrongSignature);
  }
}

TEST(Token, HasEcdsaSignaturesOfTwoNumbersAboveZeroAndOfExactlyTheirLength) {
  for (const Signer* signer : {&signing_keys().es256, &signing_keys().es384, &signing_keys().es512}) {
    const std::string token = signer->token(kPayload);
    const std::size_t dot = token.rfind('.');
    const std::string text = token.substr(0, dot);
    const std::string signature = signer->sign(text);
    const std::size_t half = signature.size() / 2;
    const std::string zero(half, '\0');
    EXPECT_EQ(verify(text + "." + encode_base64url(signature), all_keys()).reason, "");
    const std::string r = signature.substr(0, half);
    const std::string s = signature.substr(half);
    for (const std::string& forged :
         {zero + zero, zero + s, r + zero, r, signature + '\0', '\0' + signature, s + r,
          signature + signature, std::string(half, '\xff') + s, r + std::string(half, '\xff'),
          std::string(1, '\0'), r.substr(1) + s.substr(1)}) {
      expect_invalid(text + "." + encode_base64url(forged), kWrongSignature);
    }
  }
}

TEST(Token, HasSignaturesOfExactlyTheirLength) {
  for (const auto& [name, signer] : signing_keys().all()) {
    const std::string token = signer.token(kPayload);
    const std::string text = token.substr(0, token.rfind('.'));
    const std::string signature = signer.sign(text);
    for (const std::string& forged :
         {signature.substr(0, signature.size() - 1), signature + '\0', '\0' + signature, signature.substr(1),
          signature.substr(0, 1), std::string(signature.size(), '\0'), std::string(600, 'x')}) {
      expect_invalid(text + "." + encode_base64url(forged), kWrongSignature);
    }
    expect_invalid(text + "." + encode_base64url(std::string(kSignatureBytesMaximum + 1, 'x')),
                   "the signature is not base64url");
  }
}

TEST(Token, IsInvalidWhenAnyCharacterOfItChanges) {
  for (const Signer* signer : {&signing_keys().hs256, &signing_keys().eddsa}) {
    const std::string token = signer->token(kPayload, "k");
    for (std::size_t i = 0; i < token.size(); ++i) {
      for (const char other : {'A', 'B', '.', '=', ' ', '\0'}) {
        if (token[i] == other) continue;
        std::string changed = token;
        changed[i] = other;
        EXPECT_EQ(verify(changed, all_keys()).outcome, Outcome::invalid) << i << " " << changed;
      }
      EXPECT_EQ(verify(token.substr(0, i), all_keys()).outcome, Outcome::invalid) << i;
    }
  }
}

TEST(Token, HasExactlyThreePartsThatAreNotEmpty) {
  const std::string token = signing_keys().hs256.token(kPayload);
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  constexpr std::string_view kParts = "it does not have three parts";
  for (const std::string& broken :
       {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("a"),
        std::string("a.b"), token + ".", token + ".AAAA", "." + token, token.substr(0, second),
        token.substr(0, second + 1), token.substr(first), token.substr(0, first) + "." + token.substr(second),
        token.substr(0, first) + "." + token.substr(first)}) {
    expect_invalid(broken, kParts);
  }
}

TEST(Token, HasOneSpelling) {
  const std::string token = signing_keys().hs256.token(kPayload);
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  for (const std::string_view extra : {"=", "==", "\n", " ", "\r\n", "\t"}) {
    EXPECT_EQ(verify(token + std::string(extra), all_keys()).reason, "the signature is not base64url");
    EXPECT_EQ(verify(std::string(extra) + token, all_keys()).reason, "the header is not base64url");
    for (const std::size_t at : {first, second}) {
      std::string padded = token;
      padded.insert(at, extra);
      EXPECT_EQ(verify(padded, all_keys()).outcome, Outcome::invalid) << padded;
    }
  }
  // 32 bytes leave two unused bits in the last character: three other spellings of the same bytes.
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t last = kAlphabet.find(token.back());
  ASSERT_EQ(last % 4, 0u);
  for (std::size_t bits = 1; bits < 4; ++bits) {
    expect_invalid(token.substr(0, token.size() - 1) + kAlphabet[last + bits],
                   "the signature is not base64url");
  }
}

TEST(Token, IsMeasuredBeforeItIsLookedAt) {
  const std::string small = R"({"sub":"u1","x":")";
  std::string fits;
  for (std::size_t filling = kTokenBytesMaximum / 2;; ++filling) {
    const std::string longer = signing_keys().hs256.token(small + std::string(filling, 'x') + "\"}");
    if (longer.size() > kTokenBytesMaximum) {
      expect_invalid(longer, "it is too long");
      break;
    }
    fits = longer;
  }
  EXPECT_GE(fits.size(), kTokenBytesMaximum - 2);
  EXPECT_EQ(verify(fits, all_keys()).reason, "");
  for (const char filling : {'.', 'A', '{', '\0'})
    expect_invalid(std::string(1u << 20, filling), "it is too long");
}

TEST(Token, HasAHeaderThatIsOneObjectWithStrings) {
  const Signer& signer = signing_keys().hs256;
  constexpr std::string_view kObject = "its JSON is not one valid object";
  for (const std::string& header :
       {std::string("7"), std::string("null"), std::string("\"HS256\""), std::string("[\"alg\",\"HS256\"]"),
        std::string("{\"alg\":\"HS256\""), std::string("{\"alg\":\"HS256\"}}"),
        std::string("{\"alg\":\"HS256\"}{}"), std::string("{'alg':'HS256'}"),
        std::string("{\"alg\":\"HS256\",}"), std::string("{\"alg\":\"HS256\xff\"}"),
        std::string("\xef\xbb\xbf{\"alg\":\"HS256\"}"), std::string("{\"alg\":\"HS256\"}\0", 16),
        std::string(" "), "{\"alg\":\"HS256\",\"x\":" + std::string(40, '[') + std::string(40, ']') + "}"}) {
    expect_invalid(signer.compact(header, kPayload), kObject);
  }
  for (const std::string_view header :
       {R"({"alg":256})", R"({"alg":null})", R"({"alg":["HS256"]})", R"({"alg":"HS256","kid":7})",
        R"({"alg":"HS256","kid":null})", R"({"alg":"HS256","kid":{"a":1}})"}) {
    expect_invalid(signer.compact(header, kPayload), "its alg or kid is not a string");
  }
  expect_invalid(signer.compact("{}", kPayload), "tokens are not signed with its alg");
  expect_invalid(signer.compact(R"({"typ":"JWT"})", kPayload), "tokens are not signed with its alg");
  EXPECT_EQ(verify(signer.compact(" {\n\"alg\" : \"HS256\" ,\"cty\":7} ", kPayload), all_keys()).reason, "");
  EXPECT_EQ(verify(signer.compact(R"({"alg":"\u0048S256"})", kPayload), all_keys()).reason, "");
}

TEST(Token, HasNoMemberOfItsHeaderTwice) {
  const Signer& signer = signing_keys().hs256;
  for (const std::string_view header :
       {R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","alg":"HS256"})",
        R"({"alg":"HS256","\u0061lg":"none"})", R"({"kid":"a","alg":"HS256","kid":"k"})",
        R"({"x":1,"alg":"HS256","x":2})"}) {
    expect_invalid(signer.compact(header, kPayload), "a member of its JSON is there twice");
  }
}

TEST(Token, HasNoCriticalExtensions) {
  for (const std::string_view crit : {R"(["exp"])", "[]", R"(["b64"])", "null"}) {
    const std::string header = R"({"alg":"HS256","b64":false,"crit":)" + std::string(crit) + "}";
    expect_invalid(signing_keys().hs256.compact(header, kPayload),
                   "its header has crit, of which nothing is understood here");
  }
}

TEST(Token, NamesAKeyButNoFile) {
  for (const std::string_view kid :
       {"../../../../dev/null", "/dev/null", "/etc/passwd", "file:///etc/hostname", "k\\u0000", "K", " k",
        "k ", "' OR 1=1 --", "http://127.0.0.1/keys", "|cat /etc/passwd"}) {
    expect_invalid(signing_keys().hs256.token(kPayload, kid), "no key has its kid");
    expect_invalid(Signer::hmac("").token(kPayload, kid), "no key has its kid");
  }
  expect_invalid(signing_keys().hs256.compact(R"({"alg":"HS256","kid":""})", kPayload), "no key has its kid");
}

TEST(Token, VerifiesWithEachKeyOfARotation) {
  const Signer old_key = Signer::hmac("the secret of last year, no longer signing");
  const Signer new_key = Signer::hmac("the secret of this year, which signs tokens");
  const auto secret = [](std::string text) {
    return KeySource{.kind = Kind::hmac_secret, .name = "s", .text = std::move(text)};
  };
  const Keys both = load({secret("the secret of this year, which signs tokens"),
                          secret("the secret of last year, no longer signing")});
  const Keys after = load({secret("the secret of this year, which signs tokens")});
  EXPECT_TRUE(verify(old_key.token(kPayload), both).ok());
  EXPECT_TRUE(verify(new_key.token(kPayload), both).ok());
  EXPECT_TRUE(verify(new_key.token(kPayload), after).ok());
  expect_invalid(old_key.token(kPayload), kWrongSignature, after);
}

TEST(Token, WithAKidIsTriedWithThatKeyAlone) {
  const Signer first = Signer::es256();
  const Signer second = Signer::es256();
  const Keys keys = load({{.kind = Kind::jwks, .name = "a", .text = first.jwk("2025")},
                          {.kind = Kind::jwks, .name = "b", .text = second.jwk("2026")}});
  EXPECT_TRUE(verify(first.token(kPayload, "2025"), keys).ok());
  EXPECT_TRUE(verify(second.token(kPayload, "2026"), keys).ok());
  EXPECT_TRUE(verify(second.token(kPayload), keys).ok());
  expect_invalid(first.token(kPayload, "2026"), kWrongSignature, keys);
  expect_invalid(first.token(kPayload, "2024"), "no key has its kid", keys);
}

TEST(Token, ExpiresInTheSecondOfItsExpAndBeginsInThatOfItsNbf) {
  struct Case {
    std::string_view payload;
    std::int64_t now_unix_s;
    Outcome outcome;
  };
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  for (const Case& example : std::vector<Case>{
           {R"({"exp":1000})", 999, Outcome::ok},
           {R"({"exp":1000})", 1000, Outcome::expired},
           {R"({"exp":1000.5})", 1000, Outcome::ok},
           {R"({"exp":1000.5})", 1001, Outcome::expired},
           {R"({"exp":1e3})", 999, Outcome::ok},
           {R"({"exp":1e3})", 1000, Outcome::expired},
           {R"({"exp":0})", 0, Outcome::expired},
           {R"({"exp":0})", kNow, Outcome::expired},
           {R"({"exp":-1})", kNow, Outcome::expired},
           {R"({"exp":-0.5})", 0, Outcome::expired},
           {R"({"exp":-1e300})", kNow, Outcome::expired},
           {R"({"exp":-9223372036854775808})", kNow, Outcome::expired},
           {R"({"exp":1e300})", kFar, Outcome::ok},
           {R"({"exp":9223372036854775807})", kFar, Outcome::ok},
           {R"({"exp":18446744073709551615})", kFar, Outcome::ok},
           {R"({"exp":18446744073709551616})", kNow, Outcome::invalid},
           {R"({"exp":1e400})", kNow, Outcome::invalid},
           {R"({"exp":NaN})", kNow, Outcome::invalid},
           {R"({"exp":Infinity})", kNow, Outcome::invalid},
           {R"({"exp":010})", 1, Outcome::invalid},
           {R"({"exp":+10})", 1, Outcome::invalid},
           {R"({"exp":"1000"})", 1, Outcome::invalid},
           {R"({"exp":null})", 1, Outcome::invalid},
           {R"({"exp":true})", 1, Outcome::invalid},
           {R"({"exp":[2000000000]})", 1, Outcome::invalid},
           {R"({"nbf":1000})", 999, Outcome::not_yet_valid},
           {R"({"nbf":1000})", 1000, Outcome::ok},
           {R"({"nbf":1000.5})", 1000, Outcome::not_yet_valid},
           {R"({"nbf":1000.5})", 1001, Outcome::ok},
           {R"({"nbf":-1e300})", 0, Outcome::ok},
           {R"({"nbf":1e300})", kFar, Outcome::not_yet_valid},
           {R"({"nbf":"0"})", kNow, Outcome::invalid},
           {R"({"iat":99999999999})", kNow, Outcome::ok},
           {R"({"iat":"now"})", kNow, Outcome::invalid},
           {R"({"nbf":3000,"exp":2000})", 2500, Outcome::expired},
           {R"({})", kFar, Outcome::ok},
       }) {
    EXPECT_EQ(verify(signing_keys().hs256.token(example.payload), all_keys(), {}, example.now_unix_s).outcome,
              example.outcome)
        << example.payload << " at " << example.now_unix_s;
  }
}

TEST(Token, IsForTheExpectedAudienceAndFromTheExpectedIssuer) {
  struct Case {
    std::string_view payload;
    Expectations expectations;
    Outcome outcome;
  };
  for (const Case& example : std::vector<Case>{
           {R"({"aud":"a","iss":"i"})", {}, Outcome::ok},
           {R"({"aud":"a"})", {.audience = "a"}, Outcome::ok},
           {R"({"aud":["b","a"]})", {.audience = "a"}, Outcome::ok},
           {R"({"aud":["b","c"]})", {.audience = "a"}, Outcome::invalid},
           {R"({"aud":[]})", {.audience = "a"}, Outcome::invalid},
           {R"({"aud":"ab"})", {.audience = "a"}, Outcome::invalid},
           {R"({"aud":"A"})", {.audience = "a"}, Outcome::invalid},
           {R"({"aud":"a\u0000"})", {.audience = "a"}, Outcome::invalid},
           {R"({})", {.audience = "a"}, Outcome::invalid},
           {R"({"aud":7})", {}, Outcome::invalid},
           {R"({"aud":["a",7]})", {.audience = "a"}, Outcome::invalid},
           {R"({"iss":"i"})", {.issuer = "i"}, Outcome::ok},
           {R"({"iss":"j"})", {.issuer = "i"}, Outcome::invalid},
           {R"({"iss":["i"]})", {.issuer = "i"}, Outcome::invalid},
           {R"({})", {.issuer = "i"}, Outcome::invalid},
           {R"({"aud":"a","iss":"j"})", {.audience = "a", .issuer = "i"}, Outcome::invalid},
           {R"({"aud":"b","exp":1})", {.audience = "a"}, Outcome::invalid},  // no use in refreshing it
           {R"({"aud":"a","exp":1})", {.audience = "a"}, Outcome::expired},
       }) {
    EXPECT_EQ(verify(signing_keys().hs256.token(example.payload), all_keys(), example.expectations).outcome,
              example.outcome)
        << example.payload;
  }
}

TEST(Token, CanBeVerifiedAfterAnyOtherByTheSameVerifier) {
  TokenVerifier verifier;
  ConnectionClaims claims;
  for (int round = 0; round < 3; ++round) {
    for (const auto& [name, signer] : signing_keys().all()) {
      const std::string user = name + std::to_string(round);
      const std::string token = signer.token(R"({"sub":")" + user + R"(","channels":["a","b"]})");
      EXPECT_TRUE(verifier.verify(token, all_keys(), kNow, {}, claims).ok());
      EXPECT_EQ(claims.user, user);
      EXPECT_EQ(claims.channels.size(), 2u);
      EXPECT_FALSE(verifier.verify(token.substr(1), all_keys(), kNow, {}, claims).ok());
      EXPECT_EQ(claims.user, "");
      EXPECT_TRUE(claims.channels.empty());
    }
  }
}

TEST(Token, CanBeVerifiedByManyThreadsWithTheSameKeys) {
  std::vector<std::string> tokens;
  for (const auto& [name, signer] : signing_keys().all()) tokens.push_back(signer.token(kPayload));
  std::atomic<int> verified = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&tokens, &verified] {
      TokenVerifier verifier;
      ConnectionClaims claims;
      for (int round = 0; round < 20; ++round) {
        for (const std::string& token : tokens) {
          verified += verifier.verify(token, all_keys(), kNow, {}, claims).ok() ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 4 * 20 * static_cast<int>(tokens.size()));
}

}  // namespace
}  // namespace holdfast::auth
