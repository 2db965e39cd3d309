// A handshake asks no allocator for anything: not the C++ one, and not OpenSSL's.
//
// Method: operator new and OpenSSL's allocation functions count their calls in this program; the whole way of
// a request, from its first byte to the response, must not move the counter.
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_head.h"
#include "http/upgrade.h"

namespace {

std::uint64_t allocations = 0;

void* counted_malloc(std::size_t bytes, const char*, int) {
  ++allocations;
  return std::malloc(bytes);
}
void* counted_realloc(void* memory, std::size_t bytes, const char*, int) {
  ++allocations;
  return std::realloc(memory, bytes);
}
void uncounted_free(void* memory, const char*, int) {
  std::free(memory);
}

// Before main, because OpenSSL takes no other allocator after its first allocation.
const bool openssl_is_counted =
    CRYPTO_set_mem_functions(counted_malloc, counted_realloc, uncounted_free) == 1;

}  // namespace

// Not inlined: the compiler would take new with free for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace holdfast::http {
namespace {

constexpr std::string_view kRequest =
    "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Origin: https://example.com\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b, c\r\n\r\n";

TEST(Handshake, AllocatesNothing) {
  ASSERT_TRUE(openssl_is_counted);
  const OriginPolicy policy{.allowed = {"https://other.example", "https://example.com"}};
  const OriginPolicy same_origin;
  const std::vector<std::string> supported = {"c", "b"};
  std::array<char, 512> response;
  std::size_t answered = 0;
  AcceptKey keys;
  const std::uint64_t before = allocations;
  for (int round = 0; round < 3; ++round) {
    HeadScan scan;
    const ScanResult scanned = scan_head(scan, kRequest, {});
    RequestHead request;
    if (parse_head(kRequest.substr(0, scanned.head_bytes), request) != Status::none) continue;
    if (check_upgrade(request) != Status::none) continue;
    if (!origin_allowed(request, policy) || !origin_allowed(request, same_origin)) continue;
    std::array<char, AcceptKey::kLength> accept;
    keys.compute(*request.find("Sec-WebSocket-Key"), accept);
    if (write_accept_response(response, accept, choose_subprotocol(request, supported), "") > 0) ++answered;
  }
  const std::uint64_t after = allocations;
  EXPECT_EQ(after, before);
  EXPECT_EQ(answered, 3u);
}

TEST(Handshake, WouldBeSeenToAllocate) {
  const std::uint64_t before = allocations;
  EVP_MD_CTX_free(EVP_MD_CTX_new());
  EXPECT_GT(allocations, before);
  const std::uint64_t after_openssl = allocations;
  const std::string longer_than_its_own_room(100, 'x');
  EXPECT_GT(allocations, after_openssl);
}

}  // namespace
}  // namespace holdfast::http
