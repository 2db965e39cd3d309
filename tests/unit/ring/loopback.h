// What the tests of KernelRing share: TCP listeners and clients on the loopback interface, and a ring whose
// completions are waited for with a bound.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ring/kernel_ring.h"

namespace holdfast::ring {

constexpr int kPatienceMs = 20'000;  // how long anything is waited for: far beyond what it takes

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int get() const { return number_; }

 private:
  int number_;
};

// Waits until the peer's kernel has acknowledged everything that was written.
inline void expect_arrived(const Descriptor& descriptor) {
  int unacknowledged = 1;
  for (int waited_ms = 0; unacknowledged > 0 && waited_ms < kPatienceMs; ++waited_ms) {
    ASSERT_EQ(::ioctl(descriptor.get(), SIOCOUTQ, &unacknowledged), 0);
    if (unacknowledged > 0) ::poll(nullptr, 0, 1);
  }
  EXPECT_EQ(unacknowledged, 0);
}

// An address of the loopback interface, of either family.
struct Loopback {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  static Loopback of(int family) {
    Loopback address;
    if (family == AF_INET) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      std::memcpy(&address.storage, &in, address.length = sizeof in);
    } else {
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_addr = in6addr_loopback;
      std::memcpy(&address.storage, &in, address.length = sizeof in);
    }
    return address;
  }
  static Loopback bound_to(int socket) {
    Loopback address;
    address.length = sizeof address.storage;
    EXPECT_EQ(getsockname(socket, address.get(), &address.length), 0);
    return address;
  }
  sockaddr* get() { return static_cast<sockaddr*>(static_cast<void*>(&storage)); }
};

class Listener {
 public:
  explicit Listener(int family = AF_INET) : descriptor_(socket(family, SOCK_STREAM, 0)) {
    Loopback address = Loopback::of(family);
    usable_ =
        bind(descriptor_.get(), address.get(), address.length) == 0 && listen(descriptor_.get(), 256) == 0;
  }
  bool usable() const { return usable_; }  // false where the family is switched off
  int get() const { return descriptor_.get(); }
  Descriptor connected() const {
    Loopback address = Loopback::bound_to(get());
    Descriptor client(socket(address.storage.ss_family, SOCK_STREAM, 0));
    EXPECT_EQ(connect(client.get(), address.get(), address.length), 0) << std::strerror(errno);
    return client;
  }

 private:
  Descriptor descriptor_;
  bool usable_ = false;
};

inline void write_all(const Descriptor& client, std::string_view text) {
  EXPECT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

// Makes the coming close of `client` a reset.
inline void reset_instead_of_closing(const Descriptor& client) {
  const linger discard{1, 0};
  EXPECT_EQ(setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &discard, sizeof discard), 0);
}

// Reads until `bytes` are there, the stream ends or fails; the errno of a failure is in *error.
inline std::string read_up_to(const Descriptor& client, std::size_t bytes, int* error = nullptr) {
  std::string text;
  while (text.size() < bytes) {
    pollfd wait{client.get(), POLLIN, 0};
    if (poll(&wait, 1, kPatienceMs) <= 0) {
      ADD_FAILURE() << "nothing to read after " << text.size() << " bytes";
      return text;
    }
    char part[65536];
    const ssize_t got = recv(client.get(), part, std::min(sizeof part, bytes - text.size()), 0);
    if (got < 0 && error != nullptr) *error = errno;
    if (got <= 0) return text;
    text.append(part, static_cast<std::size_t>(got));
  }
  return text;
}

inline bool ends(const Descriptor& client, int* error = nullptr) {
  return read_up_to(client, 1, error).empty();
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A started ring with a file table. Completions are handed out by op, those of other ops are kept for later.
class Reaper {
 public:
  explicit Reaper(const KernelRingOptions& options = {}, std::uint32_t slots = 64) {
    auto created = KernelRing::create(options);
    EXPECT_TRUE(created.ok()) << created.status();
    ring_ = *std::move(created);
    const absl::Status registered = ring_->register_slots(slots);
    EXPECT_TRUE(registered.ok()) << registered;
    const absl::Status started = ring_->start();
    EXPECT_TRUE(started.ok()) << started;
  }

  KernelRing* operator->() { return ring_.get(); }
  KernelRing& operator*() { return *ring_; }
  void destroy() { ring_.reset(); }
  std::unique_ptr<KernelRing> release() { return std::move(ring_); }

  // What the next submit yields without waiting.
  std::vector<Completion> submitted() {
    ring_->submit();
    return reaped();
  }
  std::vector<Completion> reaped() {
    std::vector<Completion> all;
    Completion some[16];
    while (const std::size_t count = ring_->reap(some)) all.insert(all.end(), some, some + count);
    return all;
  }
  // The oldest completion of `op` not yet handed out.
  Completion next(Op op) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    for (;;) {
      for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
        if (kept->tag().op != op) continue;
        const Completion found = *kept;
        kept_.erase(kept);
        return found;
      }
      if (std::chrono::steady_clock::now() > deadline) break;
      ring_->submit_and_wait({.events = 1, .timeout_ns = 100'000'000});
      const std::vector<Completion> more = reaped();
      kept_.insert(kept_.end(), more.begin(), more.end());
    }
    ADD_FAILURE() << "no completion of op " << static_cast<int>(op);
    return {};
  }
  std::size_t kept() const { return kept_.size(); }

  // A pair of a client and the slot that accepted it, by one one-shot accept.
  memory::Index accept(const Listener& listener) {
    static SocketAddress ignored;
    ring_->accept_once(listener.get(), &ignored, {Op::accept, 0, 0});
    const Completion accepted = next(Op::accept);
    EXPECT_GE(accepted.result, 0);
    return static_cast<memory::Index>(accepted.result);
  }
  // The result of one inline operation.
  std::int32_t result_of(Op op) {
    ring_->submit();
    return next(op).result;
  }

 private:
  std::unique_ptr<KernelRing> ring_;
  std::vector<Completion> kept_;
};

}  // namespace holdfast::ring
