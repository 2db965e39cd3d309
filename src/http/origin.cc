// The Origin check. Comparison is on parsed parts, so that nothing but scheme, host and port can decide.
#include "http/origin.h"

#include <algorithm>
#include <cstdint>

#include "http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::uint32_t kPortMaximum = 65535;

struct Authority {
  std::string_view host;
  std::uint32_t port = 0;  // 0: none given
};

struct Origin {
  std::string_view scheme;
  Authority authority;
};

bool parse_port(std::string_view text, std::uint32_t& port) {
  if (text.empty() || text.size() > 5 || text.front() == '0') return false;
  port = 0;
  for (const char byte : text) {
    if (byte < '0' || byte > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(byte - '0');
  }
  return port <= kPortMaximum;
}

bool is_ip_literal(std::string_view inside_brackets) {
  constexpr std::string_view kAddressBytes = "0123456789abcdefABCDEF:.";
  return !inside_brackets.empty() &&
         inside_brackets.find_first_not_of(kAddressBytes) == std::string_view::npos;
}

// host[:port], where host is a name, an IPv4 address or an IPv6 address in brackets; no user name, no path.
bool parse_authority(std::string_view text, Authority& authority) {
  std::size_t host_end = std::min(text.find(':'), text.size());
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || !is_ip_literal(text.substr(1, bracket - 1))) return false;
    host_end = bracket + 1;
  } else {
    const std::string_view name = text.substr(0, host_end);
    if (name.empty() || !all_of(name, kHostByte) || name.find('[') != std::string_view::npos ||
        name.find(']') != std::string_view::npos) {
      return false;
    }
  }
  authority.host = text.substr(0, host_end);
  authority.port = 0;
  if (host_end == text.size()) return true;
  return text[host_end] == ':' && parse_port(text.substr(host_end + 1), authority.port);
}

bool parse_origin(std::string_view text, Origin& origin) {
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return false;
  origin.scheme = text.substr(0, separator);
  const auto in_scheme = [](char byte) {
    const char lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' ||
           byte == '.';
  };
  if (origin.scheme.empty() || !std::all_of(origin.scheme.begin(), origin.scheme.end(), in_scheme))
    return false;
  return parse_authority(text.substr(separator + 3), origin.authority);
}

// 0 for a scheme that is not the web's: a page of such a scheme has no origin in common with a server.
std::uint32_t default_port(std::string_view scheme) {
  if (equals_ignoring_case(scheme, "https") || equals_ignoring_case(scheme, "wss")) return 443;
  if (equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "ws")) return 80;
  return 0;
}

// The scheme the client used to reach the server is not known here (a proxy may have ended TLS), so a Host
// without a port stands for the default port of the Origin's scheme.
bool same_origin(std::string_view origin_value, std::string_view host_value) {
  Origin origin;
  Authority host;
  if (!parse_origin(origin_value, origin) || !parse_authority(host_value, host)) return false;
  const std::uint32_t implied = default_port(origin.scheme);
  if (implied == 0) return false;
  const auto port_of = [implied](const Authority& authority) {
    return authority.port != 0 ? authority.port : implied;
  };
  return port_of(origin.authority) == port_of(host) && equals_ignoring_case(origin.authority.host, host.host);
}

}  // namespace

bool origin_allowed(const RequestHead& request, const OriginPolicy& policy) {
  const std::uint32_t origins = request.count("Origin");
  if (origins == 0) return policy.allow_missing;
  if (origins > 1) return false;
  const std::string_view value = *request.find("Origin");
  if (policy.allowed.empty()) return same_origin(value, request.find("Host").value_or(""));
  const auto permits = [value](std::string_view entry) {
    Origin parsed;
    return entry == "*" || (equals_ignoring_case(entry, value) && parse_origin(value, parsed));
  };
  return std::any_of(policy.allowed.begin(), policy.allowed.end(), permits);
}

bool valid_allowed_origin(std::string_view entry) {
  Origin parsed;
  return entry == "*" || parse_origin(entry, parsed);
}

}  // namespace holdfast::http
