// Prove: what a connection really takes on this host, by opening some, and what that means for the target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tune/check.h"
#include "tune/slabs.h"

namespace holdfast::tune {

struct Proof {
  std::uint64_t connections = 0;
  std::uint64_t children = 0;
  bool by_cache = false;               // slab caches could be read; else only MemAvailable
  bool disturbed = false;              // others opened or closed sockets meanwhile
  std::vector<Growth> pair, watching;  // by cache, when they could
  double pair_bytes = 0;               // both ends of a connection
  double end_bytes = 0;                // the accepted one
  double watching_bytes = 0;           // armed poll and its place in the file table
  std::uint64_t hash_chains = 0;       // of the established hash; 0: not known
  std::uint64_t sockets_in_use = 0;    // TCP sockets in this namespace while measured
  Report report;                       // check, with what was measured
};

absl::StatusOr<Proof> prove(const Facts& facts, const Target& target, std::uint64_t connections);

// The bytes of the accepted end of a pair, from what grew: caches that both ends are in count half, those of
// the connecting end (its port) not at all.
double end_bytes_of(const std::vector<Growth>& pair);

}  // namespace holdfast::tune
