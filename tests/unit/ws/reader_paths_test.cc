// Which way a frame takes, what the connection holds meanwhile, and that it holds nothing at each message
// boundary.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "client_frames.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary
using memory::Index;
using memory::kNoIndex;

TEST(ShortPath, TakesWholeFramesAndHoldsNothing) {
  ReaderWorld world;
  Connection connection(world);
  EXPECT_TRUE(
      connection.read(frame(kText, "a") + frame(kBinary, std::string(60000, 'b')) + frame(kPing, "c")));
  EXPECT_EQ(world.reader.short_path_frames(), 3u);
  EXPECT_EQ(world.reader.bulk_path_frames() + world.reader.wslay_frames(), 0u);
  EXPECT_EQ(connection.assembly, kNoIndex);
  EXPECT_EQ(world.reader.contexts_made(), 0u);
  EXPECT_EQ(world.arena.peak_bytes(), 0u);
}

TEST(ShortPath, HandsOutAViewOfTheBufferItself) {
  class Watching final : public Events {
   public:
    bool on_message(Opcode, std::span<std::byte> payload) override {
      seen = payload;
      return true;
    }
    bool on_ping(std::span<const std::byte>) override { return true; }
    bool on_pong(std::span<const std::byte>) override { return true; }
    bool on_close(std::uint16_t, std::string_view) override { return true; }
    std::span<std::byte> seen;
  };
  ReaderWorld world;
  Watching events;
  std::string wire = frame(kText, "hello");
  memory::Index assembly = kNoIndex;
  EXPECT_FALSE(world.reader.consume(assembly, std::as_writable_bytes(std::span(wire)), events));
  EXPECT_EQ(reinterpret_cast<char*>(events.seen.data()), wire.data() + 6);
  EXPECT_EQ(wire.substr(6), "hello");
}

TEST(ShortPath, TakesAWholeControlFrameInTheMiddleOfAMessage) {
  ReaderWorld world;
  Connection connection(world);
  EXPECT_TRUE(connection.read(fragment(kText, "a") + frame(kPing, "p")));
  EXPECT_EQ(connection.log.text, "ping[p]");
  EXPECT_EQ(world.reader.short_path_frames(), 2u);
  EXPECT_EQ(world.reader.wslay_frames(), 0u);
}

TEST(ShortPath, TakesWholeFragmentsWithoutAContext) {
  ReaderWorld world;
  Connection connection(world);
  EXPECT_TRUE(connection.read(fragment(kText, "a")));
  EXPECT_NE(connection.assembly, kNoIndex);
  EXPECT_TRUE(connection.read(fragment(kContinuation, "") + fragment(kContinuation, "b")));
  EXPECT_TRUE(connection.read(frame(kContinuation, "c") + frame(kText, "d")));
  EXPECT_EQ(connection.log.text, "text[abc]text[d]");
  EXPECT_EQ(world.reader.short_path_frames(), 5u);
  EXPECT_EQ(world.reader.contexts_made(), 0u);
  EXPECT_TRUE(world.clean());
}

TEST(BulkPath, TakesAMessageWhoseHeaderIsSplitWithoutAContext) {
  for (const std::string& payload : {std::string("hello"), std::string(), std::string(300, 'x')}) {
    const std::string wire = frame(kText, payload);
    const std::size_t header_bytes = wire.size() - payload.size();
    for (std::size_t cut = 1; cut <= header_bytes && cut < wire.size(); ++cut) {
      ReaderWorld world;
      Connection connection(world);
      EXPECT_TRUE(connection.read(wire.substr(0, cut)));
      EXPECT_NE(connection.assembly, kNoIndex);
      EXPECT_TRUE(connection.read(wire.substr(cut, 3)));
      EXPECT_TRUE(connection.read(wire.substr(std::min(cut + 3, wire.size())) + frame(kText, "next")));
      EXPECT_EQ(connection.log.text, "text[" + payload + "]text[next]");
      EXPECT_EQ(world.reader.contexts_made(), 0u);
      EXPECT_TRUE(world.clean());
    }
  }
}

TEST(Wslay, ContextIsLentWhenTheHeaderOfAFragmentIsWhole) {
  ReaderWorld world;
  Connection connection(world);
  const std::string wire = fragment(kText, "hello");
  EXPECT_TRUE(connection.read(wire.substr(0, 5)));
  EXPECT_EQ(world.reader.contexts_lent(), 0u);
  EXPECT_TRUE(connection.read(wire.substr(5, 1)));
  EXPECT_EQ(world.reader.contexts_lent(), 1u);
  EXPECT_TRUE(connection.read(wire.substr(6) + frame(kContinuation, "!")));
  EXPECT_EQ(connection.log.text, "text[hello!]");
  EXPECT_EQ(world.reader.wslay_frames(), 1u);
  EXPECT_TRUE(world.clean());
}

TEST(Wslay, ContextOfASplitFragmentGoesBackAfterItAndBeforeTheMessageEnds) {
  ReaderWorld world;
  Connection connection(world);
  const std::string wire = fragment(kText, "ab");
  EXPECT_TRUE(connection.read(wire.substr(0, 7)));
  EXPECT_EQ(world.reader.contexts_lent(), 1u);
  EXPECT_TRUE(connection.read(wire.substr(7)));
  EXPECT_EQ(world.reader.contexts_lent(), 0u);
  EXPECT_TRUE(connection.read(frame(kContinuation, "c")));
  EXPECT_EQ(connection.log.text, "text[abc]");
  EXPECT_TRUE(world.clean());
}

TEST(Wslay, ContextOfASplitControlFrameGoesBackAfterIt) {
  ReaderWorld world;
  Connection connection(world);
  const std::string ping = frame(kPing, "0123456789");
  EXPECT_TRUE(connection.read(ping.substr(0, 9)));
  EXPECT_EQ(world.reader.contexts_lent(), 1u);
  EXPECT_EQ(world.arena.used_bytes(), 0u);
  EXPECT_TRUE(connection.read(ping.substr(9)));
  EXPECT_EQ(connection.log.text, "ping[0123456789]");
  EXPECT_TRUE(world.clean());
}

TEST(Wslay, PayloadOfASplitControlFrameDoesNotMixWithTheMessageAroundIt) {
  ReaderWorld world;
  Connection connection(world);
  const std::string ping = frame(kPing, "ping");
  EXPECT_TRUE(connection.read(fragment(kText, "a") + ping.substr(0, 8)));
  EXPECT_TRUE(connection.read(ping.substr(8) + ping.substr(0, 7)));
  EXPECT_TRUE(connection.read(ping.substr(7) + frame(kContinuation, "b")));
  EXPECT_EQ(connection.log.text, "ping[ping]ping[ping]text[ab]");
  EXPECT_TRUE(world.clean());
}

TEST(Wslay, SteadyTrafficMakesNoNewContexts) {
  ReaderWorld world;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(read_bytewise(world, fragment(kText, "a") + frame(kContinuation, "b")), "text[ab]");
  }
  EXPECT_EQ(world.reader.contexts_made(), 1u);
}

TEST(Wslay, ContextAbandonedInsideAFrameIsMadeAnew) {
  ReaderWorld world;
  EXPECT_EQ(read_bytewise(world, fragment(kText, "a")), "");
  EXPECT_EQ(world.reader.contexts_made(), 1u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(read_whole(world, fragment(kText, "abc").substr(0, 8)), "");
  EXPECT_EQ(world.reader.contexts_made(), 10u);  // the first of them found the one that was there
  EXPECT_EQ(read_bytewise(world, fragment(kText, "cl") + frame(kContinuation, "ean")), "text[clean]");
  EXPECT_TRUE(world.clean());
}

TEST(BulkPath, TakesABigFrameThatIsNotAllThereWithoutAContext) {
  ReaderWorld world;
  Connection connection(world);
  const std::string payload(60000, 'x');
  const std::string wire = frame(kBinary, payload);
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(0, 1000)));
  EXPECT_EQ(world.reader.contexts_lent(), 0u);
  EXPECT_NE(connection.assembly, kNoIndex);
  EXPECT_TRUE(connection.read(wire.substr(1000) + frame(kText, "next")));
  EXPECT_EQ(connection.log.text, "binary[" + payload + "]text[next]");
  EXPECT_EQ(world.reader.bulk_path_frames(), 1u);
  EXPECT_EQ(world.reader.wslay_frames(), 0u);
  EXPECT_TRUE(world.clean());
}

TEST(BulkPath, ReceivesInPlaceFromItsMinimumOnAndKeepsLittleForSmallMessages) {
  for (const std::size_t length : {kInPlaceMinimumBytes - 1, kInPlaceMinimumBytes}) {
    ReaderWorld world;
    Connection connection(world);
    EXPECT_TRUE(connection.read(frame(kBinary, std::string(length, 'x')).substr(0, 100)));
    EXPECT_EQ(world.reader.contexts_lent(), 0u);
    EXPECT_EQ(world.reader.destination(connection.assembly).empty(), length < kInPlaceMinimumBytes);
    EXPECT_LE(world.arena.used_bytes(), length < kInPlaceMinimumBytes ? 256u : length);
  }
}

TEST(BulkPath, IsNotForFragments) {
  ReaderWorld world;
  Connection connection(world);
  const std::string wire = fragment(kBinary, std::string(50000, 'x'));
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(0, 100)));
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(100, 1000)));
  EXPECT_EQ(world.reader.contexts_lent(), 1u);
  EXPECT_TRUE(world.reader.destination(connection.assembly).empty());
}

TEST(BulkPath, ReceivesStraightIntoTheAssemblyAndNoFurtherThanTheFrame) {
  ReaderWorld world;
  Connection connection(world);
  const std::string payload(60001, 'x');
  const std::string wire = frame(kText, payload, {.key = 0x01020304});
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(0, 8)));  // the header and not a byte more
  std::size_t placed = 0;
  while (placed < payload.size()) {
    const std::span<std::byte> room = world.reader.destination(connection.assembly);
    ASSERT_FALSE(room.empty());
    ASSERT_LE(room.size(), payload.size() - placed);
    const std::size_t count = std::min<std::size_t>(room.size(), 4999);
    std::memcpy(room.data(), wire.data() + 8 + placed, count);
    EXPECT_FALSE(world.reader.placed(connection.assembly, count, connection.log));
    placed += count;
  }
  EXPECT_EQ(connection.log.text, "text[" + payload + "]");
  EXPECT_EQ(connection.assembly, kNoIndex);
  EXPECT_TRUE(world.clean());
}

TEST(BulkPath, MemoryFollowsWhatWasReceived) {
  const std::uint32_t declared = 8 * 1024 * 1024;
  ReaderWorld world({.message_bytes = declared}, 16 * 1024 * 1024);
  Connection connection(world);
  const std::string wire = frame(kBinary, std::string(declared, 'x'));
  for (std::size_t received = 0; received < wire.size();) {
    const std::size_t count = std::min<std::size_t>(10000, wire.size() - received);
    ASSERT_TRUE(connection.read(std::string_view(wire).substr(received, count)));
    received += count;
    if (received == wire.size()) break;
    // Twice what has come, rounded up by the arena to whole pages, or the start.
    ASSERT_LE(world.arena.used_bytes(), std::max<std::size_t>(2 * received + 64 * 1024, 64 * 1024))
        << received;
  }
  EXPECT_EQ(connection.log.events, 1u);
  EXPECT_TRUE(world.clean());
}

TEST(BulkPath, OfferingNothingPlacedChangesNothing) {
  ReaderWorld world;
  Connection connection(world);
  EXPECT_TRUE(connection.read(frame(kBinary, std::string(5000, 'x')).substr(0, 200)));
  EXPECT_FALSE(world.reader.placed(connection.assembly, 0, connection.log));
  EXPECT_EQ(connection.log.text, "");
}

// The memory that was refused when room was offered may be free when the bytes have come: they must stay
// where they were put.
TEST(Destination, IsNotMovedByAskingWhatWasOffered) {
  ReaderWorld world({.message_bytes = 1u << 20}, 512 * 1024);
  Connection connection(world);
  const std::string payload(200'000, 'x');
  const std::string wire = frame(kBinary, payload, {.key = 0x01020304});
  const std::size_t header_bytes = wire.size() - payload.size();
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(0, header_bytes + 60'000)));
  std::size_t placed = 60'000;
  std::span<std::byte> room = world.reader.destination(connection.assembly);
  ASSERT_GT(room.size(), 100u);
  const std::size_t most = room.size() - 100;
  std::memcpy(room.data(), wire.data() + header_bytes + placed, most);
  EXPECT_FALSE(world.reader.placed(connection.assembly, most, connection.log));
  placed += most;

  std::vector<Index> others;  // take all there is
  for (Index other = world.arena.claim(64 * 1024); other != kNoIndex; other = world.arena.claim(64 * 1024))
    others.push_back(other);
  room = world.reader.destination(connection.assembly);
  ASSERT_EQ(room.size(), 100u);
  std::memcpy(room.data(), wire.data() + header_bytes + placed, room.size());
  for (const Index other : others) world.arena.release(other);
  const std::span<std::byte> offered = world.reader.offered(connection.assembly);
  EXPECT_EQ(offered.data(), room.data());
  EXPECT_EQ(offered.size(), room.size());
  EXPECT_FALSE(world.reader.placed(connection.assembly, room.size(), connection.log));
  placed += room.size();
  EXPECT_TRUE(connection.read(std::string_view(wire).substr(header_bytes + placed)));
  EXPECT_EQ(connection.log.text, "binary[" + payload + "]");
}

TEST(Destination, IsEmptyWhenNothingIsUnderWay) {
  ReaderWorld world;
  EXPECT_TRUE(world.reader.destination(kNoIndex).empty());
}

TEST(Events, ThatWantNoMoreStopTheReadingAndTheRestIsDropped) {
  const std::string pieces = fragment(kText, "a") + frame(kPing, "b") + frame(kContinuation, "c") +
                             frame(kText, "d") + frame(kPong, "e");
  const std::string expected[] = {"ping[b]", "ping[b]text[ac]", "ping[b]text[ac]text[d]",
                                  "ping[b]text[ac]text[d]pong[e]"};
  for (const bool always_wslay : {false, true}) {
    ReaderWorld world({.always_wslay = always_wslay});
    for (std::uint32_t wanted = 1; wanted <= 4; ++wanted) {
      for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, pieces.size()}) {
        Connection connection(world);
        connection.log.events_wanted = wanted;
        std::string_view rest = pieces;
        while (!rest.empty() && connection.read(rest.substr(0, piece))) {
          rest.remove_prefix(std::min(piece, rest.size()));
        }
        EXPECT_EQ(connection.log.text, expected[wanted - 1]);
        EXPECT_FALSE(connection.violation);
      }
      EXPECT_TRUE(world.clean());
    }
  }
}

TEST(Connections, DoNotSeeEachOthersBytes) {
  ReaderWorld world;
  const std::string first = fragment(kText, "first ") + frame(kContinuation, "message");
  const std::string second = frame(kText, "second", {.key = 0x5555'aaaa});
  Connection one(world);
  Connection two(world);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(one.read(std::string_view(first).substr(i, 1)));
    if (i < second.size()) {
      EXPECT_TRUE(two.read(std::string_view(second).substr(i, 1)));
    }
  }
  EXPECT_EQ(one.log.text, "text[first message]");
  EXPECT_EQ(two.log.text, "text[second]");
  EXPECT_EQ(world.reader.contexts_made(), 1u);
}

}  // namespace
}  // namespace holdfast::ws
