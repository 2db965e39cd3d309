// Bill: the memory a target takes on the host, item by item, and the server's shape (its shards) on it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tune/facts.h"
#include "tune/target.h"

namespace holdfast::tune {

// Of the server: src/shard/capacity.cc, src/hub/homes.h, src/net/listening_socket.cc,
// include/holdfast/config.h.
inline constexpr std::uint64_t kShardsMaximum = 256;
inline constexpr std::uint64_t kConnectionsPerShardMaximum = 65'536;
inline constexpr std::uint64_t kAcceptBacklog = 1'024;    // per shard and address
inline constexpr std::uint64_t kUnreadBytes = 131'072;    // of a client, in the kernel: SO_RCVBUF
inline constexpr std::uint64_t kDescriptorsPerShard = 3;  // and one a listener
inline constexpr std::uint64_t kDescriptorsOfProcess = 64;
inline constexpr std::uint64_t kRingBytes =
    1'024 * (64 + 4) + 16'384 * 16;  // submission and completion queue
// Measured 2026-11-21: a shard more of holdfast-echo, idle, adds 0.43 MB of Rss; its receive buffers (64 of
// 16 KiB and 8 of 128 KiB) fill under load, and so do its frames.
inline constexpr std::uint64_t kShardBytes = 4u << 20;
inline constexpr std::uint64_t kProcessBytes = 32u << 20;
inline constexpr std::uint64_t kPageBytes = 4'096;
// What holdfast will keep of a TLS connection, and what OpenSSL's object takes during its handshake
// (measured).
inline constexpr std::uint64_t kTlsBytes = 216;
inline constexpr std::uint64_t kTlsHandshakeBytes = 70'000;
inline constexpr std::uint64_t kTlsHandshakesMaximum = 4'096;
inline constexpr std::uint64_t kConntrackBytes = 320;

// The shards the server will use when it may have so many descriptors; may be above kShardsMaximum, which
// means that it will not start.
std::uint64_t shards_for(const Target& target, std::uint64_t cores, std::uint64_t open_files);
// RLIMIT_NOFILE as it is, or the kernel's usual hard limit where it cannot be read.
std::uint64_t open_files_of(const Facts& facts);
std::uint64_t shards_of(const Facts& facts, const Target& target);

// Both ends, where both are here.
std::uint64_t sockets_of(const Target& target);
// Clients that arrive in a second when all come back within the profile's window.
std::uint64_t arrivals_a_second(const Target& target);

// Pages of socket memory (what tcp_mem limits): queued on active connections, and by a broadcast.
std::uint64_t pages_each(const Target& target);
std::uint64_t active_pages(const Target& target);
std::uint64_t broadcast_pages(const Target& target);

bool conntrack_counts(const Facts& facts);

struct BillItem {
  std::string what;  // "sockets"
  std::uint64_t bytes = 0;
  std::string why;  // "1,000,000 x 3,830 B"
};
std::vector<BillItem> memory_bill(const Facts& facts, const Target& target);
std::uint64_t total_bytes(const std::vector<BillItem>& bill);

// Kept free for everything else on the host.
std::uint64_t reserve_bytes(const Facts& facts);

}  // namespace holdfast::tune
