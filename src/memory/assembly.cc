// AssemblyPool: records, and blocks that grow by doubling with what has arrived, so that collecting n bytes
// copies less than 2n in all whatever the sizes of the reads are.
#include "memory/assembly.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace holdfast::memory {
namespace {

// Below this a block would be outgrown by the next read of nearly every request head or frame that needs one
// at all.
constexpr std::size_t kFirstBlockBytes = 512;
constexpr std::size_t kLengthMaximum = std::numeric_limits<std::uint32_t>::max();

}  // namespace

AssemblyPool::AssemblyPool(PoolState* state, Assembly* items, std::uint32_t capacity, BlockArena* arena,
                           std::size_t ceiling_bytes)
    : records_(state, items, capacity), arena_(arena), ceiling_bytes_(ceiling_bytes) {
  CHECK(arena != nullptr);
}

Index AssemblyPool::claim() {
  const Index assembly = records_.claim();
  if (assembly == kNoIndex) return kNoIndex;
  Assembly& claimed = records_[assembly];
  claimed = Assembly{};
  claimed.block = kNoIndex;
  claimed.guard = Assembly::kAlive;
  return assembly;
}

void AssemblyPool::release(Index assembly) {
  Assembly& released = record(assembly);
  if (released.block != kNoIndex) arena_->release(released.block);
  released.guard = 0;
  records_.release(assembly);
}

bool AssemblyPool::reserve(Index assembly, std::size_t capacity_bytes) {
  Assembly& grown = record(assembly);
  CHECK(capacity_bytes <= kLengthMaximum);
  return capacity_bytes <= grown.capacity || move_to_block_of(grown, capacity_bytes);
}

bool AssemblyPool::append(Index assembly, std::span<const std::byte> bytes, std::size_t maximum_bytes) {
  Assembly& grown = record(assembly);
  CHECK(maximum_bytes <= kLengthMaximum);
  CHECK(grown.length <= maximum_bytes);
  CHECK(bytes.size() <= maximum_bytes - grown.length);
  if (bytes.empty()) return true;
  const std::size_t length = grown.length + bytes.size();
  if (length > grown.capacity) {
    const std::size_t doubled = std::max(std::size_t{2} * grown.capacity, kFirstBlockBytes);
    if (!move_to_block_of(grown, std::min(std::max(length, doubled), maximum_bytes))) return false;
  }
  std::memcpy(arena_->at(grown.block) + grown.length, bytes.data(), bytes.size());
  grown.length = static_cast<std::uint32_t>(length);
  return true;
}

std::span<std::byte> AssemblyPool::stored(Index assembly) {
  const Assembly& read = record(assembly);
  if (read.block == kNoIndex) return {};
  return {arena_->at(read.block), read.length};
}

std::span<std::byte> AssemblyPool::room(Index assembly) {
  const Assembly& filled = record(assembly);
  if (filled.block == kNoIndex) return {};
  return {arena_->at(filled.block) + filled.length, filled.capacity - filled.length};
}

void AssemblyPool::add_stored(Index assembly, std::size_t bytes) {
  Assembly& filled = record(assembly);
  CHECK(bytes <= filled.capacity - filled.length);
  filled.length += static_cast<std::uint32_t>(bytes);
}

void AssemblyPool::clear(Index assembly) {
  record(assembly).length = 0;
}

bool AssemblyPool::move_to_block_of(Assembly& record, std::size_t bytes) {
  CHECK(bytes >= record.length);
  // More than the whole region can never be given; the arena takes such a request for a bug.
  if (bytes > arena_->region_bytes() || arena_->used_bytes() + bytes > ceiling_bytes_) return false;
  const Index block = arena_->claim(bytes);
  if (block == kNoIndex) return false;
  if (record.block != kNoIndex) {
    std::memcpy(arena_->at(block), arena_->at(record.block), record.length);
    arena_->release(record.block);
  }
  record.block = block;
  record.capacity = static_cast<std::uint32_t>(std::min(arena_->usable_bytes(block), kLengthMaximum));
  return true;
}

}  // namespace holdfast::memory
