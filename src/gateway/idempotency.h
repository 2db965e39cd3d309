// Idempotency: the results of publishes that carried a key, so that a repeated one is answered and not
// published again.
//
// Channel and key are remembered as 128 bits of keyed hash, not as text: a million results are a few tens of
// megabytes whatever callers choose as keys, and nobody without the hash key can make two collide. All
// results live equally long, so they expire in the order they came. Home shard's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/entropy.h"
#include "base/siphash.h"
#include "gateway/position.h"
#include "time/wheel.h"

namespace holdfast::gateway {

class Idempotency {
 public:
  // Beyond `results_maximum` the oldest makes way.
  Idempotency(base::Entropy& entropy, std::uint32_t results_maximum);

  // What the publish with this key was answered; nullptr when there was none lately.
  const Position* find(std::string_view channel, std::string_view key) const;
  // The key must not be known.
  void remember(std::string_view channel, std::string_view key, Position position, time::Tick expires);
  // At most `budget`; false when more had expired.
  bool drop_expired(time::Tick now, std::size_t budget);

  std::size_t results() const { return results_.size(); }
  // Results dropped before their time because there were too many.
  std::uint64_t evictions() const { return evictions_; }
  // When the oldest expires; false when there is none.
  bool next_expiry(time::Tick& expires) const;

 private:
  using Name = std::array<std::uint64_t, 2>;
  struct NameHash {
    // One half is as good a hash as any.
    std::size_t operator()(const Name& name) const { return name[0]; }
  };
  struct Expiry {
    Name name;
    time::Tick expires;
  };
  Name name_of(std::string_view channel, std::string_view key) const;
  void drop_oldest();

  std::array<base::SipKey, 2> keys_;
  std::uint32_t results_maximum_;
  std::uint64_t evictions_ = 0;
  absl::flat_hash_map<Name, Position, NameHash> results_;
  std::deque<Expiry> expiries_;
};

}  // namespace holdfast::gateway
