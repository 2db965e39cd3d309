// The loop. Read turn() first: it is the server.
#include "shard/shard.h"

#include <algorithm>
#include <cstdio>

#include "base/check.h"

namespace holdfast::shard {
namespace {

// Tags of wake completions: which way the wake came.
constexpr std::uint32_t kDoorbellKey = 0;
constexpr std::uint32_t kWakeFailedKey = 2;

}  // namespace

using memory::Index;
using memory::kNoIndex;
using ring::Completion;
using ring::Op;

void Shard::running_on_this_thread(Shard* shard) {
  running_here_ = shard;
}

bool Shard::turn() {
  CHECK(started_);
  running_on_this_thread(this);
  read_clock();
  heartbeat_.begin(now_ns_);
  read_wishes();       // drain or stop, asked for by another thread
  reap_completions();  // what the kernel has finished
  read_ready();        // bytes from ready sockets -> messages -> the handler
  heartbeat_.step("letters from other threads");
  read_mailboxes();  // what other threads and shards sent
  heartbeat_.step("deadlines");
  fire_timers();  // pings, deadlines
  call_timer();   // the handler's own
  call_drained();
  call_drain();
  heartbeat_.step("endings");
  reap_ended();  // on_close
  heartbeat_.step("sending");
  flush();       // one send for each connection that is owed something
  close_some();  // sockets for which nothing else is in the kernel
  dispatch_deferred();
  adjust_listeners();
  const bool finished = stopping_ && table_.used() == 0 && listeners_idle();
  if (finished) stopped();
  count();
  if (!finished) sleep();
  running_on_this_thread(nullptr);
  return !finished;
}

void Shard::read_clock() {
  const std::uint64_t now_ns = clock_->monotonic_ns();
  CHECK(now_ns >= now_ns_);
  const std::uint64_t passed_ns = now_ns - now_ns_;
  if (now_ns_ != 0 && passed_ns > last_wait_ns_ + Limits::kGapNs) {
    // Stopped, suspended or starved: the peers' answers are waiting to be read, so no deadline moves closer.
    gaps_ns_ += passed_ns;
    counters_.clock_gaps.add();
  }
  now_ns_ = now_ns;
  now_ = static_cast<time::Tick>(wheel_ns() / net::kTickNs);
}

void Shard::reap_completions() {
  dispatch_deferred();
  while (const std::size_t count = ring_->reap(completions_)) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i + Limits::kPrefetchAhead < count)
        table_.prefetch(completions_[i + Limits::kPrefetchAhead].tag().slot);
      dispatch(completions_[i]);
    }
    dispatch_deferred();
  }
}

// What an early flush found among its own completions.
void Shard::dispatch_deferred() {
  while (!deferred_.empty()) {
    deferring_.swap(deferred_);
    for (const Completion& completion : deferring_) dispatch(completion);
    deferring_.clear();
  }
}

void Shard::dispatch(const Completion& completion) {
  const ring::Tag tag = completion.tag();
  if (tag.op == Op::accept) return accept_done(completion);
  if (tag.op == Op::wake) return wake_done(completion);
  net::Slot* slot = table_.find(tag.slot, tag.generation);
  if (slot == nullptr) {
    counters_.stale_completions.add();
    return;
  }
  heartbeat_.work_on(completion.user_data);
  switch (tag.op) {
    case Op::readable:
      readable(tag.slot, *slot, completion);
      break;
    case Op::receive:
      receive_done(tag.slot, *slot, completion);
      break;
    case Op::send:
      send_done(tag.slot, *slot, completion);
      break;
    case Op::writable:
      writable_done(tag.slot, *slot, completion);
      break;
    case Op::peer_address:
      peer_address_done(tag.slot, *slot, completion);
      break;
    case Op::cancel:
      slot->leave_kernel(net::kReadableCancel);
      break;
    case Op::cancel_writable:
      slot->leave_kernel(net::kWritableCancel);
      break;
    case Op::reset_on_close:
      slot->leave_kernel(net::kSettingReset);
      break;
    case Op::close:
      return close_done(tag.slot, *slot, completion);
    case Op::accept:
    case Op::wake:
    case Op::none:
      CHECK(false);
  }
  if (slot->state() == net::State::disarming) release_when_joined(tag.slot);
}

void Shard::wake_done(const Completion& completion) {
  const ring::Tag tag = completion.tag();
  if (tag.generation == kDoorbellKey && !completion.more()) {
    ring_->watch(neighbour().doorbell->descriptor(), tag);
  } else if (tag.generation == kWakeFailedKey) {
    (*options_.neighbours)[tag.slot]->doorbell->ring();
  }
  // What the wake was for lies in the mailboxes, which every turn reads.
}

bool Shard::work_left() const {
  return !ready_.empty() || !uncertain_.empty() || !patient_.empty() || !deferred_.empty() ||
         !flush_.empty() || !reap_.empty() || !closing_.empty() || !drained_.empty() || letters_left_ ||
         deadlines_left_ || sweeping_;
}

void Shard::stopped() {
  handler_->on_stop();
  drop_requests();
  CHECK(shared_handles_ == 0);
}

void Shard::sleep() {
  ring::Wait wait;
  if (work_left()) {
    wait.events = Limits::kBatchMaximum;
  } else {
    wait.timeout_ns = sleep_limit_ns();
    if (config_.tuning.batch_waits) plan_batch(wait);
  }
  events_this_turn_ = 0;
  pings_this_turn_ = 0;
  last_wait_ns_ = wait.timeout_ns;
  const std::uint64_t turn_ns = clock_->monotonic_ns() - now_ns_;
  if (turn_ns > Limits::kSlowTurnNs) counters_.slow_turns.add();
  if (turn_ns / 1000 > counters_.longest_turn_us.get()) counters_.longest_turn_us.set(turn_ns / 1000);
  heartbeat_.end();
  ring_->submit_and_wait(wait);
}

// How much to wait for before looking. A shard in traffic waits for as many wake-ups as it has just seen,
// shortly; one that has nothing to do but ping waits for the pongs to its pings together, a little longer.
void Shard::plan_batch(ring::Wait& wait) {
  const std::uint64_t messages = counters_.messages_in.get();
  const bool quiet = messages == messages_before_;
  messages_before_ = messages;
  if (quiet && (events_this_turn_ > 0 || pings_this_turn_ > 0)) {
    pongs_expected_ -= std::min(pongs_expected_, events_this_turn_);
    pongs_expected_ += pings_this_turn_;
  } else {
    pongs_expected_ = 0;  // there is traffic to be quick for, or the rest of the pongs does not come
  }
  const std::uint32_t expected = pongs_expected_ > 1 ? pongs_expected_ : events_this_turn_;
  if (expected < 2) return;
  wait.events = std::min(expected, Limits::kBatchMaximum);
  wait.batch_wait_ns = pongs_expected_ > 1 ? Limits::kPongWaitNs : Limits::kBatchWaitNs;
}

std::uint64_t Shard::sleep_limit_ns() const {
  const std::uint64_t limit_ns = deadline_limit_ns();
  if (wake_at_ns_ == 0) return limit_ns;
  const std::uint64_t now_ns = handler_now_ns();
  return std::min(limit_ns, wake_at_ns_ > now_ns ? wake_at_ns_ - now_ns : 0);
}

std::uint64_t Shard::deadline_limit_ns() const {
  if (forward_stalled_ || answer_stalled_ || !interest_retries_.empty()) return Limits::kStalledForwardNs;
  constexpr auto kMostTicks = static_cast<time::Tick>(Limits::kSleepMaximumNs / net::kTickNs);
  time::Tick wait_ticks = retry_.empty() ? wheel_.ticks_until_next(kMostTicks) : 1;
  for (const net::Listener& listener : listeners_) {
    if (listener.backing_off(now_)) wait_ticks = std::min(wait_ticks, listener.backoff_until() - now_);
  }
  if (draining_)
    wait_ticks = std::min<time::Tick>(wait_ticks, net::reached(now_, hard_stop_) ? 0 : hard_stop_ - now_);
  const std::uint64_t into_tick_ns = wheel_ns() % net::kTickNs;
  const std::uint64_t limit_ns = wait_ticks * net::kTickNs;
  const std::uint64_t left_ns = limit_ns > into_tick_ns ? limit_ns - into_tick_ns : 0;
  // Nobody may come in, so nobody wakes us when one may again.
  return accepts_paused_ ? std::min(left_ns, Limits::kPausedAcceptNs) : left_ns;
}

void Shard::count() {
  counters_.turns.add();
  counters_.connections_open.set(connections_open_);
  counters_.slots_in_use.set(table_.used());
  counters_.buffers_out.set(receive_pool_.lent());
  counters_.frames_live.set(frames_.live());
  counters_.assemblies_in_use.set(assemblies_.used());
  counters_.bytes_queued.set(outbox_.bytes_queued());
  counters_.message_memory_used.set(arena_.used_bytes());
  counters_.subscriptions.set(topics_.subscriptions());
  counters_.wslay_contexts.set(ws_reader_.contexts_lent());
  const ring::Statistics& statistics = ring_->statistics();
  counters_.ring_overflows.set(statistics.overflows);
  counters_.ring_enters.set(statistics.enters);
  counters_.ring_completions.set(statistics.completions);
}

void Shard::describe_work(void* shard, char* buffer, unsigned capacity) {
  const auto* self = static_cast<Shard*>(shard);
  const ring::Tag tag = self->heartbeat_.tag();
  if (tag.op == Op::none) {
    std::snprintf(buffer, capacity, "shard %u was at: %s", self->options_.number, self->heartbeat_.name());
    return;
  }
  const net::Slot& slot = self->memory_.slots[tag.slot];
  std::snprintf(
      buffer, capacity,
      "shard %u worked on slot %u generation %u state %s op %d in_flight 0x%x flags 0x%x outbox %u bytes",
      self->options_.number, tag.slot, static_cast<unsigned>(slot.generation), net::state_name(slot.state()),
      static_cast<int>(tag.op), static_cast<unsigned>(slot.in_flight), static_cast<unsigned>(slot.flags),
      slot.outbox_bytes);
}

}  // namespace holdfast::shard
