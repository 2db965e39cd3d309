// A herd's round, and how its connections begin and end.
#include "herd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint64_t kTickNs = 1'000'000;
constexpr std::size_t kTimersAtOnce = 4096;

time::Tick tick_of(std::uint64_t now_ns) {
  return static_cast<time::Tick>(now_ns / kTickNs);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Herd>> Herd::create(Desk* desk, const Route* route, std::uint32_t capacity,
                                                   std::uint64_t first_number) {
  std::unique_ptr<Herd> herd(new Herd(desk, route, capacity, first_number));
  memory::PoolState* pool_state = nullptr;
  time::Wheel::State* wheel_state = nullptr;
  std::size_t bytes = 0;
  for (int pass = 0; pass < 2; ++pass) {
    if (pass == 1) {
      absl::StatusOr<memory::Mapping> mapping = memory::Mapping::create("swarm", bytes);
      if (!mapping.ok()) return mapping.status();
      herd->mapping_ = *std::move(mapping);
    }
    memory::Carver carver(herd->mapping_.base());
    pool_state = carver.take<memory::PoolState>(1);
    wheel_state = carver.take<time::Wheel::State>(1);
    herd->connections_ = carver.take<Connection>(capacity);
    if (desk->protocol != nullptr) herd->clients_ = carver.take<Client>(capacity);
    bytes = carver.used();
  }
  *pool_state = {};
  herd->pool_ = memory::Pool<Connection>(pool_state, herd->connections_, capacity);
  time::Wheel::format(wheel_state, tick_of(desk->now_ns));
  herd->wheel_ = time::Wheel(wheel_state, &herd->connections_->timer, sizeof(Connection), capacity);
  // With DEFER_TASKRUN completions would wait, unannounced, for an enter of their own ring. So, whatever the
  // thread does in the kernel, the completions of all its rings are worked out there.
  ring::KernelRingOptions options;
  options.withheld.defer_taskrun = true;
  absl::StatusOr<std::unique_ptr<ring::KernelRing>> ring = ring::KernelRing::create(options);
  if (!ring.ok()) return ring.status();
  herd->ring_ = *std::move(ring);
  if (!route->sources.empty() && !herd->ring_->can_bind()) {
    return absl::FailedPreconditionError(
        "this kernel cannot bind by ring (6.11 or newer): leave --sources out");
  }
  if (absl::Status status = herd->ring_->register_slots(capacity); !status.ok()) return status;
  return herd;
}

absl::Status Herd::start() {
  return ring_->start();
}

ring::Tag Herd::tag(Step step, Index slot) const {
  return ring::Tag{static_cast<ring::Op>(step), connections_[slot].generation, slot};
}

std::uint64_t Herd::identity(Index slot) const {
  return number_of(slot) << ring::Tag::kGenerationBits | connections_[slot].generation;
}

void Herd::turn() {
  desk_->read_clock();
  reap();
  fire_timers();
  read_ready();
  write_pending();
  if (!queued_) return;
  queued_ = false;
  ring_->submit();
}

void Herd::reap() {
  while (const std::size_t count = ring_->reap(desk_->completions)) {
    for (std::size_t i = 0; i < count; ++i) dispatch(desk_->completions[i]);
  }
}

void Herd::dispatch(const ring::Completion& completion) {
  const ring::Tag tag = completion.tag();
  const Index slot = tag.slot;
  Connection& connection = connections_[slot];
  CHECK(connection.generation == tag.generation);  // a slot is not free before its last completion
  const auto step = static_cast<Step>(tag.op);
  switch (step) {
    case Step::open:
    case Step::option:
    case Step::bind:
    case Step::connect:
      opening_done(slot, step, completion.result);
      break;
    case Step::readable:
      readable_done(slot, completion);
      break;
    case Step::receive:
      receive_done(slot, completion);
      break;
    case Step::send:
      send_done(slot, completion.result);
      break;
    case Step::writable:
      connection.in_kernel &= static_cast<std::uint8_t>(~kWritable);
      if (live(slot)) send(slot, 0);
      break;
    case Step::cancel:
      connection.in_kernel &= static_cast<std::uint8_t>(~kCancelling);
      break;
    case Step::cancel_writable:
      connection.in_kernel &= static_cast<std::uint8_t>(~kCancellingWritable);
      break;
    case Step::filter:
      if (completion.result < 0 && connection.state == State::vanished) end(slot, Fault::vanish_failed);
      break;
    case Step::close:
      return closed(slot);
  }
  if (connection.state == State::ending) release_when_joined(slot);
}

void Herd::closed(Index slot) {
  Connection& connection = connections_[slot];
  const std::uint64_t back_ns = events_ == nullptr ? 0 : events_->comes_back_ns(*this, slot);
  connection.in_kernel = 0;
  connection.flags = 0;
  connection.generation = (connection.generation + 1) & ring::Tag::kGenerationMask;
  if (back_ns != 0) {
    connection.state = State::waiting;
    connection.flags = kReturns;
    connection.timer.reset();
    return wheel_.schedule(slot, tick_of(back_ns) + 1);
  }
  connection.state = State::free;
  pool_.release(slot);
  if (events_ != nullptr) events_->returned(*this, slot);
}

bool Herd::live(Index slot) const {
  const State state = connections_[slot].state;
  return state == State::upgrading || state == State::joining || state == State::half_open ||
         state == State::open || state == State::closing || state == State::vanished;
}

Index Herd::claim() {
  const Index slot = pool_.claim();
  if (slot != memory::kNoIndex && clients_ != nullptr) clients_[slot] = {};
  return slot;
}

Index Herd::open() {
  const Index slot = claim();
  if (slot != memory::kNoIndex) begin(slot);
  return slot;
}

Index Herd::open_at(std::uint64_t when_ns) {
  const Index slot = claim();
  if (slot == memory::kNoIndex) return slot;
  Connection& connection = connections_[slot];
  connection = Connection{.generation = connection.generation};
  connection.timer.reset();
  connection.state = State::waiting;
  wheel_.schedule(slot, tick_of(when_ns) + 1);
  return slot;
}

void Herd::begin(Index slot) {
  Connection& connection = connections_[slot];
  const std::uint16_t kept = connection.state == State::waiting ? connection.flags & kReturns : 0;
  connection = Connection{.generation = connection.generation};
  connection.flags = kept;
  connection.timer.reset();
  connection.state = State::connecting;
  connection.since_ns = desk_->now_ns;
  connection.in_kernel = kOpening;
  const ring::SocketAddress& to = route_->destinations[number_of(slot) % route_->destinations.size()];
  ring_->open_socket(slot, to.length == 16 ? AF_INET : AF_INET6, tag(Step::open, slot));
  queued_ = true;
}

void Herd::opening_done(Index slot, Step step, int result) {
  Connection& connection = connections_[slot];
  if (step == Step::option) {
    // That of a source shows in the bind that follows; without TCP_NODELAY we are slower, not wrong.
    return;
  }
  connection.in_kernel &= static_cast<std::uint8_t>(~kOpening);
  if (result < 0) return connect_failed(slot, -result);
  if (connection.state != State::connecting) return;
  queued_ = true;
  const std::uint64_t number = number_of(slot);
  if (step == Step::open && !route_->sources.empty()) {
    const std::size_t turn = number / route_->destinations.size();
    connection.in_kernel |= kOpening;
    return ring_->bind_source(slot, &route_->sources[turn % route_->sources.size()], tag(Step::option, slot),
                              tag(Step::bind, slot));
  }
  if (step != Step::connect) {
    // Or the end of a message would wait for the answer to its beginning, which may be 40 ms away.
    static constexpr int kOn = 1;
    if (can_set_options()) {
      ring_->set_option(slot, IPPROTO_TCP, TCP_NODELAY, std::as_bytes(std::span(&kOn, 1)),
                        tag(Step::option, slot));
    }
    connection.in_kernel |= kOpening;
    return ring_->connect(slot, &route_->destinations[number % route_->destinations.size()],
                          tag(Step::connect, slot));
  }
  connection.state = State::upgrading;
  desk_->tally.add(Count::opened);
  arm(slot);
  if (events_ != nullptr) events_->connected(*this, slot);
  if (connection.state == State::upgrading) send(slot, kSendRequest);
}

void Herd::connect_failed(Index slot, int error) {
  if (connections_[slot].state != State::connecting) return;
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
      return end(slot, Fault::refused);
    case EADDRNOTAVAIL:
    case EADDRINUSE:
      return end(slot, Fault::out_of_ports);
    case ETIMEDOUT:
      return end(slot, Fault::connect_missing);
    default:
      if (desk_->tally.connect_errno.get() == 0) {
        desk_->tally.connect_errno.set(static_cast<std::uint64_t>(error));
      }
      return end(slot, Fault::connect_failed);
  }
}

void Herd::arm(Index slot) {
  connections_[slot].in_kernel |= kReadable;
  ring_->arm_readable(slot, tag(Step::readable, slot));
  queued_ = true;
}

void Herd::ping(Index slot) {
  Connection& connection = connections_[slot];
  ++connection.pings;
  connection.flags |= kPingPending;
  send(slot, kSendPing);
}

void Herd::close(Index slot) {
  leave_open(slot, State::closing);
  send(slot, kSendClose);
}

void Herd::leave_open(Index slot, State next) {
  CHECK(connections_[slot].state == State::open);
  connections_[slot].state = next;
  --open_;
  desk_->tally.open.set(desk_->tally.open.get() - 1);
}

void Herd::drop(Index slot) {
  desk_->tally.add(Count::dropped);
  end(slot, Fault::none);
}

void Herd::fail(Index slot, Fault fault) {
  end(slot, fault);
}

void Herd::end(Index slot, Fault fault) {
  Connection& connection = connections_[slot];
  const State before = connection.state;
  CHECK(before != State::free && before != State::ending);
  if (fault != Fault::none) desk_->tally.add(fault);
  if (before == State::waiting) wheel_.cancel(slot);
  if (before == State::open) leave_open(slot, State::ending);
  connection.state = State::ending;
  if (events_ != nullptr) events_->ended(*this, slot, before);
  partial_.erase(slot);
  pongs_.erase(slot);
  if ((connection.in_kernel & kOpening) != 0) {
    // Only a connect stays in the kernel; the others are done by the time this cancel is looked at.
    connection.in_kernel |= kCancelling;
    ring_->cancel(tag(Step::connect, slot), tag(Step::cancel, slot));
  } else if ((connection.in_kernel & kReadable) != 0) {
    connection.in_kernel |= kCancelling;
    ring_->cancel(tag(Step::readable, slot), tag(Step::cancel, slot));
  }
  if ((connection.in_kernel & kWritable) != 0) {
    connection.in_kernel |= kCancellingWritable;
    ring_->cancel(tag(Step::writable, slot), tag(Step::cancel_writable, slot));
  }
  queued_ = true;
  if (connection.in_kernel == 0) queue_ready(slot);  // no completion will come: the next round releases it
}

// Called after every completion of an ending slot. Never from end(): its caller may still be reading the
// slot.
void Herd::release_when_joined(Index slot) {
  Connection& connection = connections_[slot];
  if (connection.in_kernel != 0) return;
  connection.in_kernel = kClosing;
  if ((connection.flags & kResets) != 0) ring_->reset_on_close(slot, tag(Step::option, slot));
  ring_->close(slot, tag(Step::close, slot));
  queued_ = true;
}

void Herd::fire_timers() {
  if (wheel_.scheduled_count() == 0) return;
  due_.clear();
  wheel_.advance(tick_of(desk_->now_ns), kTimersAtOnce, due_);
  for (const Index slot : due_) begin(slot);
}

}  // namespace holdfast::swarm
