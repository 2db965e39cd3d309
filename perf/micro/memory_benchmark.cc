// What one message pays for its memory: a block, a frame, an assembly; and the hash that finds a topic.
//
// Bounds agreed for release builds: claim and release of a small block together below 15 ns.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "base/siphash.h"
#include "memory/assembly.h"
#include "memory/block_arena.h"
#include "memory/frame.h"
#include "memory/mapping.h"

namespace {

using holdfast::memory::BlockArena;
using holdfast::memory::Index;

constexpr std::size_t kRegionBytes = 256u << 20;

// An arena in a mapping of its own, as a shard has it.
class MappedArena {
 public:
  MappedArena() : mapping_(create()) {
    holdfast::memory::Carver carver(mapping_.base());
    auto* state = carver.take<std::byte>(BlockArena::state_bytes(kRegionBytes));
    std::byte* region = carver.take<std::byte>(kRegionBytes, BlockArena::kPageBytes);
    arena_ = BlockArena(reinterpret_cast<holdfast::memory::BlockArenaState*>(state), region, kRegionBytes);
  }
  BlockArena& arena() { return arena_; }

 private:
  static holdfast::memory::Mapping create() {
    const std::size_t bytes =
        BlockArena::state_bytes(kRegionBytes) + kRegionBytes + 2 * BlockArena::kPageBytes;
    auto created = holdfast::memory::Mapping::create("perf-micro", bytes);
    if (!created.ok()) std::abort();
    return std::move(created).value();
  }

  holdfast::memory::Mapping mapping_;
  BlockArena arena_;
};

void block_claim_release(benchmark::State& state) {
  MappedArena mapped;
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    const Index block = mapped.arena().claim(bytes);
    benchmark::DoNotOptimize(block);
    mapped.arena().release(block);
  }
}
BENCHMARK(block_claim_release)->Arg(64)->Arg(1100)->Arg(16400)->Arg(65600)->Arg(1 << 20);

// A fan-out's worth of blocks of mixed sizes held at once, each released and claimed again in random order.
void block_churn(benchmark::State& state) {
  MappedArena mapped;
  holdfast::base::Random random(1);
  std::vector<Index> held(static_cast<std::size_t>(state.range(0)));
  for (Index& block : held) block = mapped.arena().claim(1 + random.below(4096));
  for (auto _ : state) {
    Index& block = held[random.below(held.size())];
    mapped.arena().release(block);
    block = mapped.arena().claim(1 + random.below(4096));
  }
}
BENCHMARK(block_churn)->Arg(1000)->Arg(30000);

// The library's own allocator with the same traffic, for scale.
void malloc_churn(benchmark::State& state) {
  holdfast::base::Random random(1);
  std::vector<void*> held(static_cast<std::size_t>(state.range(0)));
  for (void*& block : held) block = std::malloc(1 + random.below(4096));
  for (auto _ : state) {
    void*& block = held[random.below(held.size())];
    std::free(block);
    block = std::malloc(1 + random.below(4096));
    benchmark::DoNotOptimize(block);
  }
  for (void* block : held) std::free(block);
}
BENCHMARK(malloc_churn)->Arg(1000)->Arg(30000);

void frame_claim_release(benchmark::State& state) {
  MappedArena mapped;
  holdfast::memory::FramePool frames(&mapped.arena());
  for (auto _ : state) {
    const Index frame = frames.claim(64);
    benchmark::DoNotOptimize(frames.bytes(frame).data());
    frames.release(frame);
  }
}
BENCHMARK(frame_claim_release);

void frame_retain_release(benchmark::State& state) {
  MappedArena mapped;
  holdfast::memory::FramePool frames(&mapped.arena());
  const Index frame = frames.claim(64);
  for (auto _ : state) {
    frames.retain(frame);
    frames.release(frame);
  }
  frames.release(frame);
}
BENCHMARK(frame_retain_release);

void assembly_of_four_reads(benchmark::State& state) {
  MappedArena mapped;
  holdfast::memory::PoolState pool_state;
  std::vector<holdfast::memory::Assembly> records(16);
  holdfast::memory::AssemblyPool assemblies(&pool_state, records.data(), 16, &mapped.arena());
  const std::vector<std::byte> read(1000);
  for (auto _ : state) {
    const Index assembly = assemblies.claim();
    for (int i = 0; i < 4; ++i) assemblies.append(assembly, read, 1 << 20);
    benchmark::DoNotOptimize(assemblies.stored(assembly).data());
    assemblies.release(assembly);
  }
}
BENCHMARK(assembly_of_four_reads);

void siphash_topic(benchmark::State& state) {
  const std::string name(static_cast<std::size_t>(state.range(0)), 'x');
  const holdfast::base::SipKey key{1, 2};
  for (auto _ : state) benchmark::DoNotOptimize(holdfast::base::siphash(key, name));
}
BENCHMARK(siphash_topic)->Arg(16)->Arg(64);

}  // namespace
