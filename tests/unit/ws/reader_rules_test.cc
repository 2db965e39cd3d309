// What a stream means, by table: each stream is read whole, byte by byte, and by wslay alone, with one
// verdict.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client_frames.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary

constexpr const char* kReserved = "violation[1002 reserved bit set]";
constexpr const char* kUnknown = "violation[1002 unknown opcode]";
constexpr const char* kUnmasked = "violation[1002 frame not masked]";
constexpr const char* kFragmentedControl = "violation[1002 fragmented control frame]";
constexpr const char* kLongControl = "violation[1002 control frame over 125 bytes]";
constexpr const char* kNotMinimal = "violation[1002 frame length not minimal]";
constexpr const char* kOver63Bits = "violation[1002 frame length over 63 bits]";
constexpr const char* kOrphan = "violation[1002 continuation without a message]";
constexpr const char* kNested = "violation[1002 new message inside a fragmented one]";
constexpr const char* kNotUtf8 = "violation[1007 text is not UTF-8]";
constexpr const char* kTooBig = "violation[1009 message too big]";
constexpr const char* kTooMany = "violation[1008 too many fragments]";

class ReaderRules : public ::testing::Test {
 protected:
  static constexpr ReaderLimits kLimits{.message_bytes = 70000, .fragments = 4};

  void expect(std::string_view stream, const std::string& meaning) {
    SCOPED_TRACE(::testing::PrintToString(std::string(stream.substr(0, 40))));
    EXPECT_EQ(read_whole(world_, stream), meaning);
    EXPECT_EQ(read_bytewise(world_, stream), meaning);
    EXPECT_EQ(read_bytewise(world_, stream, Receive::straight_into_assembly), meaning);
    EXPECT_EQ(read_whole(wslay_world_, stream), meaning);
    EXPECT_EQ(read_bytewise(wslay_world_, stream), meaning);
    EXPECT_TRUE(world_.clean());
    EXPECT_TRUE(wslay_world_.clean());
  }

  // The violation comes with the last byte of `stream`, and not before.
  void expect_at_last_byte(std::string_view stream, const std::string& violation,
                           const std::string& before = "") {
    expect(stream, before + violation);
    expect(stream.substr(0, stream.size() - 1), before);
  }

  ReaderWorld world_{kLimits};
  ReaderWorld wslay_world_{{.message_bytes = 70000, .fragments = 4, .always_wslay = true}};
};

TEST_F(ReaderRules, EveryPairOfFirstBytesHasOneVerdict) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const unsigned opcode = first & 15;
      const char* meaning = "";
      if ((first & 0x70) != 0) {
        meaning = kReserved;
      } else if ((opcode > 2 && opcode < 8) || opcode > 10) {
        meaning = kUnknown;
      } else if (opcode >= 8 && first < 0x80) {
        meaning = kFragmentedControl;
      } else if (opcode == 0) {
        meaning = kOrphan;
      } else if (second < 0x80) {
        meaning = kUnmasked;
      } else if (opcode >= 8 && second > 0x80 + 125) {
        meaning = kLongControl;
      }
      const char stream[] = {static_cast<char>(first), static_cast<char>(second)};
      ASSERT_EQ(read_whole(world_, {stream, 2}), meaning) << first << " " << second;
      ASSERT_EQ(read_bytewise(world_, {stream, 2}), meaning) << first << " " << second;
      ASSERT_EQ(read_whole(wslay_world_, {stream, 2}), meaning) << first << " " << second;
      ASSERT_EQ(read_bytewise(wslay_world_, {stream, 2}), meaning) << first << " " << second;
    }
  }
  EXPECT_TRUE(world_.clean());
  EXPECT_TRUE(wslay_world_.clean());
}

TEST_F(ReaderRules, HeadersAreRefusedAtTheByteThatIsWrong) {
  for (unsigned bits = 1; bits < 8; ++bits) {
    expect_at_last_byte(frame(kText, "", {.reserved_bits = bits}).substr(0, 1), kReserved);
    expect_at_last_byte(frame(kPing, "", {.reserved_bits = bits}).substr(0, 1), kReserved);
  }
  expect_at_last_byte(frame(kText, "x", {.masked = false}).substr(0, 2), kUnmasked);
  expect_at_last_byte(frame(kPing, "", {.masked = false}).substr(0, 2), kUnmasked);
  expect_at_last_byte(frame(kPing, "", {.declared = 126}).substr(0, 2), kLongControl);
  expect_at_last_byte(frame(kBinary, "", {.length_bytes = 2, .declared = 125}).substr(0, 4), kNotMinimal);
  expect_at_last_byte(frame(kBinary, "", {.length_bytes = 2, .declared = 0}).substr(0, 4), kNotMinimal);
  expect_at_last_byte(frame(kBinary, "", {.length_bytes = 8, .declared = 65535}).substr(0, 8), kNotMinimal);
  expect_at_last_byte(frame(kBinary, "", {.declared = 1ull << 63}).substr(0, 3), kOver63Bits);
}

TEST_F(ReaderRules, MessagesUpToTheLimitPassAndLongerOnesAreRefusedByTheirLengthAlone) {
  for (const std::size_t length : {0u, 1u, 125u, 126u, 127u, 4095u, 4096u, 4097u, 65535u, 65536u, 70000u}) {
    const std::string payload(length, 'p');
    expect(frame(kBinary, payload), "binary[" + payload + "]");
  }
  for (const std::uint64_t length :
       {70001ull, 1ull << 31, (1ull << 32) - 1, 1ull << 32, (1ull << 32) + 1, 1ull << 62, (1ull << 63) - 1}) {
    const std::string header = frame(kBinary, "", {.declared = length});
    expect_at_last_byte(header.substr(0, header.size() - 4), kTooBig);
    expect(header, kTooBig);
  }
}

TEST_F(ReaderRules, TheLimitCountsAllFragmentsOfAMessage) {
  const std::string half(35000, 'h');
  expect(fragment(kBinary, half) + frame(kContinuation, half), "binary[" + half + half + "]");
  const std::string over = frame(kContinuation, "", {.declared = 35001});
  expect_at_last_byte(fragment(kBinary, half) + over.substr(0, 4), kTooBig);
  // Each length fits, their sum would wrap around 32 bits.
  expect(fragment(kBinary, half) + frame(kContinuation, "", {.declared = (1ull << 32) - 35000}), kTooBig);
  // A limit is per message, not per connection.
  expect(frame(kBinary, half) + frame(kBinary, half) + frame(kBinary, half),
         "binary[" + half + "]binary[" + half + "]binary[" + half + "]");
}

TEST_F(ReaderRules, FragmentsAreCountedEmptyOnesIncludedAndControlFramesNot) {
  const std::string three = fragment(kText, "") + fragment(kContinuation, "") + fragment(kContinuation, "");
  expect(three + frame(kContinuation, "x"), "text[x]");
  expect(three + frame(kPing, "") + frame(kPing, "") + frame(kContinuation, "x"), "ping[]ping[]text[x]");
  expect_at_last_byte(three + fragment(kContinuation, "") + frame(kContinuation, "x").substr(0, 1), kTooMany);
  expect_at_last_byte(three + fragment(kContinuation, "") + fragment(kContinuation, "x").substr(0, 1),
                      kTooMany);
}

TEST_F(ReaderRules, OfTwoViolationsInOneHeaderTheEarlierByteCounts) {
  const std::string four = fragment(kText, "") + fragment(kContinuation, "") + fragment(kContinuation, "") +
                           fragment(kContinuation, "");
  expect(four + frame(kContinuation, "", {.masked = false}), kTooMany);
  expect(four + frame(kContinuation, "", {.declared = 1ull << 63}), kTooMany);
  expect(four + frame(kContinuation, "", {.reserved_bits = 1, .masked = false}), kReserved);
  expect(four + frame(kText, "", {.masked = false}), kNested);
  expect(frame(kContinuation, "", {.masked = false, .declared = 1ull << 63}), kOrphan);
  expect(frame(kBinary, "", {.masked = false, .declared = 1ull << 63}), kUnmasked);
  expect(frame(kBinary, "", {.declared = 1ull << 62}) + "anything", kTooBig);
}

TEST_F(ReaderRules, FragmentationIsHeldToItsOrder) {
  expect_at_last_byte(frame(kContinuation, "x").substr(0, 1), kOrphan);
  expect_at_last_byte(frame(kText, "a") + fragment(kContinuation, "x").substr(0, 1), kOrphan, "text[a]");
  expect(fragment(kText, "a") + frame(kContinuation, "b") + frame(kContinuation, "c"),
         "text[ab]" + std::string(kOrphan));
  expect(fragment(kText, "a") + frame(kText, "b"), kNested);
  expect(fragment(kText, "a") + fragment(kBinary, "b"), kNested);
  expect(fragment(kBinary, "a") + fragment(kContinuation, "b") + frame(kPing, "p") + frame(kBinary, "c"),
         "ping[p]" + std::string(kNested));
}

TEST_F(ReaderRules, ControlFramesBetweenFragmentsAreReportedAtOnce) {
  const std::string stream = fragment(kText, "a") + frame(kPing, "1") + fragment(kContinuation, "b") +
                             frame(kPong, std::string(125, '2')) + frame(kContinuation, "c") +
                             frame(kPing, "3");
  expect(stream, "ping[1]pong[" + std::string(125, '2') + "]text[abc]ping[3]");
  expect(fragment(kText, "a") + frame(kClose, close_payload(1000, "bye")) + frame(kContinuation, "b"),
         "close[1000 bye]");
}

TEST_F(ReaderRules, TextFailsAtItsFirstBadByteAcrossFragments) {
  expect_at_last_byte(frame(kText, "good\xff....").substr(0, 6 + 5), kNotUtf8);
  expect_at_last_byte(frame(kText, "\xf4\x90..").substr(0, 6 + 2), kNotUtf8);
  expect_at_last_byte(fragment(kText, "\xed") + frame(kContinuation, "\xa0...").substr(0, 6 + 1), kNotUtf8);
  expect_at_last_byte(fragment(kText, "\xf0\x9f") + fragment(kContinuation, "") +
                          frame(kContinuation, "\x98").substr(0, 6 + 1),
                      kNotUtf8);  // the message ends inside a character
  const std::string long_start(5000, 'a');
  expect_at_last_byte(frame(kText, long_start + "\xc0" + long_start).substr(0, 8 + 5001), kNotUtf8);
  expect(fragment(kText, "\xf0\x9f") + frame(kPing, "") + frame(kContinuation, "\x98\x80"),
         "ping[]text[\xf0\x9f\x98\x80]");
}

TEST_F(ReaderRules, BinaryAndPingPayloadsMayBeAnything) {
  expect(frame(kBinary, "\xff\xfe\xc0"), "binary[\xff\xfe\xc0]");
  expect(frame(kPing, "\xff"), "ping[\xff]");
  expect(fragment(kBinary, "\xff") + frame(kContinuation, "\xc0"), "binary[\xff\xc0]");
}

TEST_F(ReaderRules, WhatFollowsACloseIsDropped) {
  expect(frame(kClose, close_payload(1001)) + frame(kText, "late") + "\xff\xff\xff", "close[1001 ]");
}

TEST_F(ReaderRules, EventsBeforeAViolationAreReported) {
  expect(frame(kText, "a") + frame(kPing, "b") + frame(kBinary, "c") + "\xff",
         std::string("text[a]ping[b]binary[c]") + kReserved);
}

TEST_F(ReaderRules, NoBytesMeanNothing) {
  expect("", "");
  Connection connection(world_);
  EXPECT_TRUE(connection.read(""));
  EXPECT_EQ(connection.assembly, memory::kNoIndex);
}

}  // namespace
}  // namespace holdfast::ws
