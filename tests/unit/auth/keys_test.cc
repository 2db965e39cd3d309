// Keys: what may be loaded, what is refused with which words, and which keys a token is tried with.
#include "auth/keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "signer.h"

namespace holdfast::auth {
namespace {

using Kind = KeySource::Kind;

const std::string kSecret(32, 's');

absl::StatusOr<Keys> load(Kind kind, const std::string& text) {
  const KeySource source{.kind = kind, .name = "the_source", .text = text};
  return Keys::load({&source, 1});
}

std::string set_of(const std::vector<std::string>& jwks) {
  std::string set = "{\"keys\":[";
  for (const std::string& jwk : jwks) set += (set.back() == '[' ? "" : ",") + jwk;
  return set + "]}";
}

// Why these keys are refused; fails when they are not.
std::string refusal(Kind kind, const std::string& text) {
  const absl::StatusOr<Keys> keys = load(kind, text);
  EXPECT_FALSE(keys.ok());
  return std::string(keys.status().message());
}

void expect_words(const std::string& message, const std::vector<std::string_view>& words) {
  for (const std::string_view word : words) {
    EXPECT_NE(message.find(word), std::string::npos) << "no \"" << word << "\" in: " << message;
  }
}

TEST(Keys, GetTheirAlgorithmsFromWhatTheyAre) {
  struct Case {
    Kind kind;
    std::string text;
    std::vector<Algorithm> algorithms;
  };
  const Signer rsa = Signer::rsa();
  const Signer p256 = Signer::es256();
  const Signer p384 = Signer::ec(Algorithm::es384, "P-384");
  const Signer p521 = Signer::ec(Algorithm::es512, "P-521");
  const Signer ed25519 = Signer::ed25519();
  const std::vector<Algorithm> hs = {Algorithm::hs256, Algorithm::hs384, Algorithm::hs512};
  const std::vector<Algorithm> rs = {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512};
  const std::vector<Case> cases = {
      {Kind::hmac_secret, kSecret, hs},
      {Kind::jwks, Signer::hmac(kSecret).jwk("k"), hs},
      {Kind::jwks, Signer::hmac(kSecret).jwk("k", R"("alg":"HS384",)"), {Algorithm::hs384}},
      {Kind::public_key, rsa.pem(), rs},
      {Kind::jwks, rsa.jwk("k"), rs},
      {Kind::jwks, rsa.jwk("k", R"("alg":"RS512","use":"sig","key_ops":["verify"],)"), {Algorithm::rs512}},
      {Kind::public_key, p256.pem(), {Algorithm::es256}},
      {Kind::jwks, p256.jwk("k"), {Algorithm::es256}},
      {Kind::public_key, p384.pem(), {Algorithm::es384}},
      {Kind::jwks, p384.jwk("k", R"("alg":"ES384",)"), {Algorithm::es384}},
      {Kind::public_key, p521.pem(), {Algorithm::es512}},
      {Kind::jwks, p521.jwk("k"), {Algorithm::es512}},
      {Kind::public_key, ed25519.pem(), {Algorithm::eddsa}},
      {Kind::jwks, ed25519.jwk("k", R"("alg":"EdDSA",)"), {Algorithm::eddsa}},
  };
  for (const Case& example : cases) {
    const absl::StatusOr<Keys> keys = load(example.kind, example.text);
    ASSERT_TRUE(keys.ok()) << keys.status();
    std::vector<Algorithm> found;
    for (int i = 0; i <= static_cast<int>(Algorithm::eddsa); ++i) {
      if (keys->candidates({}, static_cast<Algorithm>(i)).count > 0)
        found.push_back(static_cast<Algorithm>(i));
    }
    EXPECT_EQ(found, example.algorithms) << example.text;
  }
}

TEST(Keys, VerifyNothingUnderAnAlgorithmTheyDoNotHave) {
  const absl::StatusOr<Key> secret = Key::from_secret(kSecret, Algorithm::hs256);
  ASSERT_TRUE(secret.ok());
  for (const Algorithm algorithm : {Algorithm::hs256, Algorithm::hs384, Algorithm::rs256, Algorithm::eddsa}) {
    const std::string mac = Signer::hmac(kSecret).sign("text");
    EXPECT_EQ(secret->verify(algorithm, "text", mac), algorithm == Algorithm::hs256);
  }
}

TEST(Keys, RefuseAnRsaKeyThatIsTooWeakByNamingItsBits) {
  const Signer weak = Signer::rsa(1024);
  expect_words(refusal(Kind::public_key, weak.pem()),
               {"the_source: ", "1024 bits", "2048", "openssl genpkey"});
  expect_words(refusal(Kind::jwks, set_of({Signer::es256().jwk("good"), weak.jwk("weak")})),
               {"the_source: key 2 (kid \"weak\"): ", "1024 bits", "2048"});
}

TEST(Keys, RefuseAPrivateKeyAndSayHowToGetThePublicOne) {
  expect_words(refusal(Kind::public_key, Signer::es256().private_pem()), {"private key", "-pubout"});
  expect_words(refusal(Kind::jwks, Signer::es256().jwk("k", R"("d":"AAAA",)")),
               {"key 1 (kid \"k\")", "private key"});
}

TEST(Keys, RefuseAPublicKeyAsASecret) {
  expect_words(refusal(Kind::hmac_secret, Signer::rsa().pem()), {"PEM", "public key"});
}

TEST(Keys, RefuseBrokenSourcesByName) {
  const Signer p256 = Signer::es256();
  std::string off_curve = p256.jwk("k");
  const std::size_t y = off_curve.find("\"y\":\"") + 10;
  off_curve[y] = off_curve[y] == 'A' ? 'B' : 'A';
  struct Case {
    Kind kind;
    std::string text;
    std::vector<std::string_view> words;
  };
  const std::vector<Case> cases = {
      {Kind::hmac_secret, "", {"empty", "openssl rand"}},
      {Kind::public_key, "", {"no public key", "-----BEGIN PUBLIC KEY-----"}},
      {Kind::public_key, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", {"no public key"}},
      {Kind::public_key, "-----BEGIN CERTIFICATE-----\n", {"certificate", "openssl x509"}},
      {Kind::public_key, Signer::ec(Algorithm::es256, "secp256k1").pem(), {"curve", "P-256"}},
      {Kind::jwks, "", {"JSON object"}},
      {Kind::jwks, "[]", {"JSON object"}},
      {Kind::jwks, "{\"keys\":{}}", {"array"}},
      {Kind::jwks, "{\"keys\":[]}", {"no key in it"}},
      {Kind::jwks, "{\"keys\":[7]}", {"key 1", "JSON object"}},
      {Kind::jwks, set_of({"{}"}), {"key 1", "kty"}},
      {Kind::jwks, set_of({R"({"kty":7})"}), {"kty"}},
      {Kind::jwks, set_of({R"({"kty":"oct","kid":7})"}), {"kid"}},
      {Kind::jwks, set_of({R"({"kty":"oct"})"}), {"\"k\""}},
      {Kind::jwks, set_of({R"({"kty":"oct","k":"a b"})"}), {"base64url"}},
      {Kind::jwks, set_of({R"({"kty":"oct","k":"AAAA","k":"BBBB"})"}), {"\"k\" is not one string"}},
      {Kind::jwks, set_of({R"({"kty":"oct","k":"AAAA","alg":"RS256"})"}), {"HS256", "alg"}},
      {Kind::jwks, set_of({Signer::rsa().jwk("k", R"("alg":"HS256",)")}), {"RS256", "alg"}},
      {Kind::jwks, set_of({p256.jwk("k", R"("alg":"ES384",)")}), {"ES384", "P-256"}},
      {Kind::jwks, set_of({p256.jwk("k", R"("alg":"HS256",)")}), {"HS256", "EC"}},
      {Kind::jwks, set_of({R"({"kty":"OKP","crv":"P-256","x":"AAAA","y":"AAAA"})"}), {"P-256", "OKP"}},
      {Kind::jwks, set_of({R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"}), {"length"}},
      {Kind::jwks, set_of({R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"}), {"32 bytes"}},
      {Kind::jwks, set_of({R"({"kty":"RSA","n":"AAAA","e":"AQAB"})"}), {"key 1"}},
      {Kind::jwks, set_of({off_curve}), {"key 1 (kid \"k\")"}},
      {Kind::jwks, set_of({p256.jwk("k"), Signer::es256().jwk("k")}), {"key 2 (kid \"k\")", "same kid"}},
      {Kind::jwks, std::string(100, '['), {"JSON object"}},
  };
  for (const Case& example : cases) {
    const std::string message = refusal(example.kind, example.text);
    expect_words(message, {"the_source"});
    expect_words(message, example.words);
  }
}

TEST(Keys, RefuseAnRsaExponentOfOneWhichWouldMakeEveryTextItsOwnSignature) {
  std::string jwk = Signer::rsa().jwk("k");
  jwk.replace(jwk.find("\"e\":\"AQAB\""), 10, "\"e\":\"AQ\"");
  expect_words(refusal(Kind::jwks, jwk), {"key 1", "exponent"});
}

TEST(Keys, LeaveOutKeysOfASetThatAreForSomethingElseAndSaySo) {
  const Signer p256 = Signer::es256();
  const absl::StatusOr<Keys> keys = load(
      Kind::jwks, set_of({p256.jwk("enc", R"("use":"enc",)"), p256.jwk("wrap", R"("key_ops":["deriveKey"],)"),
                          Signer::rsa().jwk("pss", R"("alg":"PS256",)"), R"({"kty":"AKP","alg":"ML-DSA-44"})",
                          R"({"kty":"OKP","crv":"X25519","x":"AAAA"})", p256.jwk("good")}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->size(), 1u);
  ASSERT_EQ(keys->remarks().size(), 5u);
  expect_words(keys->remarks()[0], {"the_source: key 1 (kid \"enc\")", "left out", "use is enc"});
  expect_words(keys->remarks()[1], {"key_ops"});
  expect_words(keys->remarks()[2], {"PS256"});
  expect_words(keys->remarks()[3], {"AKP"});
  expect_words(keys->remarks()[4], {"X25519"});
}

TEST(Keys, RemarkThatASecretIsShortButTakeIt) {
  const absl::StatusOr<Keys> keys = load(Kind::hmac_secret, "secret");
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->size(), 1u);
  ASSERT_EQ(keys->remarks().size(), 1u);
  expect_words(keys->remarks()[0], {"the_source", "6 bytes", "32"});
  EXPECT_TRUE(load(Kind::hmac_secret, kSecret)->remarks().empty());
}

TEST(Keys, AreFoundByKid) {
  const absl::StatusOr<Keys> keys =
      load(Kind::jwks,
           set_of({Signer::es256().jwk("a"), Signer::es256().jwk("b"), Signer::hmac(kSecret).jwk("a")}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  const Keys::Candidates a = keys->candidates("a", Algorithm::es256);
  const Keys::Candidates b = keys->candidates("b", Algorithm::es256);
  ASSERT_EQ(a.count, 1u);
  ASSERT_EQ(b.count, 1u);
  EXPECT_NE(a.keys[0], b.keys[0]);
  EXPECT_EQ(keys->candidates("a", Algorithm::hs256).count, 1u) << "another type may have the same kid";
  EXPECT_EQ(keys->candidates({}, Algorithm::es256).count, 2u) << "a token without kid is tried with all";
  EXPECT_EQ(keys->candidates("b", Algorithm::hs256).count, 0u);
  for (const std::string_view kid : {"c", "", "A", "a ", "../a", "/dev/null"}) {
    EXPECT_EQ(keys->candidates(kid, Algorithm::es256).count, 0u) << kid;
    EXPECT_TRUE(keys->candidates(kid, Algorithm::es256).kid_unknown) << kid;
  }
}

TEST(Keys, WithoutKidServeTokensWhoseKidNoOtherKeyHas) {
  const std::vector<KeySource> sources = {
      {.kind = Kind::public_key, .name = "pem", .text = Signer::es256().pem()},
      {.kind = Kind::jwks, .name = "set", .text = Signer::es256().jwk("a")}};
  const absl::StatusOr<Keys> keys = Keys::load(sources);
  ASSERT_TRUE(keys.ok());
  const Keys::Candidates unknown = keys->candidates("from-the-issuer", Algorithm::es256);
  const Keys::Candidates known = keys->candidates("a", Algorithm::es256);
  ASSERT_EQ(unknown.count, 1u);
  ASSERT_EQ(known.count, 1u);
  EXPECT_NE(unknown.keys[0], known.keys[0]);
  EXPECT_EQ(keys->candidates({}, Algorithm::es256).count, 2u);
}

TEST(Keys, AreBoundedInNumberAndInHowManyATokenIsTriedWith) {
  std::vector<std::string> jwks;
  for (std::size_t i = 0; i < kKeysMaximum; ++i) {
    jwks.push_back(Signer::hmac(kSecret + std::to_string(i)).jwk("kid" + std::to_string(i)));
  }
  const absl::StatusOr<Keys> keys = load(Kind::jwks, set_of(jwks));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->candidates({}, Algorithm::hs256).count, kKeysTriedMaximum);
  jwks.push_back(Signer::hmac(kSecret).jwk("one more"));
  expect_words(refusal(Kind::jwks, set_of(jwks)), {"key 65", "more than 64 keys"});

  std::vector<KeySource> secrets(kKeysTriedMaximum,
                                 {.kind = Kind::hmac_secret, .name = "secret", .text = kSecret});
  EXPECT_TRUE(Keys::load(secrets).ok());
  secrets.push_back(secrets.front());
  expect_words(std::string(Keys::load(secrets).status().message()), {"secret", "more than 4", "kid"});
}

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/holdfast-keys-XXXXXX";
    const int file = mkstemp(name);
    ASSERT_GE(file, 0);
    fclose(fdopen(file, "w"));
    path_ = name;
  }
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  std::string path_;
};

TEST_F(KeyFile, IsReadWholeAndNamedInMessages) {
  write("{}");
  const absl::StatusOr<KeySource> source = read_key_source(Kind::jwks, path_);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->text, "{}");
  expect_words(std::string(Keys::load({&*source, 1}).status().message()), {path_, "key 1", "kty"});
}

TEST_F(KeyFile, EndsASecretWithItsLineBreak) {
  for (const std::string end : {"", "\n", "\r\n"}) {
    write("a secret " + end);
    EXPECT_EQ(read_key_source(Kind::hmac_secret, path_)->text, "a secret ");
  }
  write("two lines\n\n");
  EXPECT_EQ(read_key_source(Kind::hmac_secret, path_)->text, "two lines\n");
}

TEST_F(KeyFile, IsRefusedWhenItIsMissingTooLongOrAFolder) {
  expect_words(std::string(read_key_source(Kind::jwks, path_ + ".missing").status().message()),
               {path_ + ".missing", "No such file", "check the path"});
  expect_words(std::string(read_key_source(Kind::jwks, "/tmp").status().message()), {"/tmp", "directory"});
  write(std::string(kKeyFileBytesMaximum + 1, ' '));
  expect_words(std::string(read_key_source(Kind::jwks, path_).status().message()), {path_, "1048576"});
}

}  // namespace
}  // namespace holdfast::auth
