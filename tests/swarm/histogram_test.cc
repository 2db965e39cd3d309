// The swarm's histogram against a sorted list of the same values, and its series over time.
#include "histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/entropy.h"
#include "series.h"

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

TEST(Histogram, CountsTheValuesUpToABound) {
  Histogram histogram;
  EXPECT_EQ(histogram.count_until(5), 0u);
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  histogram.record(1'000'000);
  EXPECT_EQ(histogram.count_until(0), 0u);
  EXPECT_EQ(histogram.count_until(50), 50u);
  EXPECT_EQ(histogram.count_until(500'000), 100u);
  EXPECT_EQ(histogram.count_until(1'000'000), 101u);
}

TEST(Series, KeepsABoundedNumberOfSamplesAtEqualDistancesHoweverLongThePhase) {
  Series series;
  for (int tick = 0; tick < 100'000; ++tick) {
    const double seconds = tick * 0.02;
    if (series.due(seconds)) series.add({.seconds = seconds});
  }
  const std::vector<Sample>& samples = series.samples();
  EXPECT_LE(samples.size(), Series::kSamples);
  EXPECT_GE(samples.size(), Series::kSamples / 3);
  EXPECT_EQ(samples.front().seconds, 0);
  EXPECT_GT(samples.back().seconds, 1950);
  const double distance = samples[1].seconds - samples[0].seconds;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    EXPECT_NEAR(samples[i].seconds - samples[i - 1].seconds, distance, distance / 10) << i;
  }
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
