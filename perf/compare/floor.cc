// floor PORT hold|serve: what the servers of perf/compare cannot go below, as a server that the swarm
// accepts.
//
// hold: accepts, upgrades and keeps the sockets, watching nobody: the accepted socket and its descriptor are
// all a connection costs. serve: watches them with epoll; a message that begins with '!' goes to all in one
// loop of send(2) over the frame's bytes, any other one back with one send. One thread, no queue: a send that
// is not whole ends it. No code of the library, so that what it measures does not change with it.
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "listening.h"

namespace holdfast::perf {
namespace {

constexpr std::string_view kKeyField = "Sec-WebSocket-Key: ";
constexpr std::string_view kHandshakeSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455
constexpr std::uint8_t kMarker = '!', kNotMasked = 0x7f, kClose = 0x08, kPing = 0x09, kPong = 0x0a;
constexpr std::size_t kInputBytes = 64 * 1024;

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += kHandshakeSuffix;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr) != 1) fail("SHA-1");
  std::array<unsigned char, 64> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(bytes));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

void send_whole(int peer, std::span<const std::uint8_t> bytes) {
  const ssize_t sent = send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;  // it has left, epoll will say so
  if (sent != static_cast<ssize_t>(bytes.size())) fail_errno("a send that was not whole");
}

int accept_upgraded(int listener) {
  const int peer = or_fail(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 2048> input;
    const ssize_t got = recv(peer, input.data(), input.size(), 0);
    if (got <= 0) {
      close(peer);
      return -1;
    }
    head.append(input.data(), static_cast<std::size_t>(got));
  }
  const std::size_t key = head.find(kKeyField);
  if (key == std::string::npos) fail("an upgrade without a key");
  const std::size_t begin = key + kKeyField.size();
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  answer += "Sec-WebSocket-Accept: " + accept_key(head.substr(begin, head.find("\r\n", begin) - begin)) +
            "\r\n\r\n";
  send_whole(peer, {reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()});
  return peer;
}

[[noreturn]] void hold(int listener) {
  while (true) accept_upgraded(listener);
}

class Serving {
 public:
  explicit Serving(int listener)
      : listener_(listener), epoll_(or_fail(epoll_create1(EPOLL_CLOEXEC), "epoll")) {
    watch(listener);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int count =
          or_fail(epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1), "wait");
      for (int i = 0; i < count; ++i) {
        const int ready = events[static_cast<std::size_t>(i)].data.fd;
        if (ready == listener_) {
          admit();
        } else {
          read(ready);
        }
      }
    }
  }

 private:
  void watch(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    or_fail(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
  }

  void admit() {
    const int peer = accept_upgraded(listener_);
    if (peer < 0) return;
    watch(peer);
    peers_.push_back(peer);
  }

  void leave(int peer) {
    close(peer);
    peers_.erase(std::find(peers_.begin(), peers_.end(), peer));
  }

  void read(int peer) {
    const ssize_t got = recv(peer, input_.data(), input_.size(), MSG_DONTWAIT);
    if (got <= 0) return leave(peer);
    std::span<std::uint8_t> rest(input_.data(), static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const std::size_t taken = take_frame(peer, rest);
      if (taken == 0) return;  // it has left
      rest = rest.subspan(taken);
    }
  }

  // Answers one whole, masked frame; returns its bytes, or 0 when it closed the connection.
  std::size_t take_frame(int peer, std::span<std::uint8_t> input) {
    if (input.size() < 6) fail("a frame in pieces");
    std::size_t length = input[1] & 0x7f, header = 2;
    if (length == 127) fail("the floor is for messages below 64 KiB");
    if (length == 126) {
      header = 4;
      length = static_cast<std::size_t>(input[2]) << 8 | input[3];
    }
    if (input.size() < header + 4 + length) fail("a frame in pieces");
    const std::span<std::uint8_t> mask = input.subspan(header, 4),
                                  payload = input.subspan(header + 4, length);
    for (std::size_t i = 0; i < length; ++i) payload[i] ^= mask[i % 4];
    // The answer's header has no mask: it moves up to the payload.
    const std::span<std::uint8_t> frame = input.subspan(4, header + length);
    std::memmove(frame.data(), input.data(), header);
    frame[1] &= kNotMasked;
    const int opcode = frame[0] & 0x0f;
    if (opcode == kPing) frame[0] = static_cast<std::uint8_t>((frame[0] & 0xf0) | kPong);
    if (opcode != kClose && length > 0 && payload[0] == kMarker) {
      for (const int each : peers_) send_whole(each, frame);
    } else if (opcode != kPong) {
      send_whole(peer, frame);
    }
    if (opcode == kClose) leave(peer);
    return opcode == kClose ? 0 : header + 4 + length;
  }

  int listener_;
  int epoll_;
  std::vector<int> peers_;
  std::vector<std::uint8_t> input_ = std::vector<std::uint8_t>(kInputBytes);
};

}  // namespace
}  // namespace holdfast::perf

int main(int argc, char** argv) {
  using namespace holdfast::perf;
  const std::string_view way = argc == 3 ? argv[2] : "";
  if (way != "hold" && way != "serve") fail("floor PORT hold|serve");
  const int listener = listen_on_loopback(port_argument(argv[1]));
  if (way == "hold") hold(listener);
  Serving(listener).run();
}
