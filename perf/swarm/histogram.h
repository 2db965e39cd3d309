// Histogram: counts of values in buckets that grow with the value, so that every quantile is right to within
// 1/64 of itself from one nanosecond to centuries. The largest and smallest value are exact.
//
// 30 KB each, no allocation after the first value. One thread at a time; those of several threads are merged.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::swarm {

class Histogram {
 public:
  void record(std::uint64_t value) {
    if (buckets_.empty()) buckets_.resize(kBuckets);
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    if (value > largest_) largest_ = value;
    if (value < smallest_) smallest_ = value;
  }
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t largest() const { return largest_; }
  std::uint64_t smallest() const { return count_ == 0 ? 0 : smallest_; }
  double mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }
  // The value that `fraction` (0 to 1) of the values do not exceed: the upper end of its bucket, or the
  // largest value when that is less. 0 when nothing was recorded.
  std::uint64_t quantile(double fraction) const;
  // How many of the values were at most `value`: exactly when a bucket ends there, else to within 1/64.
  std::uint64_t count_until(std::uint64_t value) const;

 private:
  static constexpr int kFineBits = 6;  // 64 buckets for every doubling
  static constexpr std::uint64_t kFine = 1u << kFineBits;
  static constexpr std::size_t kBuckets = (64 - kFineBits + 1) * kFine;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 2 * kFine) return static_cast<std::size_t>(value);
    const int shift = 63 - __builtin_clzll(value) - kFineBits;
    return static_cast<std::size_t>((static_cast<std::uint64_t>(shift) << kFineBits) + (value >> shift));
  }
  static std::uint64_t upper_end(std::size_t bucket);

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t largest_ = 0;
  std::uint64_t smallest_ = ~std::uint64_t{0};
};

}  // namespace holdfast::swarm
