// MemoryBill: the most memory a configuration can come to take, item by item, before anything is taken.
//
// Rule R9 says that every byte a peer can cause is bounded; here the bounds are added up. Pure arithmetic
// over Config and Capacity; those above the core add lines of their own. What the kernel takes for sockets is
// told apart, because it is not the process's: it does not show in its resident memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/config.h"
#include "shard/capacity.h"

namespace holdfast::shard {

// What an item grows with.
enum class Grows : std::uint8_t {
  with_nothing,
  with_shards,
  with_connections,
  with_subscriptions,
  with_channels
};

struct MemoryItem {
  Grows grows;
  std::uint64_t count;
  std::uint64_t bytes;  // of each
  std::string what;
  std::uint64_t total() const { return count * bytes; }
};
using MemoryBill = std::vector<MemoryItem>;

// What a name of `bytes` takes in the heap, the allocator's share included.
constexpr std::uint64_t heap_bytes(std::uint64_t bytes) {
  return (bytes + 15) / 16 * 16 * 5 / 4 + 16;
}
// What an entry of a hash table takes at its worst moment: the table is moving into one of twice the size,
// which is then filled to seven sixteenths.
constexpr std::uint64_t table_bytes(std::uint64_t entry_bytes) {
  return (entry_bytes + 1) * 24 / 7 + 1;
}

MemoryBill memory_bill(const Config& config, const Capacity& capacity);

std::uint64_t total_bytes(const MemoryBill& bill);
// A table, the formula, and the sum, for a person.
std::string describe(const MemoryBill& bill, std::uint32_t shards);

}  // namespace holdfast::shard
