// BlockArena, one behaviour at a time: sizes, bounds, reuse, the page level, and what it refuses to believe.
#include "memory/block_arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "arena_fixture.h"
#include "memory/poison.h"

namespace holdfast::memory {
namespace {

constexpr std::size_t kPage = BlockArena::kPageBytes;

// Claims blocks of `bytes` until the arena refuses.
std::vector<Index> claim_all(BlockArena& arena, std::size_t bytes) {
  std::vector<Index> blocks;
  for (Index block = arena.claim(bytes); block != kNoIndex; block = arena.claim(bytes))
    blocks.push_back(block);
  return blocks;
}

void release_all(BlockArena& arena, const std::vector<Index>& blocks) {
  for (const Index block : blocks) arena.release(block);
}

TEST(BlockArena, GivesAtLeastWhatIsAskedAndAtMostAThirdAndAUnitMore) {
  OwnedArena arena(4);
  for (std::size_t bytes = 1; bytes <= BlockArena::kSmallMaximumBytes; ++bytes) {
    const Index block = arena->claim(bytes);
    ASSERT_NE(block, kNoIndex);
    const std::size_t usable = arena->usable_bytes(block);
    ASSERT_GE(usable, bytes);
    // 21,824 to 32 KiB is the one wider step: nothing between them fits a page more often.
    if (bytes <= 21'824) {
      ASSERT_LE(usable, bytes + bytes / 2 + BlockArena::kUnitBytes) << bytes;
    }
    ASSERT_EQ(arena->used_bytes(), usable);
    arena->release(block);
  }
  EXPECT_EQ(arena->used_bytes(), 0u);
}

TEST(BlockArena, GivesLargeBlocksInExactPages) {
  OwnedArena arena(8);
  for (std::size_t pages = 1; pages <= 8; ++pages) {
    const Index block = arena->claim(pages * kPage);
    ASSERT_NE(block, kNoIndex);
    EXPECT_EQ(arena->usable_bytes(block), pages * kPage);
    arena->release(block);
  }
  const Index block = arena->claim(2 * kPage + 1);
  EXPECT_EQ(arena->usable_bytes(block), 3 * kPage);
  arena->release(block);
}

TEST(BlockArena, BlocksAreAlignedToTheUnitAndInsideTheRegion) {
  OwnedArena arena(4);
  for (const std::size_t bytes : {1u, 65u, 300u, 700u, 5'000u, 20'000u, 32'768u}) {
    for (const Index block : claim_all(arena.arena(), bytes)) {
      const std::byte* start = arena->at(block);
      ASSERT_EQ((start - arena.region()) % static_cast<std::ptrdiff_t>(BlockArena::kUnitBytes), 0);
      ASSERT_GE(start, arena.region());
      ASSERT_LE(start + arena->usable_bytes(block), arena.region() + arena->region_bytes());
      arena->release(block);
    }
  }
}

TEST(BlockArena, TheWholeRegionCanBeClaimedWhateverItsSize) {
  for (std::size_t pages = 1; pages <= 70; ++pages) {
    OwnedArena arena(pages);
    for (int round = 0; round < 2; ++round) {
      const Index block = arena->claim(pages * kPage);
      ASSERT_EQ(block, 0u) << pages << " pages";
      ASSERT_EQ(arena->used_bytes(), pages * kPage);
      ASSERT_EQ(arena->claim(1), kNoIndex);
      arena->release(block);
    }
  }
}

TEST(BlockArena, EveryNumberOfPagesFitsAnEmptyRegion) {
  OwnedArena arena(13);
  for (std::size_t pages = 1; pages <= 13; ++pages) {
    const Index block = arena->claim(pages * kPage);
    ASSERT_NE(block, kNoIndex) << pages;
    arena->release(block);
  }
}

TEST(BlockArena, RefusesAndCountsWhenThereIsNoRoomAndServesAgainAfterARelease) {
  OwnedArena arena(2);
  std::vector<Index> blocks = claim_all(arena.arena(), 64);
  EXPECT_EQ(blocks.size(), 2u * 1024u);
  EXPECT_EQ(arena->refusals(), 1u);
  EXPECT_EQ(arena->claim(kPage), kNoIndex);
  EXPECT_EQ(arena->refusals(), 2u);
  EXPECT_EQ(arena->used_bytes(), 2 * kPage);
  arena->release(blocks.back());
  blocks.back() = arena->claim(1);
  EXPECT_NE(blocks.back(), kNoIndex);
  EXPECT_EQ(arena->refusals(), 2u);
  release_all(arena.arena(), blocks);
  EXPECT_EQ(arena->used_bytes(), 0u);
  EXPECT_EQ(arena->peak_bytes(), 2 * kPage);
}

TEST(BlockArena, WithoutAPageLeftALargerBlockServes) {
  OwnedArena arena(2);
  std::vector<Index> large = claim_all(arena.arena(), 5'000);
  arena->release(large.back());
  large.pop_back();
  const Index small = arena->claim(100);
  ASSERT_NE(small, kNoIndex) << "a block of 5,000 is free";
  EXPECT_GE(arena->usable_bytes(small), 5'000u);
  EXPECT_EQ(arena->claim(100), kNoIndex);
  arena->release(small);
  large.push_back(arena->claim(5'000));
  EXPECT_NE(large.back(), kNoIndex) << "it went back to its own size";
  release_all(arena.arena(), large);
  EXPECT_EQ(arena->used_bytes(), 0u);
}

TEST(BlockArena, ARunOfFivePagesCostsFivePages) {
  OwnedArena arena(8);
  const Index five = arena->claim(5 * kPage);
  const std::vector<Index> rest = claim_all(arena.arena(), kPage);
  EXPECT_EQ(rest.size(), 3u);
  EXPECT_EQ(arena->used_bytes(), 8 * kPage);
  arena->release(five);
  release_all(arena.arena(), rest);
  EXPECT_EQ(arena->claim(8 * kPage), 0u);
}

TEST(BlockArena, ReusesTheLastReleasedBlockFirst) {
  OwnedArena arena(2);
  std::vector<Index> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(arena->claim(200));
  arena->release(blocks[3]);
  arena->release(blocks[8]);
  arena->release(blocks[5]);
  EXPECT_EQ(arena->claim(200), blocks[5]);
  EXPECT_EQ(arena->claim(200), blocks[8]);
  EXPECT_EQ(arena->claim(200), blocks[3]);
}

TEST(BlockArena, TouchesNoMoreMemoryThanWasInUseAtOnce) {
  OwnedArena arena(8);
  std::set<Index> seen;
  for (int i = 0; i < 10'000; ++i) {
    const Index first = arena->claim(1'000);
    const Index second = arena->claim(1'000);
    seen.insert({first, second});
    arena->release(first);
    arena->release(second);
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST(BlockArena, FreePagesOfOneClassServeAnother) {
  OwnedArena arena(4);
  for (const std::size_t bytes : {64u, 4'096u, 100u, 32'768u, 65'536u, 500u}) {
    const std::vector<Index> blocks = claim_all(arena.arena(), bytes);
    EXPECT_GE(blocks.size() * arena->usable_bytes(blocks[0]), 4 * kPage - 4 * 6'144) << bytes;
    release_all(arena.arena(), blocks);
    EXPECT_EQ(arena->used_bytes(), 0u);
  }
}

TEST(BlockArena, SparePagesKeptByManyClassesDoNotStandInTheWayOfALargeBlock) {
  OwnedArena arena(32);
  for (std::size_t bytes = 64; bytes <= BlockArena::kSmallMaximumBytes; bytes += 64) {
    arena->release(arena->claim(bytes));
  }
  EXPECT_EQ(arena->claim(32 * kPage), 0u);
  EXPECT_EQ(arena->refusals(), 0u);
}

TEST(BlockArena, SparePagesKeptByOneClassServeAnotherWhenNothingElseIsFree) {
  OwnedArena arena(1);
  arena->release(arena->claim(64));
  const Index other = arena->claim(32'768);
  EXPECT_NE(other, kNoIndex);
  EXPECT_EQ(arena->refusals(), 0u);
}

TEST(BlockArena, AtMostOnePagePerClassStaysBehindWhenAllBlocksAreReleased) {
  OwnedArena arena(16);
  const std::vector<Index> small = claim_all(arena.arena(), 64);
  release_all(arena.arena(), small);
  // Were more than one page kept, fifteen could not be claimed one by one without taking the spare back.
  std::vector<Index> large;
  for (int i = 0; i < 15; ++i) large.push_back(arena->claim(kPage));
  EXPECT_EQ(std::count(large.begin(), large.end(), kNoIndex), 0);
  const Index warm = arena->claim(64);
  EXPECT_NE(warm, kNoIndex);
  EXPECT_EQ(arena->refusals(), 1u) << "the one that ended claim_all";
}

TEST(BlockArena, AttachesToFormattedStateAndGoesOn) {
  OwnedArena first(4);
  const Index block = first->claim(100);
  BlockArena second(first.state(), first.region(), 4 * kPage);
  EXPECT_EQ(second.used_bytes(), first->used_bytes());
  EXPECT_EQ(second.usable_bytes(block), first->usable_bytes(block));
  EXPECT_NE(second.claim(100), block);
  second.release(block);
  EXPECT_EQ(first->claim(100), block);
}

TEST(BlockArena, KeepsNothingOfItsOwnInTheRegion) {
  OwnedArena arena(20);
  std::vector<Index> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(arena->claim(1 + 37u * static_cast<unsigned>(i)));
  for (const Index block : blocks) std::memset(arena->at(block), 0xAB, arena->usable_bytes(block));
  for (std::size_t i = 0; i < blocks.size(); i += 2) arena->release(blocks[i]);
  for (std::size_t i = 1; i < blocks.size(); i += 2) {
    const std::byte* start = arena->at(blocks[i]);
    const std::size_t usable = arena->usable_bytes(blocks[i]);
    ASSERT_EQ(std::count(start, start + usable, std::byte{0xAB}), static_cast<std::ptrdiff_t>(usable));
  }
}

TEST(BlockArena, StateCostsLittleMoreThanThreePercentOfTheRegion) {
  const std::size_t region = 1024 * kPage;
  EXPECT_LE(BlockArena::state_bytes(region), region / 30);
}

TEST(BlockArenaDeathTest, CatchesABlockReleasedTwice) {
  OwnedArena arena(2);
  const Index kept = arena->claim(64);
  const Index block = arena->claim(64);
  arena->release(block);
  EXPECT_DEATH(arena->release(block), "CHECK failed");
  const Index large = arena->claim(kPage);
  arena->release(large);
  EXPECT_DEATH(arena->release(large), "CHECK failed");
  arena->release(kept);
  EXPECT_DEATH(arena->release(kept), "CHECK failed");
}

TEST(BlockArenaDeathTest, CatchesAnIndexThatNamesNoBlock) {
  OwnedArena arena(4);
  const Index small = arena->claim(1'000);
  const Index large = arena->claim(2 * kPage);
  EXPECT_DEATH(arena->release(small + 1), "CHECK failed");
  EXPECT_DEATH(arena->release(large + 1), "CHECK failed");
  EXPECT_DEATH(arena->release(large + 1024), "CHECK failed");
  EXPECT_DEATH(arena->usable_bytes(small + 1), "CHECK failed");
  EXPECT_DEATH(arena->release(kNoIndex), "CHECK failed");
  EXPECT_DEATH(arena->release(4 * 1024), "CHECK failed");
}

TEST(BlockArenaDeathTest, CatchesSizesItCanNeverServe) {
  OwnedArena arena(2);
  EXPECT_DEATH(arena->claim(0), "CHECK failed");
  EXPECT_DEATH(arena->claim(2 * kPage + 1), "CHECK failed");
}

TEST(BlockArenaDeathTest, RefusesToAttachToStateOfAnotherRegionOrLayout) {
  OwnedArena arena(4);
  EXPECT_DEATH(BlockArena(arena.state(), arena.region(), 2 * kPage), "CHECK failed");
  *reinterpret_cast<std::uint64_t*>(arena.state()) ^= 1;
  EXPECT_DEATH(BlockArena(arena.state(), arena.region(), 4 * kPage), "CHECK failed");
}

#if defined(HOLDFAST_ADDRESS_SANITIZER)
TEST(BlockArenaDeathTest, TheSanitizerSeesAReadAfterRelease) {
  OwnedArena arena(2);
  const Index kept = arena->claim(64);
  const Index block = arena->claim(64);
  arena->release(block);
  EXPECT_DEATH(
      {
        volatile std::byte read = *arena->at(block);
        static_cast<void>(read);
      },
      "AddressSanitizer");
  EXPECT_DEATH({ arena->at(kept)[64] = std::byte{1}; }, "AddressSanitizer");
}
#endif

#if defined(HOLDFAST_POISON) && !defined(NDEBUG) && !defined(HOLDFAST_ADDRESS_SANITIZER)
TEST(BlockArena, OverwritesReleasedBlocksInAPoisoningBuild) {
  OwnedArena arena(2);
  const Index block = arena->claim(64);
  std::memset(arena->at(block), 1, 64);
  arena->release(block);
  EXPECT_EQ(std::count(arena->at(block), arena->at(block) + 64, std::byte{0xDD}), 64);
}
#endif

}  // namespace
}  // namespace holdfast::memory
