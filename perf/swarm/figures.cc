// The divisions.
#include "figures.h"

#include <unistd.h>

#include <algorithm>

namespace holdfast::swarm {

const char* unit_of(Phase::Kind kind) {
  switch (kind) {
    case Phase::Kind::ramp:
    case Phase::Kind::storm:
    case Phase::Kind::churn:
      return "handshakes";
    case Phase::Kind::idle:
      return "heartbeats";
    case Phase::Kind::echo:
      return "echoes";
    case Phase::Kind::fanout:
    case Phase::Kind::slow:
      return "deliveries";
    case Phase::Kind::fanin:
      return "gathered";
    case Phase::Kind::ping:
      return "pongs";
    case Phase::Kind::close:
      return "closes";
    case Phase::Kind::half_open:
    case Phase::Kind::vanish:
      return "ended";
    case Phase::Kind::recover:
      return "recoveries";
    case Phase::Kind::drop:
      return "drops";
  }
  return "";
}

Count counted_by(Phase::Kind kind) {
  switch (kind) {
    case Phase::Kind::ramp:
    case Phase::Kind::storm:
    case Phase::Kind::churn:
      return Count::upgraded;
    case Phase::Kind::idle:
      return Count::pings_answered;
    case Phase::Kind::echo:
      return Count::echoes;
    case Phase::Kind::fanout:
    case Phase::Kind::slow:
      return Count::deliveries;
    case Phase::Kind::fanin:
      return Count::gathered;
    case Phase::Kind::ping:
      return Count::pongs;
    case Phase::Kind::close:
      return Count::closed;
    case Phase::Kind::half_open:
      return Count::half_open_ended;
    case Phase::Kind::vanish:
      return Count::vanished_ended;
    case Phase::Kind::recover:
      return Count::recovered;
    case Phase::Kind::drop:
      return Count::dropped;
  }
  return Count::none;
}

// Heartbeats are counted whoever they came from, and slow readers' deliveries cost the server, too; what is
// verified is what counts elsewhere.
std::uint64_t units_of(const PhaseReport& phase) {
  const Phase::Kind kind = phase.phase.kind;
  if (kind != Phase::Kind::idle && kind != Phase::Kind::slow) return phase.result.done;
  return phase.totals_after.of(counted_by(kind)) - phase.totals_before.of(counted_by(kind));
}

double per(double amount, std::uint64_t units) {
  return units == 0 ? 0 : amount / static_cast<double>(units);
}

Cpu cpu_of(const PhaseReport& phase) {
  const auto wall_ns =
      static_cast<double>(std::max<std::uint64_t>(phase.after.wall_ns - phase.before.wall_ns, 1));
  Cpu cpu;
  if (phase.after.server_known && phase.after.server_cpu_ns >= phase.before.server_cpu_ns) {
    cpu.server_ns = static_cast<double>(phase.after.server_cpu_ns - phase.before.server_cpu_ns);
  }
  cpu.server_cores = cpu.server_ns / wall_ns;
  cpu.swarm_cores = static_cast<double>(phase.after.swarm_cpu_ns - phase.before.swarm_cpu_ns) / wall_ns;
  return cpu;
}

Each each_of(const PhaseReport& phase) {
  Each each;
  if (phase.phase.kind != Phase::Kind::ramp || phase.result.done == 0) return each;
  each.connections = phase.result.done;
  const Readings& before = phase.before;
  const Readings& after = phase.after;
  const auto grown = [&each](std::uint64_t from, std::uint64_t to) {
    return per(static_cast<double>(to) - static_cast<double>(from), each.connections);
  };
  if (after.slabs_known) each.kernel_bytes = per(sum_of(slab_growth(before, after)), each.connections);
  each.buffer_bytes =
      grown(before.tcp_memory_pages, after.tcp_memory_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
  each.sockets = grown(before.tcp_in_use, after.tcp_in_use);
  each.server_user_bytes = grown(before.server.user_bytes(), after.server.user_bytes());
  each.server_resident_bytes = grown(before.server.resident_bytes, after.server.resident_bytes);
  each.swarm_user_bytes = grown(before.swarm.user_bytes(), after.swarm.user_bytes());
  each.swarm_resident_bytes = grown(before.swarm.resident_bytes, after.swarm.resident_bytes);
  return each;
}

double rate_of(const PhaseReport& phase, Count count) {
  if (phase.seconds <= 0) return 0;
  return static_cast<double>(phase.totals_after.of(count) - phase.totals_before.of(count)) / phase.seconds;
}

}  // namespace holdfast::swarm
