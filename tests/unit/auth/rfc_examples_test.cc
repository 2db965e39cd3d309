// The examples of RFC 7515 (appendix A), RFC 7519 (sections 3.1 and 6.1) and RFC 8037 (appendix A), as they
// are printed there. Their payloads are not all claims; a verified payload that is none says so, and not that
// its signature is wrong.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "auth/token.h"

namespace holdfast::auth {
namespace {

// {"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}
constexpr std::string_view kPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::int64_t kExpiry = 1300819380;

constexpr std::string_view kSecretJwk =
    R"({"kty":"oct","k":")"
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    R"("})";
constexpr std::string_view kRsaJwk =
    R"({"kty":"RSA","e":"AQAB","n":")"
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q"
    "lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBY"
    "UsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNm"
    "oudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    R"("})";
constexpr std::string_view kP256Jwk =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view kP521Jwk =
    R"({"kty":"EC","crv":"P-521",)"
    R"("x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",)"
    R"("y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})";
constexpr std::string_view kEd25519Jwk =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";

Verdict verify(std::string_view jwk, const std::string& token, std::int64_t now_unix_s) {
  const KeySource source{.kind = KeySource::Kind::jwks, .name = "example", .text = std::string(jwk)};
  const absl::StatusOr<Keys> keys = Keys::load({&source, 1});
  EXPECT_TRUE(keys.ok()) << keys.status();
  TokenVerifier verifier;
  ConnectionClaims claims;
  const Verdict verdict = verifier.verify(token, keys.value(), now_unix_s, {}, claims);
  EXPECT_EQ(claims.issuer, verdict.ok() ? "joe" : "");
  return verdict;
}

std::string with_payload(std::string_view header, std::string_view signature) {
  return std::string(header) + "." + std::string(kPayload) + "." + std::string(signature);
}

void expect_valid_until_expiry(std::string_view jwk, const std::string& token) {
  EXPECT_EQ(verify(jwk, token, kExpiry - 1).outcome, Outcome::ok);
  EXPECT_EQ(verify(jwk, token, kExpiry).outcome, Outcome::expired);
  std::string changed = token;
  changed[token.size() / 2] = changed[token.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verify(jwk, changed, kExpiry - 1).outcome, Outcome::invalid);
}

TEST(RfcExamples, Rfc7515A1AndRfc7519Section3VerifyWithHs256) {
  expect_valid_until_expiry(kSecretJwk, with_payload("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
                                                     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
}

TEST(RfcExamples, Rfc7515A2VerifiesWithRs256) {
  expect_valid_until_expiry(
      kRsaJwk,
      with_payload(
          "eyJhbGciOiJSUzI1NiJ9",
          "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
          "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
          "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
          "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"));
}

TEST(RfcExamples, Rfc7515A3VerifiesWithEs256) {
  expect_valid_until_expiry(
      kP256Jwk,
      with_payload("eyJhbGciOiJFUzI1NiJ9",
                   "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"));
}

TEST(RfcExamples, Rfc7515A4HasAnEs512SignatureOverNoClaims) {
  EXPECT_EQ(
      verify(kP521Jwk,
             "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-m"
             "ZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmx"
             "YbSW9ERBXukOXolLzeO_Jn",
             0)
          .reason,
      "its JSON is not one valid object");
}

TEST(RfcExamples, Rfc8037A4HasAnEd25519SignatureOverNoClaims) {
  EXPECT_EQ(
      verify(kEd25519Jwk,
             "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg"
             "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
             0)
          .reason,
      "its JSON is not one valid object");
}

TEST(RfcExamples, TheUnsecuredTokensOfRfc7515A5AndRfc7519Section6AreRefused) {
  for (const std::string_view jwk : {kSecretJwk, kRsaJwk, kP256Jwk, kP521Jwk, kEd25519Jwk}) {
    EXPECT_EQ(verify(jwk, with_payload("eyJhbGciOiJub25lIn0", ""), 0).outcome, Outcome::invalid);
  }
}

}  // namespace
}  // namespace holdfast::auth
