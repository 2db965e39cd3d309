// AssemblyPool: the only memory of its own a connection has for input, and only while something is
// incomplete.
//
// An assembly is a record from a bounded pool plus a block of the shard's arena that grows with what has
// really arrived, never with what a peer merely announced (rule R9). `state` is 40 bytes for the protocol
// that reads the connection (http head scan, ws reader, tcp reader): trivially copyable structs, placed with
// state_as<T>().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/check.h"
#include "memory/block_arena.h"
#include "memory/index.h"
#include "memory/pool.h"

namespace holdfast::memory {

struct Assembly {
  static constexpr std::size_t kStateBytes = 40;
  static constexpr std::uint32_t kAlive = 0x61736d62u;
  Index block;                              // kNoIndex while nothing is stored
  std::uint32_t length;                     // bytes stored
  std::uint32_t capacity;                   // bytes the block can hold
  std::uint32_t guard;                      // kAlive while claimed: a stale index is caught, not followed
  alignas(8) std::byte state[kStateBytes];  // zero when claimed
};
static_assert(sizeof(Assembly) == 56);

class AssemblyPool {
 public:
  AssemblyPool() = default;
  // Takes no memory that would make the arena's use more than `ceiling_bytes`: the rest is for others.
  AssemblyPool(PoolState* state, Assembly* items, std::uint32_t capacity, BlockArena* arena,
               std::size_t ceiling_bytes = ~std::size_t{0});

  // An empty assembly with zero state, or kNoIndex at the bound.
  Index claim();
  void release(Index assembly);

  // Room for at least `capacity_bytes` in all, keeping what is stored. False when the arena has none.
  bool reserve(Index assembly, std::size_t capacity_bytes);
  // Adds bytes, growing to at least double but never beyond `maximum_bytes`. False when the arena has no
  // room; CHECKs that the result fits in maximum_bytes. `bytes` must not lie in this assembly: its block may
  // be released.
  bool append(Index assembly, std::span<const std::byte> bytes, std::size_t maximum_bytes);
  // Bytes stored, writable; valid until the next reserve, append or release of this assembly.
  std::span<std::byte> stored(Index assembly);
  // The free rest of the block, for receiving straight into it; add_stored(n) afterwards.
  std::span<std::byte> room(Index assembly);
  void add_stored(Index assembly, std::size_t bytes);
  void clear(Index assembly);  // forgets the bytes, keeps the block and the state

  template <class T>
  T& state_as(Index assembly) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= Assembly::kStateBytes && alignof(T) <= 8);
    return *reinterpret_cast<T*>(record(assembly).state);
  }

  std::uint32_t used() const { return records_.used(); }
  std::uint64_t refusals() const { return records_.state().refusals; }

 private:
  Assembly& record(Index assembly) {
    Assembly& found = records_[assembly];
    CHECK(found.guard == Assembly::kAlive);
    return found;
  }
  bool move_to_block_of(Assembly& record, std::size_t bytes);

  Pool<Assembly> records_;
  BlockArena* arena_ = nullptr;
  std::size_t ceiling_bytes_ = 0;
};

}  // namespace holdfast::memory
