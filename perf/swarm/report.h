// Report: what a run has found, as a table for people and JSON for scripts. Pure but for writing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "phase.h"
#include "play.h"
#include "readings.h"
#include "series.h"
#include "tally.h"

namespace holdfast::swarm {

struct PhaseReport {
  Phase phase;
  Result result;
  Readings before, after;
  Totals totals_before, totals_after;
  double seconds = 0;
  std::string stopped;        // why it was ended before it was done; empty: it was not
  double busiest_thread = 0;  // of the swarm's: its share of a core
  Histogram turns_late;       // ns by which the swarm's turns began later than wanted
  Series series;

  // Why the phase's figures may be the swarm's own and not the server's; empty: they are the server's.
  std::string saturation() const;

  std::uint64_t faults() const { return totals_after.all_faults() - totals_before.all_faults(); }
  bool passed() const { return stopped.empty() && faults() == 0 && result.done == result.expected; }
};

struct RunReport {
  std::string target;
  std::uint32_t threads = 1;
  std::uint32_t rings = 0;
  std::uint32_t destinations = 1;
  std::uint32_t bytes_each = 0;  // of user memory per idle connection: its record
  std::uint64_t connect_errno = 0, error_code = 0, close_code = 0;  // the first of each; 0: none
  std::string io_uring;
  std::vector<PhaseReport> phases;
  Totals totals;
  std::string stopped;
  std::uint32_t phases_planned = 0;

  bool passed() const;
};

std::string table(const RunReport& report);
std::string json(const RunReport& report);

}  // namespace holdfast::swarm
