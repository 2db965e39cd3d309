// Listening sockets on the real kernel: who gets which client.
#include "net/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast::net {
namespace {

class Descriptors {
 public:
  ~Descriptors() {
    for (int descriptor : all_) ::close(descriptor);
  }
  void take(int descriptor) { all_.push_back(descriptor); }

 private:
  std::vector<int> all_;
};

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000000u + host);
  address.sin_port = htons(port);
  return address;
}

// A client at 127.0.0.1:`source_port` (0: any) connected to 127.0.0.`host`:`port`.
int connected(std::uint16_t source_port, std::uint32_t host, std::uint16_t port) {
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // Ended by reset: no TIME_WAIT holds the port when the test is repeated.
  const linger reset{1, 0};
  ::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const sockaddr_in from = loopback(1, source_port);
  EXPECT_EQ(::bind(client, reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
  const sockaddr_in to = loopback(host, port);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return client;
}

std::uint16_t port_of(int descriptor) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return ntohs(address.sin_port);
}

// 40 clients from one address and port, each to another address of the server: to the kernel's hash they look
// alike. By chance they all fall on one of 8 sockets once in 8^39 runs.
TEST(ListeningSockets, SpreadClientsThatTheKernelsHashCannotTellApart) {
  ListenOptions options;
  options.shards = 8;
  auto sockets = open_listening_sockets("0.0.0.0:0", options);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  Descriptors descriptors;
  for (int descriptor : sockets->descriptors) descriptors.take(descriptor);
  const std::uint16_t port = port_of(sockets->descriptors.front());
  const int first = connected(0, 2, port);
  descriptors.take(first);
  const std::uint16_t source_port = port_of(first);
  for (std::uint32_t host = 3; host < 42; ++host) descriptors.take(connected(source_port, host, port));

  int chosen = 0;
  for (int descriptor : sockets->descriptors) {
    pollfd waiting{descriptor, POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 1) ++chosen;
  }
  EXPECT_GT(chosen, 1);
}

// Otherwise the kernel keeps of each as much as the host's tcp_rmem says, 6 to 32 MiB.
TEST(ListeningSockets, KeepLittleOfWhatClientsSendBeforeItIsRead) {
  auto sockets = open_listening_sockets("127.0.0.1:0", ListenOptions{});
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const int listening = sockets->descriptors.front();
  Descriptors descriptors;
  descriptors.take(listening);
  const int client = connected(0, 1, port_of(listening));
  descriptors.take(client);
  const int send_buffer_bytes = 64 * 1024;  // what the client's own kernel keeps
  ASSERT_EQ(::setsockopt(client, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes), 0);
  const int accepted = ::accept(listening, nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  descriptors.take(accepted);

  const std::vector<char> bytes(65'536);
  constexpr std::size_t kBound = 512 * 1024;
  std::size_t taken = 0;
  pollfd writable{client, POLLOUT, 0};
  while (taken <= kBound && ::poll(&writable, 1, 300) == 1) {
    const ssize_t sent = ::send(client, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) taken += static_cast<std::size_t>(sent);
  }
  EXPECT_LE(taken, kBound);
  EXPECT_GE(taken, 128u * 1024) << "too little for one large receive";
}

TEST(ListeningSockets, OfOneShardKeepTheirPortToThemselves) {
  auto first = open_listening_sockets("127.0.0.1:0", ListenOptions{});
  ASSERT_TRUE(first.ok()) << first.status();
  Descriptors descriptors;
  descriptors.take(first->descriptors.front());
  const std::string address = "127.0.0.1:" + std::to_string(port_of(first->descriptors.front()));
  const auto second = open_listening_sockets(address, ListenOptions{});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find("another process listens there"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::net
