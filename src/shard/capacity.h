// Capacity: how many shards a configuration needs on this host, and how much memory each reserves.
//
// Pure arithmetic on the configuration and what the host allows, so that every refusal can be tested.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "holdfast/config.h"
#include "shard/shard_memory.h"

namespace holdfast::shard {

// The kernel's table of armed requests has at most 256 buckets a ring: beyond this many connections
// cancelling one gets slow (rule R4).
inline constexpr std::uint32_t kConnectionsPerShardMaximum = 65'536;
inline constexpr std::uint32_t kMessageBytesMaximum = 64u << 20;
// Descriptors of a shard that are not connections: ring, mapping, doorbell, and one per listener.
inline constexpr std::uint32_t kOrdinaryDescriptorsPerShard = 3;

// Small receive buffers of a shard: how many sockets it reads with one system call.
inline constexpr std::uint32_t kReceiveBuffers = 64;
inline constexpr std::uint32_t kReceiveBuffersLeast = 16;

// Slots of a shard that only connections to listen_http may take, where there is such a listener: a server
// full of clients can still be asked how it is.
inline constexpr std::uint32_t kSlotsReservedForHttp = 16;

struct Host {
  std::uint32_t cores = 1;
  std::uint64_t open_files = 1024;  // RLIMIT_NOFILE: also the most entries of one ring's file table
};

struct Capacity {
  std::uint32_t shards = 1;
  ShardSizes sizes;  // of each shard
};

// Checks every bound of the configuration and settles what it leaves open. Errors name the setting, its
// value, the reason and the next step.
absl::StatusOr<Capacity> plan_capacity(const Config& config, const Host& host);

// What this process may use; raises the soft RLIMIT_NOFILE to the hard one first.
Host read_host();

}  // namespace holdfast::shard
