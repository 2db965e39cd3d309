// The pool of wslay contexts, and what wslay itself checks and does not: the Reader relies on both.
#include "ws/context_pool.h"

#include <gtest/gtest.h>

#include <string>

#include "client_frames.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary
using memory::Index;
using memory::kNoIndex;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// What a fresh context says to one frame: its payload, "refused", or "hungry".
std::string ask_wslay(std::string_view wire) {
  ContextPool pool(1);
  const Index context = pool.claim();
  pool.feed(context, bytes_of(wire));
  std::string said;
  ContextPool::Chunk chunk;
  for (;;) {
    switch (pool.next(context, chunk)) {
      case ContextPool::Outcome::refused:
        return said + "refused";
      case ContextPool::Outcome::hungry:
        return said + "hungry";
      case ContextPool::Outcome::chunk:
        said += '[' + std::string(reinterpret_cast<const char*>(chunk.payload.data()), chunk.payload.size()) +
                ']';
    }
  }
}

TEST(Wslay, UnmasksWhatItIsFed) {
  EXPECT_EQ(ask_wslay(frame(kText, "hello")), "[hello]hungry");
  EXPECT_EQ(ask_wslay(frame(kText, "")), "[]hungry");
  EXPECT_EQ(ask_wslay(frame(kText, "hello").substr(0, 6)), "hungry");
}

TEST(Wslay, RefusesLongAndFragmentedControlFramesAndBadLengths) {
  EXPECT_EQ(ask_wslay(frame(kPing, std::string(126, 'x'))), "refused");
  EXPECT_EQ(ask_wslay(fragment(kPing, "x")), "refused");
  EXPECT_EQ(ask_wslay(frame(kBinary, "x", {.length_bytes = 2})), "refused");
  EXPECT_EQ(ask_wslay(frame(kBinary, "x", {.length_bytes = 8})), "refused");
  EXPECT_EQ(ask_wslay(frame(kBinary, "x", {.declared = 1ull << 63})), "refused");
}

TEST(Wslay, AcceptsWhatTheReaderHasToRefuseBeforeIt) {
  EXPECT_EQ(ask_wslay(frame(kText, "x", {.masked = false})), "[x]hungry");
  EXPECT_EQ(ask_wslay(frame(kText, "x", {.reserved_bits = 7})), "[x]hungry");
  EXPECT_EQ(ask_wslay(frame(3, "x")), "[x]hungry");
  EXPECT_EQ(ask_wslay(frame(kContinuation, "x")), "[x]hungry");
}

TEST(ContextPool, LendsNoMoreThanItsBoundAndCountsRefusals) {
  ContextPool pool(2);
  const Index first = pool.claim();
  const Index second = pool.claim();
  EXPECT_NE(first, kNoIndex);
  EXPECT_NE(second, first);
  EXPECT_EQ(pool.claim(), kNoIndex);
  EXPECT_EQ(pool.refusals(), 1u);
  EXPECT_EQ(pool.lent(), 2u);
  pool.release(first, true);
  EXPECT_EQ(pool.claim(), first);
  pool.release(first, true);
  pool.release(second, true);
  EXPECT_EQ(pool.lent(), 0u);
}

TEST(ContextPool, MakesAContextOnceAndLendsItForEver) {
  ContextPool pool(8);
  EXPECT_EQ(pool.made(), 0u);
  for (int i = 0; i < 100; ++i) pool.release(pool.claim(), true);
  EXPECT_EQ(pool.made(), 1u);
}

TEST(ContextPool, MakesANewContextInPlaceOfOneGivenBackInsideAFrame) {
  ContextPool pool(1);
  const std::string wire = frame(kText, "hello");
  Index context = pool.claim();
  pool.feed(context, bytes_of(std::string_view(wire).substr(0, 3)));
  ContextPool::Chunk chunk;
  EXPECT_EQ(pool.next(context, chunk), ContextPool::Outcome::hungry);
  pool.append_control(context, bytes_of("left over"));
  pool.release(context, false);

  context = pool.claim();
  EXPECT_EQ(pool.made(), 2u);
  EXPECT_TRUE(pool.control(context).empty());
  pool.feed(context, bytes_of(wire));
  ASSERT_EQ(pool.next(context, chunk), ContextPool::Outcome::chunk);
  EXPECT_EQ(chunk.payload.size(), 5u);
}

}  // namespace
}  // namespace holdfast::ws
