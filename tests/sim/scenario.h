// Scenario: everything about a run that its seed decides before it starts: the server's configuration, the
// host's sizes, the clients' number and manners, and what goes wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit.h"
#include "client.h"
#include "holdfast/config.h"
#include "ring/simulated_ring.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {

struct Scenario {
  // The clients, one after the other, first those of the first burst; none: as many as `clients`, drawn.
  std::vector<Plan> plans;
  // Nothing goes wrong but what is planned, and the planned victim aside so many polite clients may lose
  // their connection. Nothing: there is no plan, and whoever had bad luck is excused.
  std::optional<std::uint32_t> losses_allowed;
  ring::PlannedFailure planned_failure;
  Mode mode = Mode::echo;
  bool calm = false;    // no faults, room for everybody: then every polite client must be served to the end
  bool tight = false;   // fewer slots than clients
  bool drains = true;   // ends by drain, else by stop
  bool empties = true;  // before that everybody leaves
  std::uint32_t shards = 1;
  std::uint32_t slots = 64;  // per shard
  std::uint32_t clients = 20;
  bool length_prefixed = false;      // a second listener per shard
  bool http = false;                 // another one, and plain requests to the WebSocket listener
  std::uint32_t slots_for_http = 0;  // of the slots
  std::uint32_t addresses = 0;       // from which clients come; 0: each from its own
  std::uint32_t backlog = 8;
  std::uint32_t outbox_nodes = 4096;
  std::size_t arena_bytes = 8u << 20;
  std::size_t mailbox_bytes = 1u << 20;
  std::size_t receive_buffer_bytes = 64 * 1024;  // of a socket
  std::size_t send_buffer_bytes = 64 * 1024;
  std::uint64_t user_timeout_ns = 0;
  std::uint64_t traffic_ns = 10'000'000'000;
  std::uint32_t bursts = 1;  // clients come in, and the others have more to say
  std::uint64_t burst_ns = 10'000'000'000;
  ring::SimulatedRingOptions ring;
  ring::FaultRates faults;
  Config config;

  // With `minutes` traffic takes that long, most of it quiet.
  static Scenario drawn(base::Random& random, std::uint64_t minutes = 0);
  std::string describe() const;

 private:
  void draw_limits(base::Random& random);
  std::string describe_limits() const;
};

}  // namespace holdfast::sim
