// Quantiles and merging.
#include "histogram.h"

#include <algorithm>
#include <cmath>

namespace holdfast::swarm {

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < 2 * kFine) return bucket;
  const auto shift = static_cast<int>(bucket >> kFineBits) - 1;
  const std::uint64_t leading = bucket - (static_cast<std::uint64_t>(shift) << kFineBits);
  return (leading << shift) + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.empty()) buckets_.resize(kBuckets);
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  largest_ = std::max(largest_, other.largest_);
  smallest_ = std::min(smallest_, other.smallest_);
}

std::uint64_t Histogram::quantile(double fraction) const {
  if (count_ == 0) return 0;
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) return std::min(upper_end(i), largest_);
  }
  return largest_;
}

std::uint64_t Histogram::count_until(std::uint64_t value) const {
  if (buckets_.empty()) return 0;
  std::uint64_t seen = 0;
  const std::size_t last = bucket_of(value);
  for (std::size_t i = 0; i <= last; ++i) seen += buckets_[i];
  return seen;
}

}  // namespace holdfast::swarm
