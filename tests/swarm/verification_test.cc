// What decides whether something that came back is right: contents, frames, the answer to the upgrade.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "content.h"
#include "frames.h"
#include "handshake.h"

namespace holdfast::swarm {
namespace {

std::vector<std::byte> whole(const Content& content, std::uint32_t mask = 0) {
  std::vector<std::byte> bytes(content.bytes);
  write_content(content, 0, bytes, mask);
  return bytes;
}

TEST(Content, MatchesItselfInAnyPieces) {
  const Content content = echo_content(1, 2, 3, {100, 100});
  const std::vector<std::byte> bytes = whole(content);
  for (std::uint32_t split = 0; split <= content.bytes; ++split) {
    EXPECT_TRUE(matches(content, 0, std::span(bytes).first(split)));
    EXPECT_TRUE(matches(content, split, std::span(bytes).subspan(split)));
  }
}

TEST(Content, DoesNotMatchWithAnyByteChangedOrMovedOrBeyondItsEnd) {
  const Content content = echo_content(1, 2, 3, {64, 64});
  std::vector<std::byte> bytes = whole(content);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{1};
    EXPECT_FALSE(matches(content, 0, bytes)) << i;
    bytes[i] ^= std::byte{1};
  }
  EXPECT_FALSE(matches(content, 1, std::span(bytes).first(8)));
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(matches(content, 0, bytes));
  EXPECT_FALSE(matches(content, 65, std::span(bytes).first(0)));
}

TEST(Content, DiffersByRunConnectionSequenceAndKindInItsShortestForm) {
  const Sizes shortest{kMessageMinimumBytes, kMessageMinimumBytes};
  std::set<std::vector<std::byte>> all;
  for (std::uint64_t id = 0; id < 20; ++id) {
    for (std::uint32_t sequence = 0; sequence < 20; ++sequence) {
      all.insert(whole(echo_content(1, id, sequence, shortest)));
      all.insert(whole(echo_content(2, id, sequence, shortest)));
      all.insert(whole(ping_content(1, id, sequence)));
    }
  }
  EXPECT_EQ(all.size(), 1200u);
  EXPECT_NE(echo_content(1, 1, 1, shortest).first, broadcast_content(1, 1, shortest, '!').first);
  EXPECT_EQ(whole(broadcast_content(1, 1, shortest, '!')).front(), std::byte{'!'});
}

TEST(Content, OfAGatheredMessageTellsItsOriginAndProvesIt) {
  const Sizes sizes{kGatheredMinimumBytes, 100};
  const Origin origin{0xfedc'ba98, 0x12'3456, 0x1122'3344'5566'7788};
  const Content content = gathered_content(7, origin, sizes);
  std::vector<std::byte> bytes = whole(content);
  EXPECT_EQ(bytes.front(), std::byte{kGatheredFirst});
  const Origin read = origin_of(std::span(bytes).first<kOriginBytes>());
  EXPECT_EQ(read.number, origin.number);
  EXPECT_EQ(read.sequence, origin.sequence);
  EXPECT_EQ(read.sent_ns, origin.sent_ns);
  EXPECT_TRUE(matches(content, 0, bytes));
  // Whatever of the origin is changed on the way, the rest no longer fits it.
  for (std::size_t i = 1; i < kOriginBytes; ++i) {
    std::vector<std::byte> changed = bytes;
    changed[i] ^= std::byte{1};
    const Origin other = origin_of(std::span(changed).first<kOriginBytes>());
    const Content claimed = gathered_content(7, other, sizes);
    EXPECT_FALSE(claimed.bytes == changed.size() && matches(claimed, 0, changed)) << i;
  }
}

TEST(Content, OfPublicationsHasTheSizeOfItsRound) {
  std::set<std::uint32_t> seen;
  for (std::uint32_t round = 0; round < 200; ++round) {
    const Content content = broadcast_content(1, round, {20, 23}, '!');
    EXPECT_EQ(content.bytes, broadcast_content(1, round, {20, 23}, '!').bytes);
    seen.insert(content.bytes);
  }
  EXPECT_EQ(seen, (std::set<std::uint32_t>{20, 21, 22, 23}));
}

TEST(Content, HasSizesBetweenItsBoundsAndReachesBoth) {
  std::set<std::uint32_t> seen;
  for (std::uint32_t sequence = 0; sequence < 500; ++sequence) {
    seen.insert(echo_content(1, 9, sequence, {10, 14}).bytes);
  }
  EXPECT_EQ(seen, (std::set<std::uint32_t>{10, 11, 12, 13, 14}));
}

TEST(Content, WrittenInPiecesWithAMaskIsWhatTheMaskOfTheWholeGives) {
  const Content content = echo_content(5, 6, 7, {50, 50});
  constexpr std::uint32_t kMask = 0xa1b2c3d4;
  const std::vector<std::byte> plain = whole(content);
  const std::vector<std::byte> masked = whole(content, kMask);
  for (std::uint32_t i = 0; i < content.bytes; ++i) {
    EXPECT_EQ(masked[i], plain[i] ^ static_cast<std::byte>(kMask >> (i % 4 * 8)));
  }
  for (std::uint32_t split = 0; split < content.bytes; ++split) {
    std::vector<std::byte> rest(content.bytes - split);
    write_content(content, split, rest, kMask);
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), masked.begin() + split));
  }
}

struct Collected {
  std::vector<std::pair<ws::Opcode, std::string>> messages;
  std::string current;
  bool operator()(const Piece& piece) {
    current.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    if (piece.last()) {
      messages.emplace_back(piece.opcode, current);
      current.clear();
    }
    return true;
  }
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string frame(char first, const std::string& payload) {
  std::array<std::byte, ws::kServerHeaderMaximumBytes> header;
  const std::size_t count =
      ws::write_server_header(header, static_cast<ws::Opcode>(first & 0x0f), payload.size());
  return std::string(reinterpret_cast<const char*>(header.data()), count) + payload;
}

TEST(Frames, AreTheSameHoweverTheyAreSplit) {
  const std::string stream = frame(2, "") + frame(1, "hello") + frame(2, std::string(200, 'x')) +
                             frame(9, "p") + frame(2, std::string(70'000, 'y'));
  Collected expected;
  FrameState state;
  EXPECT_TRUE(read_frames(state, bytes_of(stream), std::ref(expected)));
  ASSERT_EQ(expected.messages.size(), 5u);
  EXPECT_EQ(expected.messages[1].second, "hello");
  EXPECT_EQ(expected.messages[3].first, ws::Opcode::ping);
  EXPECT_EQ(expected.messages[4].second.size(), 70'000u);
  for (const std::size_t step : {1u, 2u, 3u, 7u, 204u}) {
    Collected found;
    state = {};
    for (std::size_t at = 0; at < stream.size(); at += step) {
      EXPECT_TRUE(read_frames(state, bytes_of(stream).subspan(at, std::min(step, stream.size() - at)),
                              std::ref(found)));
    }
    EXPECT_EQ(found.messages, expected.messages) << step;
  }
}

TEST(Frames, ThatNoServerMaySendAreViolations) {
  const std::string violations[] = {
      std::string("\x02\x01x", 3),                                  // a fragment
      std::string("\xc2\x01x", 3),                                  // a reserved bit
      std::string("\x83\x01x", 3),                                  // an unknown opcode
      std::string("\x80\x01x", 3),                                  // a continuation of nothing
      std::string("\x82\x81x", 3),                                  // masked
      std::string("\x89\x7e\x00\x80", 4),                           // a long control frame
      std::string("\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01", 10),  // longer than anything asked for
      std::string("\x82\x7f\x01\x00\x00\x00\x00\x00\x00\x01", 10),
  };
  for (const std::string& violation : violations) {
    Collected found;
    FrameState state;
    EXPECT_FALSE(read_frames(state, bytes_of(violation), std::ref(found))) << violation;
  }
}

TEST(ClientHeader, IsMaskedAndAsLongAsAnnounced) {
  for (const std::uint32_t bytes : {0u, 125u, 126u, 65'535u, 65'536u}) {
    std::array<std::byte, ws::kClientHeaderMaximumBytes> header;
    const std::size_t count = write_client_header(header, ws::Opcode::binary, bytes, 0x04030201);
    EXPECT_EQ(count, client_header_bytes(bytes));
    ws::FrameHeader parsed;
    const char* reason = nullptr;
    ASSERT_EQ(ws::parse_client_header(std::span(header).first(count), parsed, reason),
              ws::HeaderOutcome::complete);
    EXPECT_EQ(parsed.payload_bytes, bytes);
    EXPECT_EQ(parsed.mask[0], 1);
    EXPECT_EQ(parsed.mask[3], 4);
  }
}

TEST(Handshake, NeedsTheSubprotocolItHasAskedForAndNoOther) {
  Handshake handshake("127.0.0.1:80", "/", "chosen");
  EXPECT_NE(handshake.request(1).find("\r\nSec-WebSocket-Protocol: chosen\r\n\r\n"), std::string_view::npos);
  const auto judged = [&](const std::string& more) {
    std::array<char, http::AcceptKey::kLength> accept;
    const std::string_view request = handshake.request(1);
    http::AcceptKey().compute(request.substr(request.find("Sec-WebSocket-Key: ") + 19, 24), accept);
    std::size_t head_bytes = 0;
    return handshake.check("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" + more +
                               "Sec-WebSocket-Accept: " + std::string(accept.data(), accept.size()) +
                               "\r\n\r\n",
                           1, &head_bytes);
  };
  EXPECT_EQ(judged("Sec-WebSocket-Protocol: chosen\r\n"), Answer::accepted);
  EXPECT_EQ(judged(""), Answer::no_upgrade);
  EXPECT_EQ(judged("Sec-WebSocket-Protocol: other\r\n"), Answer::no_upgrade);
  EXPECT_EQ(judged("Sec-WebSocket-Protocol: chosen\r\nSec-WebSocket-Protocol: chosen\r\n"),
            Answer::no_upgrade);
}

class HandshakeTest : public testing::Test {
 protected:
  // A server's answer to the request of `seed`.
  std::string answer(std::uint64_t seed, const std::string& more = "") {
    const std::string_view request = handshake_.request(seed);
    const std::size_t at = request.find("Sec-WebSocket-Key: ") + 19;
    std::array<char, http::AcceptKey::kLength> accept;
    http::AcceptKey().compute(request.substr(at, 24), accept);
    return "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n" + more +
           "sec-websocket-accept:  " + std::string(accept.data(), accept.size()) + " \r\n\r\n";
  }
  Answer check(const std::string& text, std::uint64_t seed = 1) {
    return handshake_.check(text, seed, &head_bytes_);
  }

  Handshake handshake_{"127.0.0.1:80", "/chat"};
  std::size_t head_bytes_ = 0;
};

TEST_F(HandshakeTest, AsksWithAKeyOfItsOwnForEveryConnection) {
  std::set<std::string> keys;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const std::string request(handshake_.request(seed));
    EXPECT_EQ(request.rfind("GET /chat HTTP/1.1\r\nHost: 127.0.0.1:80\r\n", 0), 0u);
    const std::size_t at = request.find("Sec-WebSocket-Key: ") + 19;
    const std::string key = request.substr(at, 24);
    EXPECT_EQ(key.substr(22), "==");
    EXPECT_NE(std::string("AQgw").find(key[21]), std::string::npos);
    keys.insert(key);
  }
  EXPECT_EQ(keys.size(), 1000u);
}

TEST_F(HandshakeTest, AcceptsTheRightAnswerAndFindsWhereFramesBegin) {
  const std::string right = answer(1);
  EXPECT_EQ(check(right + "frames"), Answer::accepted);
  EXPECT_EQ(head_bytes_, right.size());
  for (std::size_t length = 0; length < right.size(); ++length) {
    EXPECT_EQ(check(right.substr(0, length)), Answer::incomplete) << length;
  }
}

TEST_F(HandshakeTest, TellsEveryWrongAnswerApart) {
  EXPECT_EQ(check(answer(2), 1), Answer::wrong_key);
  EXPECT_EQ(check("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n"), Answer::wrong_key);
  EXPECT_EQ(check("HTTP/1.1 200 OK\r\n\r\n"), Answer::refused);
  EXPECT_EQ(check("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n"), Answer::refused);
  EXPECT_EQ(check("220 mail"), Answer::malformed);
  EXPECT_EQ(check("HTTP/1.1 101 X\r\nnocolon\r\n\r\n"), Answer::malformed);
  EXPECT_EQ(check("HTTP/1.1 101 X\r\n" + std::string(5000, 'a')), Answer::malformed);
  EXPECT_EQ(check(answer(1, "Sec-WebSocket-Extensions: permessage-deflate\r\n")), Answer::no_upgrade);
  EXPECT_EQ(check(answer(1, "Upgrade: h2c\r\n")), Answer::no_upgrade);
}

}  // namespace
}  // namespace holdfast::swarm
