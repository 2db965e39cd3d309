// The page that a holdfast without settings serves: it connects, subscribes, and shows what arrives. Needs
// nothing but itself. Constant; any thread.
#pragma once

#include <string_view>

namespace holdfast::admin {

std::string_view demonstration_page();

// What goes into the head of the answer: the page may load nothing and connect only to where it came from.
inline constexpr std::string_view kDemonstrationFields =
    "Cache-Control: no-cache\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'\r\n";

}  // namespace holdfast::admin
