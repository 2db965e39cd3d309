// History and recovery: what a reader gets, and when a subscriber has recovered.
#include <gtest/gtest.h>

#include "channel_home_fixture.h"

namespace holdfast::gateway {
namespace {

using Strings = std::vector<std::string>;
using std::chrono::minutes;
using std::chrono::seconds;

class RecoveryTest : public testing::Test {
 protected:
  // Publishes "1" to "count"; the newest `size` stay.
  Epoch fill(int count, std::uint32_t size = 100) {
    Epoch epoch;
    for (int i = 1; i <= count; ++i) epoch = home_.publish("a", std::to_string(i), size).position.epoch;
    return epoch;
  }
  Strings history(const HistoryRequest& request) {
    std::vector<PublicationReference> found;
    EXPECT_EQ(home_->history("a", request, found).outcome, HistoryResult::Outcome::ok);
    return home_.payloads(found);
  }
  OwnedHome home_;
};

TEST_F(RecoveryTest, GivesEverythingMissedInOrder) {
  const Epoch epoch = fill(5);
  const SubscribeResult result = home_.recover("a", 2, epoch);
  EXPECT_TRUE(result.accepted && result.recovered);
  EXPECT_EQ(home_.recovered(), (Strings{"3", "4", "5"}));
  EXPECT_EQ(result.position, (Position{5, epoch}));
}

TEST_F(RecoveryTest, SucceedsWithNothingWhenNothingWasMissed) {
  const Epoch epoch = fill(5);
  EXPECT_TRUE(home_.recover("a", 5, epoch).recovered);
  EXPECT_EQ(home_.recovered(), Strings{});
}

TEST_F(RecoveryTest, TakesAnEmptyEpochForTheCurrentOne) {
  fill(5);
  EXPECT_TRUE(home_.recover("a", 4, {}).recovered);
  EXPECT_EQ(home_.recovered(), Strings{"5"});
  EXPECT_TRUE(home_.recover("a", 0, {}).recovered);
  EXPECT_EQ(home_.recovered().size(), 5u);
}

TEST_F(RecoveryTest, FailsInAnotherEpoch) {
  fill(5);
  EXPECT_FALSE(home_.recover("a", 5, Epoch::from_client("ABCDabcd")).recovered);
  EXPECT_FALSE(home_.recover("a", 3, Epoch::from_client("x")).recovered);
  EXPECT_EQ(home_.recovered(), Strings{});
  EXPECT_EQ(home_->counters().recoveries_failed, 2u);
}

TEST_F(RecoveryTest, FailsWhenTheFirstMissedIsGone) {
  const Epoch epoch = fill(10, 4);
  EXPECT_FALSE(home_.recover("a", 5, epoch).recovered);
  EXPECT_EQ(home_.recovered(), Strings{});
  EXPECT_TRUE(home_.recover("a", 6, epoch).recovered);
  EXPECT_EQ(home_.recovered(), (Strings{"7", "8", "9", "10"}));
}

TEST_F(RecoveryTest, FailsAheadOfTheTop) {
  const Epoch epoch = fill(3);
  EXPECT_FALSE(home_.recover("a", 4, epoch).recovered);
  EXPECT_FALSE(home_.recover("a", std::numeric_limits<std::uint64_t>::max(), epoch).recovered);
  EXPECT_FALSE(home_.recover("unknown", 1, {}).recovered);
  EXPECT_TRUE(home_.recover("unknown as well", 0, {}).recovered) << "nothing was missed";
}

TEST_F(RecoveryTest, FailsBeyondItsLimits) {
  const Epoch epoch = fill(20);
  EXPECT_TRUE(home_.recover("a", 10, epoch, RecoveryMode::stream, 10).recovered);
  EXPECT_FALSE(home_.recover("a", 9, epoch, RecoveryMode::stream, 10).recovered);
  EXPECT_EQ(home_.recovered(), Strings{});
  EXPECT_TRUE(home_.recover("a", 15, epoch, RecoveryMode::stream, 300, 10).recovered);
  EXPECT_FALSE(home_.recover("a", 14, epoch, RecoveryMode::stream, 300, 10).recovered) << "12 bytes";
  EXPECT_EQ(home_.recovered(), Strings{});
}

TEST_F(RecoveryTest, WorksUntilThePublicationsExpireAndThenOnlyAtTheTop) {
  const Epoch epoch = fill(3);
  home_.pass(seconds(59));
  EXPECT_TRUE(home_.recover("a", 1, epoch).recovered);
  home_.pass(seconds(2));
  EXPECT_FALSE(home_.recover("a", 1, epoch).recovered);
  EXPECT_TRUE(home_.recover("a", 3, epoch).recovered);
}

TEST_F(RecoveryTest, AfterRemovingTheHistoryOnlyWhoHasSeenAllRecovers) {
  const Epoch epoch = fill(3);
  home_->remove_history("a");
  EXPECT_EQ(home_.budget().used_bytes(), 0u);
  EXPECT_TRUE(home_.recover("a", 3, epoch).recovered);
  EXPECT_FALSE(home_.recover("a", 2, epoch).recovered);
  EXPECT_EQ(home_.publish("a", "4").position, (Position{4, epoch}));
  EXPECT_TRUE(home_.recover("a", 3, epoch).recovered);
  EXPECT_EQ(home_.recovered(), Strings{"4"});
}

TEST_F(RecoveryTest, OffNeverRecovers) {
  const Epoch epoch = fill(3);
  EXPECT_FALSE(home_.recover("a", 3, epoch, RecoveryMode::off).recovered);
}

TEST_F(RecoveryTest, CacheModeGivesTheNewestUnlessItWasSeen) {
  EXPECT_FALSE(home_.recover("a", 0, {}, RecoveryMode::cache).recovered) << "there is none yet";
  const Epoch epoch = fill(10, 2);
  const Epoch other = Epoch::from_client("ABCDabcd");
  EXPECT_TRUE(home_.recover("a", 1, epoch, RecoveryMode::cache).recovered);
  EXPECT_EQ(home_.recovered(), Strings{"10"});
  EXPECT_TRUE(home_.recover("a", 10, other, RecoveryMode::cache).recovered);
  EXPECT_EQ(home_.recovered(), Strings{"10"});
  EXPECT_TRUE(home_.recover("a", 10, epoch, RecoveryMode::cache).recovered);
  EXPECT_EQ(home_.recovered(), Strings{});
  home_.pass(minutes(2));
  EXPECT_FALSE(home_.recover("a", 10, epoch, RecoveryMode::cache).recovered) << "it has expired";
}

TEST_F(RecoveryTest, APlainSubscriptionNeedsNoStream) {
  const SubscribeResult result = home_.subscribe("plain", 0, false);
  EXPECT_TRUE(result.accepted);
  EXPECT_EQ(result.position, Position{});
}

TEST_F(RecoveryTest, TheAnswerAndWhatFollowsLeaveNoGap) {
  const Epoch epoch = fill(3);
  const SubscribeResult result = home_.recover("a", 1, epoch);
  const PublishResult next = home_.publish("a", "4");
  EXPECT_EQ(next.position.offset, result.position.offset + 1);
  EXPECT_EQ(home_.shards(next.shards), std::vector<std::uint32_t>{0});
}

TEST_F(RecoveryTest, HistoryAnswersEveryRange) {
  fill(10, 6);  // 5 to 10 are left
  const auto since = [](std::uint64_t offset) { return Position{offset, {}}; };
  EXPECT_EQ(history({.limit = 0}), Strings{});
  EXPECT_EQ(history({.limit = -1}), (Strings{"5", "6", "7", "8", "9", "10"}));
  EXPECT_EQ(history({.limit = 2}), (Strings{"5", "6"}));
  EXPECT_EQ(history({.limit = 100}).size(), 6u);
  EXPECT_EQ(history({.limit = -1, .limit_maximum = 3}), (Strings{"5", "6", "7"}));
  EXPECT_EQ(history({.limit = 5, .limit_maximum = 3}).size(), 3u);
  EXPECT_EQ(history({.limit = 2, .reverse = true}), (Strings{"10", "9"}));
  EXPECT_EQ(history({.limit = -1, .has_since = true, .since = since(8)}), (Strings{"9", "10"}));
  EXPECT_EQ(history({.limit = -1, .has_since = true, .since = since(10)}), Strings{});
  EXPECT_EQ(history({.limit = -1, .has_since = true, .since = since(99)}), Strings{});
  EXPECT_EQ(history({.limit = 1, .has_since = true, .since = since(1)}), Strings{"5"}) << "the oldest kept";
  EXPECT_EQ(history({.limit = 1, .has_since = true, .since = since(0)}), Strings{"5"});
  EXPECT_EQ(history({.limit = 2, .has_since = true, .since = since(8), .reverse = true}),
            (Strings{"7", "6"}));
  EXPECT_EQ(history({.limit = 9, .has_since = true, .since = since(5), .reverse = true}), Strings{});
  EXPECT_EQ(history({.limit = 9, .has_since = true, .since = since(0), .reverse = true}), Strings{});
  EXPECT_EQ(history({.limit = 1, .has_since = true, .since = since(99), .reverse = true}), Strings{"10"});
  EXPECT_EQ(history({.limit = -1, .bytes_limit = 3}), (Strings{"5", "6", "7"}));
}

TEST_F(RecoveryTest, HistoryTellsThePositionAndRefusesAnotherEpoch) {
  const Epoch epoch = fill(3);
  std::vector<PublicationReference> found;
  HistoryResult result = home_->history("a", {.limit = 1, .has_since = true, .since = {1, epoch}}, found);
  EXPECT_EQ(result.position, (Position{3, epoch}));
  found.clear();
  result =
      home_->history("a", {.limit = 1, .has_since = true, .since = {1, Epoch::from_client("old")}}, found);
  EXPECT_EQ(result.outcome, HistoryResult::Outcome::unrecoverable);
  EXPECT_TRUE(found.empty());
  result = home_->history("never used", {.limit = 1}, found);
  EXPECT_EQ(result.position.offset, 0u);
  EXPECT_FALSE(result.position.epoch.empty());
  EXPECT_EQ(home_->position("never used").epoch, result.position.epoch);
}

TEST_F(RecoveryTest, AReloadMayShrinkTheHistory) {
  fill(50, 40);
  home_.publish("a", "51", 3);
  EXPECT_EQ(history({.limit = -1}), (Strings{"49", "50", "51"}));
  EXPECT_EQ(home_.budget().used_bytes(), 3 * Publication::charge_of(2));
  home_.publish("a", "unnumbered", 0);
  EXPECT_EQ(history({.limit = -1}), (Strings{"49", "50", "51"})) << "what was kept is kept for its time";
  home_->validate();
}

}  // namespace
}  // namespace holdfast::gateway
