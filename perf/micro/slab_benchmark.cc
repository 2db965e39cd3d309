// What a connection's place in memory costs: a record of a bounded pool claimed and released, and a slot
// found again by the index and generation that a completion brings.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "memory/pool.h"
#include "net/connection_table.h"

namespace {

using holdfast::memory::Index;
using holdfast::memory::Pool;
using holdfast::memory::PoolState;

struct Record {
  std::uint64_t words[3];  // as large as a subscription
};

void pool_claim_release(benchmark::State& state) {
  const auto capacity = static_cast<std::uint32_t>(state.range(0));
  PoolState pool_state{};
  std::vector<Record> records(capacity);
  Pool<Record> pool(&pool_state, records.data(), capacity);
  for (auto _ : state) {
    const Index index = pool.claim();
    pool[index].words[0] = index;
    pool.release(index);
  }
}
BENCHMARK(pool_claim_release)->Arg(64)->Arg(65'536);

// A whole shard's slots in random order: cache misses included from some thousand on.
void slot_find(benchmark::State& state) {
  const auto capacity = static_cast<std::uint32_t>(state.range(0));
  holdfast::net::ConnectionTableState table_state{};
  std::vector<holdfast::net::Slot> slots(capacity);
  std::vector<holdfast::net::SlotDetail> details(capacity);
  holdfast::net::ConnectionTable table(&table_state, slots.data(), details.data(), capacity);
  std::vector<std::uint32_t> generations(capacity);
  for (Index index = 0; index < capacity; ++index) {
    table.claim(index, 0);
    generations[index] = slots[index].generation;
  }
  Index index = 1;
  for (auto _ : state) {
    index = (index * 40'503 + 1) % capacity;
    if (table.find(index, generations[index]) == nullptr) std::abort();
  }
}
BENCHMARK(slot_find)->Arg(64)->Arg(65'536);

}  // namespace
