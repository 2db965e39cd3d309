// SimulatedConnection: bytes between a simulated client and a simulated ring, with TCP's rules for FIN, RST
// and loss.
#include "ring/simulated_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "ring/simulated_world.h"

namespace holdfast::ring {

std::size_t ByteQueue::push(std::span<const std::byte> bytes) {
  std::size_t count = std::min(bytes.size(), free());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

std::size_t ByteQueue::pop(std::span<std::byte> into) {
  std::size_t count = std::min(into.size(), used());
  auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(head_);
  std::copy(first, first + static_cast<std::ptrdiff_t>(count), into.begin());
  head_ += count;
  if (head_ == bytes_.size()) {
    bytes_.clear();
    head_ = 0;
  } else if (head_ > 64 * 1024) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return count;
}

void ByteQueue::truncate(std::size_t used_bytes) {
  CHECK(used_bytes <= used());
  bytes_.resize(head_ + used_bytes);
}

SimulatedConnection::SimulatedConnection(SimulatedWorld* world, std::uint32_t id, std::uint32_t address,
                                         std::uint16_t port, std::size_t receive_capacity,
                                         std::size_t send_capacity, ClientObserver* client)
    : world_(world),
      client_(client),
      id_(id),
      address_(address),
      port_(port),
      to_server_(receive_capacity),
      to_client_(send_capacity) {}

std::size_t SimulatedConnection::client_send(std::span<const std::byte> bytes) {
  CHECK(!client_finished_);
  if (server_end_ == ServerEnd::reset || bytes.empty()) return 0;
  if (vanished_) return bytes.size();
  if (server_closed_) {
    cut_client_off();
    return 0;
  }
  std::size_t taken = to_server_.push(bytes);
  if (taken > 0) wake_server(kIn);
  return taken;
}

std::size_t SimulatedConnection::client_receive(std::span<std::byte> into) {
  if (vanished_) return 0;
  std::size_t taken = to_client_.pop(into);
  acknowledged_bytes_ += taken;
  if (taken > 0 && (poll_mask() & kOut) != 0) wake_server(kOut);
  return taken;
}

void SimulatedConnection::client_finish() {
  if (client_finished_ || error_seen_ || vanished_) return;
  client_finished_ = true;
  wake_server(kIn | kReadHangUp);
}

void SimulatedConnection::client_close() {
  if (vanished_) return;
  // Closing with unread input sends a RST in place of the FIN.
  if (to_client_.used() > 0 && !client_closed_) {
    client_closed_ = true;
    client_reset();
    return;
  }
  client_finish();
  client_closed_ = true;
}

void SimulatedConnection::client_reset() {
  if (vanished_) return;
  client_finished_ = true;
  client_closed_ = true;
  to_client_.truncate(0);
  // Input that had arrived before stays readable; what was still on its way is gone.
  to_server_.truncate(world_->random().below(to_server_.used() + 1));
  fail(ECONNRESET);
}

void SimulatedConnection::client_vanish() {
  vanished_ = true;
  client_ = nullptr;
}

void SimulatedConnection::attach(SocketObserver* observer, std::uint32_t socket) {
  accepted_ = true;
  observer_ = observer;
  socket_ = socket;
}

std::uint32_t SimulatedConnection::poll_mask() const {
  if (error_seen_) return kIn | kOut | kReadHangUp | kHangUp | (error_ != 0 ? kError : 0);
  std::uint32_t mask = 0;
  if (to_server_.used() > 0) mask |= kIn;
  if (client_finished_) mask |= kIn | kReadHangUp;
  // Like sk_stream_is_writable: announced only when a third of the buffer is free.
  if (to_client_.free() > 0 && to_client_.free() * 2 >= to_client_.used()) mask |= kOut;
  return mask;
}

std::int32_t SimulatedConnection::server_receive(std::span<std::byte> into) {
  CHECK(!server_closed_);
  if (to_server_.used() > 0) {
    std::size_t taken = to_server_.pop(into);
    notify_client();
    return static_cast<std::int32_t>(taken);
  }
  if (error_ != 0) return -std::exchange(error_, 0);
  if (error_seen_ || client_finished_) return 0;
  return -EAGAIN;
}

std::int32_t SimulatedConnection::server_send(std::span<const std::byte> from) {
  CHECK(!server_closed_);
  if (error_ != 0) return -std::exchange(error_, 0);
  if (error_seen_) return -EPIPE;
  if (client_closed_) {
    // Nobody reads any more: the bytes leave, and a RST is the answer.
    world_->schedule(world_->latency_ns(), [this] { fail(ECONNRESET); });
    return static_cast<std::int32_t>(from.size());
  }
  std::size_t taken = to_client_.push(from);
  if (taken == 0) return -EAGAIN;
  notify_client();
  if (world_->user_timeout_ns() != 0 && !timeout_pending_) {
    timeout_pending_ = true;
    std::uint64_t mark = acknowledged_bytes_;
    world_->schedule(world_->user_timeout_ns(), [this, mark] {
      timeout_pending_ = false;
      if (to_client_.used() > 0 && acknowledged_bytes_ == mark) fail(ETIMEDOUT);
    });
  }
  return static_cast<std::int32_t>(taken);
}

void SimulatedConnection::server_close(bool reset) {
  CHECK(!server_closed_);
  server_closed_ = true;
  observer_ = nullptr;
  if (reset || to_server_.used() > 0) {
    cut_client_off();
    return;
  }
  if (server_end_ == ServerEnd::open) server_end_ = ServerEnd::finished;
  notify_client();
}

void SimulatedConnection::fail(std::int32_t error) {
  if (error_seen_ || server_closed_) return;
  error_seen_ = true;
  error_ = error;
  if (server_end_ == ServerEnd::open && error == ETIMEDOUT) cut_client_off();
  wake_server(kIn | kOut | kReadHangUp | kHangUp | kError);
}

void SimulatedConnection::break_off(std::int32_t error) {
  cut_client_off();
  fail(error);
}

void SimulatedConnection::wake_server(std::uint32_t events) {
  if (observer_ != nullptr) observer_->socket_woken(socket_, events);
}

void SimulatedConnection::notify_client() {
  if (client_ == nullptr || notice_pending_) return;
  notice_pending_ = true;
  world_->schedule(world_->latency_ns(), [this] {
    notice_pending_ = false;
    if (client_ != nullptr) client_->on_network();
  });
}

void SimulatedConnection::cut_client_off() {
  if (server_end_ == ServerEnd::reset) return;
  server_end_ = ServerEnd::reset;
  if (vanished_) return;
  to_client_.truncate(world_->random().below(to_client_.used() + 1));
  notify_client();
}

}  // namespace holdfast::ring
