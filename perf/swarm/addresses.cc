// Numeric addresses by inet_pton; nothing is looked up.
#include "addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"

namespace holdfast::swarm {
namespace {

constexpr std::string_view kScheme = "ws://";

bool parse_ipv4(std::string_view text, in_addr* address) {
  return inet_pton(AF_INET, std::string(text).c_str(), address) == 1;
}
bool parse_ipv6(std::string_view text, in6_addr* address) {
  return inet_pton(AF_INET6, std::string(text).c_str(), address) == 1;
}

ring::SocketAddress socket_address(in_addr ip, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr = ip;
  ring::SocketAddress address;
  address.length = sizeof in;
  std::memcpy(address.bytes, &in, sizeof in);
  return address;
}
ring::SocketAddress socket_address(const in6_addr& ip, std::uint16_t port) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  in.sin6_addr = ip;
  ring::SocketAddress address;
  address.length = sizeof in;
  std::memcpy(address.bytes, &in, sizeof in);
  return address;
}

std::string text_of(in_addr ip) {
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &ip, text, sizeof text) == nullptr ? "" : text;
}

absl::Status refuse(std::string_view what, std::string_view why) {
  std::string text("\"");
  text.append(what).append("\": ").append(why);
  return absl::InvalidArgumentError(text);
}

}  // namespace

bool is_loopback(std::string_view numeric) {
  in_addr ipv4{};
  if (parse_ipv4(numeric, &ipv4)) return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr ipv6{};
  return parse_ipv6(numeric, &ipv6) && std::memcmp(&ipv6, &in6addr_loopback, sizeof ipv6) == 0;
}

absl::StatusOr<Url> parse_url(std::string_view text) {
  if (text.substr(0, kScheme.size()) != kScheme) return refuse(text, "a target is ws://ADDR:PORT/path");
  Url url;
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  url.path = slash == std::string_view::npos ? "/" : rest.substr(slash);
  const std::string_view authority = rest.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "the port is missing");
  std::uint32_t port = 0;
  const std::string_view port_text = authority.substr(colon + 1);
  if (!absl::SimpleAtoi(absl::string_view(port_text.data(), port_text.size()), &port) || port == 0 ||
      port > 65535) {
    return refuse(text, "a port is 1 to 65535");
  }
  std::string_view host = authority.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  in_addr ipv4{};
  in6_addr ipv6{};
  if (!parse_ipv4(host, &ipv4) && !parse_ipv6(host, &ipv6)) {
    return refuse(text, "the host must be a numeric address: names are not looked up");
  }
  if (std::any_of(url.path.begin(), url.path.end(), [](char c) { return c <= ' ' || c == 127; })) {
    return refuse(text, "a path has no spaces or control characters");
  }
  url.host = host;
  url.port = static_cast<std::uint16_t>(port);
  url.authority = authority;
  return url;
}

absl::StatusOr<std::vector<ring::SocketAddress>> destinations(const Url& url, std::uint32_t count,
                                                              const std::vector<std::string>& allowed) {
  std::vector<ring::SocketAddress> all;
  const auto permitted = [&](const std::string& numeric) {
    return is_loopback(numeric) || std::find(allowed.begin(), allowed.end(), numeric) != allowed.end();
  };
  constexpr std::string_view kNotAllowed =
      "not a loopback address: the swarm goes there only with --allow_address naming it";
  in6_addr ipv6{};
  if (parse_ipv6(url.host, &ipv6)) {
    if (!permitted(url.host)) return refuse(url.host, kNotAllowed);
    if (count > 1) return refuse(url.host, "--destinations above 1 needs an IPv4 address");
    all.push_back(socket_address(ipv6, url.port));
    return all;
  }
  in_addr first{};
  parse_ipv4(url.host, &first);
  for (std::uint32_t i = 0; i < count; ++i) {
    in_addr ip{};
    ip.s_addr = htonl(ntohl(first.s_addr) + i);
    const std::string numeric = text_of(ip);
    if (!permitted(numeric)) return refuse(numeric, kNotAllowed);
    all.push_back(socket_address(ip, url.port));
  }
  return all;
}

absl::StatusOr<std::vector<ring::SocketAddress>> sources(const std::vector<std::string>& addresses) {
  std::vector<ring::SocketAddress> all;
  for (const std::string& text : addresses) {
    in_addr ipv4{};
    in6_addr ipv6{};
    if (parse_ipv4(text, &ipv4)) {
      all.push_back(socket_address(ipv4, 0));
    } else if (parse_ipv6(text, &ipv6)) {
      all.push_back(socket_address(ipv6, 0));
    } else {
      return refuse(text, "a source is a numeric address");
    }
  }
  return all;
}

}  // namespace holdfast::swarm
