// Any split of the same bytes gives the same events, by whichever way they go: 10,000 random streams, right
// and wrong.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../sanitizer.h"
#include "random_stream.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary

// Instrumented and unoptimised code takes 30 times as long.
constexpr int kStreams = HOLDFAST_SANITIZED ? 1'000 : 10'000;
constexpr int kSplits = 20;
constexpr ReaderLimits kLimits{.message_bytes = 16 * 1024, .fragments = 10, .contexts = 2};
constexpr ReaderLimits kWslayLimits{
    .message_bytes = 16 * 1024, .fragments = 10, .contexts = 2, .always_wslay = true};

// Streams are numbered by their seed, so a failure names the one to draw again.
class SplitEquivalence : public ::testing::Test {
 protected:
  ReaderWorld world_{kLimits};
  ReaderWorld wslay_world_{kWslayLimits};
};

TEST_F(SplitEquivalence, HoldsForCopiedAndPlacedBytes) {
  int violations = 0;
  for (int seed = 0; seed < kStreams; ++seed) {
    const std::string stream = RandomStream(static_cast<std::uint64_t>(seed)).draw();
    const std::string expected = read_whole(world_, stream);
    violations += expected.find("violation[") != std::string::npos ? 1 : 0;
    ASSERT_EQ(read_bytewise(world_, stream), expected) << "seed " << seed;
    ASSERT_EQ(read_bytewise(world_, stream, Receive::straight_into_assembly), expected) << "seed " << seed;
    base::Random random(~static_cast<std::uint64_t>(seed));
    for (int split = 0; split < kSplits; ++split) {
      const std::vector<std::size_t> sizes = random_sizes(random, stream.size());
      ASSERT_EQ(read_in_pieces(world_, stream, sizes), expected) << "seed " << seed << " split " << split;
      ASSERT_EQ(read_in_pieces(world_, stream, sizes, Receive::straight_into_assembly), expected)
          << "seed " << seed << " split " << split;
    }
    ASSERT_TRUE(world_.clean()) << "seed " << seed;
  }
  // The streams are worth reading: both outcomes are frequent, and every way was taken.
  EXPECT_GT(violations, kStreams / 5);
  EXPECT_LT(violations, kStreams * 4 / 5);
  EXPECT_GT(world_.reader.short_path_frames(), 1u * kStreams);
  EXPECT_GT(world_.reader.bulk_path_frames(), kStreams / 10u);
  EXPECT_GT(world_.reader.wslay_frames(), 1u * kStreams);
  EXPECT_EQ(world_.reader.context_refusals(), 0u);
}

TEST_F(SplitEquivalence, HoldsBetweenTheShortAndBulkPathsAndWslayAlone) {
  for (int seed = 0; seed < kStreams; ++seed) {
    const std::string stream = RandomStream(static_cast<std::uint64_t>(seed)).draw();
    const std::string expected = read_whole(world_, stream);
    ASSERT_EQ(read_whole(wslay_world_, stream), expected) << "seed " << seed;
    base::Random random(static_cast<std::uint64_t>(seed));
    for (int split = 0; split < 3; ++split) {
      const std::vector<std::size_t> sizes = random_sizes(random, stream.size());
      ASSERT_EQ(read_in_pieces(wslay_world_, stream, sizes), expected)
          << "seed " << seed << " split " << split;
    }
    ASSERT_TRUE(wslay_world_.clean()) << "seed " << seed;
  }
  EXPECT_EQ(wslay_world_.reader.short_path_frames() + wslay_world_.reader.bulk_path_frames(), 0u);
}

}  // namespace
}  // namespace holdfast::ws
