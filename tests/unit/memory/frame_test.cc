// FramePool: references, content, the arena's bound, and stale indexes.
#include "memory/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "arena_fixture.h"
#include "base/entropy.h"

namespace holdfast::memory {
namespace {

class FrameTest : public testing::Test {
 protected:
  OwnedArena arena_{4};
  FramePool frames_{&arena_.arena()};
};

TEST_F(FrameTest, HasExactlyTheBytesAskedForAndOneReference) {
  for (const std::size_t bytes : {1u, 48u, 49u, 1'000u, 65'520u, 65'521u, 200'000u}) {
    const Index frame = frames_.claim(bytes);
    ASSERT_NE(frame, kNoIndex);
    EXPECT_EQ(frames_.bytes(frame).size(), bytes);
    EXPECT_EQ(frames_.references(frame), 1u);
    EXPECT_GE(arena_->usable_bytes(frame), bytes);
    std::fill(frames_.bytes(frame).begin(), frames_.bytes(frame).end(), std::byte{0x5A});
    EXPECT_EQ(frames_.bytes(frame).size(), bytes);
    frames_.release(frame);
  }
  EXPECT_EQ(arena_->used_bytes(), 0u);
}

TEST_F(FrameTest, PayloadIsAlignedToSixteenBytes) {
  const Index frame = frames_.claim(10);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frames_.bytes(frame).data()) % 16, 0u);
  frames_.release(frame);
}

TEST_F(FrameTest, TheLastReferenceGivesTheMemoryBack) {
  const Index frame = frames_.claim(100);
  frames_.retain(frame);
  frames_.retain(frame);
  EXPECT_EQ(frames_.references(frame), 3u);
  frames_.release(frame);
  frames_.release(frame);
  EXPECT_EQ(frames_.live(), 1u);
  EXPECT_GT(arena_->used_bytes(), 0u);
  frames_.release(frame);
  EXPECT_EQ(frames_.live(), 0u);
  EXPECT_EQ(arena_->used_bytes(), 0u);
}

TEST_F(FrameTest, RefusesWhenTheArenaIsFullAndWhenItCouldNeverFit) {
  std::vector<Index> held;
  for (Index frame = frames_.claim(50'000); frame != kNoIndex; frame = frames_.claim(50'000))
    held.push_back(frame);
  EXPECT_EQ(held.size(), 4u);
  EXPECT_EQ(frames_.live(), 4u);
  for (const Index frame : held) frames_.release(frame);
  EXPECT_EQ(frames_.claim(arena_->region_bytes()), kNoIndex);
  EXPECT_EQ(frames_.claim(1u << 31), kNoIndex);
  EXPECT_EQ(frames_.live(), 0u);
}

TEST_F(FrameTest, ContentAndCountsSurviveRandomSharing) {
  struct Held {
    Index frame;
    std::uint32_t references;
    std::byte content;
  };
  // Room for the most that is ever held, in each of the classes.
  OwnedArena arena(64);
  FramePool frames(&arena.arena());
  base::Random random(21);
  std::vector<Held> held;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t choice = random.below(3);
    if (choice == 0 && held.size() < 100) {
      const Index frame = frames.claim(1 + random.below(1'500));
      ASSERT_NE(frame, kNoIndex);
      const std::byte content{static_cast<std::uint8_t>(random.next())};
      std::fill(frames.bytes(frame).begin(), frames.bytes(frame).end(), content);
      held.push_back({frame, 1, content});
    } else if (!held.empty()) {
      Held& chosen = held[random.below(held.size())];
      ASSERT_EQ(frames.references(chosen.frame), chosen.references);
      if (choice == 1) {
        frames.retain(chosen.frame);
        ++chosen.references;
        continue;
      }
      const std::span<std::byte> bytes = frames.bytes(chosen.frame);
      ASSERT_EQ(std::count(bytes.begin(), bytes.end(), chosen.content),
                static_cast<std::ptrdiff_t>(bytes.size()));
      frames.release(chosen.frame);
      if (--chosen.references == 0) {
        chosen = held.back();
        held.pop_back();
      }
    }
    ASSERT_EQ(frames.live(), held.size());
  }
  for (const Held& left : held) {
    for (std::uint32_t i = 0; i < left.references; ++i) frames.release(left.frame);
  }
  EXPECT_EQ(arena->used_bytes(), 0u);
}

using FrameDeathTest = FrameTest;

TEST_F(FrameDeathTest, CatchesAStaleIndex) {
  const Index kept = frames_.claim(10);
  const Index frame = frames_.claim(10);
  frames_.release(frame);
  EXPECT_DEATH(frames_.bytes(frame), kCaught);
  EXPECT_DEATH(frames_.retain(frame), kCaught);
  EXPECT_DEATH(frames_.release(frame), kCaught);
  frames_.release(kept);
}

TEST_F(FrameDeathTest, CatchesIndexesOutsideTheRegionAndEmptyFrames) {
  EXPECT_DEATH(frames_.bytes(kNoIndex), "CHECK failed");
  EXPECT_DEATH(frames_.claim(0), "CHECK failed");
  EXPECT_DEATH(frames_.claim(std::size_t{1} << 32), "CHECK failed");
}

}  // namespace
}  // namespace holdfast::memory
