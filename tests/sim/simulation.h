// Simulation: one run of real shards in a simulated world, from one seed, and the verdict on it.
//
// Traffic with faults; then calm, in which every polite client must get all it is owed; then, in some runs,
// everybody leaves; then drain or stop, after which nothing may be left: no slot, buffer, frame, assembly,
// queued byte, subscription or socket, and with the gateway no presence and no publication. Single-threaded:
// the shards take turns in an order the seed decides. A failed CHECK prints the line that repeats the run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit.h"
#include "client.h"
#include "machine.h"
#include "net/address_counts.h"
#include "program.h"
#include "rate_audit.h"
#include "ring/simulated_world.h"
#include "scenario.h"

namespace holdfast {
class Server;
}

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

struct Length {
  std::uint64_t minutes = 0;                 // of traffic; 0: some seconds, as the seed draws
  std::uint64_t turns_maximum = 10'000'000;  // of traffic
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Length& length) : Simulation(seed, length, nullptr) {}
  // A scenario of one's own; the seed decides what it leaves open.
  Simulation(std::uint64_t seed, const Scenario& scenario) : Simulation(seed, {}, &scenario) {}
  ~Simulation();

  // Empty, or what went wrong first.
  std::string run();
  const ring::SimulatedWorld& world() const { return world_; }
  const Totals& totals() const { return totals_; }
  std::string describe() const;
  // What repeats this run.
  std::string command() const;
  void set_command(std::string command) { command_ = std::move(command); }

 private:
  Simulation(std::uint64_t seed, const Length& length, const Scenario* scenario);
  void plan_traffic();
  void burst();
  void add_client();
  bool turn();  // false when no shard is left
  // Turns until done() or for so long of simulated time. False: time ran out.
  template <class Done>
  bool turn_until(std::uint64_t limit_ns, Done done);
  bool settled(const Client& client) const;
  bool everybody_settled() const;
  bool nobody_waits() const;
  bool expected_to_be_served(const Client& client) const;
  bool failed() const;
  std::string verdict() const;
  void excuse_for_ended(const Client& client);
  bool may_have_been_refused(const Client& client) const;
  void watch_limits();
  void check_addresses();
  void check_no_address_counted();

  void traffic();
  void calm_down();
  void probe();
  void leave();
  void wind_down();
  void check_nothing_left();
  void add_up();
  static void describe_run(void* simulation, char* buffer, unsigned capacity);

  const std::uint64_t seed_;
  const Length length_;
  ring::SimulatedWorld world_;
  Scenario scenario_;
  Audit audit_;
  base::Random entropy_;
  std::unique_ptr<Program> program_;
  std::unique_ptr<net::AddressCounts> addresses_;  // when there is a bound
  std::unique_ptr<RateAudit> rates_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::set<int> operators_listeners_;
  const char* phase_ = "starting";
  std::string command_;
  std::uint64_t turns_ = 0;
  std::uint32_t losses_ = 0;  // of polite clients, beyond the planned victim
  Totals totals_;
};

}  // namespace holdfast::sim
