// History: the newest publications of one channel, bounded by number and by age.
//
// A ring of references that grows and shrinks with what it holds. Home shard's thread only. Invariant:
// offsets are consecutive and end at the channel's top.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/publication.h"
#include "time/wheel.h"

namespace holdfast::gateway {

// How much of a history a reader wants.
struct HistorySlice {
  std::uint64_t since = 0;  // forward: above this offset; in reverse: below it
  bool from_an_end = true;  // `since` does not count: forward from the oldest, in reverse from the newest
  bool reverse = false;
  std::uint32_t limit = 0;        // publications at most
  std::uint64_t bytes_limit = 0;  // of payloads; 0: none. The first publication is never left out for it.
};

class History {
 public:
  History() = default;
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // Adds the newest and drops the oldest beyond `size_limit` (at least 1).
  void push(PublicationReference publication, std::uint32_t size_limit);
  // Drops from the oldest on what has expired, up to the first that has not.
  void drop_expired(time::Tick now);
  void clear();

  bool empty() const { return count_ == 0; }
  std::uint32_t count() const { return count_; }
  const Publication& oldest() const { return *at(0); }
  const PublicationReference& newest() const { return at(count_ - 1); }

  // Appends the slice to `publications`.
  void read(const HistorySlice& slice, std::vector<PublicationReference>& publications) const;

  // Memory of the ring itself.
  std::size_t ring_bytes() const { return capacity_ * sizeof(PublicationReference); }

 private:
  const PublicationReference& at(std::uint32_t place) const;
  void drop_oldest();
  void resize(std::uint32_t capacity);
  void shrink();

  std::unique_ptr<PublicationReference[]> ring_;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace holdfast::gateway
