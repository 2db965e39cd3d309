// ReceivePool: the memory input arrives in. It belongs to the shard, never to a connection (rule R2).
//
// Two sizes. A socket is read into a small buffer, or into a large one when its last reads filled small ones.
// Buffers are lent from the queueing of a receive to the end of the handler that saw its bytes, last returned
// first lent, so that traffic stays in the few warmest. When all are lent, sockets wait in the shard's ready
// list in their order; nobody is closed. Shard thread only. Invariant: lent() is 0 between turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "memory/index.h"

namespace holdfast::net {

class ReceivePool {
 public:
  static constexpr std::size_t kLittleBytes = 2 * 1024;  // of a small one, for who last sent no more
  static constexpr std::size_t kSmallBytes = 16 * 1024;
  static constexpr std::size_t kLargeBytes = 128 * 1024;
  static constexpr std::uint8_t kLargeCredit = 8;  // reads that stay large after the last big one
  static_assert(kLittleBytes < kSmallBytes && kSmallBytes < kLargeBytes);

  ReceivePool(std::uint32_t small_count, std::uint32_t large_count);

  // A buffer of the wanted size, the other size when that is used up, or kNoIndex when both are.
  memory::Index lend(bool large);
  void give_back(memory::Index buffer);
  std::span<std::byte> bytes(memory::Index buffer);

  std::uint32_t lent() const { return lent_; }
  std::uint64_t exhausted() const { return exhausted_; }

 private:
  std::uint32_t small_count_;
  std::uint32_t large_count_;
  std::unique_ptr<std::byte[]> small_;
  std::unique_ptr<std::byte[]> large_;
  std::vector<memory::Index> free_small_;
  std::vector<memory::Index> free_large_;
  std::uint32_t lent_ = 0;
  std::uint64_t exhausted_ = 0;
};

}  // namespace holdfast::net
