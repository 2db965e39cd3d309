// AssemblyPool: growth and its limits, what survives what, both bounds, and stale indexes.
#include "memory/assembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "arena_fixture.h"
#include "base/entropy.h"

namespace holdfast::memory {
namespace {

struct Progress {
  std::uint64_t expected;
  std::uint32_t phase;
};

std::vector<std::byte> sequence(std::size_t count, std::size_t start = 0) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>((start + i) * 7);
  return bytes;
}

class AssemblyTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kCapacity = 8;
  static constexpr std::size_t kMaximum = 100'000;

  void expect_sequence(Index assembly, std::size_t count) {
    const std::span<std::byte> stored = assemblies_.stored(assembly);
    ASSERT_EQ(stored.size(), count);
    const std::vector<std::byte> expected = sequence(count);
    ASSERT_TRUE(std::equal(stored.begin(), stored.end(), expected.begin()));
  }
  std::size_t capacity(Index assembly) {
    return assemblies_.stored(assembly).size() + assemblies_.room(assembly).size();
  }

  OwnedArena arena_{8};
  PoolState state_;
  std::vector<Assembly> records_ = std::vector<Assembly>(kCapacity);
  AssemblyPool assemblies_{&state_, records_.data(), kCapacity, &arena_.arena()};
};

TEST_F(AssemblyTest, IsEmptyWithZeroStateWhenClaimedAlsoTheSecondTime) {
  for (int round = 0; round < 2; ++round) {
    const Index assembly = assemblies_.claim();
    ASSERT_NE(assembly, kNoIndex);
    EXPECT_TRUE(assemblies_.stored(assembly).empty());
    EXPECT_TRUE(assemblies_.room(assembly).empty());
    auto& progress = assemblies_.state_as<Progress>(assembly);
    EXPECT_EQ(progress.expected, 0u);
    EXPECT_EQ(progress.phase, 0u);
    progress = {.expected = ~0u, .phase = 3};
    ASSERT_TRUE(assemblies_.append(assembly, sequence(10), kMaximum));
    assemblies_.release(assembly);
  }
  EXPECT_EQ(arena_->used_bytes(), 0u);
  EXPECT_EQ(assemblies_.used(), 0u);
}

TEST_F(AssemblyTest, OwnsNoBlockUntilBytesArrive) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(assembly, {}, kMaximum));
  EXPECT_EQ(arena_->used_bytes(), 0u);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, TheFirstBlockHasAtLeast512BytesUnlessTheMaximumIsLess) {
  const Index first = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(first, sequence(1), kMaximum));
  EXPECT_GE(capacity(first), 512u);
  const Index second = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(second, sequence(1), 125));
  EXPECT_EQ(capacity(second), 128u);
  assemblies_.release(first);
  assemblies_.release(second);
}

TEST_F(AssemblyTest, KeepsTheBytesAndTheStateWhileItGrowsByteByByte) {
  const Index assembly = assemblies_.claim();
  assemblies_.state_as<Progress>(assembly) = {.expected = 42, .phase = 2};
  std::size_t moves = 0;
  const std::byte* block = nullptr;
  for (std::size_t i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(assemblies_.append(assembly, sequence(1, i), kMaximum));
    moves += block != assemblies_.stored(assembly).data();
    block = assemblies_.stored(assembly).data();
  }
  expect_sequence(assembly, 20'000);
  EXPECT_EQ(assemblies_.state_as<Progress>(assembly).expected, 42u);
  EXPECT_EQ(assemblies_.state_as<Progress>(assembly).phase, 2u);
  EXPECT_LE(moves, 7u) << "512 doubled six times reaches 32 KiB";
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, GrowsToAtLeastDoubleButNotBeyondTheMaximumRoundedToABlock) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(assembly, sequence(2'048), 10'000));
  ASSERT_EQ(capacity(assembly), 2'048u);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(1, 2'048), 10'000));
  ASSERT_EQ(capacity(assembly), 4'096u);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(4'096, 2'049), 10'000));
  ASSERT_EQ(capacity(assembly), 8'192u);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(2'048, 6'145), 10'000));
  EXPECT_EQ(capacity(assembly), 12'288u) << "the class that holds 10,000";
  expect_sequence(assembly, 8'193);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(10'000 - 8'193, 8'193), 10'000));
  expect_sequence(assembly, 10'000);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, ReserveGivesRoomAndKeepsWhatIsStored) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.reserve(assembly, 100));
  EXPECT_GE(assemblies_.room(assembly).size(), 100u);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(100), kMaximum));
  ASSERT_TRUE(assemblies_.reserve(assembly, 70'000));
  expect_sequence(assembly, 100);
  EXPECT_GE(capacity(assembly), 70'000u);
  const std::size_t before = capacity(assembly);
  ASSERT_TRUE(assemblies_.reserve(assembly, 10));
  EXPECT_EQ(capacity(assembly), before);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, BytesReceivedIntoTheRoomBecomeStored) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(assembly, sequence(10), kMaximum));
  const std::vector<std::byte> more = sequence(50, 10);
  std::copy(more.begin(), more.end(), assemblies_.room(assembly).begin());
  assemblies_.add_stored(assembly, 50);
  expect_sequence(assembly, 60);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, ClearForgetsTheBytesAndKeepsBlockAndState) {
  const Index assembly = assemblies_.claim();
  assemblies_.state_as<Progress>(assembly).phase = 9;
  ASSERT_TRUE(assemblies_.append(assembly, sequence(600), kMaximum));
  const std::size_t used = arena_->used_bytes();
  assemblies_.clear(assembly);
  EXPECT_TRUE(assemblies_.stored(assembly).empty());
  EXPECT_EQ(arena_->used_bytes(), used);
  EXPECT_EQ(assemblies_.state_as<Progress>(assembly).phase, 9u);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, RefusesAtTheBoundOfRecords) {
  for (std::uint32_t i = 0; i < kCapacity; ++i) ASSERT_NE(assemblies_.claim(), kNoIndex);
  EXPECT_EQ(assemblies_.claim(), kNoIndex);
  EXPECT_EQ(assemblies_.refusals(), 1u);
  EXPECT_EQ(assemblies_.used(), kCapacity);
}

TEST_F(AssemblyTest, AFullArenaLeavesTheAssemblyAsItWas) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(assembly, sequence(500), 1'000'000));
  std::vector<Index> hog;
  for (Index block = arena_->claim(1); block != kNoIndex; block = arena_->claim(1)) hog.push_back(block);
  EXPECT_FALSE(assemblies_.append(assembly, sequence(5'000, 500), 1'000'000));
  EXPECT_FALSE(assemblies_.reserve(assembly, 5'000));
  expect_sequence(assembly, 500);
  for (const Index block : hog) arena_->release(block);
  ASSERT_TRUE(assemblies_.append(assembly, sequence(5'000, 500), 1'000'000));
  expect_sequence(assembly, 5'500);
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, WhatCanNeverFitTheArenaIsRefused) {
  const Index assembly = assemblies_.claim();
  EXPECT_FALSE(assemblies_.reserve(assembly, arena_->region_bytes() + 1));
  assemblies_.release(assembly);
}

TEST_F(AssemblyTest, RandomReadsGiveTheSameBytesWhateverTheirSizes) {
  base::Random random(17);
  for (int round = 0; round < 300; ++round) {
    const Index assembly = assemblies_.claim();
    const std::size_t total = 1 + random.below(kMaximum);
    for (std::size_t stored = 0; stored < total;) {
      const std::size_t read = std::min<std::size_t>(1 + random.below(9'000), total - stored);
      ASSERT_TRUE(assemblies_.append(assembly, sequence(read, stored), total));
      stored += read;
    }
    expect_sequence(assembly, total);
    assemblies_.release(assembly);
    ASSERT_EQ(arena_->used_bytes(), 0u);
  }
}

using AssemblyDeathTest = AssemblyTest;

TEST_F(AssemblyDeathTest, CatchesBytesBeyondTheMaximum) {
  const Index assembly = assemblies_.claim();
  ASSERT_TRUE(assemblies_.append(assembly, sequence(90), 100));
  EXPECT_DEATH(assemblies_.append(assembly, sequence(11), 100), "CHECK failed");
  EXPECT_DEATH(assemblies_.append(assembly, sequence(1), 50), "CHECK failed");
}

TEST_F(AssemblyDeathTest, CatchesMoreStoredThanThereIsRoom) {
  const Index assembly = assemblies_.claim();
  EXPECT_DEATH(assemblies_.add_stored(assembly, 1), "CHECK failed");
  ASSERT_TRUE(assemblies_.reserve(assembly, 128));
  EXPECT_DEATH(assemblies_.add_stored(assembly, 129), "CHECK failed");
}

TEST_F(AssemblyDeathTest, CatchesAStaleIndex) {
  const Index kept = assemblies_.claim();
  const Index assembly = assemblies_.claim();
  assemblies_.release(assembly);
  EXPECT_DEATH(assemblies_.release(assembly), "CHECK failed");
  EXPECT_DEATH(assemblies_.stored(assembly), "CHECK failed");
  EXPECT_DEATH(assemblies_.state_as<Progress>(assembly).phase = 1, "CHECK failed");
  EXPECT_DEATH(assemblies_.stored(kept + 5), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::memory
