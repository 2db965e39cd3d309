// Opens, reads and writes the sockets of connections.h. One thread.
#include "connections.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "failure.h"

namespace holdfast::perf {
namespace {

constexpr std::size_t kInputBytes = 256 * 1024;
constexpr std::size_t kMaxHeadBytes = 4096;
constexpr std::uint32_t kWatched = 0xffffffff;  // the index of a descriptor that is not a connection

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void set_option(int descriptor, int level, int name, const auto& value) {
  or_fail(setsockopt(descriptor, level, name, &value, sizeof value), "setsockopt");
}

int new_socket(const Target& target) {
  const int descriptor = or_fail(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  const linger reset_on_close{.l_onoff = 1, .l_linger = 0};
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, on);
  set_option(descriptor, SOL_SOCKET, SO_LINGER, reset_on_close);
  if (target.source.sin_family != 0) {
    // The port is chosen at connect, when the server's address is known: each source address has the whole
    // range.
    set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, on);
    or_fail(bind(descriptor, generic(target.source), sizeof target.source), "bind to the source address");
  }
  return descriptor;
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

Bytes bytes_of(std::string_view text) {
  return Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

// Returns what went out, or -1 when there is no room.
ssize_t send_some(int descriptor, Bytes bytes) {
  const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && !would_block()) fail_errno("send");
  return sent;
}

}  // namespace

Connections::Connections(const Target& target, std::uint32_t capacity, Mode& mode)
    : target_(target),
      mode_(mode),
      epoll_(or_fail(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      input_(kInputBytes) {
  connections_.reserve(capacity);
}

void Connections::open_until(std::uint32_t count) {
  if (count > connections_.capacity()) fail("more connections than room for them");
  goal_ = count;
  while (connections_.size() < goal_ && connections_.size() - open_ < target_.outstanding) start_next();
  while (open_ < goal_) turn(-1);
}

void Connections::start_next() {
  const auto index = static_cast<std::uint32_t>(connections_.size());
  Connection& connection = connections_.emplace_back();
  connection.descriptor = new_socket(target_);
  if (connect(connection.descriptor, generic(target_.server), sizeof target_.server) < 0 &&
      errno != EINPROGRESS) {
    fail_errno("connect");
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u32 = index;
  or_fail(epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.descriptor, &event), "epoll_ctl");
}

void Connections::finish_connecting(std::uint32_t index) {
  Connection& connection = connections_[index];
  int error = 0;
  socklen_t length = sizeof error;
  or_fail(getsockopt(connection.descriptor, SOL_SOCKET, SO_ERROR, &error, &length), "getsockopt");
  errno = error;
  if (error != 0) fail_errno("connect");
  if (!target_.upgrade) {
    opened(index);
    return;
  }
  connection.phase = Phase::upgrading;
  send(index, bytes_of(kUpgradeRequest));
}

void Connections::opened(std::uint32_t index) {
  connections_[index].phase = Phase::open;
  open_++;
  if (connections_.size() < goal_) start_next();
}

void Connections::reset_all() {
  for (const Connection& connection : connections_) close(connection.descriptor);
  connections_.clear();
  open_ = 0;
  goal_ = 0;
}

void Connections::send(std::uint32_t index, Bytes frame) {
  Connection& connection = connections_[index];
  if (!connection.unsent.empty()) fail("a frame was sent before the last one had left");
  connection.unsent = frame;
  flush(index);
}

void Connections::flush(std::uint32_t index) {
  Connection& connection = connections_[index];
  while (!connection.unsent.empty()) {
    const ssize_t sent = send_some(connection.descriptor, connection.unsent);
    if (sent < 0) return;
    connection.unsent = connection.unsent.subspan(static_cast<std::size_t>(sent));
  }
  if (connection.pong.empty()) return;
  const ssize_t sent = send_some(connection.descriptor, bytes_of(connection.pong));
  if (sent < 0) return;
  if (static_cast<std::size_t>(sent) != connection.pong.size()) fail("a pong was sent in part");
  connection.pong.clear();
}

void Connections::watch(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = kWatched;
  or_fail(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

bool Connections::turn(int timeout_ms) {
  std::array<epoll_event, 1024> events;
  const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (ready < 0 && errno != EINTR) fail_errno("epoll_wait");
  bool undisturbed = true;
  for (int i = 0; i < ready; i++) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u32 == kWatched) {
      undisturbed = false;
    } else {
      serve(event.data.u32, event.events);
    }
  }
  return undisturbed;
}

void Connections::serve(std::uint32_t index, std::uint32_t events) {
  if (connections_[index].phase == Phase::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    finish_connecting(index);
  }
  if ((events & EPOLLOUT) != 0) flush(index);
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    receive(index, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
}

// `ended`: there will be no other event, so a short read does not mean that this was all.
void Connections::receive(std::uint32_t index, bool ended) {
  while (true) {
    const ssize_t got = recv(connections_[index].descriptor, input_.data(), input_.size(), 0);
    if (got < 0 && would_block()) return;
    if (got < 0) fail_errno("recv");
    if (got == 0) fail("the server closed a connection");
    const auto received = static_cast<std::size_t>(got);
    Bytes input = Bytes(input_).first(received);
    if (connections_[index].phase == Phase::upgrading) input = take_head(index, input);
    connections_[index].parser.consume(input, [&](const Piece& piece) {
      if (piece.opcode == kPing) {
        take_ping(index, piece);
      } else {
        mode_.on_piece(index, piece);
      }
    });
    if (received < input_.size() && !ended) return;
  }
}

// Takes what belongs to the answer to the upgrade; returns what comes after it.
Bytes Connections::take_head(std::uint32_t index, Bytes input) {
  std::string& head = connections_[index].head;
  const std::size_t before = head.size();
  head.append(reinterpret_cast<const char*>(input.data()), input.size());
  const std::size_t end = head.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head.size() > kMaxHeadBytes) fail("the server's answer to the upgrade does not end");
    return {};
  }
  const std::size_t taken = end + 4 - before;
  if (head.rfind("HTTP/1.1 101 ", 0) != 0) fail(("not upgraded: " + head.substr(0, 60)).c_str());
  if (head.find(kAccept) > end) fail("the server's answer lacks the right Sec-WebSocket-Accept");
  head = std::string();
  opened(index);
  return input.subspan(taken);
}

void Connections::take_ping(std::uint32_t index, const Piece& piece) {
  Connection& connection = connections_[index];
  connection.ping.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
  if (!piece.last()) return;
  std::array<std::uint8_t, 131> frame;
  const std::size_t frame_bytes = write_masked_control(kPong, bytes_of(connection.ping), frame);
  connection.ping.clear();
  connection.pong.assign(reinterpret_cast<const char*>(frame.data()), frame_bytes);
  pings_answered_++;
  flush(index);
}

}  // namespace holdfast::perf
