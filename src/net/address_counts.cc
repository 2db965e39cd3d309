// AddressCounts: linear probing; a removal moves what it would cut off, so that there are no tombstones to
// pile up.
#include "net/address_counts.h"

#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"

namespace holdfast::net {
namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// A quarter stays empty, so that probes stay short.
std::uint64_t entries_for(std::uint64_t connections) {
  return std::bit_ceil(connections + connections / 3 + 2);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AddressCounts>> AddressCounts::create(base::SipKey key,
                                                                     std::uint32_t most_of_one,
                                                                     std::uint64_t connections) {
  CHECK(most_of_one > 0);
  auto mapping = memory::Mapping::create("addresses", bytes_for(connections));
  if (!mapping.ok()) return mapping.status();
  return std::unique_ptr<AddressCounts>(
      new AddressCounts(key, most_of_one, *std::move(mapping), entries_for(connections)));
}

std::uint64_t AddressCounts::bytes_for(std::uint64_t connections) {
  memory::Carver size(nullptr);
  size.take<Entry>(entries_for(connections));
  return size.used();
}

AddressCounts::AddressCounts(base::SipKey key, std::uint32_t most_of_one, memory::Mapping mapping,
                             std::uint64_t entries)
    : key_(key), most_of_one_(most_of_one), mapping_(std::move(mapping)), mask_(entries - 1) {
  memory::Carver carver(mapping_.base());
  entries_ = carver.take<Entry>(entries);
}

// IPv4 addresses go where no IPv6 network can be (::/8 is reserved).
std::uint64_t AddressCounts::network_of(const PeerAddress& peer) {
  std::uint64_t network = 0;
  if (std::memcmp(peer.ip.data(), kMappedPrefix, sizeof kMappedPrefix) == 0) {
    std::uint32_t ipv4 = 0;
    std::memcpy(&ipv4, peer.ip.data() + sizeof kMappedPrefix, sizeof ipv4);
    const std::uint8_t reserved[4] = {0, 0, 0, 4};
    std::memcpy(&network, reserved, sizeof reserved);
    std::memcpy(reinterpret_cast<std::byte*>(&network) + sizeof reserved, &ipv4, sizeof ipv4);
  } else {
    std::memcpy(&network, peer.ip.data(), sizeof network);
  }
  return network;
}

std::uint64_t AddressCounts::home_of(std::uint64_t network) const {
  return base::siphash(key_, std::as_bytes(std::span(&network, 1))) & mask_;
}

std::uint64_t AddressCounts::find(std::uint64_t network) const {
  std::uint64_t place = home_of(network);
  while (entries_[place].connections > 0 && entries_[place].network != network) place = (place + 1) & mask_;
  return place;
}

bool AddressCounts::add(const PeerAddress& peer) {
  const std::uint64_t network = network_of(peer);
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[find(network)];
  if (entry.connections >= most_of_one_) return false;
  entry.network = network;
  ++entry.connections;
  return true;
}

void AddressCounts::remove(const PeerAddress& peer) {
  const std::uint64_t network = network_of(peer);
  const std::lock_guard lock(mutex_);
  const std::uint64_t place = find(network);
  CHECK(entries_[place].connections > 0);
  if (--entries_[place].connections == 0) close_gap(place);
}

// Whoever was pushed past the hole by those before it moves back into it, until nobody is.
void AddressCounts::close_gap(std::uint64_t hole) {
  for (std::uint64_t next = (hole + 1) & mask_; entries_[next].connections > 0; next = (next + 1) & mask_) {
    const std::uint64_t pushed = (next - home_of(entries_[next].network)) & mask_;
    if (pushed < ((next - hole) & mask_)) continue;
    entries_[hole] = entries_[next];
    hole = next;
  }
  entries_[hole] = Entry{};
}

std::uint32_t AddressCounts::count(const PeerAddress& peer) {
  const std::uint64_t network = network_of(peer);
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(entries_[find(network)].connections);
}

}  // namespace holdfast::net
