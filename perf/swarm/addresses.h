// Where the swarm may go: ws://ADDR:PORT/path taken apart, spread over loopback addresses, and refused when
// it leads anywhere that was not named explicitly. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ring/ring.h"

namespace holdfast::swarm {

struct Url {
  std::string host;  // numeric, without brackets
  std::uint16_t port = 0;
  std::string path;
  std::string authority;  // as in a Host field
};

// Numeric IPv4 and IPv6 addresses only: a name could lead anywhere.
absl::StatusOr<Url> parse_url(std::string_view text);

// `count` addresses from the URL's on, the last byte first, all of them allowed.
absl::StatusOr<std::vector<ring::SocketAddress>> destinations(const Url& url, std::uint32_t count,
                                                              const std::vector<std::string>& allowed);
// "ADDR" each; port 0.
absl::StatusOr<std::vector<ring::SocketAddress>> sources(const std::vector<std::string>& addresses);

bool is_loopback(std::string_view numeric);

}  // namespace holdfast::swarm
