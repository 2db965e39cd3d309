// Lanes between shards: order, batches, what is not taken, and what a lane that is too long costs.
#include "gateway/post.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace holdfast::gateway {
namespace {

class PostTest : public testing::Test {
 protected:
  using Letters = std::shared_ptr<std::vector<Letter>>;

  static Letter delivery(std::uint32_t number) { return DeliverLetter{std::to_string(number), {}}; }
  static Letter undoing(std::uint32_t number) {
    UnsubscribeLetter letter;
    letter.channel = std::to_string(number);
    return letter;
  }
  // "3" for a delivery, "u3" for what undoes something, "gap 0" for the gap of shard 0.
  static std::string named(const Letter& letter) {
    if (const auto* deliver = std::get_if<DeliverLetter>(&letter)) return deliver->channel;
    if (const auto* undo = std::get_if<UnsubscribeLetter>(&letter)) return "u" + undo->channel;
    return "gap " + std::to_string(std::get<GapLetter>(letter).home);
  }
  // The other shard reads everything that was handed over.
  std::vector<std::string> received() {
    std::vector<std::string> names;
    for (; !mailbox_.empty(); mailbox_.pop_front()) {
      for (const Letter& letter : *mailbox_.front()) names.push_back(named(letter));
    }
    return names;
  }
  void overrun() {
    for (std::uint32_t i = 0; i < Post::kLettersMaximum; ++i) post_.deliver(1, delivery(i));
    EXPECT_TRUE(post_.busy(1));
    EXPECT_EQ(post_.overruns(), 0u);
    for (int lost = 0; lost < 3; ++lost) post_.deliver(1, delivery(9'000'000));
    EXPECT_EQ(post_.overruns(), 1u);
  }

  // Everything that was written, turn by turn; the overrun stays to be told.
  void hand_over_all() {
    for (int turn = 0; turn < 20; ++turn) EXPECT_FALSE(post_.flush());
    EXPECT_FALSE(post_.has_mail());
  }

  bool takes_ = true;
  std::deque<Letters> mailbox_;
  std::vector<std::string> own_;
  Post post_{0, 3, [this](Letter&& letter) { own_.push_back(named(letter)); },
             [this](std::uint32_t shard, Letters letters) {
               EXPECT_EQ(shard, 1u);
               if (takes_) mailbox_.push_back(std::move(letters));
               return takes_;
             }};
};

TEST_F(PostTest, LettersForThisShardAreTakenAtOnceUnlessTheyAreForLater) {
  post_.send(0, undoing(1));
  post_.deliver(0, delivery(2));
  EXPECT_EQ(own_, (std::vector<std::string>{"u1", "2"}));
  EXPECT_FALSE(post_.has_mail());
}

TEST_F(PostTest, LettersForAnotherTravelInOrderABatchPerTurn) {
  const auto count = static_cast<std::uint32_t>(Post::kBatchMaximum) + 10;
  for (std::uint32_t i = 0; i < count; ++i) post_.deliver(1, delivery(i));
  EXPECT_FALSE(post_.flush());
  ASSERT_EQ(mailbox_.size(), 1u);
  EXPECT_EQ(mailbox_.front()->size(), Post::kBatchMaximum);
  post_.send(1, undoing(count));
  EXPECT_TRUE(post_.flush());
  EXPECT_FALSE(post_.has_mail());
  const std::vector<std::string> names = received();
  ASSERT_EQ(names.size(), count + 1);
  for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(names[i], std::to_string(i));
  EXPECT_EQ(names.back(), "u" + std::to_string(count));
}

TEST_F(PostTest, WhatIsNotTakenKeepsItsPlace) {
  takes_ = false;
  for (std::uint32_t i = 0; i < 5; ++i) post_.deliver(1, delivery(i));
  EXPECT_FALSE(post_.flush());
  post_.deliver(1, delivery(5));
  EXPECT_FALSE(post_.flush());
  EXPECT_EQ(post_.waiting(), 6u);
  takes_ = true;
  EXPECT_TRUE(post_.flush());
  EXPECT_EQ(received(), (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
}

TEST_F(PostTest, ALaneThatIsTooLongLosesDeliveriesAndTellsOfTheGapInTheirPlace) {
  overrun();
  // What undoes and what answers is written all the same.
  post_.send(1, undoing(1));
  hand_over_all();
  // Nothing has been read yet: there is no room to tell of the gap, and what follows is lost with it.
  post_.deliver(1, delivery(9'000'000));
  std::vector<std::string> names = received();
  ASSERT_EQ(names.size(), Post::kLettersMaximum + 1);
  EXPECT_EQ(names[Post::kLettersMaximum - 1], std::to_string(Post::kLettersMaximum - 1));
  EXPECT_EQ(names.back(), "u1");
  EXPECT_FALSE(post_.busy(1));
  EXPECT_TRUE(post_.flush());
  post_.deliver(1, delivery(7));
  EXPECT_TRUE(post_.flush());
  EXPECT_EQ(received(), (std::vector<std::string>{"gap 0", "7"}));
  EXPECT_EQ(post_.overruns(), 1u);
}

TEST_F(PostTest, ABatchThatIsDroppedUnreadMakesRoomToo) {
  overrun();
  hand_over_all();
  EXPECT_TRUE(post_.busy(1));
  mailbox_.clear();
  EXPECT_FALSE(post_.busy(1));
  EXPECT_TRUE(post_.flush());
  EXPECT_EQ(received(), (std::vector<std::string>{"gap 0"}));
}

TEST_F(PostTest, OneLaneThatIsTooLongConcernsNoOther) {
  overrun();
  EXPECT_FALSE(post_.busy(2));
  EXPECT_FALSE(post_.busy(0));
  mailbox_.clear();
}

}  // namespace
}  // namespace holdfast::gateway
