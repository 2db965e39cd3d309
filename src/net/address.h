// Listen addresses: from "ADDR:PORT" to a socket address and back.
#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/connection.h"
#include "ring/ring.h"

namespace holdfast::net {

struct ListenAddress {
  sockaddr_in6 storage = {};  // large enough for both families
  socklen_t length = 0;
  bool is_ipv6() const { return storage.sin6_family == AF_INET6; }
};

// Numeric addresses only: a name would have to be resolved, and may mean several addresses. Errors name what
// is wrong.
absl::StatusOr<ListenAddress> parse_listen_address(std::string_view text);
std::string format_listen_address(const ListenAddress& address);

// What the kernel wrote about a peer; an IPv4 address comes out IPv4-mapped.
PeerAddress parse_peer(const ring::SocketAddress& address);

}  // namespace holdfast::net
