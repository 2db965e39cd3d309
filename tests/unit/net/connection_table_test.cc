// The connection table: claims, generations, counts and the CHECKs that guard them.
#include "net/connection_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::net {
namespace {

class ConnectionTableTest : public testing::Test {
 protected:
  void free_again(memory::Index index) {
    table_.to(index, State::disarming);
    table_.to(index, State::releasing);
    table_.to(index, State::free);
  }

  static constexpr std::uint32_t kSlots = 8;
  ConnectionTableState state_ = {};
  std::vector<Slot> slots_ = std::vector<Slot>(kSlots);
  std::vector<SlotDetail> details_ = std::vector<SlotDetail>(kSlots);
  ConnectionTable table_{&state_, slots_.data(), details_.data(), kSlots};
};

using ConnectionTableDeathTest = ConnectionTableTest;

TEST_F(ConnectionTableTest, CountsEverySlotInExactlyOneState) {
  EXPECT_EQ(table_.count(State::free), kSlots);
  table_.claim(3, 0);
  table_.claim(5, 0);
  table_.to(5, State::open);
  EXPECT_EQ(table_.count(State::free), kSlots - 2);
  EXPECT_EQ(table_.count(State::handshaking), 1u);
  EXPECT_EQ(table_.count(State::open), 1u);
  EXPECT_EQ(table_.used(), 2u);
  free_again(3);
  free_again(5);
  EXPECT_EQ(table_.used(), 0u);
}

TEST_F(ConnectionTableTest, DoesNotFindAFormerTenant) {
  table_.claim(2, 0);
  const std::uint32_t generation = table_[2].generation;
  EXPECT_EQ(table_.find(2, generation), &table_[2]);
  free_again(2);
  EXPECT_EQ(table_.find(2, generation), nullptr);
  EXPECT_EQ(table_.find(2, table_[2].generation), nullptr) << "a free slot has no tenant";
  table_.claim(2, 0);
  EXPECT_EQ(table_.find(2, generation), nullptr);
  EXPECT_NE(table_.find(2, table_[2].generation), nullptr);
  EXPECT_EQ(table_.find(kSlots, 0), nullptr);
}

TEST_F(ConnectionTableTest, GivesEachTenantAFreshSlotAndTheNextGeneration) {
  for (std::uint32_t round = 0; round < 100; ++round) {
    table_.claim(1, 7);
    Slot& slot = table_[1];
    EXPECT_EQ(slot.generation, round);
    EXPECT_EQ(slot.word, 0u);
    EXPECT_EQ(slot.listener, 7);
    EXPECT_EQ(slot.outbox_head, memory::kNoIndex);
    slot.word = 42;
    slot.flags = kPingOutstanding | kBacklogged;
    free_again(1);
  }
}

TEST_F(ConnectionTableTest, WrapsTheGenerationAtTwentyFourBits) {
  slots_[0].generation = ring::Tag::kGenerationMask;
  table_.claim(0, 0);
  free_again(0);
  EXPECT_EQ(slots_[0].generation, 0u);
}

TEST_F(ConnectionTableTest, AttachesToATableInUse) {
  table_.claim(4, 0);
  const ConnectionTable attached(&state_, slots_.data(), details_.data(), kSlots);
  EXPECT_EQ(attached.used(), 1u);
  EXPECT_EQ(attached.count(State::handshaking), 1u);
}

TEST_F(ConnectionTableDeathTest, RefusesIllegalTransitions) {
  table_.claim(0, 0);
  EXPECT_DEATH(table_.to(0, State::free), "CHECK failed");
  EXPECT_DEATH(table_.claim(0, 0), "CHECK failed");
}

TEST_F(ConnectionTableDeathTest, RefusesToReleaseASlotWithAnOperationInTheKernel) {
  table_.claim(0, 0);
  table_[0].enter_kernel(kReadableArmed);
  table_.to(0, State::disarming);
  EXPECT_DEATH(table_.to(0, State::releasing), "CHECK failed");
}

TEST_F(ConnectionTableDeathTest, RefusesASecondSendOnOneSlot) {
  table_.claim(0, 0);
  table_[0].enter_kernel(kSending);
  EXPECT_DEATH(table_[0].enter_kernel(kSending), "CHECK failed");
  table_[0].leave_kernel(kSending);
  EXPECT_DEATH(table_[0].leave_kernel(kSending), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::net
