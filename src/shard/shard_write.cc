// From messages to bytes: encoded once into a frame, referenced by outboxes, sent once per connection and
// turn.
//
// A transforming layer (TLS records) would stand between next_send and the ring. A connection whose peer has
// not taken everything arms a one-shot output poll and sends nothing until it fires; all others need no
// readiness to send.
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;
using ring::Completion;
using ring::Op;

namespace {

// What a client is told, and on_close, when it does not keep up (Config::overflow_close_code).
constexpr std::string_view kSlowReason = "slow";

void copy_into(std::span<std::byte> target, std::span<const std::byte> source) {
  CHECK(target.size() == source.size());
  if (!source.empty()) std::memcpy(target.data(), source.data(), source.size());
}

}  // namespace

Index Shard::encode(Protocol protocol, MessageType type, std::span<const std::byte> payload) {
  switch (protocol) {
    case Protocol::websocket:
      return encode_websocket(type == MessageType::text ? ws::Opcode::text : ws::Opcode::binary, payload);
    case Protocol::length_prefixed:
      return encode_length_prefixed(payload);
    case Protocol::http:
      return encode_raw({reinterpret_cast<const char*>(payload.data()), payload.size()});
  }
  CHECK(false);
  return kNoIndex;
}

Index Shard::encode_length_prefixed(std::span<const std::byte> payload) {
  const Index frame = frames_.claim(tcp::kHeaderBytes + payload.size());
  if (frame == kNoIndex) return kNoIndex;
  const std::span<std::byte> bytes = frames_.bytes(frame);
  tcp::write_header(bytes.first<tcp::kHeaderBytes>(), static_cast<std::uint32_t>(payload.size()));
  copy_into(bytes.subspan(tcp::kHeaderBytes), payload);
  return frame;
}

Index Shard::encode_websocket(ws::Opcode opcode, std::span<const std::byte> payload) {
  std::array<std::byte, ws::kServerHeaderMaximumBytes> header;
  const std::size_t header_bytes = ws::write_server_header(header, opcode, payload.size());
  const Index frame = frames_.claim(header_bytes + payload.size());
  if (frame == kNoIndex) return kNoIndex;
  const std::span<std::byte> bytes = frames_.bytes(frame);
  copy_into(bytes.first(header_bytes), std::span(header).first(header_bytes));
  copy_into(bytes.subspan(header_bytes), payload);
  return frame;
}

Index Shard::encode_raw(std::string_view text) {
  const Index frame = frames_.claim(text.size());
  if (frame != kNoIndex) copy_into(frames_.bytes(frame), std::as_bytes(std::span(text)));
  return frame;
}

SendResult Shard::send(Index index, std::uint32_t generation, const Message& message) {
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || slot->state() != State::open) return SendResult::closed;
  if (says_nothing(slot->protocol(), message.bytes)) return queue_state(*slot);
  const Index frame = encode(slot->protocol(), message.type, message.bytes);
  if (frame == kNoIndex) {
    counters_.memory_refusals.add();
    drop(index, ws::kTryAgainLater);
    return SendResult::overflowed;
  }
  counters_.messages_out.add();
  return enqueue(index, *slot, frame);
}

// Takes over the caller's reference to the frame. After an overflow the connection is ending: what the peer
// has got is a prefix of what it was owed, never a sequence with a gap (rule R10).
SendResult Shard::enqueue(Index index, net::Slot& slot, Index frame) {
  const std::size_t bytes = frames_.bytes(frame).size();
  const bool over =
      slot.outbox_bytes + bytes > limits_.max_outbox_bytes ||
      (limits_.max_outbox_messages > 0 && outbox_.frames(slot) >= limits_.max_outbox_messages) ||
      (slot.is(net::kBacklogged) && beyond_its_share(slot, bytes));
  const bool pushed = !over && outbox_.push(slot, frame);
  frames_.release(frame);
  if (over) {
    overflowed(index, slot);
    return SendResult::overflowed;
  }
  if (!pushed) {
    counters_.memory_refusals.add();
    drop(index, ws::kTryAgainLater);
    return SendResult::overflowed;
  }
  queue_flush(index, slot);
  return queue_state(slot);
}

// Message memory and places in outboxes belong to all. Those who are behind may fill half of them together;
// from there on whoever of them has more than an even part of that half is at its bound. Incomplete input
// stops at three quarters (shard_create.cc). The rest is for those who read, so that nobody who does is
// dropped for what others hold.
bool Shard::beyond_its_share(const net::Slot& slot, std::size_t bytes) const {
  const ShardSizes& sizes = options_.sizes;
  const bool few_places = outbox_.nodes_used() > sizes.outbox_nodes / 2;
  const bool little_memory = arena_.used_bytes() > sizes.arena_bytes / 2;
  return (few_places && outbox_.frames(slot) >= sizes.outbox_nodes / 2 / sizes.slots) ||
         (little_memory && slot.outbox_bytes + bytes > sizes.arena_bytes / 2 / sizes.slots);
}

// The peer does not keep up. Told so, it is owed the rest of one send and a close frame, and nothing more.
void Shard::overflowed(Index index, net::Slot& slot) {
  counters_.outbox_overflows.add();
  if (config_.overflow_close_code == 0 || slot.protocol() != Protocol::websocket ||
      slot.state() != State::open) {
    return drop(index, slow_code());
  }
  outbox_.truncate(slot);
  slot.close_code = config_.overflow_close_code;
  set_close_reason(index, kSlowReason);
  send_close(index, slot.close_code, kSlowReason);
  if (slot.state() != State::open) return;  // no memory for the frame: dropped
  table_.to(index, State::closing);
  read_again(index, slot);
  wheel_.schedule(index, now_ + limits_.close_timeout);
}

// What on_close says of a peer that did not keep up.
std::uint16_t Shard::slow_code() const {
  return config_.overflow_close_code != 0 ? config_.overflow_close_code : ws::kPolicyViolation;
}

bool Shard::send_control(Index index, ws::Opcode opcode, std::span<const std::byte> payload) {
  CHECK(payload.size() <= ws::kControlPayloadMaximumBytes);
  const Index frame = encode_websocket(opcode, payload);
  if (frame == kNoIndex) {
    counters_.memory_refusals.add();
    drop(index, ws::kTryAgainLater);
    return false;
  }
  return enqueue(index, table_[index], frame) != SendResult::overflowed;
}

// Past the bound of the outbox: it is one frame, and the last, and without it the peer would not know why.
void Shard::send_close(Index index, std::uint16_t code, std::string_view reason) {
  std::array<std::byte, ws::kControlPayloadMaximumBytes> payload;
  std::size_t length = 0;
  if (code != ws::kNoStatus) {
    CHECK(reason.size() <= ws::kCloseReasonMaximumBytes);
    payload[0] = static_cast<std::byte>(code >> 8);
    payload[1] = static_cast<std::byte>(code & 0xff);
    if (!reason.empty()) std::memcpy(payload.data() + 2, reason.data(), reason.size());
    length = 2 + reason.size();
  }
  net::Slot& slot = table_[index];
  const Index frame = encode_websocket(ws::Opcode::close, std::span(payload).first(length));
  const bool pushed = frame != kNoIndex && outbox_.push(slot, frame);
  if (frame != kNoIndex) frames_.release(frame);
  if (pushed) return queue_flush(index, slot);
  counters_.memory_refusals.add();
  drop(index, ws::kTryAgainLater);
}

void Shard::queue_flush(Index index, net::Slot& slot) {
  if (slot.is(net::kQueuedFlush) || slot.in_kernel(net::kSending) || slot.in_kernel(net::kWritableArmed))
    return;
  slot.set(net::kQueuedFlush);
  flush_.push_back(index);
}

void Shard::flush() {
  if (flush_.empty()) return;
  flushing_.swap(flush_);
  // The last ones stay queued in the ring: submit_and_wait hands them over with the same call that sleeps.
  const std::uint32_t batch = ring_->submission_capacity();
  std::uint32_t queued = 0;
  for (std::size_t i = 0; i < flushing_.size(); ++i) {
    if (i + Limits::kPrefetchAhead < flushing_.size()) table_.prefetch(flushing_[i + Limits::kPrefetchAhead]);
    if (queued == batch) {
      ring_->submit();
      reap_completions();
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
