// The bounds: each is reached, answered with its code, harms nobody else, and leaves nothing behind.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client_frames.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary
using memory::kNoIndex;

constexpr const char* kNoMemory = "violation[1013 out of input memory]";
constexpr const char* kUnfinished = "violation[1013 too many unfinished messages]";

TEST(ReaderLimits, AMessageThatIsTooBigAllocatesNothing) {
  for (const std::uint64_t declared : {65537ull, (1ull << 32) + 1, (1ull << 62), (1ull << 63) - 1}) {
    ReaderWorld world;
    const std::string header = frame(kBinary, "", {.declared = declared});
    EXPECT_EQ(read_whole(world, header), "violation[1009 message too big]");
    EXPECT_EQ(world.reader.contexts_made(), 0u);
    EXPECT_EQ(read_bytewise(world, header), "violation[1009 message too big]");
    EXPECT_EQ(world.arena.peak_bytes(), 0u);
    EXPECT_TRUE(world.clean());
  }
}

TEST(ReaderLimits, ATinyMessageLimitIsExact) {
  ReaderWorld world({.message_bytes = 1});
  EXPECT_EQ(read_whole(world, frame(kText, "") + frame(kText, "x") + frame(kText, "xy")),
            "text[]text[x]violation[1009 message too big]");
  // Control frames have a bound of their own.
  EXPECT_EQ(read_whole(world, frame(kPing, "longer")), "ping[longer]");
}

TEST(ReaderLimits, ContextsAreLentUpToTheBoundAndThenTheNewcomerIsClosed) {
  ReaderWorld world({.contexts = 3});
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 3; ++i) {
    connections.push_back(std::make_unique<Connection>(world));
    EXPECT_TRUE(connections.back()->read(fragment(kText, "a ").substr(0, 7)));
  }
  Connection newcomer(world);
  EXPECT_FALSE(newcomer.read(fragment(kText, "b ").substr(0, 7)));
  EXPECT_EQ(newcomer.log.text, kUnfinished);
  EXPECT_EQ(newcomer.assembly, kNoIndex);
  EXPECT_EQ(world.reader.context_refusals(), 1u);
  EXPECT_EQ(world.assemblies.used(), 3u);

  // Messages in one frame need none, however they come, nor do fragments that come whole, and those who have
  // one go on.
  EXPECT_EQ(read_whole(world, frame(kText, "whole")), "text[whole]");
  EXPECT_EQ(read_whole(world, fragment(kText, "whole") + frame(kContinuation, " too")), "text[whole too]");
  EXPECT_EQ(read_bytewise(world, frame(kText, "in pieces")), "text[in pieces]");
  const std::string big(10000, 'x');
  EXPECT_EQ(read_in_pieces(world, frame(kBinary, big), {5000}), "binary[" + big + "]");
  EXPECT_TRUE(connections[0]->read(fragment(kText, "a ").substr(7) + frame(kContinuation, "c")));
  EXPECT_EQ(connections[0]->log.text, "text[a c]");
  Connection later(world);
  EXPECT_TRUE(later.read(fragment(kText, "d")));
}

TEST(ReaderLimits, AssembliesRunOutWithTheSameCode) {
  ReaderWorld world({}, 1 << 20, 1);
  Connection first(world);
  EXPECT_TRUE(first.read(fragment(kText, "a")));
  EXPECT_EQ(read_whole(world, fragment(kText, "b")), kUnfinished);
  EXPECT_EQ(read_whole(world, frame(kBinary, std::string(9000, 'x')).substr(0, 100)), kUnfinished);
  EXPECT_EQ(read_whole(world, frame(kText, "whole")), "text[whole]");
  EXPECT_EQ(world.assemblies.refusals(), 2u);
  EXPECT_TRUE(first.read(frame(kContinuation, "")));
  EXPECT_TRUE(world.clean());
}

TEST(ReaderLimits, ArenaRunsOutInABulkMessage) {
  // One page: room for a start of 16 KiB and one doubling, not for the page-sized block after it.
  ReaderWorld world({}, memory::BlockArena::kPageBytes);
  const std::string wire = frame(kBinary, std::string(60000, 'x'));
  for (const Receive receive : {Receive::copied, Receive::straight_into_assembly}) {
    EXPECT_EQ(read_in_pieces(world, wire, std::vector<std::size_t>(60, 1000), receive), kNoMemory);
    EXPECT_TRUE(world.clean());
  }
  EXPECT_EQ(read_in_pieces(world, frame(kBinary, std::string(9000, 'x')), {5000}),
            "binary[" + std::string(9000, 'x') + "]");
}

TEST(ReaderLimits, ArenaRunsOutInAFragmentedMessage) {
  ReaderWorld world({}, memory::BlockArena::kPageBytes);
  std::string wire = fragment(kBinary, "");
  for (int i = 0; i < 60; ++i) wire += fragment(kContinuation, std::string(1000, 'x'));
  EXPECT_EQ(read_whole(world, wire), kNoMemory);
  EXPECT_TRUE(world.clean());
  EXPECT_EQ(read_bytewise(world, wire), kNoMemory);
  EXPECT_TRUE(world.clean());
}

TEST(ReaderLimits, AFullArenaDoesNotHurtWholeFramesOrControlFrames) {
  ReaderWorld world({}, memory::BlockArena::kPageBytes);
  Connection hoarder(world);
  EXPECT_TRUE(hoarder.read(frame(kBinary, std::string(60000, 'x')).substr(0, 20000)));
  EXPECT_EQ(read_whole(world, frame(kText, std::string(30000, 'y'))),
            "text[" + std::string(30000, 'y') + "]");
  EXPECT_EQ(read_bytewise(world, frame(kPing, "split")), "ping[split]");
}

TEST(ReaderLimits, ManySmallFragmentsAreCopiedAFewTimesOnly) {
  ReaderWorld world({.message_bytes = 64 * 1024, .fragments = 1024});
  std::string wire = fragment(kBinary, "");
  for (int i = 0; i < 1022; ++i) wire += fragment(kContinuation, std::string(64, 'x'));
  wire += frame(kContinuation, "");
  EXPECT_EQ(read_whole(world, wire), "binary[" + std::string(1022 * 64, 'x') + "]");
  EXPECT_LE(world.arena.peak_bytes(), 3u * 64 * 1024);
  EXPECT_TRUE(world.clean());
}

TEST(ReaderLimitsDeathTest, OfZeroAreABugOfOurs) {
  EXPECT_DEATH(ReaderWorld({.fragments = 0}), "fragments");
  EXPECT_DEATH(ReaderWorld({.contexts = 0}), "capacity");
}

}  // namespace
}  // namespace holdfast::ws
