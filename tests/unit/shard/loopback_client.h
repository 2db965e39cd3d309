// LoopbackClient: a blocking WebSocket client for tests of a server in the same process. Every wait is
// bounded.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "../eventually.h"

namespace holdfast::shard {

class LoopbackClient {
 public:
  // `endpoint` is "127.0.0.1:PORT".
  explicit LoopbackClient(std::string_view endpoint) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{patience().count(), 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(endpoint.substr(endpoint.rfind(':') + 1).data())));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~LoopbackClient() { end(); }
  LoopbackClient(LoopbackClient&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), connected_(other.connected_) {}
  LoopbackClient(const LoopbackClient&) = delete;

  bool connected() const { return connected_; }
  void end() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // Something can be read, or comes in so many milliseconds.
  bool readable(int within_ms) {
    pollfd watched{descriptor_, POLLIN, 0};
    return ::poll(&watched, 1, within_ms) == 1;
  }

  // Exactly `length` bytes, fewer at the end of input or when nothing comes.
  std::string read(std::size_t length) {
    std::string bytes(length, '\0');
    std::size_t have = 0;
    while (have < length) {
      const ssize_t count = ::recv(descriptor_, bytes.data() + have, length - have, 0);
      // With a receive timeout the kernel does not restart the call after it has run work of a ring.
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      have += static_cast<std::size_t>(count);
    }
    bytes.resize(have);
    return bytes;
  }

  bool handshake() {
    if (!write("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")) {
      return false;
    }
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = read(1);
      if (next.empty()) return false;
      head += next;
    }
    return head.starts_with("HTTP/1.1 101 ") &&
           head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos;
  }

  static std::string frame(std::uint8_t opcode, std::string_view payload, bool final = true) {
    std::string frame(1, static_cast<char>((final ? 0x80 : 0) | opcode));
    if (payload.size() < 126) {
      frame += static_cast<char>(0x80 | payload.size());
    } else {
      frame += static_cast<char>(0x80 | 126);
      frame += static_cast<char>(payload.size() >> 8);
      frame += static_cast<char>(payload.size() & 0xff);
    }
    constexpr unsigned char kMask[4] = {1, 2, 3, 4};
    frame.append(reinterpret_cast<const char*>(kMask), 4);
    for (std::size_t i = 0; i < payload.size(); ++i) {
      frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]);
    }
    return frame;
  }
  bool send_frame(std::uint8_t opcode, std::string_view payload, bool final = true) {
    return write(frame(opcode, payload, final));
  }

  struct Frame {
    int opcode = -1;  // -1: no frame came
    std::string payload;
  };
  Frame read_frame() {
    const std::string head = read(2);
    if (head.size() < 2) return {};
    std::size_t length = static_cast<unsigned char>(head[1]);
    if (length == 126) {
      const std::string extended = read(2);
      if (extended.size() < 2) return {};
      length = static_cast<std::size_t>(static_cast<unsigned char>(extended[0])) << 8 |
               static_cast<unsigned char>(extended[1]);
    }
    return {head[0] & 0x0f, read(length)};
  }

 private:
  int descriptor_ = -1;
  bool connected_ = false;
};

}  // namespace holdfast::shard
