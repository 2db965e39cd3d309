// When what is owed leaves: one send for each connection and turn, at the turn's end, or before it when
// memory is short.
//
// A transforming layer (TLS records) would stand between next_send and the ring. A connection whose peer has
// not taken everything arms a one-shot output poll and sends nothing until it fires; all others need no
// readiness to send. An early flush happens inside of handlers and calls none (rule R11): completions that
// would are put aside.
#include <cerrno>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;
using ring::Completion;
using ring::Op;

void Shard::queue_flush(Index index, net::Slot& slot) {
  if (slot.is(net::kQueuedFlush) || slot.in_kernel(net::kSending) || slot.in_kernel(net::kWritableArmed))
    return;
  slot.set(net::kQueuedFlush);
  flush_.push_back(index);
}

void Shard::flush() {
  if (flush_.empty()) return;
  CHECK(flushing_.empty());
  flushing_.swap(flush_);
  // The last ones stay queued in the ring: submit_and_wait hands them over with the same call that sleeps.
  const std::uint32_t batch = ring_->submission_capacity();
  std::uint32_t queued = 0;
  for (std::size_t i = 0; i < flushing_.size(); ++i) {
    if (i + Limits::kPrefetchAhead < flushing_.size()) table_.prefetch(flushing_[i + Limits::kPrefetchAhead]);
    if (queued == batch) {
      ring_->submit();
      reap_sends();
      queued = 0;
    }
    if (flush_one(flushing_[i])) ++queued;
  }
  flushing_.clear();
}

// True when a send was queued.
bool Shard::flush_one(Index index) {
  net::Slot& slot = table_[index];
  if (!slot.is(net::kQueuedFlush)) return false;  // the slot has a new tenant since it was queued
  slot.clear(net::kQueuedFlush);
  if (slot.outbox_head == kNoIndex || net::is_ending(slot.state())) return false;
  if (slot.in_kernel(net::kSending) || slot.in_kernel(net::kWritableArmed)) return false;
  const std::span<const std::byte> bytes = outbox_.next_send(slot);
  if (bytes.empty()) {  // gather memory is lent to sends that are still queued
    queue_flush(index, slot);
    return false;
  }
  slot.enter_kernel(net::kSending);
  ring_->send(index, bytes, table_.tag(Op::send, index));
  return true;
}

// Places in outboxes and message memory are meant for what waits until the turn's end. A turn that publishes
// more than they hold, or more to one connection than its outbox may, sends before it goes on. True when that
// made room.
bool Shard::flush_early() {
  const std::uint64_t before = outbox_.bytes_queued();
  std::uint64_t queued = before;
  while (!flush_.empty()) {
    flush();
    ring_->submit();
    reap_sends();
    // The rest of the gathered sends, as long as it is taken.
    if (outbox_.bytes_queued() == queued) break;
    queued = outbox_.bytes_queued();
  }
  if (queued == before) return false;
  counters_.early_flushes.add();
  return true;
}

// What has left and who can be written to again; the rest waits where there is room for it, here or in the
// ring.
void Shard::reap_sends() {
  std::array<Completion, 64> batch;
  while (deferred_.size() + batch.size() <= Limits::kDeferredMaximum) {
    const std::size_t count = ring_->reap(batch);
    if (count == 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      const Op op = batch[i].tag().op;
      const bool quiet = op == Op::send || op == Op::writable || op == Op::readable || op == Op::cancel ||
                         op == Op::cancel_writable || op == Op::reset_on_close || op == Op::close;
      quiet ? dispatch(batch[i]) : deferred_.push_back(batch[i]);
    }
  }
}

void Shard::send_done(Index index, net::Slot& slot, const Completion& completion) {
  slot.leave_kernel(net::kSending);
  outbox_.sent(slot, completion.result > 0 ? static_cast<std::size_t>(completion.result) : 0);
  if (net::is_ending(slot.state())) return;
  if (completion.result < 0) return send_failed(index, slot, -completion.result);
  counters_.bytes_out.add(static_cast<std::uint64_t>(completion.result));
  if (slot.protocol() == Protocol::http && slot.input_limited == 0) slot.last_activity = now_;
  if (slot.outbox_head == kNoIndex) return outbox_emptied(index, slot);
  if (slot.is(net::kBacklogged)) slot.stall_since = now_;
  // A frame taken only in part: the socket is full. Otherwise there simply was more than one send carries.
  slot.outbox_sent > 0 ? backlogged(index, slot) : queue_flush(index, slot);
}

void Shard::send_failed(Index index, net::Slot& slot, int error) {
  switch (error) {
    case EAGAIN:
      return backlogged(index, slot);
    case EINTR:
      return queue_flush(index, slot);
    case ENOBUFS:  // the kernel is short of memory: tried again next tick
    case ENOMEM:
      counters_.transient_errors.add();
      retry_.push_back(index);
      return;
    case EPIPE:  // the peer has reset or closed
    case ECONNRESET:
    case ETIMEDOUT:  // the user timeout found the peer gone
    default:
      return end(index);
  }
}

void Shard::backlogged(Index index, net::Slot& slot) {
  counters_.short_sends.add();
  if (!slot.is(net::kBacklogged)) {
    slot.set(net::kBacklogged);
    slot.stall_since = now_;
    if (slot.state() == State::open) schedule_open(index, slot);
  }
  slot.enter_kernel(net::kWritableArmed);
  ring_->arm_writable(index, table_.tag(Op::writable, index));
}

void Shard::writable_done(Index index, net::Slot& slot, const Completion& completion) {
  slot.leave_kernel(net::kWritableArmed);
  if (net::is_ending(slot.state())) return;
  if (completion.result < 0) return end(index);  // the kernel cannot watch this socket
  if (slot.outbox_head != kNoIndex) queue_flush(index, slot);
}

void Shard::outbox_emptied(Index index, net::Slot& slot) {
  CHECK(slot.outbox_bytes == 0);
  slot.clear(net::kPongQueued);
  if (slot.is(net::kBacklogged)) {
    slot.clear(net::kBacklogged);
    if (slot.state() == State::open && !slot.is(net::kQueuedDrained)) {
      slot.set(net::kQueuedDrained);
      drained_.push_back(index);
    }
  }
  if (slot.state() == State::flushing) all_said(index, slot);
}

void Shard::call_drained() {
  for (std::size_t i = 0; i < drained_.size(); ++i) {
    net::Slot& slot = table_[drained_[i]];
    if (!slot.is(net::kQueuedDrained)) continue;
    slot.clear(net::kQueuedDrained);
    if (slot.state() == State::open) handler_->on_drained(Connection(this, drained_[i], slot.generation));
  }
  drained_.clear();
}

}  // namespace holdfast::shard
