// socket, setsockopt, bind, listen, with errors a person can act on.
#include "net/listening_socket.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast::net {
namespace {

// Idle peers whose machine has vanished are found by keepalive probes even where the server's own pings are
// off.
constexpr int kKeepaliveIdleSeconds = 60;
constexpr int kKeepaliveIntervalSeconds = 15;

// What the kernel queues of a connection beyond what is on its way to the peer. Bounds the kernel memory of a
// slow peer, and makes a backlogged socket writable again each time half of it has left: otherwise a peer
// that reads steadily but slowly would look stalled, because a socket counts as writable only when a third of
// its send buffer, a megabyte, is free.
constexpr int kUnsentBytes = 128 * 1024;

// What a peer may send before it is read; the kernel counts twice as much. Left alone a socket's buffer grows
// up to the host's tcp_rmem, 6 to 32 MiB: 2,000 peers that sent more than was read filled the memory of all
// TCP sockets, and the packets of the others were dropped. It is a large receive, and at a round trip
// of 100 ms a connection can still send 1.3 MB a second.
constexpr int kUnreadBytes = 128 * 1024;

// A port that is taken may be that of a server that was killed: the kernel takes its rings apart after its
// end, and its listeners go with them (24 ms later, measured; longer on a busy host). A successor waits.
constexpr int kTakenWaits = 100;
constexpr std::chrono::milliseconds kTakenWait{10};

absl::Status refused(std::string_view address, const char* step, int error) {
  const char* next = "";
  if (error == EADDRINUSE) {
    next = "; another process listens there: stop it (ss -ltnp shows which) or choose another port";
  } else if (error == EADDRNOTAVAIL) {
    next = "; no interface of this host has that address: ip addr lists those it has";
  } else if (error == EACCES) {
    next = "; ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one";
  } else if (error == EMFILE || error == ENFILE) {
    next = "; too many open files: raise RLIMIT_NOFILE (ulimit -n) or use fewer shards";
  }
  const std::string text =
      absl::StrCat("cannot listen on ", std::string(address), ": ", step, ": ", std::strerror(error), next);
  return error == EACCES ? absl::PermissionDeniedError(text) : absl::UnavailableError(text);
}

class Socket {
 public:
  explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }
  void set(int level, int option, int value) const {
    CHECK(::setsockopt(descriptor_, level, option, &value, sizeof value) == 0);
  }
  int bind(const ListenAddress& address) const {
    return ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0
               ? 0
               : errno;
  }

 private:
  int descriptor_;
};

// SO_REUSEPORT would quietly share the port with another server of the same user; a plain bind does not.
absl::Status check_unused(std::string_view text, const ListenAddress& address) {
  Socket probe(address.storage.sin6_family);
  if (probe.get() < 0) return refused(text, "socket", errno);
  probe.set(SOL_SOCKET, SO_REUSEADDR, 1);
  int error = probe.bind(address);
  for (int waits = 0; error == EADDRINUSE && waits < kTakenWaits; ++waits) {
    std::this_thread::sleep_for(kTakenWait);
    error = probe.bind(address);
  }
  return error == 0 ? absl::OkStatus() : refused(text, "bind", error);
}

// Lets each arriving SYN choose a socket of the group at random. Left alone the kernel chooses by a hash of
// the client's address and port, in which an unspecified local address counts as zero: clients that reach a
// server on 0.0.0.0 by many of its addresses and use the same ports at each all fall on the same shards
// (measured: shards of 100,000 such clients differed by 5 % where chance gives 2), and a client that found a
// full shard would find it full for ever. Works without a privilege (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5).
void spread_at_random(int descriptor, std::uint32_t sockets) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, sockets),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  const sock_fprog program = {static_cast<unsigned short>(std::size(code)), code};
  // Where a filter is refused (no BPF in the kernel) the hash has to do.
  static_cast<void>(::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program));
}

absl::StatusOr<int> open_one(std::string_view text, const ListenAddress& address,
                             const ListenOptions& options) {
  Socket socket(address.storage.sin6_family);
  if (socket.get() < 0) return refused(text, "socket", errno);
  socket.set(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.shards > 1) socket.set(SOL_SOCKET, SO_REUSEPORT, 1);
  socket.set(IPPROTO_TCP, TCP_NODELAY, 1);
  socket.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  socket.set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  socket.set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  socket.set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes);
  socket.set(SOL_SOCKET, SO_RCVBUF, kUnreadBytes);
  // Accepting and reading then happen in one wake-up (measured: 13 % less CPU for a WebSocket handshake).
  if (options.client_speaks_first) socket.set(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
  socket.set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
  if (const int error = socket.bind(address); error != 0) return refused(text, "bind", error);
  if (::listen(socket.get(), static_cast<int>(options.backlog)) != 0) return refused(text, "listen", errno);
  return socket.release();
}

}  // namespace

absl::StatusOr<ListeningSockets> open_listening_sockets(std::string_view text, const ListenOptions& options) {
  CHECK(options.shards > 0);
  auto address = parse_listen_address(text);
  if (!address.ok()) return address.status();
  ListeningSockets sockets{*address, {}};
  if (absl::Status unused = check_unused(text, *address); !unused.ok()) return unused;
  for (std::uint32_t shard = 0; shard < options.shards; ++shard) {
    auto descriptor = open_one(text, sockets.bound, options);
    if (!descriptor.ok()) {
      for (int open : sockets.descriptors) ::close(open);
      return descriptor.status();
    }
    sockets.descriptors.push_back(*descriptor);
    if (shard == 0) {
      // Port 0 is settled by the first socket; the others join it.
      CHECK(::getsockname(*descriptor, reinterpret_cast<sockaddr*>(&sockets.bound.storage),
                          &sockets.bound.length) == 0);
    }
  }
  if (options.shards > 1) spread_at_random(sockets.descriptors.front(), options.shards);
  return sockets;
}

}  // namespace holdfast::net
