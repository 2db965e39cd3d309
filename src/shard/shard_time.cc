// Deadlines: each state has one, kept in the wheel; and the two walks over all slots, drain and stop, a part
// per turn.
#include <algorithm>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::reached;
using net::State;

void Shard::fire_timers() {
  retry_transient();
  due_.clear();
  deadlines_left_ = !wheel_.advance(now_, Limits::kDeadlinesPerTurn, due_);
  for (std::size_t i = 0; i < due_.size(); ++i) {
    if (i + Limits::kPrefetchAhead < due_.size()) table_.prefetch_detail(due_[i + Limits::kPrefetchAhead]);
    // The deadline of another one may have caused an early flush, which set this one a new deadline.
    if (!wheel_.scheduled(due_[i])) deadline(due_[i]);
  }
  if (ping_frame_ != kNoIndex) frames_.release(ping_frame_);
  ping_frame_ = kNoIndex;
  if (sweeping_) sweep();
  if (draining_ && !stopping_ && (reached(now_, hard_stop_) || (!sweeping_ && table_.used() == 0)))
    begin_stop();
}

// The handler's own time: it leaves out gaps as deadlines do.
void Shard::call_timer() {
  if (wake_at_ns_ == 0 || handler_now_ns() < wake_at_ns_) return;
  wake_at_ns_ = 0;
  handler_->on_timer();
}

void Shard::deadline(Index index) {
  net::Slot& slot = table_[index];
  switch (slot.state()) {
    case State::handshaking:
      counters_.handshakes_timed_out.add();
      // A client that has said nothing is owed no answer.
      return slot.assembly == kNoIndex ? end(index) : reject(index, http::Status::request_timeout);
    case State::open:
      return open_deadline(index, slot);
    case State::closing:   // our close frame was not answered
    case State::flushing:  // or not even taken
      if (slot.outbox_bytes > 0) slot.set(net::kReset);
      return end(index);
    case State::lingering:
      return end(index);
    case State::disarming:
      return;  // the deadline of another one caused an early flush, which found this one's peer gone
    case State::free:
    case State::releasing:
      CHECK(false);  // end() cancels the deadline
  }
}

// The earliest of several reasons to look at an open connection has come: find out which.
void Shard::open_deadline(Index index, net::Slot& slot) {
  const net::SlotDetail& detail = table_.detail(index);
  if (slot.input_limited != 0 && reached(now_, slot.last_activity)) {
    slot.input_limited = 0;
    queue_ready(index, slot);
  }
  if (draining_) return drain_due_.push_back(index);
  if (slot.is(net::kBacklogged) && reached(now_, slot.stall_since + limits_.stall_timeout)) {
    counters_.stall_timeouts.add();
    set_close_reason(index, "peer does not read");
    return drop(index, slow_code());
  }
  if (idles(slot) && reached(now_, slot.last_activity + limits_.http_idle_timeout)) {
    counters_.http_idle_timeouts.add();
    set_close_reason(index, "idle");
    if (slot.outbox_bytes > 0) slot.set(net::kReset);
    return end(index);
  }
  if (slot.assembly != kNoIndex && reached(now_, detail.assembly_since + limits_.message_timeout)) {
    counters_.message_timeouts.add();
    return violated(index, ws::kPolicyViolation, "message took too long");
  }
  if (slot.is(net::kPingOutstanding)) {
    if (reached(now_, detail.pong_deadline)) {
      counters_.pong_timeouts.add();
      set_close_reason(index, "peer does not answer");
      return drop(index, ws::kAbnormal);
    }
  } else if (pinged(slot) && reached(now_, ping_due(index, slot))) {
    send_ping(index, slot, limits_.pong_timeout);
    if (slot.state() != State::open) return;
  }
  schedule_open(index, slot);
}

// After the deadlines, because the handler may end whom it likes (rule R11). No slot has got another tenant
// since.
void Shard::call_drain() {
  for (const Index index : drain_due_) {
    net::Slot& slot = table_[index];
    if (slot.state() == State::open) handler_->on_drain(Connection(this, index, slot.generation));
    if (slot.state() == State::open) close_for_drain(index, slot);
  }
  drain_due_.clear();
}

void Shard::close_for_drain(Index index, net::Slot& slot) {
  if (slot.protocol() == Protocol::websocket)
    return close(index, slot.generation, config_.drain_close_code, config_.drain_close_reason);
  slot.close_code = config_.drain_close_code;
  set_close_reason(index, config_.drain_close_reason);
  flush_then_end(index);
}

void Shard::send_ping(Index index, net::Slot& slot, std::optional<time::Tick> pong_timeout) {
  counters_.pings_out.add();
  ++pings_this_turn_;
  if (pong_timeout) {
    slot.set(net::kPingOutstanding);
    table_.detail(index).pong_deadline = now_ + *pong_timeout;
  }
  if (ping_frame_ == kNoIndex) ping_frame_ = encode_websocket(ws::Opcode::ping, {});
  if (ping_frame_ == kNoIndex) {
    counters_.memory_refusals.add();
    return drop(index, ws::kTryAgainLater);
  }
  frames_.retain(ping_frame_);
  enqueue(index, slot, ping_frame_);
}

void Shard::ping(Index index, std::uint32_t generation,
                 std::optional<std::chrono::milliseconds> pong_timeout) {
  CHECK(!pong_timeout || pong_timeout->count() >= 0);
  net::Slot* slot = table_.find(index, generation);
  if (slot == nullptr || slot->state() != State::open || slot->protocol() != Protocol::websocket) return;
  std::optional<time::Tick> timeout = pong_timeout ? net::ticks(*pong_timeout) : limits_.pong_timeout;
  if (pong_timeout && pong_timeout->count() == 0) timeout.reset();
  if (!slot->is(net::kPingOutstanding)) {
    send_ping(index, *slot, timeout);
  } else if (!timeout) {
    slot->clear(net::kPingOutstanding);
  }
  if (slot->state() == State::open) schedule_open(index, *slot);
}

// Only WebSocket has pings: TCP keepalive finds those others whose machine is gone.
bool Shard::pinged(const net::Slot& slot) const {
  return limits_.ping_enabled && slot.protocol() == Protocol::websocket;
}

// It waits for a request, and not the peer for an answer: only then silence means that nobody needs it.
bool Shard::idles(const net::Slot& slot) const {
  return limits_.http_idle_enabled && slot.protocol() == Protocol::http && slot.request_under_way == 0;
}

void Shard::begin_request(net::Slot& slot) {
  if (slot.protocol() == Protocol::http) slot.request_under_way = 1;
}

// Who finished before it became a stream has gone.
void Shard::begin_stream(Index index, net::Slot& slot) {
  if (slot.protocol() != Protocol::http) return;
  slot.request_under_way = slot.answer_is_stream = 1;
  if (slot.state() == State::open && slot.input_ended != 0) flush_then_end(index);
}

void Shard::end_request(Index index, net::Slot& slot) {
  if (slot.request_under_way == 0) return;
  slot.request_under_way = slot.answer_is_stream = 0;
  if (slot.state() != State::open) return;
  if (slot.input_ended != 0) return flush_then_end(index);
  if (slot.input_limited == 0) slot.last_activity = now_;
  schedule_open(index, slot);
}

// The block's first moment at which the connection has been quiet for long enough.
time::Tick Shard::ping_due(Index index, const net::Slot& slot) const {
  return limits_.ping_moments.next(index, slot.last_activity + limits_.ping_interval / Limits::kQuietShare);
}

// Moves the deadline to the earliest that applies. While draining it stays at the moment drawn for the close.
void Shard::schedule_open(Index index, net::Slot& slot) {
  CHECK(slot.state() == State::open);
  if (draining_) return;
  const net::SlotDetail& detail = table_.detail(index);
  bool wanted = false;
  time::Tick earliest = 0;
  const auto consider = [&](time::Tick deadline) {
    if (!wanted || static_cast<std::int32_t>(deadline - earliest) < 0) earliest = deadline;
    wanted = true;
  };
  if (slot.input_limited != 0) consider(slot.last_activity);
  if (slot.is(net::kBacklogged)) consider(slot.stall_since + limits_.stall_timeout);
  if (idles(slot)) consider(slot.last_activity + limits_.http_idle_timeout);
  if (slot.assembly != kNoIndex) consider(detail.assembly_since + limits_.message_timeout);
  if (slot.is(net::kPingOutstanding)) {
    consider(detail.pong_deadline);
  } else if (pinged(slot)) {
    consider(ping_due(index, slot));
  }
  if (!wanted) return;
  // A deadline that is already set and no later stays: it costs one look, moving it at every message would
  // cost more.
  if (wheel_.scheduled(index) && static_cast<std::int32_t>(wheel_.deadline(index) - earliest) <= 0) return;
  wheel_.schedule(index, earliest);
}

// Operations the kernel had no memory for.
void Shard::retry_transient() {
  if (retry_.empty() || now_ == retried_at_) return;
  retried_at_ = now_;
  for (Index index : retry_) {
    net::Slot& slot = table_[index];
    if (net::reads_input(slot.state())) queue_ready(index, slot);
    if (slot.outbox_head != kNoIndex && !net::is_ending(slot.state())) queue_flush(index, slot);
  }
  retry_.clear();
}

void Shard::read_wishes() {
  if (neighbour().stop_wanted.load(std::memory_order_relaxed) && !stopping_) begin_stop();
  if (neighbour().drain_wanted.load(std::memory_order_relaxed) && !draining_ && !stopping_) begin_drain();
}

void Shard::begin_drain() {
  draining_ = true;
  hard_stop_ = now_ + limits_.drain_timeout;
  sweeping_ = true;
  sweep_cursor_ = 0;
}

void Shard::begin_stop() {
  stopping_ = true;
  sweeping_ = true;
  sweep_cursor_ = 0;
}

// Drain: each open connection draws its moment in the first two thirds of the time; neighbours in the table,
// which often are neighbours in a network, are spread apart. Stop: each connection ends now.
void Shard::sweep() {
  const Index last = std::min(table_.capacity(), sweep_cursor_ + Limits::kSweepPerTurn);
  for (; sweep_cursor_ < last; ++sweep_cursor_) {
    const Index index = sweep_cursor_;
    const State state = table_[index].state();
    if (stopping_) {
      if (state != State::free) drop(index, ws::kAbnormal);
    } else if (state == State::open) {
      const auto window = std::max<time::Tick>(limits_.drain_timeout * 2 / 3, 1);
      wheel_.schedule(index, now_ + static_cast<time::Tick>(random_.below(window)));
    }
  }
  if (sweep_cursor_ == table_.capacity()) sweeping_ = false;
}

}  // namespace holdfast::shard
