// Watchdog: which turns are told, how often, and with which words.
#include "shard/watchdog.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::shard {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kStartNs = 5'000'000'000;

class WatchdogTest : public testing::Test {
 protected:
  // Looks every interval from here to there, as Server::run does.
  void look(std::uint64_t from_ms, std::uint64_t to_ms) {
    for (std::uint64_t ms = from_ms; ms <= to_ms; ms += 250) watchdog_.look(kStartNs + ms * kMillisecondNs);
  }
  void begin(std::size_t shard, std::uint64_t ms) { hearts_[shard].begin(kStartNs + ms * kMillisecondNs); }

  Heartbeat hearts_[3];
  std::vector<std::string> lines_;
  Watchdog watchdog_{{&hearts_[0], &hearts_[1], &hearts_[2]},
                     [this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(WatchdogTest, SaysNothingAboutShardsThatSleepOrTakeLessThanASecond) {
  look(0, 500);
  begin(1, 500);
  look(750, 1250);
  hearts_[1].end();
  look(1500, 20'000);
  EXPECT_TRUE(lines_.empty()) << lines_[0];
}

TEST_F(WatchdogTest, NamesTheSlotAndTheOperationOfATurnOverASecondOnce) {
  look(0, 500);
  begin(1, 500);
  hearts_[1].work_on(ring::Tag{ring::Op::receive, 7, 42}.packed());
  look(750, 9'000);
  ASSERT_EQ(lines_.size(), 1u);
  for (const char* part : {"shard 1 ", "1.0 s", "completions", "op receive", "slot 42", "generation 7"}) {
    EXPECT_NE(lines_[0].find(part), std::string::npos) << part << " in: " << lines_[0];
  }
  hearts_[1].end();
  begin(1, 9'100);
  hearts_[1].step("deadlines");
  look(9'250, 20'000);
  ASSERT_EQ(lines_.size(), 2u) << "another turn is another matter";
  EXPECT_NE(lines_[1].find("deadlines"), std::string::npos) << lines_[1];
  EXPECT_EQ(lines_[1].find("slot"), std::string::npos) << "nothing of a slot is in hand: " << lines_[1];
}

TEST_F(WatchdogTest, WritesOneLineASecondHoweverManyHang) {
  look(0, 500);
  for (std::size_t shard = 0; shard < 3; ++shard) begin(shard, 500);
  look(750, 1750);
  EXPECT_EQ(lines_.size(), 1u);
  look(2000, 10'000);
  EXPECT_EQ(lines_.size(), 3u);
}

TEST_F(WatchdogTest, DoesNotBlameAShardForATimeInWhichTheWholeProcessWasStopped) {
  look(0, 500);
  begin(0, 500);
  look(60'000, 60'000);
  EXPECT_TRUE(lines_.empty());
  hearts_[0].end();
  look(60'250, 61'000);
  EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace holdfast::shard
