// AddressCounts: how many connections each address has, over all shards, and the bound on it.
//
// An IPv4 address counts alone; of IPv6 the first 64 bits do, because whoever has one such address has all of
// its network. Open addressing under a keyed hash, so that nobody can choose addresses that collide, in
// memory for as many addresses as there can be connections: it is never full. The one thing that shards share
// and write: any thread, under a lock held for one look-up, and only where the bound is wanted at all.
// Invariant: the counts add up to the connections that were added and not removed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "base/siphash.h"
#include "holdfast/connection.h"
#include "memory/mapping.h"

namespace holdfast::net {

class AddressCounts {
 public:
  // For up to `connections`, of which any number may come from different addresses.
  static absl::StatusOr<std::unique_ptr<AddressCounts>> create(base::SipKey key, std::uint32_t most_of_one,
                                                               std::uint64_t connections);

  // Counts one more from there. False, and nothing is changed, when it has as many as it may.
  bool add(const PeerAddress& peer);
  // For each add that returned true, once.
  void remove(const PeerAddress& peer);

  // How many are counted from there. For tests.
  std::uint32_t count(const PeerAddress& peer);

  // What the table takes when all connections come from different addresses.
  static std::uint64_t bytes_for(std::uint64_t connections);

 private:
  struct Entry {
    std::uint64_t network;
    std::uint64_t connections;  // 0: nothing is here
  };

  AddressCounts(base::SipKey key, std::uint32_t most_of_one, memory::Mapping mapping, std::uint64_t entries);
  static std::uint64_t network_of(const PeerAddress& peer);
  std::uint64_t home_of(std::uint64_t network) const;
  // The entry of this network, or the empty one where it belongs.
  std::uint64_t find(std::uint64_t network) const;
  void close_gap(std::uint64_t hole);

  const base::SipKey key_;
  const std::uint32_t most_of_one_;
  memory::Mapping mapping_;
  Entry* entries_;
  const std::uint64_t mask_;
  std::mutex mutex_;
};

}  // namespace holdfast::net
