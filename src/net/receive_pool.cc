// ReceivePool: two stacks of buffer indexes over two blocks of memory.
#include "net/receive_pool.h"

namespace holdfast::net {

using memory::Index;
using memory::kNoIndex;

ReceivePool::ReceivePool(std::uint32_t small_count, std::uint32_t large_count)
    : small_count_(small_count),
      large_count_(large_count),
      small_(std::make_unique_for_overwrite<std::byte[]>(small_count * kSmallBytes)),
      large_(std::make_unique_for_overwrite<std::byte[]>(large_count * kLargeBytes)) {
  CHECK(small_count > 0);
  free_small_.reserve(small_count);
  free_large_.reserve(large_count);
  for (Index index = small_count; index-- > 0;) free_small_.push_back(index);
  for (Index index = large_count; index-- > 0;) free_large_.push_back(small_count + index);
}

Index ReceivePool::lend(bool large) {
  std::vector<Index>* wanted = large ? &free_large_ : &free_small_;
  if (wanted->empty()) wanted = large ? &free_small_ : &free_large_;
  if (wanted->empty()) {
    ++exhausted_;
    return kNoIndex;
  }
  const Index buffer = wanted->back();
  wanted->pop_back();
  ++lent_;
  return buffer;
}

void ReceivePool::give_back(Index buffer) {
  CHECK(buffer < small_count_ + large_count_);
  CHECK(lent_ > 0);
  --lent_;
  (buffer < small_count_ ? free_small_ : free_large_).push_back(buffer);
}

std::span<std::byte> ReceivePool::bytes(Index buffer) {
  CHECK(buffer < small_count_ + large_count_);
  if (buffer < small_count_) return {small_.get() + buffer * kSmallBytes, kSmallBytes};
  return {large_.get() + (buffer - small_count_) * kLargeBytes, kLargeBytes};
}

}  // namespace holdfast::net
