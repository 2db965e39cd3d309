// From bytes to messages: the opening handshake, WebSocket frames, length-prefixed messages, plain bytes.
//
// This is the stage that a transforming layer (TLS records) would precede: everything below sees plain bytes.
#include <algorithm>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;

// What a WebSocket's bytes turned out to be. Pongs are collected: of several pings in one read only the last
// is answered (RFC 6455 5.5.3), before whatever follows it.
class Shard::WebSocketEvents final : public ws::Events {
 public:
  WebSocketEvents(Shard& shard, Index index) : shard_(shard), slot_(shard.table_[index]), index_(index) {}

  bool on_message(ws::Opcode opcode, std::span<std::byte> payload) override {
    answer_ping();
    message_seen_ = true;
    if (slot_.state() != State::open) return slot_.state() == State::closing;
    shard_.counters_.messages_in.add();
    const MessageType type = opcode == ws::Opcode::text ? MessageType::text : MessageType::binary;
    shard_.handler_->on_message(Connection(&shard_, index_, slot_.generation), Message(type, payload));
    return slot_.state() == State::open || slot_.state() == State::closing;
  }

  bool on_ping(std::span<const std::byte> payload) override {
    CHECK(payload.size() <= shard_.pong_payload_.size());
    std::copy(payload.begin(), payload.end(), shard_.pong_payload_.begin());
    pong_bytes_ = payload.size();
    pong_owed_ = true;
    return true;
  }

  bool on_pong(std::span<const std::byte>) override { return true; }  // any input counts as a sign of life

  bool on_close(std::uint16_t code, std::string_view reason) override {
    answer_ping();
    slot_.set(net::kCloseReceived);
    if (slot_.state() == State::open) {
      slot_.set(net::kPeerFirst);
      slot_.close_code = code;
      shard_.set_close_reason(index_, reason);
      shard_.send_close(index_, code, {});
    }
    shard_.flush_then_end(index_);
    return false;
  }

  // At most one pong waits behind a backlog: a peer that pings and does not read cannot make us queue
  // answers.
  void answer_ping() {
    if (!pong_owed_) return;
    pong_owed_ = false;
    if (slot_.state() != State::open) return;
    if (slot_.is(net::kPongQueued) && slot_.is(net::kBacklogged)) return;
    slot_.set(net::kPongQueued);
    shard_.counters_.pongs_out.add();
    shard_.send_control(index_, ws::Opcode::pong, std::span(shard_.pong_payload_).first(pong_bytes_));
  }

  bool message_seen() const { return message_seen_; }

 private:
  Shard& shard_;
  net::Slot& slot_;
  const Index index_;
  std::size_t pong_bytes_ = 0;
  bool pong_owed_ = false;
  bool message_seen_ = false;
};

class Shard::LengthPrefixedMessages final : public tcp::Messages {
 public:
  LengthPrefixedMessages(Shard& shard, Index index)
      : shard_(shard), slot_(shard.table_[index]), index_(index) {}

  bool on_message(std::span<std::byte> payload) override {
    message_seen_ = true;
    if (slot_.state() != State::open) return false;
    shard_.counters_.messages_in.add();
    shard_.handler_->on_message(Connection(&shard_, index_, slot_.generation), Message::binary(payload));
    return slot_.state() == State::open;
  }

  bool message_seen() const { return message_seen_; }

 private:
  Shard& shard_;
  net::Slot& slot_;
  const Index index_;
  bool message_seen_ = false;
};

void Shard::input(Index index, std::span<std::byte> bytes) {
  const net::Slot& slot = table_[index];
  switch (slot.state()) {
    case State::handshaking:
      return handshake_input(index, bytes);
    case State::open:
    case State::closing:
      return open_input(index, bytes);
    case State::flushing:
    case State::lingering:
      return;  // nobody wants it; read so that the end of input is seen
    case State::free:
    case State::disarming:
    case State::releasing:
      CHECK(false);
  }
}

void Shard::open_input(Index index, std::span<std::byte> bytes) {
  switch (table_[index].protocol()) {
    case Protocol::websocket:
      return websocket_input(index, bytes);
    case Protocol::length_prefixed:
      return length_prefixed_input(index, bytes);
    case Protocol::http:
      return http_input(index, bytes);
  }
}

// Bytes that were received straight into the assembly.
void Shard::placed(Index index, std::size_t count) {
  net::Slot& slot = table_[index];
  const Index before = slot.assembly;
  CHECK(before != kNoIndex);
  if (slot.protocol() == Protocol::length_prefixed) {
    LengthPrefixedMessages messages(*this, index);
    const tcp::Verdict verdict = tcp_reader_.placed(slot.assembly, count, messages);
    return after_length_prefixed(index, verdict, before, messages.message_seen());
  }
  WebSocketEvents events(*this, index);
  const ws::Violation violation = ws_reader_.placed(slot.assembly, count, events);
  events.answer_ping();
  after_websocket(index, violation, before, events.message_seen());
}

void Shard::websocket_input(Index index, std::span<std::byte> bytes) {
  net::Slot& slot = table_[index];
  const Index before = slot.assembly;
  WebSocketEvents events(*this, index);
  const ws::Violation violation = ws_reader_.consume(slot.assembly, bytes, events);
  events.answer_ping();
  after_websocket(index, violation, before, events.message_seen());
}

void Shard::after_websocket(Index index, const ws::Violation& violation, Index assembly_before,
                            bool message_seen) {
  if (violation) {
    if (violation.code == ws::kTryAgainLater) counters_.memory_refusals.add();
    return violated(index, violation.code, violation.reason);
  }
  note_assembly(index, assembly_before, message_seen);
}

void Shard::length_prefixed_input(Index index, std::span<std::byte> bytes) {
  net::Slot& slot = table_[index];
  const Index before = slot.assembly;
  LengthPrefixedMessages messages(*this, index);
  const tcp::Verdict verdict = tcp_reader_.consume(slot.assembly, bytes, messages);
  after_length_prefixed(index, verdict, before, messages.message_seen());
}

void Shard::after_length_prefixed(Index index, tcp::Verdict verdict, Index assembly_before,
                                  bool message_seen) {
  switch (verdict) {
    case tcp::Verdict::ok:
      return note_assembly(index, assembly_before, message_seen);
    case tcp::Verdict::too_big:
      return violated(index, ws::kMessageTooBig, "message too big");
    case tcp::Verdict::out_of_memory:
      counters_.memory_refusals.add();
      return violated(index, ws::kTryAgainLater, "out of message memory");
  }
}

void Shard::http_input(Index index, std::span<std::byte> bytes) {
  net::Slot& slot = table_[index];
  if (slot.state() != State::open || bytes.empty()) return;
  counters_.messages_in.add();
  handler_->on_message(Connection(this, index, slot.generation), Message::binary(bytes));
}

// An incomplete message has a deadline from its first byte.
void Shard::note_assembly(Index index, Index assembly_before, bool message_seen) {
  net::Slot& slot = table_[index];
  if (slot.assembly == kNoIndex || slot.state() != State::open) return;
  if (assembly_before != kNoIndex && !message_seen) return;
  table_.detail(index).assembly_since = now_;
  schedule_open(index, slot);
}

// The peer broke a rule: it is told which, and nothing more of it is read.
void Shard::violated(Index index, std::uint16_t code, std::string_view reason) {
  net::Slot& slot = table_[index];
  if (slot.state() != State::open && slot.state() != State::closing) return;
  counters_.violations.add();
  abandon_input(index);
  if (slot.protocol() != Protocol::websocket) {
    // There is no frame to say it in. RST, because what is unread must not be answered by silence.
    set_close_reason(index, reason);
    return drop(index, code);
  }
  if (slot.state() == State::open) {
    slot.close_code = code;
    set_close_reason(index, reason);
    send_close(index, code, reason);
    if (slot.state() != State::open) return;  // no memory for the close frame: dropped
  }
  flush_then_end(index);
}

void Shard::abandon_input(Index index) {
  net::Slot& slot = table_[index];
  if (slot.assembly == kNoIndex) return;
  slot.protocol() == Protocol::length_prefixed ? tcp_reader_.abandon(slot.assembly)
                                               : ws_reader_.abandon(slot.assembly);
  CHECK(slot.assembly == kNoIndex);
}

}  // namespace holdfast::shard
