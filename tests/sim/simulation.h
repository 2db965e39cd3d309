// Simulation: one run of real shards in a simulated world, from one seed, and the verdict on it.
//
// Traffic with faults; then calm, in which every polite client must get all it is owed; then drain or stop,
// after which nothing may be left: no slot, buffer, frame, assembly, queued byte, subscription or socket.
// Single-threaded: the shards take turns in an order the seed decides. A failed CHECK prints the line that
// repeats the run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "audit.h"
#include "base/siphash.h"
#include "client.h"
#include "ring/simulated_ring.h"
#include "ring/simulated_world.h"
#include "scenario.h"
#include "shard/neighbour.h"
#include "shard/shard.h"

namespace holdfast::sim {

// What a run amounted to, so that tests can tell a run from an empty one.
struct Totals {
  std::uint64_t turns = 0;
  std::uint64_t connections = 0;
  std::uint64_t messages_handled = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t simulated_ns = 0;
  std::map<std::string, std::uint64_t> counters;  // of all shards together, at the end
};

class Application;

class Simulation {
 public:
  // `turns_maximum` bounds the traffic phase.
  Simulation(std::uint64_t seed, std::uint64_t turns_maximum);
  ~Simulation();

  // Empty, or what went wrong first.
  std::string run();
  const Totals& totals() const { return totals_; }
  std::string describe() const;

 private:
  struct Member;  // a shard with its handler and ring

  void build_shard(std::uint32_t number);
  void add_client();
  bool turn();  // false when no shard is left
  void write_to_parted();
  // Turns until done() or for so long of simulated time. False: time ran out.
  template <class Done>
  bool turn_until(std::uint64_t limit_ns, Done done);
  bool settled(const Client& client) const;
  bool expected_to_be_served(const Client& client) const;
  bool failed() const;
  std::string verdict() const;
  void excuse_for_ended(const Client& client);

  void traffic();
  void calm_down();
  void probe();
  void wind_down();
  void check_nothing_left();
  void add_up();
  std::uint64_t counted(const char* name) const;
  static void describe_run(void* simulation, char* buffer, unsigned capacity);

  const std::uint64_t seed_;
  const std::uint64_t turns_maximum_;
  ring::SimulatedWorld world_;
  Scenario scenario_;
  Audit audit_;
  base::Random entropy_;
  base::SipKey topic_key_;
  shard::Neighbours neighbours_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Client>> clients_;
  const char* phase_ = "starting";
  std::uint64_t turns_ = 0;
  Totals totals_;
};

}  // namespace holdfast::sim
