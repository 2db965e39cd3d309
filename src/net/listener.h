// Listener: one listening socket of one shard, and how many clients it may let in.
//
// While there is plenty of room one multishot accept takes clients straight into the file table. Near a bound
// (free slots, handshakes under way) it is cancelled and clients are taken one armed accept each, never more
// than may come in: a multishot accept that finds the table full would throw the client away (-ENFILE), while
// a client nobody accepts just waits in the backlog. The one-by-one way also serves kernels before 6.7, where
// only it can learn the peer's address. Shard thread only.
//
// Invariant: what is armed on all listeners of a shard never exceeds its free slots. Each listener's share is
// at least one while anybody may come in, so that none starves another of the last slot (the table has a
// spare slot for each further listener).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "holdfast/connection.h"
#include "ring/ring.h"
#include "time/wheel.h"

namespace holdfast::net {

struct ListenerOptions {
  int descriptor = -1;
  Protocol protocol = Protocol::websocket;
  bool ipv6 = false;
  bool one_shot = false;         // always one by one
  std::uint32_t backlog = 1024;  // what a single enter can bring in at most
};

class Listener {
 public:
  static constexpr std::uint32_t kOneShotMaximum = 32;
  static_assert(kOneShotMaximum <= 32, "armed_ is a 32-bit set");

  Listener(const ListenerOptions& options, std::uint8_t number) : options_(options), number_(number) {}

  // Once per turn: arms or disarms. `share` is how many clients this listener may have on their way in,
  // `headroom` how many slots no listener's armed accepts could take.
  void adjust(ring::Ring& ring, std::uint32_t share, std::uint32_t headroom, time::Tick now);

  // Takes a completion of Op::accept with this listener's number. Returns true when result is a slot.
  struct Accepted {
    bool accepted = false;
    const ring::SocketAddress* address = nullptr;  // set on the one-shot path
  };
  Accepted completed(const ring::Completion& completion, time::Tick now);

  // No more clients; idle() once the kernel has let go of the socket.
  void stop(ring::Ring& ring);
  bool idle() const { return !multishot_armed_ && !multishot_cancel_ && armed_ == 0 && cancels_ == 0; }

  // Hands the descriptor to `close`, once. Only when stopped and idle.
  void close(const std::function<void(int)>& close);

  // Slots that what is armed may take before the next adjust.
  std::uint32_t exposure() const {
    return static_cast<std::uint32_t>(__builtin_popcount(armed_)) + (multishot_armed_ ? burst_slots() : 0);
  }
  bool backing_off(time::Tick now) const {
    return backoff_ && static_cast<std::int32_t>(backoff_until_ - now) > 0;
  }
  time::Tick backoff_until() const { return backoff_until_; }
  const ListenerOptions& options() const { return options_; }
  // What bounds clients does not bound those who come here: they are the operator's.
  bool for_clients() const { return options_.protocol != Protocol::http; }
  std::uint8_t number() const { return number_; }
  std::uint64_t errors() const { return errors_; }
  int last_error() const { return last_error_; }

 private:
  static constexpr std::uint32_t kMultishotKey = 0xff;
  static constexpr std::uint32_t kCancelMark = 0x100;  // in the tag of a cancel: key of what it cancels below
  ring::Tag tag(std::uint32_t key) const { return {ring::Op::accept, key, number_}; }
  void adjust_one_shots(ring::Ring& ring, std::uint32_t share, std::uint32_t headroom);
  // Armed and not being cancelled.
  std::uint32_t wanted_one_shots() const {
    return static_cast<std::uint32_t>(__builtin_popcount(armed_ & ~cancels_));
  }
  std::uint32_t burst_slots() const { return 2 * options_.backlog; }
  void cancel(ring::Ring& ring, std::uint32_t key);
  void cancel_completed(const ring::Completion& completion);

  ListenerOptions options_;
  std::uint8_t number_;
  bool stopped_ = false;
  bool closed_ = false;
  // True exactly when a multishot accept was queued and its last completion not yet reaped.
  bool multishot_armed_ = false;
  bool multishot_cancel_ = false;  // true exactly when a cancel of it was queued and not yet reaped
  std::uint32_t armed_ = 0;        // bit per one-shot accept queued and not yet reaped
  std::uint32_t cancels_ = 0;      // bit per cancel of one queued and not yet reaped
  bool backoff_ = false;
  time::Tick backoff_until_ = 0;
  std::uint64_t errors_ = 0;
  int last_error_ = 0;
  std::array<ring::SocketAddress, kOneShotMaximum> addresses_;
};

}  // namespace holdfast::net
