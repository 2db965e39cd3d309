// BlockArena against a simple model: a map of intervals. Random claims and releases of all sizes, with
// content that is checked, so an overlap shows even if the indexes look right; and the same over two mappings
// of one memfd, changing from one to the other as a process does that takes over from its predecessor.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <vector>

#include "arena_fixture.h"
#include "base/entropy.h"
#include "memory/block_arena.h"
#include "memory/mapping.h"
#include "memory/poison.h"

namespace holdfast::memory {
namespace {

#if defined(HOLDFAST_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__) || defined(HOLDFAST_POISON)
constexpr int kShare = 10;  // of the steps: marking released memory makes each many times as dear
#else
constexpr int kShare = 1;
#endif
constexpr std::size_t kPage = BlockArena::kPageBytes;

// Sizes as a server sees them: mostly small, some around class and page edges, a few large.
std::size_t draw_size(base::Random& random, std::size_t region_bytes) {
  switch (random.below(8)) {
    case 0:
      return 1 + random.below(32 * 1024);
    case 1:
      return std::min<std::size_t>(1 + random.below(6 * kPage), region_bytes);
    case 2: {
      const std::size_t edge = std::size_t{64} << random.below(11);
      return std::min(edge + random.below(3) - (edge > 64 ? 1 : 0), region_bytes);
    }
    default:
      return 1 + random.below(2'000);
  }
}

class Model {
 public:
  Model(BlockArena* arena, std::uint64_t seed) : arena_(arena), random_(seed) {}

  void use(BlockArena* arena) { arena_ = arena; }

  void step(std::size_t live_wanted) {
    if (live_.empty() || random_.below(2 * live_wanted) >= live_.size()) {
      claim();
    } else {
      release(random_.below(live_.size()));
    }
    ASSERT_EQ(arena_->used_bytes(), used_bytes_);
    ASSERT_LE(used_bytes_, arena_->region_bytes());
  }

  void release_everything() {
    while (!live_.empty()) release(random_.below(live_.size()));
    ASSERT_EQ(arena_->used_bytes(), 0u);
  }

  std::uint64_t refused() const { return refused_; }

 private:
  struct Block {
    Index index;
    std::size_t asked;
    std::size_t usable;
    std::uint8_t content;
  };

  void claim() {
    const std::size_t asked = draw_size(random_, arena_->region_bytes());
    const Index index = arena_->claim(asked);
    if (index == kNoIndex) {
      ++refused_;
      return;
    }
    const Block block{index, asked, arena_->usable_bytes(index), static_cast<std::uint8_t>(random_.next())};
    ASSERT_GE(block.usable, asked);
    const std::size_t start = static_cast<std::size_t>(index) * BlockArena::kUnitBytes;
    ASSERT_LE(start + block.usable, arena_->region_bytes());
    const auto after = intervals_.lower_bound(start);
    if (after != intervals_.end()) {
      ASSERT_LE(start + block.usable, after->first);
    }
    if (after != intervals_.begin()) {
      const auto before = std::prev(after);
      ASSERT_LE(before->first + before->second, start);
    }
    intervals_[start] = block.usable;
    used_bytes_ += block.usable;
    mark_edges(block);
    live_.push_back(block);
  }

  void release(std::size_t position) {
    const Block block = live_[position];
    ASSERT_EQ(arena_->usable_bytes(block.index), block.usable);
    const std::byte content{block.content};
    ASSERT_EQ(arena_->at(block.index)[0], content);
    ASSERT_EQ(arena_->at(block.index)[block.asked - 1], content);
    ASSERT_EQ(arena_->at(block.index)[block.usable - 1], content);
    arena_->release(block.index);
    intervals_.erase(static_cast<std::size_t>(block.index) * BlockArena::kUnitBytes);
    used_bytes_ -= block.usable;
    live_[position] = live_.back();
    live_.pop_back();
  }

  void mark_edges(const Block& block) {
    std::byte* start = arena_->at(block.index);
    const std::byte content{block.content};
    start[0] = start[block.asked - 1] = start[block.usable - 1] = content;
  }

  BlockArena* arena_;
  base::Random random_;
  std::vector<Block> live_;
  std::map<std::size_t, std::size_t> intervals_;
  std::size_t used_bytes_ = 0;
  std::uint64_t refused_ = 0;
};

TEST(BlockArenaModel, BlocksNeverOverlapAndEverythingReturnsUnderRandomTraffic) {
  for (const std::size_t pages : {1u, 2u, 3u, 7u, 16u, 37u, 64u, 100u}) {
    SCOPED_TRACE(pages);
    OwnedArena arena(pages);
    Model model(&arena.arena(), 1'000 + pages);
    for (int round = 0; round < 4; ++round) {
      // Few blocks, then more than fit: the second half of the rounds lives at the bound.
      const std::size_t live_wanted = round % 2 == 0 ? 10 * pages : 200 * pages;
      for (int i = 0; i < 20'000 / kShare; ++i) ASSERT_NO_FATAL_FAILURE(model.step(live_wanted));
      ASSERT_NO_FATAL_FAILURE(model.release_everything());
      const Index whole = arena->claim(pages * kPage);
      ASSERT_EQ(whole, 0u);
      arena->release(whole);
    }
    EXPECT_GT(model.refused(), 0u) << "the bound was never reached: the test is too easy";
    EXPECT_LE(arena->peak_bytes(), pages * kPage);
  }
}

TEST(BlockArenaModel, RunsOfPagesUnderRandomTrafficMergeBackToTheWholeRegion) {
  constexpr std::size_t kPages = 61;
  OwnedArena arena(kPages);
  base::Random random(5);
  std::vector<Index> live;
  std::vector<int> owner(kPages, 0);
  for (int i = 0; i < 200'000 / kShare; ++i) {
    if (live.empty() || random.below(2) == 0) {
      const std::size_t pages = 1 + random.below(random.below(10) == 0 ? kPages : 5);
      const Index block = arena->claim(std::max(pages * kPage - random.below(kPage / 2), kPage));
      if (block == kNoIndex) continue;
      for (std::size_t page = 0; page < arena->usable_bytes(block) / kPage; ++page) {
        ASSERT_EQ(owner[block / 1024 + page]++, 0);
      }
      live.push_back(block);
    } else {
      std::swap(live[random.below(live.size())], live.back());
      const Index block = live.back();
      for (std::size_t page = 0; page < arena->usable_bytes(block) / kPage; ++page)
        --owner[block / 1024 + page];
      arena->release(block);
      live.pop_back();
    }
  }
  for (const Index block : live) arena->release(block);
  EXPECT_EQ(arena->claim(kPages * kPage), 0u);
}

// Two mappings of one memfd; the model goes on at the other address, with a newly attached arena each time.
TEST(BlockArenaModel, AttachesAtAnotherAddressAndGoesOn) {
  constexpr std::size_t kPages = 24;
  constexpr std::size_t kRegion = kPages * kPage;
  const auto layout = [](std::byte* base, std::size_t& used) {
    Carver carver(base);
    auto* state = carver.take<std::byte>(BlockArena::state_bytes(kRegion));
    std::byte* region = carver.take<std::byte>(kRegion, 4096);
    used = carver.used();
    return std::pair{reinterpret_cast<BlockArenaState*>(state), region};
  };
  std::size_t bytes = 0;
  layout(nullptr, bytes);
  auto created = Mapping::create("arena-test", bytes);
  ASSERT_TRUE(created.ok()) << created.status();
  Mapping mapping = std::move(created).value();
  void* second = mmap(nullptr, mapping.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, mapping.descriptor(), 0);
  ASSERT_NE(second, MAP_FAILED);
  ASSERT_NE(second, mapping.base());

  BlockArena arena;
  Model model(&arena, 99);
  std::size_t used = 0;
  for (int turn = 0; turn < 20; ++turn) {
    const auto [state, region] =
        layout(turn % 2 == 0 ? mapping.base() : static_cast<std::byte*>(second), used);
    // The sanitizer's marks are those of the process that left this mapping; a new process has none.
    clear_marks(region, kRegion);
    arena = BlockArena(state, region, kRegion);
    for (int i = 0; i < 5'000 / kShare; ++i) ASSERT_NO_FATAL_FAILURE(model.step(2'000));
  }
  ASSERT_NO_FATAL_FAILURE(model.release_everything());
  EXPECT_EQ(arena.claim(kRegion), 0u);
  clear_marks(static_cast<std::byte*>(second), mapping.bytes());
  ASSERT_EQ(munmap(second, mapping.bytes()), 0);
}

}  // namespace
}  // namespace holdfast::memory
