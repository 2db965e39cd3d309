// send_floor PORT CONNECTIONS: the floor of fan-out, a bare loop of send(2) over accepted sockets.
//
// To the load client it is a server like the others (load --mode=fanout), so that the receiving side and the
// measured window are the same code: it accepts so many connections, answers each upgrade with a constant,
// and from then on a message from the first one, the publisher, is sent to all in one loop. It has no event
// loop and watches nobody: each call of the loop is one send(2) of the frame's bytes, as the fan-out of a
// server that does nothing else would be. One thread. Ends when the publisher goes.
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "listening.h"
#include "websocket.h"

namespace holdfast::perf {
namespace {

int accept_upgraded(int listener) {
  const int peer = or_fail(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 1024> input;
    const ssize_t got = recv(peer, input.data(), input.size(), 0);
    if (got <= 0) fail("a client left during the upgrade");
    head.append(input.data(), static_cast<std::size_t>(got));
  }
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  answer.append("Sec-WebSocket-Accept: ").append(kAccept).append("\r\n\r\n");
  if (send(peer, answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size())) {
    fail_errno("send of the answer to the upgrade");
  }
  return peer;
}

void receive_exactly(int peer, std::uint8_t* target, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = recv(peer, target, bytes, 0);
    if (got <= 0) std::exit(0);  // the publisher resets its connections when its window is over
    target += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

// Reads one masked frame of at most 64 KiB - 1 from the publisher; leaves in `frame` what a server sends for
// it.
void receive_message(int publisher, std::vector<std::uint8_t>& frame) {
  std::array<std::uint8_t, 4> header{};
  receive_exactly(publisher, header.data(), 2);
  std::size_t length = header[1] & 0x7f;
  if (length == 127) fail("the floor is for messages below 64 KiB");
  std::size_t header_bytes = 2;
  if (length == 126) {
    header_bytes = 4;
    receive_exactly(publisher, header.data() + 2, 2);
    length = static_cast<std::size_t>(header[2]) << 8 | header[3];
  }
  header[1] &= 0x7f;
  std::array<std::uint8_t, 4> mask{};
  receive_exactly(publisher, mask.data(), mask.size());
  frame.resize(header_bytes + length);
  std::copy_n(header.begin(), header_bytes, frame.begin());
  receive_exactly(publisher, frame.data() + header_bytes, length);
  for (std::size_t i = 0; i < length; i++) frame[header_bytes + i] ^= mask[i % mask.size()];
}

[[noreturn]] void run(std::uint16_t port, std::size_t connections) {
  const int listener = listen_on_loopback(port);
  std::vector<int> peers;
  while (peers.size() < connections) peers.push_back(accept_upgraded(listener));
  std::vector<std::uint8_t> frame;
  while (true) {
    receive_message(peers.front(), frame);
    for (const int peer : peers) {
      const ssize_t sent = send(peer, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent != static_cast<ssize_t>(frame.size())) fail_errno("a send that was not whole");
    }
  }
}

}  // namespace
}  // namespace holdfast::perf

int main(int argc, char** argv) {
  if (argc != 3) holdfast::perf::fail("send_floor PORT CONNECTIONS");
  holdfast::perf::run(holdfast::perf::port_argument(argv[1]), std::strtoul(argv[2], nullptr, 10));
}
