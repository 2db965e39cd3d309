// What verifying the token of a connecting client costs: decoding, signature, claims. The tokens carry sub,
// exp, iat and a small info; they were made for this file and are good for nothing else.
//
// token_refuse: does the time it takes to refuse a signature say how much of it was right? Compare the
// medians of
// --benchmark_filter=refuse --benchmark_repetitions=30 --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "auth/token.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kHs256Jwk =
    R"({"kty":"oct","k":"YSBzZWNyZXQgb2YgbW9yZSB0aGFuIDMyIGJ5dGVzLCBhcyBpdCBzaG91bGQgYmU"})";
constexpr std::string_view kHs256Token =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTEyMzQ1NjciLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI"
    "6MTcwMDAwMDAwMCwiaW5mbyI6eyJuYW1lIjoiQWRhIExvdmVsYWNlIiwicm9sZSI6ImFkbWluIn19.b5OGQjAjqYEZZ00Xa2"
    "2e9wIqZ4zadDbqvu7IvE1bles";

constexpr std::string_view kRs256Jwk =
    R"({"kty":"RSA","n":"vLhzA5Sn5H6K50ae5b_lAzi0lAVdvh8eyH2f9-1Lb9oMzrClyWaV8ITETXC7kiZgQ0gU62F7)"
    R"(Rq-rNbjnD4AkTxLUImQKIiJ0kvfSfzijuKOjP2W9I7c_LpCvrGLkIhRKGxkVnqT3fOglnE0Ln0HeobGosJsGCPtlmy)"
    R"(luuz1Kt7dxYTs-k_zkupyJmjrKDzLL5pUc4TwIYKyz8ZQENYLycfPC2ckjMyZMDVnoavR7xZD4NDPZ29kZ2W4b-CEe)"
    R"(1Y24atwb8zQTzB4PBXnjVCGs2dEGDv4eZP6cSEuXvOScs4AW7_Y3gve8M62-p27cza07B9DNriTJOjw6g4bDQ9B9fQ)"
    R"(","e":"AQAB"})";
constexpr std::string_view kRs256Token =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTEyMzQ1NjciLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI"
    "6MTcwMDAwMDAwMCwiaW5mbyI6eyJuYW1lIjoiQWRhIExvdmVsYWNlIiwicm9sZSI6ImFkbWluIn19.i5rumdOedKY1V-koEJ"
    "IgD4noSZjEC2CzKLcBiNGcNCrDlhTi93f_tkE5rMApbVG5RwhItoc2npte7G1AjngpIvVCSlG-2xnrFZK_MAFrbGx300krRE"
    "Tpv0FQO-nWdOixwKMPk6x7mOVw4GDVHYtBtfXbcf8POeib7vtIPTUduLSPih6HaspTAvUCWfvGc1HGJYc_WOWQGn_UEiZJyn"
    "8r0fRUqk4vk16x9mtzdougEY8_lB_JCTTPD1kclO_ZzlyFkeah71yP6oq6TilmMcwEmQ-rmegiiEJNuu_ld65WKIiddjyE01"
    "b1ULl_ZxkrIZtTukPa2dWWFLOoO6kwRTwPpw";

constexpr std::string_view kEs256Jwk =
    R"({"kty":"EC","crv":"P-256","x":"jUBwjIFZahTXqXCKQ9aICclsz-npQtOQHN32tNbttrI","y":"bQmC2fwO-)"
    R"(Kg-eYsNEfIV_Y8Q1q3DT78nJh9xnnbNucA"})";
constexpr std::string_view kEs256Token =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTEyMzQ1NjciLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI"
    "6MTcwMDAwMDAwMCwiaW5mbyI6eyJuYW1lIjoiQWRhIExvdmVsYWNlIiwicm9sZSI6ImFkbWluIn19.2d1PfdCOgKaQPGbknl"
    "9lwnKW0Zq6_PYVXBLb0bMG40LRQz30s6oTKZJDbdCZXWHc7dMdwml8ThyJnfBycb8-Zw";

constexpr std::string_view kEddsaJwk =
    R"({"kty":"OKP","crv":"Ed25519","x":"QaMJDoNwUpjU3FqgyQX1piBpufwJJTnV656CEyBpDZU"})";
constexpr std::string_view kEddsaToken =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTEyMzQ1NjciLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI"
    "6MTcwMDAwMDAwMCwiaW5mbyI6eyJuYW1lIjoiQWRhIExvdmVsYWNlIiwicm9sZSI6ImFkbWluIn19.zVirlZtnWxMQXeLuTf"
    "H5Zhz06f4EptpLeDWF3yeMjy8fquM4K8I4kjtMEBxWj9H9E3Z2KmsFQCv61tQYYtRKBg";

void token_verify(benchmark::State& state, std::string_view jwk, std::string_view token) {
  const KeySource source{.kind = KeySource::Kind::jwks, .name = "benchmark", .text = std::string(jwk)};
  const absl::StatusOr<Keys> keys = Keys::load({&source, 1});
  if (!keys.ok()) {
    state.SkipWithError("the key does not load");
    return;
  }
  TokenVerifier verifier;
  ConnectionClaims claims;
  for (auto _ : state) {
    if (!verifier.verify(token, *keys, 1'800'000'000, {}, claims).ok()) {
      state.SkipWithError("the token does not verify");
      break;
    }
    benchmark::DoNotOptimize(claims);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(token_verify, HS256, kHs256Jwk, kHs256Token);
BENCHMARK_CAPTURE(token_verify, RS256, kRs256Jwk, kRs256Token);
BENCHMARK_CAPTURE(token_verify, ES256, kEs256Jwk, kEs256Token);
BENCHMARK_CAPTURE(token_verify, EdDSA, kEddsaJwk, kEddsaToken);

// The HS256 token with one letter of its signature changed: what stands before that letter is right.
void token_refuse(benchmark::State& state) {
  const KeySource source{.kind = KeySource::Kind::jwks, .name = "benchmark", .text = std::string(kHs256Jwk)};
  const absl::StatusOr<Keys> keys = Keys::load({&source, 1});
  if (!keys.ok()) {
    state.SkipWithError("the key does not load");
    return;
  }
  std::string token(kHs256Token);
  const auto right_bytes = static_cast<std::size_t>(state.range(0));
  char& letter = token[token.rfind('.') + 1 + (right_bytes * 8 + 5) / 6];
  letter = letter == 'A' ? 'B' : 'A';
  TokenVerifier verifier;
  ConnectionClaims claims;
  for (auto _ : state) {
    if (verifier.verify(token, *keys, 1'800'000'000, {}, claims).ok()) {
      state.SkipWithError("a wrong signature verifies");
      break;
    }
    benchmark::DoNotOptimize(claims);
  }
}
BENCHMARK(token_refuse)->ArgName("right_bytes")->Arg(0)->Arg(1)->Arg(8)->Arg(16)->Arg(24)->Arg(30);

}  // namespace
}  // namespace holdfast::auth
