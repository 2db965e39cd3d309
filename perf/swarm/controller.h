// Controller: sets the phases on the stage one after the other, watches them, and ends what does not end by
// itself. Runs on the main thread; the workers run meanwhile.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <vector>

#include "report.h"
#include "worker.h"

namespace holdfast::swarm {

struct Watch {
  pid_t server = 0;
  double patience_s = 20;   // without any progress a phase is given up
  double deadline_s = 600;  // of the whole run
  bool progress = true;
  bool step = false;  // each phase waits for a line on standard input
  const volatile std::sig_atomic_t* interrupted = nullptr;
  const Tally* publisher = nullptr;  // counted beside the workers'; null: there is none
};

class Controller {
 public:
  Controller(std::vector<Phase> phases, std::vector<std::unique_ptr<Worker>>& workers, Stage& stage,
             Watch watch);
  // Plays all phases, or those until the run is stopped; fills report->phases and totals.
  void run(RunReport* report);

 private:
  bool play(std::uint32_t number, PhaseReport* report);
  bool all_done(std::uint32_t number) const;
  Totals totals() const;
  void show_progress(const PhaseReport& report, const Totals& totals, double seconds);
  std::string reason_to_stop(const Phase& phase, std::uint64_t now_ns, std::uint64_t progress_ns);
  void sample(PhaseReport* report, const Totals& now, double seconds, bool last);
  bool watch_phase(std::uint32_t number, PhaseReport* report);

  std::vector<Phase> phases_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  Stage& stage_;
  const Watch watch_;
  base::SystemClock clock_;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t last_units_ = 0;
};

}  // namespace holdfast::swarm
