// probe: what this kernel offers, found by trying and not by its version, because distributions move features
// about.
//
// Runs once per ring, at start-up. What was found is in Features; its line is printed when the server starts.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace holdfast::ring {

// Features not to be used although the kernel has them: so a test takes an older kernel's path on a newer
// one.
struct Withheld {
  bool single_issuer = false;
  bool defer_taskrun = false;
  bool submit_all = false;
  bool minimum_wait = false;
  bool no_iowait = false;
  bool registered_ring = false;
  bool socket_options = false;
};

struct Features {
  std::string release;         // of the kernel
  bool single_issuer = false;  // set-up: only one thread submits, so the kernel takes fewer locks
  bool defer_taskrun =
      false;  // set-up: completions are worked out only while we are in the kernel to wait for them
  bool coop_taskrun = false;     // set-up: the next best thing: no interrupt for a completion
  bool submit_all = false;       // set-up: one bad operation does not hold up those behind it
  bool minimum_wait = false;     // wait for a batch for a short while, then for one
  bool no_iowait = false;        // waiting is not counted as iowait
  bool registered_ring = false;  // the ring's descriptor is looked up once, not at every enter
  bool peer_address = false;     // getsockopt SO_PEERNAME on a direct descriptor
  bool reset_on_close = false;   // setsockopt SO_LINGER on a direct descriptor

  // "io_uring on Linux 6.18: single_issuer ...; without: ..."
  std::string describe() const;
};

// Creates *ring, disabled, with as many of the wanted set-up flags as the kernel takes, and fills the
// features that the ring itself tells. The caller ends it with io_uring_queue_exit. An error explains itself
// (ring/refusal.h).
absl::Status set_up(std::uint32_t submission_entries, std::uint32_t completion_entries,
                    const Withheld& withheld, io_uring* ring, Features* features);

// Tries what a disabled ring cannot show, on a small ring and a socket of its own which it closes again: the
// socket commands and the registration of a ring's descriptor.
void try_operations(const Withheld& withheld, Features* features);

}  // namespace holdfast::ring
