// Headers and masks as pure functions: every first byte, every second byte, the edges of the lengths, every
// alignment.
#include "ws/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/entropy.h"
#include "client_frames.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Parsed {
  HeaderOutcome outcome;
  FrameHeader header;
  std::string reason;
};

Parsed parse(std::string_view wire) {
  Parsed parsed{};
  const char* reason = "";
  parsed.outcome = parse_client_header(bytes_of(wire), parsed.header, reason);
  parsed.reason = reason;
  return parsed;
}

// The header alone of a frame that declares `length`.
std::string header_of(unsigned opcode, std::uint64_t length, unsigned length_bytes = 0) {
  return frame(opcode, "", {.length_bytes = length_bytes, .declared = length});
}

TEST(FrameHeader, AcceptsExactlyTheFirstBytesTheProtocolKnows) {
  for (unsigned first = 0; first < 256; ++first) {
    const unsigned opcode = first & 15;
    const bool control = opcode >= 8 && opcode <= 10;
    const bool good = (first & 0x70) == 0 && (opcode <= 2 || (control && (first & 0x80) != 0));
    const Parsed one = parse(std::string(1, static_cast<char>(first)));
    EXPECT_EQ(one.outcome, good ? HeaderOutcome::incomplete : HeaderOutcome::violation) << first;
    if (!good) continue;
    EXPECT_EQ(one.header.final, first >= 128);
    EXPECT_EQ(static_cast<unsigned>(one.header.opcode), opcode);
    EXPECT_EQ(one.header.header_bytes, 0);
  }
}

TEST(FrameHeader, NamesWhatIsWrongWithTheFirstByte) {
  EXPECT_EQ(parse("\xc1").reason, "reserved bit set");
  EXPECT_EQ(parse("\x83").reason, "unknown opcode");
  EXPECT_EQ(parse("\x8f").reason, "unknown opcode");
  EXPECT_EQ(parse("\x09").reason, "fragmented control frame");
}

TEST(FrameHeader, WithoutAMaskIsRefusedAtItsSecondByte) {
  for (unsigned second = 0; second < 128; ++second) {
    const Parsed parsed = parse(std::string("\x82") + static_cast<char>(second));
    EXPECT_EQ(parsed.outcome, HeaderOutcome::violation);
    EXPECT_EQ(parsed.reason, "frame not masked");
  }
}

TEST(FrameHeader, OfALongControlFrameIsRefusedAtItsSecondByte) {
  for (const unsigned opcode : {kClose, kPing, kPong}) {
    EXPECT_EQ(parse(header_of(opcode, 125)).outcome, HeaderOutcome::complete);
    for (const unsigned length_bytes : {2u, 8u}) {
      const Parsed parsed = parse(header_of(opcode, 126, length_bytes).substr(0, 2));
      EXPECT_EQ(parsed.outcome, HeaderOutcome::violation);
      EXPECT_EQ(parsed.reason, "control frame over 125 bytes");
    }
  }
}

TEST(FrameHeader, GivesBackEveryLengthAtTheEdges) {
  const std::uint64_t edges[] = {0,
                                 1,
                                 125,
                                 126,
                                 127,
                                 65534,
                                 65535,
                                 65536,
                                 65537,
                                 1ull << 31,
                                 (1ull << 32) - 1,
                                 1ull << 32,
                                 (1ull << 32) + 1,
                                 (1ull << 63) - 1};
  for (const std::uint64_t length : edges) {
    const std::string wire = header_of(kBinary, length);
    const Parsed parsed = parse(wire + "payload");
    ASSERT_EQ(parsed.outcome, HeaderOutcome::complete) << length;
    EXPECT_EQ(parsed.header.payload_bytes, length);
    EXPECT_EQ(parsed.header.header_bytes, wire.size());
    EXPECT_EQ(std::memcmp(parsed.header.mask, wire.data() + wire.size() - 4, 4), 0);
  }
}

TEST(FrameHeader, IsIncompleteUntilItsLastByteAndKnowsTheLengthBeforeTheMask) {
  for (const std::uint64_t length : {5ull, 126ull, 65536ull}) {
    const std::string wire = header_of(kText, length);
    for (std::size_t cut = 0; cut < wire.size(); ++cut) {
      const Parsed parsed = parse(wire.substr(0, cut));
      EXPECT_EQ(parsed.outcome, HeaderOutcome::incomplete);
      const bool length_known = cut + 4 >= wire.size();
      EXPECT_EQ(parsed.header.header_bytes != 0, length_known) << cut << " of " << wire.size();
      if (length_known) {
        EXPECT_EQ(parsed.header.payload_bytes, length);
      }
    }
  }
}

TEST(FrameHeader, RefusesEveryNonMinimalLengthAtTheByteThatShowsIt) {
  for (std::uint64_t length = 0; length < 126; ++length) {
    const std::string wire = header_of(kBinary, length, 2);
    EXPECT_EQ(parse(wire.substr(0, 3)).outcome, HeaderOutcome::incomplete);
    EXPECT_EQ(parse(wire.substr(0, 4)).outcome, HeaderOutcome::violation) << length;
  }
  for (std::uint64_t length = 0; length <= 0xffff; ++length) {
    const std::string wire = header_of(kBinary, length, 8);
    ASSERT_EQ(parse(wire.substr(0, 7)).outcome, HeaderOutcome::incomplete);
    ASSERT_EQ(parse(wire.substr(0, 8)).outcome, HeaderOutcome::violation) << length;
    ASSERT_EQ(parse(wire).reason, "frame length not minimal");
  }
}

TEST(FrameHeader, RefusesALengthOf64BitsAtItsTopBit) {
  for (const std::uint64_t length : {1ull << 63, (1ull << 63) + 1, ~0ull}) {
    const std::string wire = header_of(kBinary, length);
    EXPECT_EQ(parse(wire.substr(0, 2)).outcome, HeaderOutcome::incomplete);
    EXPECT_EQ(parse(wire.substr(0, 3)).outcome, HeaderOutcome::violation);
    EXPECT_EQ(parse(wire).reason, "frame length over 63 bits");
  }
}

TEST(ServerHeader, IsWhatAReaderOfTheProtocolExpects) {
  const std::pair<std::uint64_t, std::string> expected[] = {
      {0, std::string("\x82\x00", 2)},
      {125, "\x82\x7d"},
      {126, std::string("\x82\x7e\x00\x7e", 4)},
      {65535, "\x82\x7e\xff\xff"},
      {65536, std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10)},
      {(1ull << 63) - 1, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"},
  };
  for (const auto& [length, wire] : expected) {
    std::byte into[kServerHeaderMaximumBytes];
    ASSERT_EQ(write_server_header(into, Opcode::binary, length), wire.size());
    EXPECT_EQ(server_header_bytes(length), wire.size());
    EXPECT_EQ(std::string(reinterpret_cast<char*>(into), wire.size()), wire);
  }
}

TEST(ServerHeader, CarriesEveryOpcodeWithTheFinalBit) {
  for (const Opcode opcode :
       {Opcode::continuation, Opcode::text, Opcode::binary, Opcode::close, Opcode::ping, Opcode::pong}) {
    std::byte into[kServerHeaderMaximumBytes];
    write_server_header(into, opcode, 3);
    EXPECT_EQ(into[0], static_cast<std::byte>(0x80u | static_cast<unsigned>(opcode)));
  }
}

TEST(ServerHeaderDeathTest, OfAControlFrameOver125BytesIsABugOfOurs) {
  std::byte into[kServerHeaderMaximumBytes];
  EXPECT_DEATH(write_server_header(into, Opcode::ping, 126), "payload_bytes");
}

TEST(Unmask, IsTheSameAsOneByteAtATimeForEveryLengthPhaseAndAlignment) {
  const std::uint8_t mask[4] = {0x11, 0x82, 0x34, 0xf5};
  base::Random random(1);
  for (std::size_t length = 0; length <= 130; ++length) {
    for (std::uint32_t phase = 0; phase < 4; ++phase) {
      for (std::size_t alignment = 0; alignment < 9; ++alignment) {
        std::vector<std::byte> buffer(alignment + length + 16);
        for (std::byte& byte : buffer) byte = static_cast<std::byte>(random.below(256));
        std::vector<std::byte> expected = buffer;
        for (std::size_t i = 0; i < length; ++i) expected[alignment + i] ^= std::byte{mask[(phase + i) % 4]};
        unmask(std::span(buffer).subspan(alignment, length), mask, phase);
        ASSERT_EQ(buffer, expected) << length << " bytes, phase " << phase << ", alignment " << alignment;
      }
    }
  }
}

TEST(Unmask, InPiecesWithTheirPhaseIsTheSameAsAtOnce) {
  const std::uint8_t mask[4] = {1, 2, 3, 4};
  base::Random random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> whole(random.below(5000));
    for (std::byte& byte : whole) byte = static_cast<std::byte>(random.below(256));
    std::vector<std::byte> pieces = whole;
    unmask(whole, mask, 0);
    for (std::size_t start = 0; start < pieces.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random.below(700), pieces.size() - start);
      unmask(std::span(pieces).subspan(start, count), mask, static_cast<std::uint32_t>(start % 4));
      start += count;
    }
    ASSERT_EQ(pieces, whole);
  }
}

}  // namespace
}  // namespace holdfast::ws
