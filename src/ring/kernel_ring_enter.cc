// How the operations of a KernelRing reach the kernel and come back: submission, waiting, reaping.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "ring/kernel_abi.h"
#include "ring/kernel_ring.h"

namespace holdfast::ring {
namespace {

// Completion has the kernel's layout, so completions are copied, not converted.
static_assert(sizeof(Completion) == sizeof(io_uring_cqe));
static_assert(offsetof(Completion, user_data) == offsetof(io_uring_cqe, user_data));
static_assert(offsetof(Completion, result) == offsetof(io_uring_cqe, res));
static_assert(offsetof(Completion, flags) == offsetof(io_uring_cqe, flags));
static_assert(Completion::kMore == IORING_CQE_F_MORE);
static_assert(Completion::kNonempty == IORING_CQE_F_SOCK_NONEMPTY);

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kNanosecondsPerMicrosecond = 1'000;
// How long a wait lasts at most while the kernel takes no operations: it is short of memory, and trying again
// at once would only burn the processor.
constexpr std::uint64_t kRefusedWaitNs = 1'000'000;

__kernel_timespec timespec_of(std::uint64_t nanoseconds) {
  __kernel_timespec time{};
  time.tv_sec = static_cast<long long>(nanoseconds / kNanosecondsPerSecond);
  time.tv_nsec = static_cast<long long>(nanoseconds % kNanosecondsPerSecond);
  return time;
}

std::uint64_t address_of(const __kernel_timespec& time) {
  return reinterpret_cast<std::uintptr_t>(&time);
}

}  // namespace

// Fills the submission queue from the spill and shows the kernel all of it. Returns how many operations wait
// there.
unsigned KernelRing::publish() {
  while (spill_head_ != spill_tail_) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) break;
    *entry = spill_[spill_head_++ & spill_mask_];
  }
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  return ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead);
}

// True when the kernel has taken everything. Goes on after a partial submission, which a kernel without
// SUBMIT_ALL makes of every operation that it finds wrong; what is refused outright stays queued for the next
// submit.
bool KernelRing::hand_over() {
  CHECK(owner_ != 0);
  bool flushed = false;
  while (const unsigned pending = publish()) {
    const int result = enter(pending, 0, 0, nullptr);
    if (result > 0 || result == -EINTR) continue;
    if (result != -EBUSY || flushed) return false;
    // Overflown completions are in the way: move into the completion queue what it has room for, and try once
    // more.
    enter(0, 0, IORING_ENTER_GETEVENTS, nullptr);
    flushed = true;
  }
  return true;
}

void KernelRing::submit_and_wait(const Wait& wait) {
  CHECK(owner_ != 0);
  // What does not fit into the submission queue goes ahead, so that nothing is left behind while we sleep.
  if (spill_head_ != spill_tail_ && !hand_over()) return wait_after_refusal(wait.timeout_ns);
  const unsigned pending = publish();
  GetEventsArgument argument;
  const __kernel_timespec timeout = timespec_of(wait.timeout_ns);
  argument.timeout = address_of(timeout);
  // With a minimum of 0 the kernel works out what is due and returns. So it must where inline operations go
  // along and nothing bounds the wait for others: their results, a short send say, have to be acted upon.
  unsigned minimum = 0;
  const bool batch = features_.minimum_wait && wait.batch_wait_ns != 0;
  if (wait.timeout_ns != 0 && wait.events != 0 && (batch || inline_queued_ == 0)) {
    if (batch) {
      const std::uint64_t rounded_up = (wait.batch_wait_ns - 1) / kNanosecondsPerMicrosecond + 1;
      argument.minimum_wait_us = static_cast<std::uint32_t>(std::min<std::uint64_t>(rounded_up, UINT32_MAX));
    }
    // More than the queue holds would never be there at once.
    const std::uint64_t wanted =
        std::uint64_t{batch || wait.batch_wait_ns == 0 ? wait.events : 1} + inline_queued_;
    minimum = static_cast<unsigned>(std::min<std::uint64_t>(wanted, ring_.cq.ring_entries));
  }
  const unsigned before = io_uring_cq_ready(&ring_);
  const int result = enter(pending, minimum, IORING_ENTER_GETEVENTS, &argument);
  if (result == static_cast<int>(pending) || (pending == 0 && result <= 0)) {
    if (wait.timeout_ns == 0) work_out_more(before, std::min(wait.events, ring_.cq.ring_entries));
    return;
  }
  // Not everything was taken, so the kernel did not come to the waiting.
  if (!hand_over()) wait_after_refusal(wait.timeout_ns);
}

// Whoever does not sleep comes back for more at once, and would find 20 in each turn however many are due.
void KernelRing::work_out_more(unsigned before, unsigned wanted) {
  for (unsigned ready = io_uring_cq_ready(&ring_); ready - before >= kTaskWorkMaximum && ready < wanted;
       ready = io_uring_cq_ready(&ring_)) {
    before = ready;
    enter(0, 0, IORING_ENTER_GETEVENTS, nullptr);
  }
}

// Works out what is due, which is what may give the kernel room again, and sleeps a little if nothing is.
void KernelRing::wait_after_refusal(std::uint64_t timeout_ns) {
  GetEventsArgument argument;
  const __kernel_timespec timeout = timespec_of(std::min(timeout_ns, kRefusedWaitNs));
  argument.timeout = address_of(timeout);
  enter(0, timeout_ns == 0 ? 0 : 1, IORING_ENTER_GETEVENTS, &argument);
}

// One system call. Returns how many operations were taken, or the negative errno of what may happen to
// correct code.
int KernelRing::enter(unsigned submit, unsigned minimum, unsigned flags, GetEventsArgument* argument) {
  if (argument != nullptr) flags |= IORING_ENTER_EXT_ARG | wait_flags_;
  ++statistics_.enters;
  const int result = enter_call_(enter_descriptor_, submit, minimum, flags | enter_flags_, argument,
                                 argument == nullptr ? 0 : sizeof *argument);
  if (result >= 0) {
    CHECK(static_cast<unsigned>(result) <= submit);
    // After a partial submission the rest counts as not inline: then a wait ends too early, which is
    // harmless.
    if (result > 0) inline_queued_ = 0;
    statistics_.submitted += static_cast<unsigned>(result);
    return result;
  }
  switch (result) {
    case -ETIME:  // the wait's timeout
    case -EINTR:  // a signal
      break;
    case -EBUSY:   // overflown completions have to be reaped first
    case -EAGAIN:  // no memory for an operation
    case -ENOMEM:  // no memory for the thread's bookkeeping
      ++statistics_.busy;
      break;
    case -EBADR:  // no memory for overflown completions: some are gone for good
      statistics_.lost = IO_URING_READ_ONCE(*ring_.cq.koverflow);
      break;
    default:
      CHECK(result != -EEXIST);  // the calling thread is not the one that called start
      CHECK(result != -EBADFD);  // the ring is not enabled
      CHECK(result == 0);        // io_uring_enter rejects how it is called
  }
  return result;
}

std::size_t KernelRing::copy_ready(std::span<Completion> out) {
  const unsigned head = *ring_.cq.khead;
  const unsigned ready = io_uring_smp_load_acquire(ring_.cq.ktail) - head;
  CHECK(ready <= ring_.cq.ring_entries);
  const std::size_t count = std::min<std::size_t>(ready, out.size());
  if (count == 0) return 0;
  const unsigned start = head & ring_.cq.ring_mask;
  const std::size_t before_end = std::min<std::size_t>(count, ring_.cq.ring_entries - start);
  std::byte* bytes = std::as_writable_bytes(out).data();
  std::memcpy(bytes, ring_.cq.cqes + start, before_end * sizeof(Completion));
  std::memcpy(bytes + before_end * sizeof(Completion), ring_.cq.cqes,
              (count - before_end) * sizeof(Completion));
  io_uring_cq_advance(&ring_, static_cast<unsigned>(count));
  return count;
}

std::size_t KernelRing::reap(std::span<Completion> out) {
  std::size_t taken = copy_ready(out);
  while (taken < out.size() && io_uring_cq_has_overflow(&ring_)) {
    // The queue is empty now, so the kernel moves into it what had overflown, oldest first.
    ++statistics_.overflows;
    enter(0, 0, IORING_ENTER_GETEVENTS, nullptr);
    const std::size_t moved = copy_ready(out.subspan(taken));
    if (moved == 0) break;
    taken += moved;
  }
  statistics_.completions += taken;
  statistics_.batch_peak = std::max<std::uint64_t>(statistics_.batch_peak, taken);
  return taken;
}

}  // namespace holdfast::ring
