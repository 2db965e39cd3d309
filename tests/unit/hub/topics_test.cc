// Topics, subscriptions and homes, also against a simple model.
#include "hub/topics.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "hub/homes.h"

namespace holdfast::hub {
namespace {

using memory::Index;
using memory::kNoIndex;

class TopicsTest : public testing::Test {
 protected:
  std::vector<Index> subscribers(std::string_view name) {
    std::vector<Index> slots;
    topics_.for_each_subscriber(name, [&](Index slot, Index) { slots.push_back(slot); });
    return slots;
  }

  static constexpr std::uint32_t kSubscriptions = 64;
  static constexpr base::SipKey kKey{1, 2};
  memory::PoolState state_;
  std::vector<Subscription> records_ = std::vector<Subscription>(kSubscriptions);
  Topics topics_{kKey, memory::Pool<Subscription>(&state_, records_.data(), kSubscriptions)};
};

TEST_F(TopicsTest, SaysWhenATopicAppearsAndDisappears) {
  Index first = kNoIndex, second = kNoIndex;
  EXPECT_EQ(topics_.subscribe(1, first, "news"), Topics::Added::yes_first);
  EXPECT_EQ(topics_.subscribe(2, second, "news"), Topics::Added::yes);
  EXPECT_EQ(topics_.subscribe(2, second, "news"), Topics::Added::no) << "subscribed already";
  EXPECT_EQ(topics_.subscribers("news"), 2u);
  EXPECT_EQ(topics_.unsubscribe(first, "news"), Topics::Removed::yes);
  EXPECT_EQ(topics_.unsubscribe(first, "news"), Topics::Removed::no);
  EXPECT_EQ(topics_.unsubscribe(second, "news"), Topics::Removed::yes_last);
  EXPECT_EQ(topics_.topics(), 0u);
  EXPECT_EQ(topics_.subscriptions(), 0u);
}

TEST_F(TopicsTest, RefusesAtTheBoundOfSubscriptions) {
  std::vector<Index> heads(kSubscriptions + 1, kNoIndex);
  for (Index slot = 0; slot < kSubscriptions; ++slot) {
    EXPECT_NE(topics_.subscribe(slot, heads[slot], "t"), Topics::Added::no);
  }
  EXPECT_EQ(topics_.subscribe(kSubscriptions, heads[kSubscriptions], "t"), Topics::Added::no);
  EXPECT_EQ(topics_.subscribe(kSubscriptions, heads[kSubscriptions], "another"), Topics::Added::no);
  EXPECT_EQ(topics_.topics(), 1u) << "a refused subscription makes no topic";
  EXPECT_EQ(subscribers("t").size(), kSubscriptions);
}

TEST_F(TopicsTest, TellsTheNextSubscriberForPrefetching) {
  Index heads[3] = {kNoIndex, kNoIndex, kNoIndex};
  for (Index slot = 0; slot < 3; ++slot) topics_.subscribe(slot, heads[slot], "t");
  std::vector<std::pair<Index, Index>> seen;
  topics_.for_each_subscriber("t", [&](Index slot, Index next) { seen.emplace_back(slot, next); });
  EXPECT_EQ(seen, (std::vector<std::pair<Index, Index>>{{2, 1}, {1, 0}, {0, kNoIndex}}));
}

TEST_F(TopicsTest, LeavingAllTopicsReportsThoseThatLostTheirLastSubscriber) {
  Index one = kNoIndex, two = kNoIndex;
  topics_.subscribe(1, one, "shared");
  topics_.subscribe(2, two, "shared");
  topics_.subscribe(1, one, "own");
  std::set<std::string> gone;
  topics_.unsubscribe_all(one, [&](std::string_view name) { gone.insert(std::string(name)); });
  EXPECT_EQ(gone, std::set<std::string>{"own"});
  EXPECT_EQ(one, kNoIndex);
  EXPECT_EQ(subscribers("shared"), std::vector<Index>{2});
}

TEST_F(TopicsTest, AgreesWithAModelOverRandomOperations) {
  base::Random random(3);
  constexpr Index kSlots = 12;
  std::vector<Index> heads(kSlots, kNoIndex);
  std::map<std::string, std::set<Index>> model;
  std::size_t total = 0;
  for (int step = 0; step < 50'000; ++step) {
    const auto slot = static_cast<Index>(random.below(kSlots));
    const std::string name = "topic " + std::to_string(random.below(9));
    const std::uint64_t action = random.below(16);
    if (action == 0) {
      topics_.unsubscribe_all(heads[slot], [](std::string_view) {});
      for (auto& [topic, slots] : model) total -= slots.erase(slot);
    } else if (action < 9) {
      const bool expected = !model[name].contains(slot) && total < kSubscriptions;
      const auto added = topics_.subscribe(slot, heads[slot], name);
      ASSERT_EQ(added != Topics::Added::no, expected);
      if (expected) {
        ASSERT_EQ(added == Topics::Added::yes_first, model[name].empty());
        model[name].insert(slot);
        ++total;
      }
    } else {
      const bool expected = model[name].contains(slot);
      const auto removed = topics_.unsubscribe(heads[slot], name);
      ASSERT_EQ(removed != Topics::Removed::no, expected);
      if (expected) {
        total -= model[name].erase(slot);
        ASSERT_EQ(removed == Topics::Removed::yes_last, model[name].empty());
      }
    }
    ASSERT_EQ(topics_.subscriptions(), total);
    const auto now = subscribers(name);
    ASSERT_EQ(std::set<Index>(now.begin(), now.end()), model[name]);
    ASSERT_EQ(now.size(), model[name].size());
  }
}

TEST(Homes, KeepsExactlyTheInterestedShards) {
  Homes homes(base::SipKey{1, 2});
  homes.set_interest("t", 0, true);
  homes.set_interest("t", 255, true);
  homes.set_interest("t", 63, true);
  homes.set_interest("t", 63, true);
  std::vector<std::uint32_t> shards;
  homes.interested("t").for_each([&](std::uint32_t shard) { shards.push_back(shard); });
  EXPECT_EQ(shards, (std::vector<std::uint32_t>{0, 63, 255}));
  for (std::uint32_t shard : {0u, 63u, 255u, 7u}) homes.set_interest("t", shard, false);
  EXPECT_TRUE(homes.interested("t").empty());
  EXPECT_EQ(homes.topics(), 0u);
  homes.set_interest("never", 1, false);
  EXPECT_EQ(homes.topics(), 0u);
}

TEST(Homes, SpreadTopicsOverShardsEvenly) {
  std::vector<int> count(7);
  for (int i = 0; i < 70'000; ++i) ++count[home_of({3, 4}, "topic:" + std::to_string(i), 7)];
  for (int topics : count) EXPECT_NEAR(topics, 10'000, 500);
}

}  // namespace
}  // namespace holdfast::hub
