// How a connection ends, in three verbs (rule R4): disarm what is armed, join until nothing of it is in the
// kernel, close.
//
// end() may be called from anywhere, also while the connection's bytes are being read: it only marks, queues
// cancels and puts the slot on the reap list. The handler is told, and memory given back, at the end of the
// turn.
#include <algorithm>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;
using ring::Completion;
using ring::Op;

namespace {

// At a character boundary, so that the rest is still UTF-8.
std::string_view cut_reason(std::string_view reason) {
  if (reason.size() <= ws::kCloseReasonMaximumBytes) return reason;
  std::size_t length = ws::kCloseReasonMaximumBytes;
  while (length > 0 && (static_cast<unsigned char>(reason[length]) & 0xc0) == 0x80) --length;
  return reason.substr(0, length);
}

}  // namespace

void Shard::close(Index index, std::uint32_t generation, std::uint16_t code, std::string_view reason) {
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || slot->state() != State::open) return;
  if (!ws::valid_close_code(code)) code = ws::kNormal;
  reason = cut_reason(reason);
  slot->close_code = code;
  set_close_reason(index, reason);
  if (slot->protocol() != Protocol::websocket) {
    if (slot->protocol() == Protocol::http && code != ws::kNormal) slot->set(net::kDiscardInput);
    return flush_then_end(index);
  }
  send_close(index, code, reason);
  if (slot->state() != State::open) return;  // no memory for the frame: dropped
  table_.to(index, State::closing);
  read_again(index, *slot);
  wheel_.schedule(index, now_ + limits_.close_timeout);
}

// Everything has been queued that will be; the socket goes when it has left.
void Shard::flush_then_end(Index index) {
  net::Slot& slot = table_[index];
  if (net::is_ending(slot.state()) || slot.state() == State::flushing || slot.state() == State::lingering)
    return;
  table_.to(index, State::flushing);
  read_again(index, slot);
  wheel_.schedule(index, now_ + limits_.close_timeout);
  if (slot.outbox_head == kNoIndex) all_said(index, slot);
}

// Closing a socket with unread input makes the kernel send RST, and a RST makes the peer's kernel discard
// what it has not read yet, our last words included. So input is discarded for a moment first, when there is
// any, or the handler says that there may be.
void Shard::all_said(Index index, net::Slot& slot) {
  CHECK(slot.state() == State::flushing);
  if (!slot.is(net::kInputPending) && !slot.is(net::kDiscardInput)) return end(index);
  table_.to(index, State::lingering);
  wheel_.schedule(index, now_ + Limits::kLingerTicks);
}

// Ends it with RST: the peer does not read, or broke off.
void Shard::drop(Index index, std::uint16_t code) {
  net::Slot& slot = table_[index];
  if (net::is_ending(slot.state())) return;
  slot.set(net::kReset);
  slot.close_code = code;
  end(index);
}

void Shard::end(Index index) {
  net::Slot& slot = table_[index];
  if (net::is_ending(slot.state())) return;
  if (slot.state() == State::handshaking && slot.assembly != kNoIndex) {
    assemblies_.release(slot.assembly);  // a request head, not a reader's
    slot.assembly = kNoIndex;
  }
  wheel_.cancel(index);
  table_.to(index, State::disarming);
  if (slot.is(net::kReset)) {
    slot.enter_kernel(net::kSettingReset);
    ring_->reset_on_close(index, table_.tag(Op::reset_on_close, index));
  }
  if (slot.in_kernel(net::kReadableArmed)) {
    slot.enter_kernel(net::kReadableCancel);
    ring_->cancel(table_.tag(Op::readable, index), table_.tag(Op::cancel, index));
  }
  if (slot.in_kernel(net::kWritableArmed)) {
    slot.enter_kernel(net::kWritableCancel);
    ring_->cancel(table_.tag(Op::writable, index), table_.tag(Op::cancel_writable, index));
  }
  CHECK(!slot.is(net::kQueuedReap));
  slot.set(net::kQueuedReap);
  reap_.push_back(index);
}

void Shard::reap_ended() {
  if (reap_.empty()) return;
  reaping_.swap(reap_);
  for (std::size_t i = 0; i < reaping_.size(); ++i) {
    const Index index = reaping_[i];
    net::Slot& slot = table_[index];
    CHECK(slot.is(net::kQueuedReap));  // it cannot be freed while it is in the list
    tell_closed(index);
    slot.clear(net::kQueuedReap);
    release_when_joined(index);
  }
  reaping_.clear();
}

void Shard::tell_closed(Index index) {
  net::Slot& slot = table_[index];
  CHECK(slot.state() == State::disarming);
  leave_topics(slot);
  if (!slot.is(net::kOpened)) return;
  slot.clear(net::kOpened);
  CHECK(connections_open_ > 0);
  --connections_open_;
  Close close;
  close.code = slot.close_code;
  close.by_peer = slot.is(net::kPeerFirst);
  const Index reason = table_.detail(index).close_reason;
  if (reason != kNoIndex) {
    const std::span<const std::byte> bytes = frames_.bytes(reason);
    close.reason = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  handler_->on_close(Connection(this, index, slot.generation), close);
}

// The join: called after each completion of a disarming slot and after it was told.
void Shard::release_when_joined(Index index) {
  net::Slot& slot = table_[index];
  if (slot.state() != State::disarming || slot.in_flight != 0 || slot.is(net::kQueuedReap)) return;
  CHECK(!slot.is(net::kOpened));
  abandon_input(index);
  outbox_.clear(slot);
  net::SlotDetail& detail = table_.detail(index);
  if (detail.close_reason != kNoIndex) {
    frames_.release(detail.close_reason);
    detail.close_reason = kNoIndex;
  }
  closing_.push_back(index);
}

// Closing a socket takes the kernel 10 to 20 us. Where a crowd leaves, some of it goes in each turn, behind
// what the others are owed; never fewer than came in, or those who come and go at once would fill the table.
void Shard::close_some() {
  const std::size_t share = std::max<std::size_t>(Limits::kClosesPerTurn, accepted_this_turn_);
  const std::size_t count = std::min(closing_.size(), share);
  accepted_this_turn_ = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Index index = closing_[i];
    net::Slot& slot = table_[index];
    CHECK(slot.in_flight == 0);
    table_.to(index, State::releasing);
    slot.enter_kernel(net::kClosing);
    ring_->close(index, table_.tag(Op::close, index));
  }
  closing_.erase(closing_.begin(), closing_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Shard::close_done(Index index, net::Slot& slot, const Completion& completion) {
  slot.leave_kernel(net::kClosing);
  CHECK(completion.result == 0);  // anything else would mean that the slot held no socket
  counters_.closed.add();
  if (!listeners_[slot.listener].for_clients()) {
    CHECK(slots_of_http_ > 0);
    --slots_of_http_;
  }
  if (slot.address_counted != 0) {
    options_.addresses->remove(peer(index));
    slot.address_counted = 0;
  }
  table_.to(index, State::free);
}

void Shard::set_close_reason(Index index, std::string_view reason) {
  net::SlotDetail& detail = table_.detail(index);
  if (reason.empty() || detail.close_reason != kNoIndex) return;
  const Index frame = encode_raw(reason);  // no memory: the application gets the code alone
  if (detail.close_reason == kNoIndex) {
    detail.close_reason = frame;
  } else if (frame != kNoIndex) {
    frames_.release(frame);  // to make room for it this one has been evicted
  }
}

}  // namespace holdfast::shard
