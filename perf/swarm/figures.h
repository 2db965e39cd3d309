// Figures: what is worked out of a phase's readings, for the table and the JSON alike. Pure.
#pragma once

#include <cstdint>

#include "report.h"

namespace holdfast::swarm {

// What the phase counts: what CPU time is divided by.
const char* unit_of(Phase::Kind kind);
std::uint64_t units_of(const PhaseReport& phase);
Count counted_by(Phase::Kind kind);

double per(double amount, std::uint64_t units);

struct Cpu {
  double server_ns = 0;
  double server_cores = 0;
  double swarm_cores = 0;
};
Cpu cpu_of(const PhaseReport& phase);

// Growth from before the phase to after it, for each connection it opened; of ramps alone.
struct Each {
  std::uint64_t connections = 0;  // 0: not a ramp, or nothing was opened, and nothing else is known
  double kernel_bytes = 0;        // of slabs, both ends on loopback
  double buffer_bytes = 0;        // of socket buffers, by sockstat
  double sockets = 0;             // by sockstat, both ends on loopback
  double server_user_bytes = 0;   // anonymous and shared memory
  double server_resident_bytes = 0;
  double swarm_user_bytes = 0;
  double swarm_resident_bytes = 0;
};
Each each_of(const PhaseReport& phase);

// Of a count, in the phase, a second.
double rate_of(const PhaseReport& phase, Count count);

}  // namespace holdfast::swarm
