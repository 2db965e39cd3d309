// SimulatedConnection: one TCP-like connection of the simulated world: two bounded byte queues and the ways
// they end.
//
// Owned by SimulatedWorld, used by one simulated client at one end and by one SimulatedRing at the other.
// Single-threaded. Invariant: bytes of one direction arrive in order and without holes, up to the point where
// a reset cuts them off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::ring {

class SimulatedWorld;

// A first-in, first-out queue of bytes with a bound.
class ByteQueue {
 public:
  explicit ByteQueue(std::size_t capacity) : capacity_(capacity) {}

  std::size_t used() const { return bytes_.size() - head_; }
  std::size_t free() const { return capacity_ > used() ? capacity_ - used() : 0; }
  std::size_t capacity() const { return capacity_; }
  // Takes as much as fits.
  std::size_t push(std::span<const std::byte> bytes);
  std::size_t pop(std::span<std::byte> into);
  void truncate(std::size_t used);  // keeps the oldest `used` bytes

 private:
  std::vector<std::byte> bytes_;
  std::size_t head_ = 0;
  std::size_t capacity_;
};

// The client's end, told after a random latency that something changed: bytes, room, FIN or RST.
class ClientObserver {
 public:
  virtual void on_network() = 0;

 protected:
  ~ClientObserver() = default;
};

// The server's end: the ring whose file table holds the socket.
class SocketObserver {
 public:
  virtual void socket_woken(std::uint32_t socket, std::uint32_t poll_events) = 0;

 protected:
  ~SocketObserver() = default;
};

class SimulatedConnection {
 public:
  // poll(2) bits, as a completion of an armed poll carries them.
  static constexpr std::uint32_t kIn = 0x0001, kOut = 0x0004, kError = 0x0008, kHangUp = 0x0010,
                                 kReadHangUp = 0x2000;
  static constexpr std::uint32_t kInput = kIn | kReadHangUp | kError | kHangUp;
  static constexpr std::uint32_t kOutput = kOut | kError | kHangUp;

  SimulatedConnection(SimulatedWorld* world, std::uint32_t id, std::uint32_t address, std::uint16_t port,
                      std::size_t receive_capacity, std::size_t send_capacity, ClientObserver* client);

  std::uint32_t id() const { return id_; }
  std::uint32_t address() const { return address_; }  // IPv4, host order
  std::uint16_t port() const { return port_; }

  // ---- The client's end.
  enum class ServerEnd { open, finished, reset };
  // Bytes taken; 0 when there is no room or nobody to read them. Sending to a server that has closed earns a
  // reset.
  std::size_t client_send(std::span<const std::byte> bytes);
  std::size_t client_receive(std::span<std::byte> into);
  // What follows the bytes not yet received.
  ServerEnd server_end() const { return server_end_; }
  std::size_t client_readable() const { return to_client_.used(); }
  void client_finish();  // FIN; what the server sends is still taken
  void client_close();   // FIN; what the server sends is answered with RST
  void client_reset();
  void client_vanish();  // from now on nothing passes in either direction, and nobody is told
  bool vanished() const { return vanished_; }
  // A server has taken it out of the accept queue.
  bool accepted() const { return accepted_; }

  // ---- The server's end.
  void attach(SocketObserver* observer, std::uint32_t socket);
  std::uint32_t poll_mask() const;
  std::size_t input_bytes() const { return to_server_.used(); }
  bool input_ended() const { return client_finished_ || error_seen_; }
  // recv(2) and send(2) with MSG_DONTWAIT: a count, or a negative errno.
  std::int32_t server_receive(std::span<std::byte> into);
  std::int32_t server_send(std::span<const std::byte> from);
  // With unread input, or asked to, the peer gets a RST and may lose what it had not read yet.
  void server_close(bool reset);
  bool server_closed() const { return server_closed_; }
  // As if a retransmission timed out or the peer sent a RST.
  void fail(std::int32_t error);
  // As if the network between the two were gone: both ends see an error.
  void break_off(std::int32_t error);

 private:
  void wake_server(std::uint32_t events);
  void notify_client();
  void cut_client_off();

  SimulatedWorld* world_;
  ClientObserver* client_;
  SocketObserver* observer_ = nullptr;
  std::uint32_t socket_ = 0;
  std::uint32_t id_;
  std::uint32_t address_;
  std::uint16_t port_;
  ByteQueue to_server_;
  ByteQueue to_client_;
  std::int32_t error_ = 0;  // reported once by the next receive or send, as SO_ERROR is
  ServerEnd server_end_ = ServerEnd::open;
  std::uint64_t acknowledged_bytes_ = 0;  // taken by the client so far
  bool accepted_ = false;
  bool client_finished_ = false;
  bool client_closed_ = false;
  bool vanished_ = false;
  bool error_seen_ = false;  // the connection is dead: RST or time-out
  bool server_closed_ = false;
  bool notice_pending_ = false;  // an on_network() is scheduled
  bool timeout_pending_ = false;
};

}  // namespace holdfast::ring
