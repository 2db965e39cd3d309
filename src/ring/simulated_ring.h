// SimulatedRing: the Ring contract over a SimulatedWorld, with the semantics of a 6.18 kernel and its bad
// days.
//
// Inline operations take effect at submit; armed ones fire when the ring waits (deferred task work), at most
// max(20, events) per wait. The data of a receive is put in place only when its completion is reaped, and the
// buffer is spoilt until then. What a kernel would let pass silently, this ring notes as a violation in the
// world: overlapping sends or receives on a socket, a source that changed between queueing and submit, a
// close under armed operations (the socket then leaks, as it would), operations on empty or foreign slots.
// Lives no longer than its world.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ring/ring.h"
#include "ring/simulated_connection.h"
#include "ring/simulated_world.h"

namespace holdfast::ring {

struct SimulatedRingOptions {
  std::uint32_t submission_capacity = 256;
  std::uint32_t completion_capacity = 8192;
  bool peer_address = true;    // false: as below Linux 6.7
  bool reset_on_close = true;  // false: completes with -EOPNOTSUPP
};

class SimulatedRing final : public Ring, private SocketObserver {
 public:
  SimulatedRing(SimulatedWorld* world, const SimulatedRingOptions& options);
  ~SimulatedRing() override;
  SimulatedRing(const SimulatedRing&) = delete;
  SimulatedRing& operator=(const SimulatedRing&) = delete;

  absl::Status start() override;
  absl::Status register_slots(std::uint32_t count) override;
  void accept_multishot(int listener, Tag tag) override;
  void accept_once(int listener, SocketAddress* address, Tag tag) override;
  void arm_readable(memory::Index slot, Tag tag) override;
  void arm_writable(memory::Index slot, Tag tag) override;
  void watch(int descriptor, Tag tag) override;
  void receive(memory::Index slot, std::span<std::byte> into, Tag tag) override;
  void send(memory::Index slot, std::span<const std::byte> from, Tag tag) override;
  void cancel(Tag target, Tag tag) override;
  void peer_address(memory::Index slot, SocketAddress* address, Tag tag) override;
  void reset_on_close(memory::Index slot, Tag tag) override;
  void close(memory::Index slot, Tag tag) override;
  void wake(int ring_descriptor, Tag tag, Tag failed) override;
  void submit() override;
  void submit_and_wait(const Wait& wait) override;
  std::size_t reap(std::span<Completion> out) override;
  bool has_peer_address() const override { return options_.peer_address; }
  int descriptor() const override { return descriptor_; }
  std::uint32_t submission_capacity() const override { return options_.submission_capacity; }
  const Statistics& statistics() const override { return statistics_; }
  std::string describe() const override;

  // ---- For the world and the harness.
  // Something to reap, or the last wait has run out: its shard should take a turn.
  bool ready() const;
  std::uint64_t resume_ns() const;
  // Its shard has taken its last turn, or will not take one for a while: until revive() it is never ready.
  void retire() { retired_ = true; }
  void revive() { retired_ = false; }
  void listener_woken(int listener);
  void event_signalled(int event);
  std::uint32_t slots_used() const { return slots_used_; }
  std::size_t armed() const { return armed_.size(); }
  std::size_t receives() const { return receiving_.size(); }          // queued and not yet reaped
  std::uint64_t sockets_dropped() const { return sockets_dropped_; }  // accepted into a full table

 private:
  using SocketNumber = std::uint32_t;
  static constexpr SocketNumber kNoSocket = 0xffff'ffffu;

  // An accepted socket. It lives while it has a slot or an armed operation holds it.
  struct Socket {
    SimulatedConnection* connection = nullptr;
    memory::Index slot = 0;
    bool in_table = false;
    bool reset_on_close = false;
    bool generation_known = false;
    std::uint32_t generation = 0;
    std::uint32_t armed = 0;
    std::uint32_t receives = 0;  // queued and not yet reaped
    std::uint32_t sends = 0;
    std::uint64_t readable = 0;  // user_data of the armed poll, 0: none
    std::uint64_t writable = 0;
  };
  struct Operation {
    Op kind = Op::none;
    bool once = false;  // accept_once
    std::uint64_t user_data = 0;
    SocketNumber socket = kNoSocket;  // what the slot held when it was queued
    int descriptor = -1;              // listener, watched descriptor or target ring
    std::uint64_t other = 0;          // cancel: its target; wake: the tag of a failure
    std::span<std::byte> into;
    std::span<const std::byte> from;
    std::uint64_t checksum = 0;
    SocketAddress* address = nullptr;
  };
  struct Armed {
    Operation operation;
    std::uint32_t mask = 0;  // stashed by wake-ups
    bool woken = false;      // in woken_
    bool cancelled = false;
    std::int32_t end_result = 0;  // when cancelled: 0 means what it finds
  };
  struct Entry {
    Completion completion;
    Op kind = Op::none;
    SocketNumber socket = kNoSocket;
    std::span<std::byte> into;
    std::vector<std::byte> received;  // placed at `into` when reaped
  };

  // Queueing.
  void enqueue(const Operation& operation);
  Operation on_slot(Op kind, memory::Index slot, Tag tag);
  void check_generation(Socket& socket, Tag tag);
  // Issuing: operations of the submission queue take effect.
  void issue_all();
  void issue(const Operation& operation);
  void issue_receive(const Operation& operation, SimulatedConnection& connection);
  void fail(const Operation& operation, std::int32_t error, SimulatedConnection& connection);
  void issue_send(const Operation& operation, SimulatedConnection& connection);
  void issue_cancel(const Operation& operation);
  static void write_peer(const SimulatedConnection& connection, SocketAddress* address);
  void issue_peer_address(const Operation& operation, SimulatedConnection& connection);
  void issue_close(const Operation& operation);
  void issue_wake(const Operation& operation);
  void arm(const Operation& operation);
  // Firing: armed operations complete.
  void fire(std::size_t limit);
  void fire_poll(std::uint64_t user_data);
  void fire_accept(std::uint64_t user_data);
  void fire_watch(std::uint64_t user_data);
  void fire_cancelled(std::uint64_t user_data);
  void end(std::uint64_t user_data, std::int32_t result);
  // True when the multishot goes on; posts either way.
  bool post_multishot(std::uint64_t user_data, std::int32_t result);
  void wake_armed(std::uint64_t user_data, std::uint32_t mask);
  void socket_woken(SocketNumber socket, std::uint32_t poll_events) override;
  // Slots and sockets.
  std::optional<memory::Index> free_slot() const;
  memory::Index install(SimulatedConnection* connection);
  void release_if_unused(Socket& socket);
  // The completion queue.
  void post(Entry entry);
  void post(const Operation& operation, std::int32_t result, std::uint32_t flags = 0);
  void flush_overflow();
  void shuffle_from(std::size_t first);
  bool room() const;
  void violation(const std::string& what);
  bool pass_time(const Wait& wait, std::uint64_t started_ns, std::size_t inline_ones);

  SimulatedWorld* world_;
  SimulatedRingOptions options_;
  int descriptor_;
  bool started_ = false;
  std::vector<Operation> queue_;
  std::vector<Socket> sockets_;
  std::vector<SocketNumber> table_;  // by slot
  std::vector<std::uint32_t> last_generation_;
  memory::Index hint_ = 0;
  std::uint32_t slots_used_ = 0;
  std::uint64_t sockets_dropped_ = 0;
  std::unordered_map<std::uint64_t, Armed>
      armed_;  // looked up only, never walked: its order is not the seed's
  std::vector<std::uint64_t> watched_;
  std::vector<std::uint64_t> accepting_;
  std::deque<std::uint64_t> woken_;
  std::unordered_map<std::uint64_t, int> ended_;  // ended, final completion not seen by the caller
  std::vector<std::uint64_t> reaped_ends_;
  std::map<const std::byte*, const std::byte*> receiving_;  // buffers of receives not reaped: begin to end
  std::deque<Entry> inbox_;                                 // from other rings' wakes
  std::deque<Entry> completions_;
  std::deque<Entry> overflow_;
  std::uint64_t resume_ns_ = 0;
  bool retired_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for events that outlive the ring
  Statistics statistics_;
};

}  // namespace holdfast::ring
