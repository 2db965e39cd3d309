// From messages to bytes: encoded once into a frame, referenced by the outboxes of those it is for. When it
// leaves is decided in shard_flush.cc.
#include <cstring>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;

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
  const Index frame = claim_frame(tcp::kHeaderBytes + payload.size());
  if (frame == kNoIndex) return kNoIndex;
  const std::span<std::byte> bytes = frames_.bytes(frame);
  tcp::write_header(bytes.first<tcp::kHeaderBytes>(), static_cast<std::uint32_t>(payload.size()));
  copy_into(bytes.subspan(tcp::kHeaderBytes), payload);
  return frame;
}

Index Shard::encode_websocket(ws::Opcode opcode, std::span<const std::byte> payload) {
  std::array<std::byte, ws::kServerHeaderMaximumBytes> header;
  const std::size_t header_bytes = ws::write_server_header(header, opcode, payload.size());
  const Index frame = claim_frame(header_bytes + payload.size());
  if (frame == kNoIndex) return kNoIndex;
  const std::span<std::byte> bytes = frames_.bytes(frame);
  copy_into(bytes.first(header_bytes), std::span(header).first(header_bytes));
  copy_into(bytes.subspan(header_bytes), payload);
  return frame;
}

Index Shard::encode_raw(std::string_view text) {
  const Index frame = claim_frame(text.size());
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

// Where memory is short the connection this is for may have ended before there is some.
Index Shard::claim_frame(std::size_t bytes) {
  Index frame = frames_.claim(bytes);
  if (frame == kNoIndex && flush_early()) frame = frames_.claim(bytes);
  while (frame == kNoIndex && evict_hoarders()) frame = frames_.claim(bytes);
  return frame;
}

bool Shard::push(net::Slot& slot, Index frame) {
  const State state = slot.state();
  const auto push_again = [&] { return slot.state() == state && outbox_.push(slot, frame); };
  return outbox_.push(slot, frame) || (flush_early() && push_again()) || (evict_hoarders() && push_again());
}

// Takes over the caller's reference to the frame. After an overflow the connection is ending: what the peer
// has got is a prefix of what it was owed, never a sequence with a gap (rule R10).
SendResult Shard::enqueue(Index index, net::Slot& slot, Index frame) {
  const State state = slot.state();
  const std::size_t bytes = frames_.bytes(frame).size();
  const bool full = beyond_its_bound(slot, bytes);
  bool over = full || beyond_its_share(slot, bytes);
  // Nobody is slow for what it has not been offered, nor for what others are about to take.
  if (over && (!full || slot.is(net::kQueuedFlush)) && flush_early())
    over = beyond_its_bound(slot, bytes) || beyond_its_share(slot, bytes);
  // Nothing follows a close frame, and memory may have been made by sending one here.
  const bool wanted = (state == State::open || state == State::handshaking) && slot.state() == state;
  const bool pushed = wanted && !over && push(slot, frame);
  frames_.release(frame);
  if (!wanted || slot.state() != state) return SendResult::closed;
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

bool Shard::beyond_its_bound(const net::Slot& slot, std::size_t bytes) const {
  return slot.outbox_bytes + bytes > limits_.max_outbox_bytes ||
         (limits_.max_outbox_messages > 0 && outbox_.frames(slot) >= limits_.max_outbox_messages);
}

// Message memory and places in outboxes belong to all. Those who are behind may fill half of them together;
// from there on whoever of them has more than an even part of that half is at its bound. Incomplete input
// stops at three quarters (shard_create.cc). The rest is for those who read, so that nobody who does is
// dropped for what others hold.
bool Shard::beyond_its_share(const net::Slot& slot, std::size_t bytes) const {
  if (!slot.is(net::kBacklogged)) return false;
  const ShardSizes& sizes = options_.sizes;
  const bool few_places = outbox_.nodes_used() > sizes.outbox_nodes / 2;
  const bool little_memory = arena_.used_bytes() > sizes.arena_bytes / 2;
  return (few_places && outbox_.frames(slot) >= sizes.outbox_nodes / 2 / sizes.slots) ||
         (little_memory && slot.outbox_bytes + bytes > sizes.arena_bytes / 2 / sizes.slots);
}

// Nothing is left for those who read: of those who are behind, some with more than an even part lose it, and
// their connection. What they were queued in one turn was not held against them then. True when that made
// room.
bool Shard::evict_hoarders() {
  if (evicting_ || nobody_hoards_at_ == counters_.turns.get()) return false;
  evicting_ = true;
  std::uint32_t evicted = 0;
  for (Index seen = 0; seen < table_.capacity() && evicted < Limits::kEvictedAtOnce; ++seen) {
    evict_cursor_ = evict_cursor_ + 1 < table_.capacity() ? evict_cursor_ + 1 : 0;
    net::Slot& slot = table_[evict_cursor_];
    if (slot.outbox_head == kNoIndex || net::is_ending(slot.state()) || !beyond_its_share(slot, 0)) continue;
    overflowed(evict_cursor_, slot);
    ++evicted;
  }
  evicting_ = false;
  if (evicted == 0) nobody_hoards_at_ = counters_.turns.get();
  return evicted > 0;
}

// The peer does not keep up. Told so, it is owed the rest of one send and a close frame, and nothing more.
void Shard::overflowed(Index index, net::Slot& slot) {
  counters_.outbox_overflows.add();
  outbox_.truncate(slot);
  if (config_.overflow_close_code == 0 || slot.protocol() != Protocol::websocket ||
      slot.state() != State::open) {
    return drop(index, slow_code());
  }
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
  return taken(enqueue(index, table_[index], frame));
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
  if (slot.state() != State::open) return;  // evicted while its reason was stored
  const Index frame = encode_websocket(ws::Opcode::close, std::span(payload).first(length));
  const bool pushed = frame != kNoIndex && slot.state() == State::open && push(slot, frame);
  if (frame != kNoIndex) frames_.release(frame);
  if (slot.state() != State::open) return;
  if (pushed) return queue_flush(index, slot);
  counters_.memory_refusals.add();
  drop(index, ws::kTryAgainLater);
}

}  // namespace holdfast::shard
