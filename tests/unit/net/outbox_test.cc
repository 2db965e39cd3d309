// The outbox: what one SEND carries, partial sends, gathering, and that every frame comes home.
#include "net/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../memory/arena_fixture.h"
#include "base/entropy.h"

namespace holdfast::net {
namespace {

using memory::Index;

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() { slot_.outbox_head = slot_.outbox_tail = memory::kNoIndex; }

  // Queues a message and forgets our reference to its frame.
  bool push(const std::string& text) {
    const Index frame = frames_.claim(text.size());
    std::memcpy(frames_.bytes(frame).data(), text.data(), text.size());
    const bool pushed = outbox_.push(slot_, frame);
    frames_.release(frame);
    return pushed;
  }
  std::string next() {
    const auto bytes = outbox_.next_send(slot_);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  static constexpr std::uint32_t kNodes = 128;
  memory::OwnedArena arena_{64};
  memory::FramePool frames_{&arena_.arena()};
  memory::PoolState node_state_;
  std::vector<OutboxNode> nodes_ = std::vector<OutboxNode>(kNodes);
  Outbox outbox_{memory::Pool<OutboxNode>(&node_state_, nodes_.data(), kNodes), &frames_};
  Slot slot_ = {};
};

TEST_F(OutboxTest, SendsASingleFrameFromItsOwnMemory) {
  const Index frame = frames_.claim(5);
  std::memcpy(frames_.bytes(frame).data(), "hello", 5);
  ASSERT_TRUE(outbox_.push(slot_, frame));
  const auto bytes = outbox_.next_send(slot_);
  EXPECT_EQ(bytes.data(), frames_.bytes(frame).data());
  EXPECT_EQ(bytes.size(), 5u);
  EXPECT_FALSE(slot_.is(kSendGathered));
  frames_.release(frame);
  outbox_.sent(slot_, 5);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(slot_.outbox_bytes, 0u);
}

TEST_F(OutboxTest, GathersSmallFramesIntoOneSendInOrder) {
  push("one ");
  push("two ");
  push("three");
  EXPECT_EQ(next(), "one two three");
  EXPECT_TRUE(slot_.is(kSendGathered));
  outbox_.sent(slot_, 13);
  EXPECT_EQ(slot_.outbox_head, memory::kNoIndex);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(outbox_.bytes_queued(), 0u);
}

TEST_F(OutboxTest, CountsFramesUntilTheyHaveLeftWhole) {
  EXPECT_EQ(outbox_.frames(slot_), 0u);
  for (std::uint32_t queued = 1; queued <= 100; ++queued) {
    push("abcd");
    EXPECT_EQ(outbox_.frames(slot_), queued);
  }
  next();
  outbox_.sent(slot_, 4 * 30 + 1);
  EXPECT_EQ(outbox_.frames(slot_), 70u);
  push("abcd");
  EXPECT_EQ(outbox_.frames(slot_), 71u);
  outbox_.truncate(slot_);
  EXPECT_EQ(outbox_.frames(slot_), 1u);
  push("abcd");
  EXPECT_EQ(outbox_.frames(slot_), 2u);
  outbox_.clear(slot_);
  EXPECT_EQ(outbox_.frames(slot_), 0u);
  push("abcd");
  EXPECT_EQ(outbox_.frames(slot_), 1u);
  outbox_.clear(slot_);
}

TEST_F(OutboxTest, TruncatesToNothingWhatHasNotBegunToLeave) {
  push("one");
  push("two");
  outbox_.truncate(slot_);
  EXPECT_EQ(slot_.outbox_head, memory::kNoIndex);
  EXPECT_EQ(slot_.outbox_bytes, 0u);
  EXPECT_EQ(outbox_.bytes_queued(), 0u);
  EXPECT_EQ(frames_.live(), 0u);
  outbox_.truncate(slot_);
  push("three");
  EXPECT_EQ(next(), "three");
  outbox_.sent(slot_, 5);
}

TEST_F(OutboxTest, TruncatesToTheRestOfAFrameOfWhichThePeerHasTheBeginning) {
  push("abcdef");
  push("ghi");
  next();
  outbox_.sent(slot_, 4);
  outbox_.truncate(slot_);
  push("close");
  EXPECT_EQ(next(), "efclose");
  outbox_.sent(slot_, 7);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(outbox_.bytes_queued(), 0u);
}

// Goal: whatever is in flight when the rest is thrown away can still be accounted for. Method: all kinds of
// sends, more queued behind them, truncated, then completed in full.
TEST_F(OutboxTest, TruncatesNothingThatIsInFlight) {
  const std::size_t large = Outbox::kGatherFrameMaximumBytes + 1;
  const std::vector<std::vector<std::size_t>> queues = {
      {10}, {10, 20, 30}, {large}, {large, 10}, {10, large, 10}, std::vector<std::size_t>(20, 8'000)};
  for (const auto& queue : queues) {
    for (std::size_t size : queue) push(std::string(size, 'a'));
    const std::size_t in_flight = next().size();
    slot_.enter_kernel(kSending);
    for (int i = 0; i < 5; ++i) push(std::string(9'000, 'b'));
    outbox_.truncate(slot_);
    push("close");
    EXPECT_GE(slot_.outbox_bytes, in_flight + 5);
    EXPECT_LE(slot_.outbox_bytes, in_flight + Outbox::kGatherSendMaximumBytes + 5);
    slot_.leave_kernel(kSending);
    outbox_.sent(slot_, in_flight);
    std::string rest;
    while (slot_.outbox_head != memory::kNoIndex) {
      const std::string more = next();
      outbox_.sent(slot_, more.size());
      rest += more;
    }
    EXPECT_TRUE(rest.ends_with("close"));
    EXPECT_EQ(rest.find('b'), std::string::npos);
    EXPECT_EQ(frames_.live(), 0u);
    EXPECT_EQ(outbox_.bytes_queued(), 0u);
  }
}

TEST_F(OutboxTest, ContinuesAfterAPartialSendInTheMiddleOfAFrame) {
  push("abcdef");
  push("ghi");
  EXPECT_EQ(next(), "abcdefghi");
  outbox_.sent(slot_, 4);
  EXPECT_EQ(slot_.outbox_sent, 4u);
  EXPECT_EQ(slot_.outbox_bytes, 5u);
  EXPECT_EQ(next(), "efghi");
  outbox_.sent(slot_, 2);
  EXPECT_EQ(slot_.outbox_sent, 0u);
  EXPECT_EQ(next(), "ghi");
  outbox_.sent(slot_, 3);
  EXPECT_EQ(frames_.live(), 0u);
}

TEST_F(OutboxTest, SendsALargeFrameAloneWithoutCopyingIt) {
  const std::string large(Outbox::kGatherFrameMaximumBytes + 1, 'L');
  push("small");
  push(large);
  push("after");
  EXPECT_EQ(next(), "small");
  outbox_.sent(slot_, 5);
  EXPECT_EQ(next(), large);
  EXPECT_FALSE(slot_.is(kSendGathered));
  outbox_.sent(slot_, large.size());
  EXPECT_EQ(next(), "after");
  outbox_.sent(slot_, 5);
  EXPECT_EQ(frames_.live(), 0u);
}

TEST_F(OutboxTest, RefusesWhenItsNodesAreUsedUpAndChangesNothing) {
  for (std::uint32_t i = 0; i < kNodes; ++i) ASSERT_TRUE(push("x"));
  const std::uint32_t bytes = slot_.outbox_bytes;
  EXPECT_FALSE(push("y"));
  EXPECT_EQ(slot_.outbox_bytes, bytes);
  EXPECT_EQ(frames_.live(), kNodes);
  outbox_.clear(slot_);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(outbox_.nodes_used(), 0u);
}

TEST_F(OutboxTest, HoldsGatherMemoryUntilTheSendsThatUseItAreDone) {
  // Fill gather memory with sends of other slots that are still in flight.
  std::vector<Slot> others;
  const std::string frame(Outbox::kGatherFrameMaximumBytes, 'g');
  for (int i = 0; i < 16; ++i) {
    Slot other = {};
    other.outbox_head = other.outbox_tail = memory::kNoIndex;
    std::swap(slot_, other);
    for (int j = 0; j < 4; ++j) ASSERT_TRUE(push(frame));
    const std::string bytes = next();
    std::swap(slot_, other);
    if (bytes.empty()) {
      outbox_.clear(other);
      break;
    }
    others.push_back(other);
  }
  ASSERT_EQ(others.size(), Outbox::kGatherBytes / Outbox::kGatherSendMaximumBytes);
  push("a");
  push("b");
  EXPECT_EQ(next(), "") << "no gather memory is left while all of it is in flight";
  for (Slot& other : others) outbox_.sent(other, other.outbox_bytes);
  EXPECT_EQ(next(), "ab");
  outbox_.sent(slot_, 2);
  EXPECT_EQ(frames_.live(), 0u);
}

TEST_F(OutboxTest, DeliversEveryByteInOrderWhateverTheKernelTakes) {
  base::Random random(11);
  std::string expected, delivered;
  for (int step = 0; step < 20'000; ++step) {
    if (random.below(2) == 0 && outbox_.nodes_used() < kNodes) {
      const std::string text(1 + random.below(random.below(50) == 0 ? 12'000 : 40),
                             static_cast<char>('a' + random.below(26)));
      ASSERT_TRUE(push(text));
      expected += text;
    } else if (slot_.outbox_head != memory::kNoIndex) {
      const std::string bytes = next();
      const std::size_t taken = random.below(3) == 0 ? random.below(bytes.size() + 1) : bytes.size();
      delivered += bytes.substr(0, taken);
      outbox_.sent(slot_, taken);
    }
    ASSERT_EQ(expected.size() - delivered.size(), slot_.outbox_bytes);
  }
  while (slot_.outbox_head != memory::kNoIndex) {
    const std::string bytes = next();
    delivered += bytes;
    outbox_.sent(slot_, bytes.size());
  }
  EXPECT_EQ(delivered, expected);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(arena_->used_bytes(), 0u);
}

}  // namespace
}  // namespace holdfast::net
