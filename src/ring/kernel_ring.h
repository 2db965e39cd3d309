// KernelRing: the Ring that is io_uring. Set-up and memory mapping are liburing's; entering the kernel is
// ours, because what we need there (batched waits, a registered ring, no iowait) is newer than the packaged
// liburing.
//
// Owned by one shard. create, register_slots and describe may run on any thread before start; from start on
// everything happens on the thread that called it, and the kernel refuses others. Destroy it on that thread
// or after that thread has ended: the thread's registration of the ring would keep it alive.
//
// Invariant: an operation that was queued reaches the kernel, in order, however often the kernel refuses to
// take it.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ring/probe.h"
#include "ring/ring.h"

namespace holdfast::ring {

struct GetEventsArgument;

// The system call io_uring_enter, with the errno as a negative result. Tests put one in its place that
// refuses or records.
using EnterCall = int (*)(unsigned descriptor, unsigned submit, unsigned minimum, unsigned flags,
                          void* argument, std::size_t argument_bytes);

struct KernelRingOptions {
  // Operations that fit between two submits: 64 KiB. More than a turn usually queues, little enough to stay
  // in the cache.
  std::uint32_t submission_entries = 1024;
  // 256 KiB. At least 8,192, or the kernel gives its cancel table fewer than 256 buckets (rule R4). Only
  // tests go below.
  std::uint32_t completion_entries = 16384;
  Withheld withheld = {};
  EnterCall enter = nullptr;  // nullptr: the kernel's
};

class KernelRing final : public Ring {
 public:
  static absl::StatusOr<std::unique_ptr<KernelRing>> create(const KernelRingOptions& options = {});
  ~KernelRing() override;
  KernelRing(const KernelRing&) = delete;
  KernelRing& operator=(const KernelRing&) = delete;

  absl::Status start() override;
  absl::Status register_slots(std::uint32_t count) override;

  void accept_multishot(int listener, Tag tag) override;
  void accept_once(int listener, SocketAddress* address, Tag tag) override;
  void arm_readable(memory::Index slot, Tag tag) override;
  void arm_writable(memory::Index slot, Tag tag) override;
  void watch(int descriptor, Tag tag) override;
  void receive(memory::Index slot, std::span<std::byte> into, Tag tag) override;
  void send(memory::Index slot, std::span<const std::byte> from, Tag tag) override;
  void cancel(Tag target, Tag tag) override;
  void peer_address(memory::Index slot, SocketAddress* address, Tag tag) override;
  void reset_on_close(memory::Index slot, Tag tag) override;
  void close(memory::Index slot, Tag tag) override;
  void wake(int ring_descriptor, Tag tag, Tag failed) override;

  void submit() override { hand_over(); }
  // When inline operations are handed over by the same call, the batch wait may end with their completions
  // alone: the kernel does not tell the two kinds apart.
  void submit_and_wait(const Wait& wait) override;
  std::size_t reap(std::span<Completion> out) override;

  // The client's side, which no shard has and so the seam has not: kernel_ring_client.cc. Inline: opens a TCP
  // socket in `slot`, which must be empty; `family` is AF_INET or AF_INET6.
  void open_socket(memory::Index slot, int family, Tag tag);
  // Armed, ends with its first completion: 0 when connected. *address is read until the next submit.
  void connect(memory::Index slot, const SocketAddress* address, Tag tag);
  // Inline: setsockopt on a direct descriptor, -EOPNOTSUPP before Linux 6.7. *value is read until the next
  // submit.
  void set_option(memory::Index slot, std::uint32_t level, std::uint32_t option,
                  std::span<const std::byte> value, Tag tag);
  // Inline, two operations with a completion each, `option` and then `tag`: binds to the source address but
  // leaves the port to connect, so that each source has all ports for every destination (port 0). Only when
  // can_bind(). *address is read until the next submit.
  void bind_source(memory::Index slot, const SocketAddress* address, Tag option, Tag tag);
  // Whether the kernel knows bind as an operation (6.11). Asks it: call once, before start or on the owner.
  bool can_bind() const;

  bool has_peer_address() const override { return features_.peer_address; }
  int descriptor() const override { return ring_.ring_fd; }
  std::uint32_t submission_capacity() const override { return ring_.sq.ring_entries; }
  const Statistics& statistics() const override { return statistics_; }
  std::string describe() const override { return features_.describe(); }
  const Features& features() const { return features_; }

 private:
  KernelRing(EnterCall enter, std::uint32_t spill_entries);

  io_uring_sqe* next_entry();
  io_uring_sqe* next_on_slot(memory::Index slot);
  static void finish(io_uring_sqe* entry, Tag tag, unsigned char flags);
  unsigned publish();
  bool hand_over();
  void work_out_more(unsigned before, unsigned wanted);
  void wait_after_refusal(std::uint64_t timeout_ns);
  int enter(unsigned submit, unsigned minimum, unsigned flags, GetEventsArgument* argument);
  std::size_t copy_ready(std::span<Completion> out);

  io_uring ring_{};
  Features features_;
  Statistics statistics_;
  EnterCall enter_call_;
  unsigned enter_descriptor_ =
      0;  // the ring's descriptor, or its number in the thread's table of registered rings
  unsigned enter_flags_ = 0;         // set at every enter
  unsigned wait_flags_ = 0;          // set at every enter that may sleep
  std::uint64_t owner_ = 0;          // number of the thread that called start; 0 before
  std::uint32_t slots_ = 0;          // size of the file table
  std::uint32_t inline_queued_ = 0;  // inline operations queued since the last successful submission

  // Operations queued while the kernel takes none and the submission queue is full: a queue whose bound is
  // the number of completions a ring holds. Its pages stay untouched, and so unallocated, until the first
  // refusal.
  std::unique_ptr<io_uring_sqe[]> spill_;
  std::uint32_t spill_mask_;
  std::uint32_t spill_head_ = 0;
  std::uint32_t spill_tail_ = 0;
};

}  // namespace holdfast::ring
