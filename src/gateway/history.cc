// History: the ring.
#include "gateway/history.h"

#include <algorithm>

#include "base/check.h"
#include "net/ticks.h"

namespace holdfast::gateway {
namespace {

constexpr std::uint32_t kSmallestRing = 4;

}  // namespace

const PublicationReference& History::at(std::uint32_t place) const {
  CHECK(place < count_);
  return ring_[(first_ + place) & (capacity_ - 1)];
}

void History::push(PublicationReference publication, std::uint32_t size_limit) {
  CHECK(publication && size_limit > 0);
  CHECK(empty() || publication->offset() == newest()->offset() + 1);
  while (count_ >= size_limit) drop_oldest();
  if (count_ == capacity_) resize(std::max(kSmallestRing, capacity_ * 2));
  ring_[(first_ + count_) & (capacity_ - 1)] = std::move(publication);
  ++count_;
}

void History::drop_oldest() {
  CHECK(count_ > 0);
  ring_[first_].reset();
  first_ = (first_ + 1) & (capacity_ - 1);
  --count_;
}

void History::drop_expired(time::Tick now) {
  while (!empty() && net::reached(now, oldest().expires_tick())) drop_oldest();
  shrink();
}

void History::clear() {
  while (!empty()) drop_oldest();
  shrink();
}

// A quarter full is the time to halve, so that a count that swings a little does not resize at every turn.
void History::shrink() {
  if (empty()) {
    ring_.reset();
    capacity_ = first_ = 0;
    return;
  }
  std::uint32_t capacity = capacity_;
  while (capacity > kSmallestRing && count_ <= capacity / 4) capacity /= 2;
  if (capacity != capacity_) resize(capacity);
}

void History::resize(std::uint32_t capacity) {
  CHECK(capacity >= count_ && (capacity & (capacity - 1)) == 0);
  auto ring = std::make_unique<PublicationReference[]>(capacity);
  for (std::uint32_t place = 0; place < count_; ++place) {
    ring[place] = std::move(ring_[(first_ + place) & (capacity_ - 1)]);
  }
  ring_ = std::move(ring);
  capacity_ = capacity;
  first_ = 0;
}

void History::read(const HistorySlice& slice, std::vector<PublicationReference>& publications) const {
  if (empty()) return;
  const std::uint64_t lowest = oldest().offset();
  const std::uint64_t highest = newest()->offset();
  std::uint64_t offset = slice.reverse ? highest : lowest;
  if (!slice.from_an_end) {
    if (slice.reverse ? slice.since <= lowest : slice.since >= highest) return;
    offset = slice.reverse ? std::min(highest, slice.since - 1) : std::max(lowest, slice.since + 1);
  }
  std::uint64_t bytes = 0;
  for (std::uint32_t taken = 0; taken < slice.limit && offset >= lowest && offset <= highest; ++taken) {
    const PublicationReference& publication = at(static_cast<std::uint32_t>(offset - lowest));
    bytes += publication->payload().size();
    if (slice.bytes_limit > 0 && taken > 0 && bytes > slice.bytes_limit) return;
    publications.push_back(publication);
    // Offsets begin at 1, so going down ends below `lowest` without wrapping.
    offset = slice.reverse ? offset - 1 : offset + 1;
  }
}

}  // namespace holdfast::gateway
