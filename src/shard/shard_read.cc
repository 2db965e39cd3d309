// From readiness to bytes: which sockets are read, into which memory, and what an end of input means.
//
// Readiness comes from the multishot polls; for every ready socket one receive is queued, all are submitted
// together and complete inline (rule R1). First come the brief: those whose last read found little, of whom
// little is read again, and what they are owed leaves. All others get a bounded part of the turn: the
// uncertain, who are new or sent more, and the patient, whose reads fill their memory. So whoever comes in
// crowds, breaks rules or sends without end delays his like, and the brief by that part of a turn.
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;
using ring::Completion;
using ring::Op;

void Shard::queue_ready(Index index, net::Slot& slot) {
  if (slot.is(net::kQueuedReady)) return;
  slot.set(net::kQueuedReady);
  read_list(slot).push_back(index);
}

std::vector<Index>& Shard::read_list(const net::Slot& slot) {
  // Nobody waits for an answer to an end of input: where many leave together, the others come first.
  if (slot.large_receive_credit > 0 || slot.is(net::kPeerFinished)) return patient_;
  return slot.brief != 0 ? ready_ : uncertain_;
}

void Shard::readable(Index index, net::Slot& slot, const Completion& completion) {
  ++events_this_turn_;
  if (!completion.more()) {
    slot.leave_kernel(net::kReadableArmed);
    if (net::is_ending(slot.state())) return;
    if (completion.result < 0) return end(index);  // the kernel cannot watch this socket
    // Ended by the kernel, because the completion queue was full. Armed again, or the connection would go
    // deaf; but only when it has been read (receive_done): armed at once, with its input still there, it
    // would complete at once, and into the same full queue.
  }
  if (completion.result <= 0 || !net::reads_input(slot.state())) return;
  if ((completion.result & (POLLRDHUP | POLLHUP | POLLERR)) != 0) slot.set(net::kPeerFinished);
  // A paused one is not read, so that this is how its reset is seen.
  if (!slot.wants_input() && (completion.result & (POLLHUP | POLLERR)) != 0) return end(index);
  queue_ready(index, slot);
}

// Nothing is cancelled: while TCP makes the peer wait, its socket wakes nobody up.
void Shard::pause_input(Index index, std::uint32_t generation) {
  net::Slot* slot = table_.find(index, generation);
  if (slot != nullptr && slot->state() == State::open && slot->protocol() == Protocol::http)
    slot->set(net::kInputPaused);
}

void Shard::resume_input(Index index, net::Slot& slot) {
  if (!slot.is(net::kInputPaused)) return;
  slot.clear(net::kInputPaused);
  if (net::reads_input(slot.state())) queue_ready(index, slot);
}

// Whatever kept it from being read: its end has to be seen.
void Shard::read_again(Index index, net::Slot& slot) {
  if (slot.wants_input()) return;
  slot.clear(net::kInputPaused);
  slot.input_limited = 0;
  if (net::reads_input(slot.state())) queue_ready(index, slot);
}

// What it sent beyond its rate it pays for in time, in which it is not read. Nothing that waits for it counts
// that time: its silence is our doing.
void Shard::charge_input(Index index, net::Slot& slot, std::size_t bytes, std::uint64_t messages) {
  if (slot.state() != State::open || !listeners_[slot.listener].for_clients()) return;
  net::InputAccount& account = memory_.input_accounts[index];
  const std::uint64_t now_ns = wheel_ns();
  limits_.message_rate.charge(account.messages_ns, messages, now_ns);
  limits_.byte_rate.charge(account.bytes_ns, bytes, now_ns);
  const std::uint64_t open_at_ns = std::max(limits_.message_rate.open_at_ns(account.messages_ns),
                                            limits_.byte_rate.open_at_ns(account.bytes_ns));
  if (open_at_ns <= now_ns) return;
  counters_.input_pauses.add();
  slot.input_limited = 1;
  slot.last_activity = static_cast<time::Tick>(open_at_ns / net::kTickNs) + 1;
  if (slot.assembly != kNoIndex) table_.detail(index).assembly_since += slot.last_activity - now_;
  schedule_open(index, slot);
}

void Shard::read_ready() {
  reading_.swap(ready_);
  const std::size_t read = read_all(reading_);
  // Those that got no buffer stay in front of those that became ready meanwhile.
  ready_.insert(ready_.begin(), reading_.begin() + static_cast<std::ptrdiff_t>(read), reading_.end());
  reading_.clear();
  if (uncertain_.empty() && patient_.empty()) return;
  flush();  // it goes to the kernel with the first of the following reads
  read_share(uncertain_);
  read_share(patient_);
}

// In the order of the list, as many at once as there are buffers; how many of them.
std::size_t Shard::read_all(std::span<const Index> list) {
  std::size_t next = 0;
  while (next < list.size()) {
    const std::size_t first = next;
    while (next < list.size() && queue_receive(list[next])) ++next;
    if (next < list.size()) counters_.receive_buffer_waits.add();
    if (next == first) break;  // every buffer is still with the kernel
    ring_->submit();
    reap_completions();
  }
  return next;
}

// From the front of the list, until their part of the turn is over.
void Shard::read_share(std::vector<Index>& list) {
  const std::uint64_t bytes_before = counters_.bytes_in.get();
  const std::uint64_t until_ns = clock_->monotonic_ns() + Limits::kShareNs;
  std::size_t read = 0;
  const auto cost = [&] {
    return counters_.bytes_in.get() - bytes_before + read * net::ReceivePool::kSmallBytes;
  };
  while (read < list.size() && cost() < Limits::kShareBytes && clock_->monotonic_ns() < until_ns) {
    std::array<Index, Limits::kShareBatch> batch;  // a copy: the list grows meanwhile
    const std::size_t count = std::min(list.size() - read, batch.size());
    std::copy_n(list.begin() + static_cast<std::ptrdiff_t>(read), count, batch.begin());
    const std::size_t done = read_all(std::span(batch).first(count));
    read += done;
    if (done < count) break;
  }
  CHECK(read <= list.size());
  list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(read));
}

// False when there is no memory to receive into: the slot stays queued.
bool Shard::queue_receive(Index index) {
  net::Slot& slot = table_[index];
  if (!slot.is(net::kQueuedReady)) return true;  // the slot has a new tenant since it was queued
  if (!net::reads_input(slot.state()) || slot.in_kernel(net::kReceiving) || !slot.wants_input()) {
    slot.clear(net::kQueuedReady);
    return true;
  }
  if (slot.in_kernel(net::kQueryingPeer)) {
    read_list(slot).push_back(index);
    return true;
  }
  std::span<std::byte> memory = receive_in_place(slot);
  Index buffer = kNoIndex;
  if (memory.empty()) {
    buffer = receive_pool_.lend(slot.large_receive_credit > 0);
    if (buffer == kNoIndex) return false;
    memory = buffer_of(slot, buffer);
  }
  slot.clear(net::kQueuedReady);
  table_.detail(index).receive_buffer = static_cast<std::uint16_t>(buffer);
  slot.enter_kernel(net::kReceiving);
  ring_->receive(index, memory, table_.tag(Op::receive, index));
  return true;
}

// Of who is brief little is read, so that all of them together cannot make a turn long.
std::span<std::byte> Shard::buffer_of(const net::Slot& slot, Index buffer) {
  const std::span<std::byte> memory = receive_pool_.bytes(buffer);
  return slot.brief != 0 ? memory.first(net::ReceivePool::kLittleBytes) : memory;
}

// The rest of a big message goes straight to where the message is put together.
std::span<std::byte> Shard::receive_in_place(const net::Slot& slot) {
  if (slot.assembly == kNoIndex || slot.state() != State::open) return {};
  return slot.protocol() == Protocol::length_prefixed ? tcp_reader_.destination(slot.assembly)
                                                      : ws_reader_.destination(slot.assembly);
}

// How much that was. Asked for room again, the reader might move what is stored, and leave behind what has
// just been received.
std::size_t Shard::offered_in_place(const net::Slot& slot) {
  if (slot.assembly == kNoIndex || slot.state() != State::open) return 0;
  return slot.protocol() == Protocol::length_prefixed ? tcp_reader_.offered(slot.assembly).size()
                                                      : ws_reader_.offered(slot.assembly).size();
}

void Shard::receive_done(Index index, net::Slot& slot, const Completion& completion) {
  slot.leave_kernel(net::kReceiving);
  const std::uint16_t buffer = table_.detail(index).receive_buffer;
  const bool in_place = buffer == net::kNoReceiveBuffer;
  if (net::is_ending(slot.state())) {
    if (!in_place) receive_pool_.give_back(buffer);
    return;
  }
  if (!slot.in_kernel(net::kReadableArmed)) {
    counters_.rearms.add();
    watch(index, slot);
  }
  if (completion.result <= 0) {
    if (!in_place) receive_pool_.give_back(buffer);
    return completion.result == 0 ? input_ended(index, slot)
                                  : receive_failed(index, slot, -completion.result);
  }
  const auto count = static_cast<std::size_t>(completion.result);
  const std::size_t offered = in_place ? offered_in_place(slot) : buffer_of(slot, buffer).size();
  counters_.bytes_in.add(count);
  slot.last_activity = now_;
  const bool was_open = slot.state() == State::open;
  if (slot.is(net::kPingOutstanding)) {
    slot.clear(net::kPingOutstanding);
    if (slot.state() == State::open)
      schedule_open(index, slot);  // the next ping may be due before the pong was
  }
  const bool pending = count == offered || completion.nonempty();
  const std::uint64_t messages_before = counters_.messages_in.get();
  pending ? slot.set(net::kInputPending) : slot.clear(net::kInputPending);
  slot.brief = was_open && !pending && count <= net::ReceivePool::kLittleBytes;
  if (!in_place) adapt_receive_size(slot, count);
  if (pending || slot.is(net::kPeerFinished)) queue_ready(index, slot);
  if (!in_place) {
    input(index, receive_pool_.bytes(buffer).first(count));
    receive_pool_.give_back(buffer);
  } else if (slot.state() == State::open) {
    placed(index, count);
  }
  if (slot.state() != State::open) slot.brief = 0;
  if (limits_.input_limited())
    charge_input(index, slot, count, counters_.messages_in.get() - messages_before);
}

// A connection that fills small buffers is read into large ones, and patient, until its reads have been small
// for a while.
void Shard::adapt_receive_size(net::Slot& slot, std::size_t count) {
  static_assert(net::ReceivePool::kLargeCredit < 1 << 4, "four bits of a slot");
  if (count >= net::ReceivePool::kSmallBytes) {
    slot.large_receive_credit = net::ReceivePool::kLargeCredit;
  } else if (slot.large_receive_credit > 0) {
    --slot.large_receive_credit;
  }
}

void Shard::receive_failed(Index index, net::Slot& slot, int error) {
  switch (error) {
    case EAGAIN:  // a spurious wake-up: the next one is on its way, the poll is still armed
      slot.clear(net::kInputPending);
      return;
    case EINTR:  // nothing was looked at, so no wake-up follows for what is there; nothing is scarce either
      return queue_ready(index, slot);
    case ENOBUFS:  // the kernel is short of memory, the bytes stay in the socket: tried again next tick
    case ENOMEM:
      counters_.transient_errors.add();
      retry_.push_back(index);
      return;
    case ECONNRESET:  // the peer sent RST
    case ETIMEDOUT:   // keepalive or user timeout found the peer gone
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNREFUSED:
    default:  // whatever the network reports, the connection is over
      return end(index);
  }
}

// The peer will send no more (FIN).
void Shard::input_ended(Index index, net::Slot& slot) {
  slot.clear(net::kInputPending);
  switch (slot.state()) {
    case State::open:
      // It may still be reading: what it is owed leaves first, also what is not ready yet (RFC 9293, 3.6.1).
      if (slot.request_under_way != 0 && slot.answer_is_stream == 0) {
        slot.input_ended = 1;
        return;
      }
      if (slot.outbox_bytes > 0) return flush_then_end(index);
      return end(index);
    case State::flushing:
      return;  // half-closed while the answer leaves
    case State::handshaking:
    case State::closing:
    case State::lingering:
      return end(index);
    case State::free:
    case State::disarming:
    case State::releasing:
      CHECK(false);
  }
}

}  // namespace holdfast::shard
