// SimulatedWorld: everything outside a shard, decided by one seed: time, the network, and what goes wrong
// when.
//
// Owns the simulated clock, the queue of things to come, the listeners and every connection. Rings of one
// world take turns on one thread; time moves only when all of them wait. It also collects the violations of
// the Ring contract that its rings notice, so that a test ends by asking for them. Same seed and same calls,
// same run, bit for bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "ring/simulated_connection.h"
#include "ring/tag.h"

namespace holdfast::ring {

class SimulatedRing;

// How often each thing goes wrong, in 10,000 opportunities. All zero is a calm world.
struct FaultRates {
  std::uint32_t partial_receive = 0;
  std::uint32_t partial_send = 0;
  std::uint32_t receive_again = 0;    // -EAGAIN although input is there; a wake-up follows
  std::uint32_t send_again = 0;       // -EAGAIN although there is room
  std::uint32_t receive_failure = 0;  // -ENOBUFS, -ENOMEM or -EINTR; no wake-up follows
  std::uint32_t send_failure = 0;
  std::uint32_t accept_failure = 0;  // -EMFILE, -ENFILE, -ENOBUFS, -ECONNABORTED: ends an accept
  std::uint32_t arm_failure = 0;     // an armed poll ends at once with -ENOMEM
  std::uint32_t poll_end = 0;       // a multishot poll reports and ends, as when the completion queue is full
  std::uint32_t poll_spurious = 0;  // a poll reports what is not there
  std::uint32_t poll_late = 0;      // a wake-up takes milliseconds to reach its ring
  std::uint32_t cancel_late = 0;    // the target's completion comes milliseconds after the cancel's
  std::uint32_t cancel_race = 0;    // -EALREADY or -ENOENT: the target was ending by itself
  std::uint32_t wake_failure = 0;   // a wake of another ring fails and says so
  std::uint32_t reorder = 0;        // a batch of completions is shuffled
  std::uint32_t submit_busy = 0;    // a submission is put off while completions overflow
  std::uint32_t stray_wake = 0;     // a waiting ring wakes up for nothing
  std::uint32_t clock_jump = 0;  // per wait: the machine, or this thread alone, sleeps for seconds to minutes
  std::uint32_t wall_jump = 0;   // per wait: somebody sets the wall clock, by up to a day in either direction

  // Each fault is absent, rare or common, independently: most bugs need a particular mixture.
  static FaultRates drawn(base::Random& random);
};

// One operation that goes wrong, besides the faults drawn: the `nth` of its kind, counted from 1 over all
// rings of the world, ends with `error`. Op::none stands for handing the queue to the kernel.
struct PlannedFailure {
  Op op = Op::none;
  std::uint64_t nth = 0;  // 0: nothing is planned
  std::int32_t error = 0;
};

class SimulatedClock final : public base::Clock {
 public:
  std::uint64_t monotonic_ns() override { return monotonic_ns_; }
  std::uint64_t wall_ns() override { return wall_ns_; }

 private:
  friend class SimulatedWorld;
  std::uint64_t monotonic_ns_ = 1'000'000'000;
  std::uint64_t wall_ns_ = 1'700'000'000'000'000'000;
};

class SimulatedWorld {
 public:
  // Numbers that are no descriptor of this process: closing one by mistake is EBADF and harms nobody.
  static constexpr int kFirstListener = 1'000'000'000;
  static constexpr int kFirstEvent = 1'500'000'000;
  static constexpr int kFirstRing = 2'000'000'000;

  explicit SimulatedWorld(std::uint64_t seed);
  ~SimulatedWorld();
  SimulatedWorld(const SimulatedWorld&) = delete;
  SimulatedWorld& operator=(const SimulatedWorld&) = delete;

  base::Random& random() { return random_; }
  // True in `rate` of 10,000 cases.
  bool chance(std::uint32_t rate) { return rate != 0 && random_.below(10'000) < rate; }
  FaultRates& faults() { return faults_; }

  void plan_failure(const PlannedFailure& failure) { planned_failure_ = failure; }
  // How many of that kind there have been.
  std::uint64_t operations(Op op) const { return operations_[static_cast<std::size_t>(op)]; }
  // The connection whose operation failed as planned.
  std::optional<std::uint32_t> victim() const { return victim_; }

  // ---- Time.
  SimulatedClock& clock() { return clock_; }
  std::uint64_t now_ns() const { return clock_.monotonic_ns_; }
  void schedule(std::uint64_t delay_ns, std::function<void()> action);
  // Runs the next event if it is due by `until_ns`, moving the clock to it; else moves the clock to until_ns:
  // false.
  bool advance(std::uint64_t until_ns);
  // Time passes for everybody, with everything that was to happen in it.
  void run_for(std::uint64_t duration_ns);
  // The machine sleeps: the clock moves, nothing else does.
  void sleep(std::uint64_t duration_ns);
  // Time passes, and no ring gets to do anything in it.
  void stall(std::uint64_t duration_ns);
  // Time that has passed without those.
  std::uint64_t awake_ns() const {
    return (stalled_since_ns_ != 0 ? stalled_since_ns_ : now_ns()) - slept_ns_ - stalled_ns_;
  }
  // Somebody sets the wall clock, to a moment near or far.
  void set_wall_clock();
  void move_wall_clock(std::int64_t by_ns);
  // How often it went otherwise than the monotonic one.
  std::uint64_t wall_jumps() const { return wall_jumps_; }
  std::uint64_t latency_ns() { return 1'000 + random_.below(latency_maximum_ns_); }
  void set_latency_maximum_ns(std::uint64_t nanoseconds) { latency_maximum_ns_ = nanoseconds; }
  // Unacknowledged bytes for so long end a connection with ETIMEDOUT; 0: never.
  std::uint64_t user_timeout_ns() const { return user_timeout_ns_; }
  void set_user_timeout_ns(std::uint64_t nanoseconds) { user_timeout_ns_ = nanoseconds; }

  // ---- The network.
  // A new listener's number, good for Ring::accept_*.
  int listen(std::size_t backlog);
  // Connections waiting to be accepted are reset, new ones refused.
  void close_listener(int listener);
  // nullptr when refused: backlog full or listener closed. `address` is the client's IPv4 address in host
  // order.
  SimulatedConnection* connect(int listener, ClientObserver* client, std::uint32_t address);
  // Socket buffers of the connections to come.
  void set_buffers(std::size_t receive_bytes, std::size_t send_bytes);
  std::size_t accept_queue(int listener) const;
  // Told of each connection that a server takes out of the accept queue of a listener.
  void set_accept_observer(std::function<void(int listener)> observer) {
    accept_observer_ = std::move(observer);
  }
  // Accepted sockets the server has not closed. At the end of a run: 0, or something leaked.
  std::size_t open_sockets() const { return open_sockets_; }

  // ---- Event descriptors, in the place of eventfds: Ring::watch takes what add_event returns.
  int add_event();
  void signal_event(int event);

  // ---- Violations of the Ring contract, in the order they were noticed.
  void violation(std::string what);
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  friend class SimulatedRing;
  struct Listener {
    std::deque<SimulatedConnection*> waiting;
    std::size_t backlog = 0;
    bool open = true;
  };
  struct Event {
    std::uint64_t at_ns;
    std::uint64_t sequence;
    std::function<void()> action;
    bool operator>(const Event& other) const {
      return at_ns != other.at_ns ? at_ns > other.at_ns : sequence > other.sequence;
    }
  };

  // Counts an operation; the error it ends with as planned, or 0.
  std::int32_t count_operation(Op op, const SimulatedConnection* connection);
  // The oldest waiting connection, or nullptr.
  SimulatedConnection* take_waiting(int listener);
  int add_ring(SimulatedRing* ring);
  void remove_ring(int descriptor);
  SimulatedRing* find_ring(int descriptor);
  bool other_ring_ready(const SimulatedRing* asking);
  std::uint64_t earliest_resume_ns(const SimulatedRing* asking);
  void set_now(std::uint64_t now_ns);

  base::Random random_;
  FaultRates faults_;
  PlannedFailure planned_failure_;
  std::array<std::uint64_t, kOps> operations_ = {};
  std::optional<std::uint32_t> victim_;
  SimulatedClock clock_;
  std::uint64_t slept_ns_ = 0;  // how far the clock is ahead of the events' time
  std::uint64_t stalled_ns_ = 0;
  std::uint64_t stalled_since_ns_ = 0;  // 0: it is not
  std::uint64_t wall_jumps_ = 0;
  std::uint64_t latency_maximum_ns_ = 2'000'000;
  std::uint64_t user_timeout_ns_ = 0;
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
  std::map<int, Listener> listeners_;
  std::function<void(int)> accept_observer_;
  std::map<int, SimulatedRing*> rings_;
  std::vector<bool> events_signalled_;
  int next_ring_ = kFirstRing;
  std::vector<std::unique_ptr<SimulatedConnection>> connections_;
  std::size_t receive_buffer_bytes_ = 64 * 1024;
  std::size_t send_buffer_bytes_ = 64 * 1024;
  std::size_t open_sockets_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace holdfast::ring
