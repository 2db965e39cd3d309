// Verify: whether what apply set is still there, would be after a boot, and who else sets it.
#pragma once

#include <string>
#include <vector>

#include "tune/transaction.h"

namespace holdfast::tune {

struct Drift {
  std::string key;
  std::string applied;
  std::string current;
  std::string others;         // who else sets it; empty: nobody
  bool drifted = false;       // the host is not as apply left it
  bool lost_at_boot = false;  // a file or tuned sets another value when the host starts
};

// One row for each thing that is applied now, as the last apply left it.
std::vector<Drift> verify(const Facts& facts, const std::vector<StoredJournal>& journals);

}  // namespace holdfast::tune
