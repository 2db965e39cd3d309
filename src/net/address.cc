// Parsing and printing of socket addresses, by inet_pton and inet_ntop.
#include "net/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace holdfast {

std::string PeerAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  static constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(ip.data(), kMappedPrefix, sizeof kMappedPrefix) == 0) {
    inet_ntop(AF_INET, ip.data() + sizeof kMappedPrefix, text, sizeof text);
    return absl::StrCat(text, ":", port);
  }
  inet_ntop(AF_INET6, ip.data(), text, sizeof text);
  return absl::StrCat("[", text, "]:", port);
}

namespace net {
namespace {

absl::Status bad_address(std::string_view text, const char* reason) {
  return absl::InvalidArgumentError(absl::StrCat("listen address \"", std::string(text), "\": ", reason,
                                                 "; write 127.0.0.1:8000, 0.0.0.0:8000 or [::]:8000"));
}

}  // namespace

absl::StatusOr<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text, "no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size() || port_text.empty()) {
    return bad_address(text, "the port is not a number from 0 to 65535");
  }
  ListenAddress address;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, std::string(host).c_str(), &address.storage.sin6_addr) != 1) {
      return bad_address(text, "not an IPv6 address between the brackets");
    }
    address.storage.sin6_family = AF_INET6;
    address.storage.sin6_port = htons(port);
    address.length = sizeof(sockaddr_in6);
    return address;
  }
  sockaddr_in ipv4 = {};
  if (inet_pton(AF_INET, std::string(host).c_str(), &ipv4.sin_addr) != 1) {
    return bad_address(text, "not a numeric IPv4 address (names are not looked up; IPv6 goes in brackets)");
  }
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(port);
  std::memcpy(&address.storage, &ipv4, sizeof ipv4);
  address.length = sizeof ipv4;
  return address;
}

PeerAddress parse_peer(const ring::SocketAddress& address) {
  PeerAddress peer;
  if (address.length == sizeof(sockaddr_in)) {
    sockaddr_in ipv4 = {};
    std::memcpy(&ipv4, address.bytes, sizeof ipv4);
    peer.ip[10] = peer.ip[11] = 0xff;
    std::memcpy(peer.ip.data() + 12, &ipv4.sin_addr, 4);
    peer.port = ntohs(ipv4.sin_port);
  } else if (address.length == sizeof(sockaddr_in6)) {
    sockaddr_in6 ipv6 = {};
    std::memcpy(&ipv6, address.bytes, sizeof ipv6);
    std::memcpy(peer.ip.data(), &ipv6.sin6_addr, 16);
    peer.port = ntohs(ipv6.sin6_port);
  }
  return peer;
}

std::string format_listen_address(const ListenAddress& address) {
  ring::SocketAddress raw;
  raw.length = address.length;
  std::memcpy(raw.bytes, &address.storage, address.length);
  return parse_peer(raw).to_string();
}

}  // namespace net
}  // namespace holdfast
