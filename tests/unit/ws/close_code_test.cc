// Close codes: the rule, held against a table written from the registry, for every code there is.
#include "ws/close_code.h"

#include <gtest/gtest.h>

#include <string>

#include "client_frames.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary

// The registry, range by range.
bool registered(unsigned code) {
  for (const unsigned one :
       {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 1012u, 1013u, 1014u}) {
    if (code == one) return true;
  }
  return code / 1000 == 3 || code / 1000 == 4;
}

TEST(CloseCode, IsValidExactlyWhenThePeerMaySendIt) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    EXPECT_EQ(valid_close_code(static_cast<std::uint16_t>(code)), registered(code)) << code;
  }
}

TEST(CloseCode, DecidesBetweenACloseAndAProtocolErrorForEveryCode) {
  ReaderWorld world;
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const std::string expected =
        registered(code) ? "close[" + std::to_string(code) + " why]" : "violation[1002 invalid close code]";
    const std::string stream = frame(kClose, close_payload(code, "why")) + frame(kText, "ignored");
    ASSERT_EQ(read_whole(world, stream), expected);
    if (code % 16 == 0 || (code >= 990 && code < 5010)) {
      ASSERT_EQ(read_bytewise(world, stream), expected);
    }
  }
  EXPECT_TRUE(world.clean());
}

TEST(CloseCode, IsNoStatusWhenTheFrameCarriesNone) {
  ReaderWorld world;
  EXPECT_EQ(read_whole(world, frame(kClose, "")), "close[1005 ]");
  EXPECT_EQ(read_bytewise(world, frame(kClose, "")), "close[1005 ]");
}

TEST(CloseCode, OfHalfItsSizeIsAProtocolError) {
  ReaderWorld world;
  EXPECT_EQ(read_whole(world, frame(kClose, "\x03")), "violation[1002 close payload of one byte]");
  EXPECT_EQ(read_bytewise(world, frame(kClose, "\x03")), "violation[1002 close payload of one byte]");
}

TEST(CloseReason, MayBeAsLongAsAControlFrameAllows) {
  ReaderWorld world;
  const std::string reason(kCloseReasonMaximumBytes, 'r');
  EXPECT_EQ(read_whole(world, frame(kClose, close_payload(1000, reason))), "close[1000 " + reason + "]");
  const std::string longer = reason + 'r';
  EXPECT_EQ(read_whole(world, frame(kClose, close_payload(1000, longer))),
            "violation[1002 control frame over 125 bytes]");
}

TEST(CloseReason, ThatIsNotUtf8IsAnInvalidPayload) {
  ReaderWorld world;
  for (const char* reason : {"\xff", "ok\xc0\xaf", "\xed\xa0\x80", "cut \xe2\x82"}) {
    const std::string stream = frame(kClose, close_payload(1000, reason));
    EXPECT_EQ(read_whole(world, stream), "violation[1007 close reason is not UTF-8]");
    EXPECT_EQ(read_bytewise(world, stream), "violation[1007 close reason is not UTF-8]");
  }
  EXPECT_TRUE(world.clean());
}

}  // namespace
}  // namespace holdfast::ws
