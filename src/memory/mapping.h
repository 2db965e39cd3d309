// Mapping: one memfd, mapped MAP_SHARED, that holds everything a shard knows about its connections.
//
// One mapping with a versioned header is what lets a later process attach to it (rule R8). Pages are touched
// on first use only, so a mapping sized for the worst case costs what is really used. Owned by one shard;
// movable, not copyable.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace holdfast::memory {

struct MappingHeader {
  static constexpr std::uint64_t kMagic = 0x74736166646c6f68u;  // "holdfast", little-endian
  static constexpr std::uint32_t kVersion = 3;  // raised whenever the layout of anything in it changes
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t header_bytes = sizeof(MappingHeader);
  std::uint64_t mapping_bytes = 0;
};

class Mapping {
 public:
  // `bytes` is rounded up to whole pages and includes the header. Errors: ResourceExhausted with the sizes
  // and the limit that stands in the way (address space, memory cgroup, memfd).
  static absl::StatusOr<Mapping> create(const char* name, std::size_t bytes);

  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  std::byte* base() const { return base_; }
  std::size_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }
  const MappingHeader& header() const;

 private:
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  int descriptor_ = -1;
};

// Carves typed arrays out of a mapping in order. Used twice with the same sequence of calls: once over no
// memory (base nullptr) to learn the size, once over the mapping.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base), used_(sizeof(MappingHeader)) {}

  template <class T>
  T* take(std::size_t count, std::size_t alignment = 64) {
    return reinterpret_cast<T*>(take_bytes(sizeof(T) * count, alignment));
  }
  // Bytes from the mapping's start to the end of what was taken.
  std::size_t used() const { return used_; }

 private:
  std::byte* take_bytes(std::size_t bytes, std::size_t alignment);

  std::byte* base_;
  std::size_t used_;
};

}  // namespace holdfast::memory
