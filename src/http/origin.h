// Which web pages may open a connection: the server's defence against cross-site WebSocket hijacking
// (CWE-1385).
//
// Browsers let any page open a WebSocket to any host, cookies included, and only say in Origin whose page it
// is. Pure functions over a parsed head. Source: RFC 6454 section 7, RFC 6455 section 10.2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/request_head.h"

namespace holdfast::http {

struct OriginPolicy {
  // Each entry is "scheme://host[:port]" compared exactly after lower-casing scheme and host, or "*" for any.
  // Empty: the Origin's host and port must equal the Host field (same origin).
  std::vector<std::string> allowed;
  bool allow_missing = true;  // clients that are not browsers send none
};

// False for more than one Origin, whatever the policy. `null` and whatever is not ASCII scheme://host[:port]
// pass only "*".
bool origin_allowed(const RequestHead& request, const OriginPolicy& policy);

// True when an entry of OriginPolicy::allowed can match anything: "*", or what a browser could send as
// Origin.
bool valid_allowed_origin(std::string_view entry);

}  // namespace holdfast::http
