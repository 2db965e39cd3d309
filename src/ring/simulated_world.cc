// SimulatedWorld: the event queue, the listeners, and the draw of a seed's faults.
#include "ring/simulated_world.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "ring/simulated_ring.h"

namespace holdfast::ring {

FaultRates FaultRates::drawn(base::Random& random) {
  // `common` is the most that still lets work get done.
  auto draw = [&random](std::uint32_t common) -> std::uint32_t {
    switch (random.below(4)) {
      case 0:
        return static_cast<std::uint32_t>(1 + random.below(common));
      case 1:
        return static_cast<std::uint32_t>(1 + random.below(common / 20 + 1));
      default:
        return 0;
    }
  };
  FaultRates rates;
  rates.partial_receive = draw(6'000);
  rates.partial_send = draw(6'000);
  rates.receive_again = draw(3'000);
  rates.send_again = draw(3'000);
  rates.receive_failure = draw(1'000);
  rates.send_failure = draw(1'000);
  rates.accept_failure = draw(3'000);
  rates.arm_failure = draw(300);
  rates.poll_end = draw(3'000);
  rates.poll_spurious = draw(500);
  rates.poll_late = draw(2'000);
  rates.cancel_late = draw(5'000);
  rates.cancel_race = draw(5'000);
  rates.wake_failure = draw(2'000);
  rates.reorder = draw(10'000);
  rates.submit_busy = draw(500);
  rates.stray_wake = draw(1'000);
  rates.clock_jump = draw(40);
  rates.wall_jump = draw(40);
  return rates;
}

SimulatedWorld::SimulatedWorld(std::uint64_t seed) : random_(seed) {}
SimulatedWorld::~SimulatedWorld() {
  CHECK(rings_.empty());
}

std::int32_t SimulatedWorld::count_operation(Op op, const SimulatedConnection* connection) {
  const std::uint64_t number = ++operations_[static_cast<std::size_t>(op)];
  if (planned_failure_.nth != number || planned_failure_.op != op) return 0;
  if (connection != nullptr) victim_ = connection->id();
  return planned_failure_.error;
}

void SimulatedWorld::set_now(std::uint64_t now) {
  CHECK(now >= clock_.monotonic_ns_);
  clock_.wall_ns_ += now - clock_.monotonic_ns_;
  clock_.monotonic_ns_ = now;
}

void SimulatedWorld::schedule(std::uint64_t delay_ns, std::function<void()> action) {
  events_.push(Event{now_ns() - slept_ns_ + delay_ns, sequence_++, std::move(action)});
}

bool SimulatedWorld::advance(std::uint64_t until_ns) {
  if (events_.empty() || events_.top().at_ns + slept_ns_ > until_ns) {
    if (until_ns > now_ns()) set_now(until_ns);
    return false;
  }
  // top() is const because its place in the queue depends on it; it leaves the queue right away.
  Event event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  set_now(std::max(now_ns(), event.at_ns + slept_ns_));
  event.action();
  return true;
}

void SimulatedWorld::run_for(std::uint64_t duration_ns) {
  std::uint64_t until_ns = now_ns() + duration_ns;
  while (advance(until_ns)) {
  }
}

void SimulatedWorld::sleep(std::uint64_t duration_ns) {
  set_now(now_ns() + duration_ns);
  slept_ns_ += duration_ns;
  // A wall clock is put right after a sleep, by an hour in either direction here.
  move_wall_clock(static_cast<std::int64_t>(random_.below(7'200'000'000'000u)) - 3'600'000'000'000);
}

void SimulatedWorld::stall(std::uint64_t duration_ns) {
  CHECK(stalled_since_ns_ == 0);
  stalled_since_ns_ = now_ns();
  run_for(duration_ns);
  stalled_ns_ += now_ns() - stalled_since_ns_;
  stalled_since_ns_ = 0;
}

void SimulatedWorld::set_wall_clock() {
  constexpr std::uint64_t kFarthestNs[] = {5'000'000'000, 3'600'000'000'000, 86'400'000'000'000};
  const auto by_ns = static_cast<std::int64_t>(random_.below(kFarthestNs[random_.below(3)]));
  move_wall_clock(random_.below(2) == 0 ? by_ns : -by_ns);
}

void SimulatedWorld::move_wall_clock(std::int64_t by_ns) {
  clock_.wall_ns_ += static_cast<std::uint64_t>(by_ns);  // also backwards: modulo 2^64
  ++wall_jumps_;
}

int SimulatedWorld::listen(std::size_t backlog) {
  int number = kFirstListener + static_cast<int>(listeners_.size());
  listeners_[number].backlog = backlog;
  return number;
}

void SimulatedWorld::close_listener(int listener) {
  Listener& closing = listeners_.at(listener);
  closing.open = false;
  for (SimulatedConnection* waiting : closing.waiting) waiting->server_close(true);
  closing.waiting.clear();
}

SimulatedConnection* SimulatedWorld::connect(int listener, ClientObserver* client, std::uint32_t address) {
  Listener& to = listeners_.at(listener);
  if (!to.open || to.waiting.size() >= to.backlog) return nullptr;
  std::uint32_t id = static_cast<std::uint32_t>(connections_.size());
  connections_.push_back(
      std::make_unique<SimulatedConnection>(this, id, address, static_cast<std::uint16_t>(1024 + id % 60'000),
                                            receive_buffer_bytes_, send_buffer_bytes_, client));
  SimulatedConnection* connection = connections_.back().get();
  to.waiting.push_back(connection);
  for (auto& [descriptor, ring] : rings_) ring->listener_woken(listener);
  return connection;
}

void SimulatedWorld::set_buffers(std::size_t receive_bytes, std::size_t send_bytes) {
  receive_buffer_bytes_ = receive_bytes;
  send_buffer_bytes_ = send_bytes;
}

std::size_t SimulatedWorld::accept_queue(int listener) const {
  return listeners_.at(listener).waiting.size();
}

SimulatedConnection* SimulatedWorld::take_waiting(int listener) {
  Listener& from = listeners_.at(listener);
  if (from.waiting.empty()) return nullptr;
  SimulatedConnection* connection = from.waiting.front();
  from.waiting.pop_front();
  if (accept_observer_) accept_observer_(listener);
  return connection;
}

int SimulatedWorld::add_event() {
  events_signalled_.push_back(false);
  return kFirstEvent + static_cast<int>(events_signalled_.size() - 1);
}

void SimulatedWorld::signal_event(int event) {
  events_signalled_.at(static_cast<std::size_t>(event - kFirstEvent)) = true;
  for (auto& [descriptor, ring] : rings_) ring->event_signalled(event);
}

void SimulatedWorld::violation(std::string what) {
  violations_.push_back(std::move(what));
}

int SimulatedWorld::add_ring(SimulatedRing* ring) {
  int descriptor = next_ring_++;
  rings_[descriptor] = ring;
  return descriptor;
}

void SimulatedWorld::remove_ring(int descriptor) {
  rings_.erase(descriptor);
}

SimulatedRing* SimulatedWorld::find_ring(int descriptor) {
  auto found = rings_.find(descriptor);
  return found == rings_.end() ? nullptr : found->second;
}

bool SimulatedWorld::other_ring_ready(const SimulatedRing* asking) {
  return std::any_of(rings_.begin(), rings_.end(),
                     [asking](const auto& entry) { return entry.second != asking && entry.second->ready(); });
}

std::uint64_t SimulatedWorld::earliest_resume_ns(const SimulatedRing* asking) {
  std::uint64_t earliest_ns = ~std::uint64_t{0};
  for (auto& [descriptor, ring] : rings_) {
    if (ring != asking) earliest_ns = std::min(earliest_ns, ring->resume_ns());
  }
  return earliest_ns;
}

}  // namespace holdfast::ring
