// FailPoint: a pool that says it is exhausted, once, when a test wants it to.
//
// Production code has no such points: they are planted (planted/plant.py) in copies of the files that hold
// the pools, and only the executables that link those copies have them. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::sim {

enum class Pool : std::uint8_t {
  arena,  // frames and incomplete messages
  receive_buffers,
  assemblies,
  outbox_nodes,
  gather_memory,
  mailbox,
  wslay_contexts,
  topic_subscriptions,
  gateway_subscriptions,
  channels,
  publications,
  presence,
};
inline constexpr std::size_t kPools = 12;

class FailPoints {
 public:
  // From now on the `nth` claim, counted from 1, finds nothing; 0: none does.
  static void plan(Pool pool, std::uint64_t nth) {
    planned_ = pool;
    nth_ = nth;
    claims_ = {};
  }
  static std::uint64_t claims(Pool pool) { return claims_[static_cast<std::size_t>(pool)]; }
  static bool fails(Pool pool) {
    return ++claims_[static_cast<std::size_t>(pool)] == nth_ && pool == planned_;
  }

 private:
  static inline Pool planned_ = Pool::arena;
  static inline std::uint64_t nth_ = 0;
  static inline std::array<std::uint64_t, kPools> claims_ = {};
};

}  // namespace holdfast::sim
