// Listen addresses and peers: what is understood, what is refused and how it is said.
#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace holdfast::net {
namespace {

TEST(Address, RoundTripsIPv4AndIPv6) {
  for (const char* text : {"127.0.0.1:8000", "0.0.0.0:0", "[::]:8000", "[::1]:65535", "[2001:db8::1]:1"}) {
    auto address = parse_listen_address(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(format_listen_address(*address), text);
  }
}

TEST(Address, RefusesWhatIsNoNumericAddressAndNamesIt) {
  for (const char* text :
       {"", "8000", "localhost:8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:80x", "256.0.0.1:80", "::1:80", "[::1:80", "[127.0.0.1]:80", "[::1]80"}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_NE(address.status().message().find(text), absl::string_view::npos) << address.status();
    EXPECT_NE(address.status().message().find("127.0.0.1:8000"), absl::string_view::npos)
        << "shows a right one";
  }
}

TEST(Address, ReadsAPeerAsTheKernelWritesIt) {
  ring::SocketAddress raw;
  sockaddr_in ipv4 = {};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(40'000);
  inet_pton(AF_INET, "192.0.2.7", &ipv4.sin_addr);
  std::memcpy(raw.bytes, &ipv4, sizeof ipv4);
  raw.length = sizeof ipv4;
  EXPECT_EQ(parse_peer(raw).to_string(), "192.0.2.7:40000");

  sockaddr_in6 ipv6 = {};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(1);
  inet_pton(AF_INET6, "2001:db8::2", &ipv6.sin6_addr);
  std::memcpy(raw.bytes, &ipv6, sizeof ipv6);
  raw.length = sizeof ipv6;
  EXPECT_EQ(parse_peer(raw).to_string(), "[2001:db8::2]:1");
}

TEST(Address, AnIPv4PeerOfAnIPv6ListenerLooksLikeAnIPv4Peer) {
  ring::SocketAddress raw;
  sockaddr_in6 mapped = {};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(5);
  inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr);
  std::memcpy(raw.bytes, &mapped, sizeof mapped);
  raw.length = sizeof mapped;
  EXPECT_EQ(parse_peer(raw).to_string(), "192.0.2.7:5");
}

}  // namespace
}  // namespace holdfast::net
