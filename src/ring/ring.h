// Ring: the seam between a shard and the kernel. KernelRing is io_uring; SimulatedRing is a seeded world for
// tests.
//
// Only src/ring knows io_uring. Operations are queued here, reach the kernel at the next submit, and come
// back as Completions in batches; sockets are named by slot, the index in the ring's own file table (direct
// descriptors). Owned by one shard and used from its thread only. Every buffer handed to an operation must
// stay valid until that operation's completion has been reaped.
//
// Operations fall in two kinds. Inline ones (receive, send, cancel, close, peer_address, reset_on_close) are
// complete when submit returns, because they never wait: MSG_DONTWAIT makes a receive or send that would
// block complete with -EAGAIN. Armed ones (accept, readable, writable, watch) stay in the kernel until
// something happens. Virtual calls cost under 2 ns each against several microseconds a message; in return the
// same shard object code runs on both rings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "memory/index.h"
#include "ring/tag.h"

namespace holdfast::ring {

// A socket address as the kernel writes it: sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes).
struct SocketAddress {
  alignas(8) std::byte bytes[28] = {};
  std::uint32_t length = 0;
};

struct Completion {
  std::uint64_t user_data = 0;
  std::int32_t result = 0;  // >= 0, or a negative errno
  std::uint32_t flags = 0;

  static constexpr std::uint32_t kMore = 1u << 1;      // armed operation is still armed (IORING_CQE_F_MORE)
  static constexpr std::uint32_t kNonempty = 1u << 2;  // socket had more input (IORING_CQE_F_SOCK_NONEMPTY)
  Tag tag() const { return Tag::unpacked(user_data); }
  bool more() const { return (flags & kMore) != 0; }
  bool nonempty() const { return (flags & kNonempty) != 0; }
};
static_assert(sizeof(Completion) == 16);

// How long submit_and_wait may sleep. With batch_wait_ns it returns as soon as `events` completions of armed
// operations are there, on top of those of the inline operations submitted by the same call; after
// batch_wait_ns any one completion is enough. Without it, it returns at once when inline operations were
// submitted, because their results are waiting to be reaped, and otherwise with the first `events`
// completions. After `timeout_ns` none is needed; where that is 0, up to `events` that are due are looked
// for.
struct Wait {
  std::uint32_t events = 1;
  std::uint64_t batch_wait_ns = 0;
  std::uint64_t timeout_ns = 0;  // 0: do not sleep at all
};

struct Statistics {
  std::uint64_t enters = 0;
  std::uint64_t submitted = 0;
  std::uint64_t completions = 0;
  std::uint64_t overflows = 0;   // times the completion queue was found overflown
  std::uint64_t busy = 0;        // submissions put off: the kernel had no memory, or wanted reaping first
  std::uint64_t batch_peak = 0;  // most completions reaped at once
  std::uint64_t lost = 0;        // completions the kernel dropped for want of memory; their slots stay taken
};

class Ring {
 public:
  virtual ~Ring() = default;

  // To be called once, on the owning thread, before anything else but register_slots.
  virtual absl::Status start() = 0;
  // Creates the file table with `count` empty slots, once. Errors name the limit (RLIMIT_NOFILE) and the
  // mend.
  virtual absl::Status register_slots(std::uint32_t count) = 0;

  // Armed: one completion per accepted socket, result = its slot. Ends (no kMore) on error or when the queue
  // is full.
  virtual void accept_multishot(int listener, Tag tag) = 0;
  // Armed, ends with its first completion; the peer's address is in *address then.
  virtual void accept_once(int listener, SocketAddress* address, Tag tag) = 0;
  // Armed: a completion per wake-up with input, end of input or error; result = poll mask. It survives FIN
  // and RST and keeps the socket alive: only cancel ends it (rule R4).
  virtual void arm_readable(memory::Index slot, Tag tag) = 0;
  virtual void arm_writable(memory::Index slot, Tag tag) = 0;
  // Armed: a completion per wake-up of an ordinary descriptor (an eventfd). The caller reads it.
  virtual void watch(int descriptor, Tag tag) = 0;

  virtual void receive(memory::Index slot, std::span<std::byte> into, Tag tag) = 0;
  virtual void send(memory::Index slot, std::span<const std::byte> from, Tag tag) = 0;
  // Ends the armed operation with tag `target`: that completes with -ECANCELED (or what it had just found),
  // this one with 0, or with -ENOENT or -EALREADY when the target was already ending.
  virtual void cancel(Tag target, Tag tag) = 0;
  // address->length must be set to the exact size of the family (16 or 28) before. Only when
  // has_peer_address().
  virtual void peer_address(memory::Index slot, SocketAddress* address, Tag tag) = 0;
  // Makes the coming close discard what is unsent and answer with RST. Completes with -EOPNOTSUPP on old
  // kernels.
  virtual void reset_on_close(memory::Index slot, Tag tag) = 0;
  // Empties the slot. No operation of the slot may be in the kernel: armed ones would keep the socket alive.
  virtual void close(memory::Index slot, Tag tag) = 0;
  // Posts a completion with `tag` (result 0) into the ring with that descriptor; this side sees nothing
  // unless it fails, and then a completion with `failed`.
  virtual void wake(int ring_descriptor, Tag tag, Tag failed) = 0;

  // Hands everything queued to the kernel. Completions of inline operations are ready to reap afterwards.
  // What the kernel will not take for want of memory stays queued, in order, for the next submit
  // (statistics().busy).
  virtual void submit() = 0;
  virtual void submit_and_wait(const Wait& wait) = 0;
  // Takes up to out.size() completions, oldest first.
  virtual std::size_t reap(std::span<Completion> out) = 0;

  virtual bool has_peer_address() const = 0;
  // The other rings' target for wake().
  virtual int descriptor() const = 0;
  // How many operations fit between two submits; queueing more submits by itself.
  virtual std::uint32_t submission_capacity() const = 0;
  virtual const Statistics& statistics() const = 0;
  // One line: which set-up flags and features were found.
  virtual std::string describe() const = 0;
};

}  // namespace holdfast::ring
