// The sums.
#include "tune/bill.h"

#include <algorithm>

#include "tune/text.h"

namespace holdfast::tune {
namespace {

constexpr std::uint64_t kUsualHardLimit = 4'096;

// As the server counts: a tenth more than a fair share, because SO_REUSEPORT spreads by hash.
std::uint64_t with_headroom(std::uint64_t connections) {
  return divide_up(connections * 11, 10);
}

std::string product(std::uint64_t count, std::uint64_t bytes) {
  return grouped(count) + " x " + grouped(bytes) + " B";
}

}  // namespace

std::uint64_t shards_for(const Target& target, std::uint64_t cores, std::uint64_t open_files) {
  if (target.shards > 0) return target.shards;
  const std::uint64_t listeners = std::max<std::uint64_t>(1, target.ports.size());
  const std::uint64_t table = std::min(kConnectionsPerShardMaximum, open_files);
  if (table <= listeners) return kShardsMaximum + 1;
  const std::uint64_t per_shard = table - listeners;
  const std::uint64_t needed =
      target.connections <= per_shard ? 1 : divide_up(with_headroom(target.connections), per_shard);
  return std::max(cores, needed);
}

std::uint64_t open_files_of(const Facts& facts) {
  return std::max(facts.open_files_hard.value_or(kUsualHardLimit), facts.unit_open_files.value_or(0));
}

std::uint64_t shards_of(const Facts& facts, const Target& target) {
  return shards_for(target, facts.cores, open_files_of(facts));
}

std::uint64_t sockets_of(const Target& target) {
  return target.connections * (target.loopback ? 2 : 1);
}

std::uint64_t arrivals_a_second(const Target& target) {
  return divide_up(target.connections, std::max<std::uint64_t>(1, target.profile.reconnect_window_s));
}

std::uint64_t pages_each(const Target& target) {
  // A queued segment is charged at the size of its buffers, about twice its bytes, and a socket holds whole
  // pages.
  return std::max<std::uint64_t>(1, divide_up(2 * target.message_bytes, kPageBytes));
}

std::uint64_t active_pages(const Target& target) {
  return share_of(sockets_of(target), target.active_millionths) * 2 * pages_each(target);
}

std::uint64_t broadcast_pages(const Target& target) {
  return share_of(sockets_of(target), target.profile.broadcast_millionths) * pages_each(target);
}

bool conntrack_counts(const Facts& facts) {
  return facts.number("net.netfilter.nf_conntrack_count").value_or(0) > 0;
}

std::vector<BillItem> memory_bill(const Facts& facts, const Target& target) {
  const std::uint64_t connections = target.connections;
  const ConnectionBytes& each = target.bytes;
  const std::uint64_t shards = std::min(shards_of(facts, target), kShardsMaximum);
  const std::uint64_t socket_pages = active_pages(target) + broadcast_pages(target);
  const std::uint64_t active = share_of(connections, target.active_millionths);
  std::vector<BillItem> bill = {
      {"sockets", connections * each.socket, product(connections, each.socket)},
      {"watching", connections * (each.poll + each.table),
       product(connections, each.poll + each.table) + " (poll and file table)"},
      {"holdfast", connections * each.server, product(connections, each.server)},
      {"shards", kProcessBytes + shards * (kShardBytes + kRingBytes),
       grouped(shards) + " x " + bytes_text(kShardBytes + kRingBytes) + " + " + bytes_text(kProcessBytes)},
      {"socket buffers", socket_pages * kPageBytes,
       grouped(active_pages(target)) + " pages on active connections + " + grouped(broadcast_pages(target)) +
           " by a broadcast"},
      {"messages", active * target.message_bytes,
       grouped(active) + " active x " + grouped(target.message_bytes) + " B in the server"},
  };
  if (target.tls) {
    const std::uint64_t handshakes = std::min(arrivals_a_second(target), kTlsHandshakesMaximum);
    bill.push_back({"TLS", connections * kTlsBytes + handshakes * kTlsHandshakeBytes,
                    product(connections, kTlsBytes) + " + " + product(handshakes, kTlsHandshakeBytes) +
                        " during handshakes"});
  }
  if (target.loopback)
    bill.push_back({"clients", connections * each.client, product(connections, each.client)});
  if (conntrack_counts(facts))
    bill.push_back({"conntrack", connections * kConntrackBytes, product(connections, kConntrackBytes)});
  return bill;
}

std::uint64_t total_bytes(const std::vector<BillItem>& bill) {
  std::uint64_t total = 0;
  for (const BillItem& item : bill) total += item.bytes;
  return total;
}

std::uint64_t reserve_bytes(const Facts& facts) {
  return std::max<std::uint64_t>(256u << 20, facts.memory_total.value_or(0) / 20);
}

}  // namespace holdfast::tune
