// SimulatedRing, second half: armed operations firing, the file table, the completion queue, and waiting.
#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <utility>

#include "base/check.h"
#include "ring/kernel_abi.h"
#include "ring/simulated_ring.h"

namespace holdfast::ring {
namespace {

constexpr std::uint64_t kTurnCostMaximum_ns = 20'000;
constexpr std::uint64_t kRefusedWait_ns = 1'000'000;
constexpr std::uint64_t kWakeUpMaximum_ns = 20'000'000;

}  // namespace

// ---- Firing.

void SimulatedRing::wake_armed(std::uint64_t user_data, std::uint32_t mask) {
  auto found = armed_.find(user_data);
  if (found == armed_.end()) return;
  found->second.mask |= mask;
  if (found->second.woken) return;
  found->second.woken = true;
  if (!world_->chance(world_->faults().poll_late)) return woken_.push_back(user_data);
  world_->schedule(world_->random().below(kWakeUpMaximum_ns), [this, user_data, alive = alive_] {
    if (*alive) woken_.push_back(user_data);
  });
}

void SimulatedRing::socket_woken(SocketNumber number, std::uint32_t poll_events) {
  Socket& socket = sockets_[number];
  if (std::uint32_t input = poll_events & SimulatedConnection::kInput; input != 0 && socket.readable != 0) {
    wake_armed(socket.readable, input);
  }
  if (std::uint32_t output = poll_events & SimulatedConnection::kOutput;
      output != 0 && socket.writable != 0) {
    wake_armed(socket.writable, output);
  }
}

void SimulatedRing::listener_woken(int listener) {
  // Every accept of the listener is woken; the one that comes late finds nothing and waits on.
  for (std::uint64_t user_data : accepting_) {
    if (armed_.at(user_data).operation.descriptor == listener) wake_armed(user_data, 0);
  }
}

void SimulatedRing::event_signalled(int event) {
  for (std::uint64_t user_data : watched_) {
    if (armed_.at(user_data).operation.descriptor == event) wake_armed(user_data, SimulatedConnection::kIn);
  }
}

void SimulatedRing::fire(std::size_t limit) {
  std::size_t first = completions_.size();
  bool overflown = !overflow_.empty();
  std::size_t fired = 0;
  while (!inbox_.empty() && fired < limit) {
    post(std::move(inbox_.front()));
    inbox_.pop_front();
    ++fired;
  }
  // What becomes ready while firing (an accept that stopped at its share) waits for the next round.
  std::size_t round = woken_.size();
  for (; round > 0 && fired < limit; --round, ++fired) {
    std::uint64_t user_data = woken_.front();
    woken_.pop_front();
    auto found = armed_.find(user_data);
    if (found == armed_.end()) continue;
    found->second.woken = false;
    if (found->second.cancelled) {
      fire_cancelled(user_data);
    } else if (found->second.operation.kind == Op::accept) {
      fire_accept(user_data);
    } else if (found->second.operation.kind == Op::wake) {
      fire_watch(user_data);
    } else {
      fire_poll(user_data);
    }
  }
  if (!overflown && overflow_.empty()) shuffle_from(first);
}

void SimulatedRing::fire_poll(std::uint64_t user_data) {
  Armed& armed = armed_.at(user_data);
  const SimulatedConnection& connection = *sockets_[armed.operation.socket].connection;
  bool input = armed.operation.kind == Op::readable;
  std::uint32_t wanted = input ? SimulatedConnection::kInput : SimulatedConnection::kOutput;
  std::uint32_t mask = std::exchange(armed.mask, 0);
  // The kernel reports what the wake-up said, or looks again: both happen.
  if (mask == 0 || world_->random().below(2) == 0) mask = connection.poll_mask() & wanted;
  if (mask == 0 && world_->chance(world_->faults().poll_spurious)) {
    mask = input ? SimulatedConnection::kIn : SimulatedConnection::kOut;
  }
  if (mask == 0) return;
  if (!input) return end(user_data, static_cast<std::int32_t>(mask));
  post_multishot(user_data, static_cast<std::int32_t>(mask));
}

void SimulatedRing::fire_watch(std::uint64_t user_data) {
  std::uint32_t mask = std::exchange(armed_.at(user_data).mask, 0);
  if (mask != 0) post_multishot(user_data, static_cast<std::int32_t>(mask));
}

void SimulatedRing::fire_accept(std::uint64_t user_data) {
  const Operation operation = armed_.at(user_data).operation;
  const std::size_t share = kTaskWorkMaximum;
  for (std::size_t accepted = 0; accepted < share; ++accepted) {
    if (world_->accept_queue(operation.descriptor) == 0) return;
    if (const std::int32_t error = world_->count_operation(Op::accept, nullptr); error != 0)
      return end(user_data, -error);
    if (world_->chance(world_->faults().accept_failure)) {
      constexpr std::int32_t kErrors[] = {-EMFILE, -ENFILE, -ENOBUFS, -ECONNABORTED};
      return end(user_data, kErrors[world_->random().below(4)]);
    }
    SimulatedConnection* connection = world_->take_waiting(operation.descriptor);
    std::optional<memory::Index> slot = free_slot();
    if (!slot.has_value()) {
      // The table is full: the connection just accepted is lost (measured on 6.18).
      ++sockets_dropped_;
      connection->server_close(false);
      return end(user_data, -ENFILE);
    }
    install(connection);
    if (operation.once) {
      write_peer(*connection, operation.address);
      return end(user_data, static_cast<std::int32_t>(*slot));
    }
    if (!post_multishot(user_data, static_cast<std::int32_t>(*slot))) return;
  }
  wake_armed(user_data, 0);
}

void SimulatedRing::fire_cancelled(std::uint64_t user_data) {
  Armed& armed = armed_.at(user_data);
  if (armed.end_result != 0) return end(user_data, armed.end_result);
  // It was ending by itself: with what it found, if there was something to find.
  const Operation& operation = armed.operation;
  if (operation.kind == Op::accept) {
    armed.cancelled = false;
    fire_accept(user_data);
    auto left = armed_.find(user_data);
    if (left != armed_.end()) end(user_data, -ECANCELED);
    return;
  }
  if (operation.socket == kNoSocket) return end(user_data, -ECANCELED);
  bool input = operation.kind == Op::readable;
  std::uint32_t mask = sockets_[operation.socket].connection->poll_mask() &
                       (input ? SimulatedConnection::kInput : SimulatedConnection::kOutput);
  end(user_data, mask != 0 ? static_cast<std::int32_t>(mask) : -ECANCELED);
}

// The last completion of an armed operation; after it, the operation holds the socket no longer.
void SimulatedRing::end(std::uint64_t user_data, std::int32_t result) {
  auto found = armed_.find(user_data);
  CHECK(found != armed_.end());
  Operation operation = found->second.operation;
  armed_.erase(found);
  ++ended_[user_data];
  if (operation.kind == Op::wake) std::erase(watched_, user_data);
  if (operation.kind == Op::accept) std::erase(accepting_, user_data);
  post(operation, result);
  if (operation.socket == kNoSocket) return;
  Socket& socket = sockets_[operation.socket];
  (operation.kind == Op::readable ? socket.readable : socket.writable) = 0;
  CHECK(socket.armed > 0);
  --socket.armed;
  release_if_unused(socket);
}

bool SimulatedRing::post_multishot(std::uint64_t user_data, std::int32_t result) {
  // Since Linux 6.6 a multishot does not overflow: its last completion says so by the missing flag.
  bool poll = armed_.at(user_data).operation.kind != Op::accept;
  if (!room() || (poll && world_->chance(world_->faults().poll_end))) {
    end(user_data, result);
    return false;
  }
  post(armed_.at(user_data).operation, result, Completion::kMore);
  return true;
}

// ---- The file table.

// As the kernel's bitmap does: the lowest free slot at or above the hint, then from the start.
std::optional<memory::Index> SimulatedRing::free_slot() const {
  for (std::size_t offset = 0; offset < table_.size(); ++offset) {
    std::size_t slot = hint_ + offset;
    if (slot >= table_.size()) slot -= table_.size();
    if (table_[slot] == kNoSocket) return static_cast<memory::Index>(slot);
  }
  return std::nullopt;
}

memory::Index SimulatedRing::install(SimulatedConnection* connection) {
  std::optional<memory::Index> slot = free_slot();
  CHECK(slot.has_value());
  SocketNumber number = static_cast<SocketNumber>(sockets_.size());
  Socket socket;
  socket.connection = connection;
  socket.slot = *slot;
  socket.in_table = true;
  sockets_.push_back(socket);
  table_[*slot] = number;
  hint_ = *slot + 1 < table_.size() ? *slot + 1 : 0;
  ++slots_used_;
  ++world_->open_sockets_;
  connection->attach(this, number);
  return *slot;
}

void SimulatedRing::release_if_unused(Socket& socket) {
  if (socket.in_table || socket.armed > 0 || socket.connection->server_closed()) return;
  socket.connection->server_close(socket.reset_on_close);
  CHECK(world_->open_sockets_ > 0);
  --world_->open_sockets_;
}

// ---- The completion queue.

bool SimulatedRing::room() const {
  return overflow_.empty() && completions_.size() < options_.completion_capacity;
}

void SimulatedRing::post(Entry entry) {
  if (room()) {
    completions_.push_back(std::move(entry));
    return;
  }
  if (overflow_.empty()) ++statistics_.overflows;
  overflow_.push_back(std::move(entry));
}

void SimulatedRing::post(const Operation& operation, std::int32_t result, std::uint32_t flags) {
  Entry entry;
  entry.completion = Completion{operation.user_data, result, flags};
  entry.kind = operation.kind;
  entry.socket = operation.socket;
  entry.into = operation.into;
  post(std::move(entry));
}

void SimulatedRing::flush_overflow() {
  while (!overflow_.empty() && completions_.size() < options_.completion_capacity) {
    completions_.push_back(std::move(overflow_.front()));
    overflow_.pop_front();
  }
}

// Shuffles the completions from `first` on; those of one operation keep their order among themselves.
void SimulatedRing::shuffle_from(std::size_t first) {
  if (completions_.size() - first < 2 || !world_->chance(world_->faults().reorder)) return;
  std::vector<std::size_t> order;
  for (std::size_t index = first; index < completions_.size(); ++index) order.push_back(index);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[world_->random().below(left)]);
  }
  std::map<std::uint64_t, std::vector<std::size_t>> places;  // where each operation's completions went
  for (std::size_t place = 0; place < order.size(); ++place) {
    places[completions_[order[place]].completion.user_data].push_back(place);
  }
  std::deque<Entry> shuffled(order.size());
  std::map<std::uint64_t, std::size_t> used;
  for (std::size_t index = first; index < completions_.size(); ++index) {
    std::uint64_t user_data = completions_[index].completion.user_data;
    shuffled[places[user_data][used[user_data]++]] = std::move(completions_[index]);
  }
  std::move(shuffled.begin(), shuffled.end(), completions_.begin() + static_cast<std::ptrdiff_t>(first));
}

std::size_t SimulatedRing::reap(std::span<Completion> out) {
  std::size_t count = 0;
  for (; count < out.size(); ++count) {
    if (completions_.empty()) {
      // As KernelRing does: overflown completions are fetched, and with them comes what else is due.
      if (overflow_.empty()) break;
      flush_overflow();
      fire(kTaskWorkMaximum);
    }
    Entry& entry = completions_.front();
    out[count] = entry.completion;
    std::copy(entry.received.begin(), entry.received.end(), entry.into.begin());
    if (entry.kind == Op::receive) receiving_.erase(entry.into.data());
    if (entry.socket != kNoSocket) {
      Socket& socket = sockets_[entry.socket];
      if (entry.kind == Op::receive) --socket.receives;
      if (entry.kind == Op::send) --socket.sends;
    }
    if (ended_.contains(entry.completion.user_data) && !out[count].more()) {
      reaped_ends_.push_back(entry.completion.user_data);
    }
    completions_.pop_front();
  }
  statistics_.completions += count;
  statistics_.batch_peak = std::max<std::uint64_t>(statistics_.batch_peak, count);
  return count;
}

// ---- Waiting.

std::uint64_t SimulatedRing::resume_ns() const {
  return retired_ ? std::numeric_limits<std::uint64_t>::max() : resume_ns_;
}

bool SimulatedRing::ready() const {
  if (retired_) return false;
  return !completions_.empty() || !overflow_.empty() || !inbox_.empty() || !woken_.empty() ||
         world_->now_ns() >= resume_ns_;
}

void SimulatedRing::submit_and_wait(const Wait& wait) {
  ++statistics_.enters;
  // By now the caller has looked at all it has reaped; before, it may have reaped more while it did.
  for (std::uint64_t user_data : reaped_ends_) {
    if (--ended_.at(user_data) == 0) ended_.erase(user_data);
  }
  reaped_ends_.clear();
  flush_overflow();
  std::size_t before = completions_.size();
  issue_all();
  std::size_t inline_ones = completions_.size() - before;
  if (world_->chance(world_->faults().clock_jump)) {
    std::uint64_t duration_ns = 1'000'000'000 + world_->random().below(120'000'000'000u);
    if (world_->random().below(2) == 0) {
      world_->sleep(duration_ns);
    } else {
      world_->stall(duration_ns);
    }
  }
  if (world_->chance(world_->faults().wall_jump)) world_->set_wall_clock();
  world_->run_for(world_->random().below(kTurnCostMaximum_ns));  // the turn before took some time
  std::uint64_t started_ns = world_->now_ns();
  Wait patience = wait;
  // What the kernel refused has to be handed to it again soon.
  if (!queue_.empty()) patience.timeout_ns = std::min(wait.timeout_ns, kRefusedWait_ns);
  do {
    fire(std::max<std::size_t>(kTaskWorkMaximum, wait.events));
  } while (pass_time(patience, started_ns, inline_ones));
}

// One step of waiting. False when the wait is over: enough is there, time is up, or another ring needs its
// turn.
bool SimulatedRing::pass_time(const Wait& wait, std::uint64_t started_ns, std::size_t inline_ones) {
  resume_ns_ = world_->now_ns();
  if (!overflow_.empty()) return false;
  std::size_t there = completions_.size() - inline_ones;
  if (wait.timeout_ns == 0 || there >= wait.events) return false;
  // Inline completions are waiting to be reaped too: only a batch wait holds them back.
  bool anything = !completions_.empty();
  std::uint64_t patience_ns = anything ? std::min(wait.batch_wait_ns, wait.timeout_ns) : wait.timeout_ns;
  patience_ns = std::min(patience_ns, std::numeric_limits<std::uint64_t>::max() - started_ns);
  std::uint64_t until_ns = started_ns + patience_ns;
  if (world_->now_ns() >= until_ns) return false;
  if (!woken_.empty() || !inbox_.empty()) return true;
  if (world_->chance(world_->faults().stray_wake)) return false;
  resume_ns_ = until_ns;
  if (world_->other_ring_ready(this)) return false;
  world_->advance(std::min(until_ns, world_->earliest_resume_ns(this)));
  return true;
}

}  // namespace holdfast::ring
