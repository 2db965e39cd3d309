// A blocking listening socket on 127.0.0.1 for the two reference programs, which are servers without an event
// loop.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>

#include "failure.h"

namespace holdfast::perf {

inline int listen_on_loopback(std::uint16_t port) {
  const int listener = or_fail(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  or_fail(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  or_fail(setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");  // inherited
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  or_fail(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  or_fail(listen(listener, 4096), "listen");
  return listener;
}

inline std::uint16_t port_argument(const char* text) {
  char* end = nullptr;
  const long port = std::strtol(text, &end, 10);
  if (*end != '\0' || port < 1 || port > 65535) fail("the port is a number from 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

}  // namespace holdfast::perf
