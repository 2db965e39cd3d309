// Node: what the HTTP sides of all shards share: who this process is, whether it is draining, what its API
// has counted. Made once, before the server; immutable but for atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api_result.h"
#include "shard/counters.h"

namespace holdfast::admin {

// name, what it counts.
#define HOLDFAST_API_COUNTERS(X)                                                          \
  X(http_connections) /* open, on the API's listeners and plain ones on the clients' */   \
  X(api_requests)     /* with a valid key */                                              \
  X(api_errors)       /* of these answered with an error */                               \
  X(api_unauthorized) /* without a valid key */                                           \
  X(http_timeouts)    /* requests that took too long to arrive */                         \
  X(http_refusals)    /* requests turned away because too many were arriving in pieces */ \
  X(streams_begun)    /* event streams and HTTP streams */

struct ApiCounters {
  using Counter = shard::Counter;
#define HOLDFAST_API_COUNTER_FIELD(name) Counter name;
  HOLDFAST_API_COUNTERS(HOLDFAST_API_COUNTER_FIELD)
#undef HOLDFAST_API_COUNTER_FIELD
};

struct Node {
  // Draws a uid.
  explicit Node(std::uint32_t shards);

  // Any thread; reads /proc.
  NodeFacts facts() const;

  std::string uid;
  std::string name;  // the host's
  std::int64_t started_at_s = 0;
  bool demonstration = false;  // serves the page that shows a connection
  std::atomic<bool> draining = false;
  std::vector<ApiCounters> counters;  // by shard
};

// Seconds of processor time this process has used, all threads together.
double cpu_seconds();
// From /proc/self: 0 when it cannot be read.
std::uint64_t resident_bytes();
std::uint64_t open_descriptors();

}  // namespace holdfast::admin
