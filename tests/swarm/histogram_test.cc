// The swarm's histogram against a sorted list of the same values.
#include "histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/entropy.h"

namespace holdfast::swarm {
namespace {

TEST(Histogram, IsEmptyBeforeTheFirstValue) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.smallest(), 0u);
  EXPECT_EQ(histogram.largest(), 0u);
}

TEST(Histogram, IsExactBelow128AndAtBothEnds) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.quantile(0), 1u);
  EXPECT_EQ(histogram.quantile(0.5), 50u);
  EXPECT_EQ(histogram.quantile(0.99), 99u);
  EXPECT_EQ(histogram.quantile(1), 100u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(Histogram, NeverReportsLessThanTheTrueQuantileNorMoreThanASixtyFourthAboveIt) {
  base::Random random(7);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random.next() >> random.below(63);
    values.push_back(value);
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(values.size())));
    const std::uint64_t exact = values[rank - 1];
    EXPECT_GE(histogram.quantile(fraction), exact) << fraction;
    EXPECT_LE(histogram.quantile(fraction) - exact, exact / 64) << fraction;
  }
  EXPECT_EQ(histogram.largest(), values.back());
  EXPECT_EQ(histogram.smallest(), values.front());
}

TEST(Histogram, TakesTheLargestNumberThereIs) {
  Histogram histogram;
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.quantile(0.5), ~std::uint64_t{0});
}

TEST(Histogram, MergedIsWhatOneWouldHaveBeenThatSawEverything) {
  base::Random random(11);
  Histogram first, second, all;
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t value = random.below(1'000'000'000);
    (i % 3 == 0 ? first : second).record(value);
    all.record(value);
  }
  Histogram merged;
  merged.merge(first);
  merged.merge(Histogram());
  merged.merge(second);
  EXPECT_EQ(merged.count(), all.count());
  EXPECT_EQ(merged.largest(), all.largest());
  EXPECT_EQ(merged.smallest(), all.smallest());
  for (const double fraction : {0.1, 0.5, 0.9, 0.99})
    EXPECT_EQ(merged.quantile(fraction), all.quantile(fraction));
}

}  // namespace
}  // namespace holdfast::swarm
