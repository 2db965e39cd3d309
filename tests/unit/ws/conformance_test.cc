// The cases of the Autobahn test suite that need no extension (groups 1-7 and 10), as streams and what they
// mean.
//
// The suite's own client runs on nothing that is still maintained; its case numbers are kept as names. Each
// stream is read whole, in pieces of one and of 997 bytes, and by wslay alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "client_frames.h"
#include "reader_fixture.h"

namespace holdfast::ws {
namespace {

using namespace testing;  // NOLINT: the fixture is this test's vocabulary

struct Case {
  std::string id;
  std::string stream;
  std::string meaning;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.id;
}

std::string text(std::string_view payload) {
  return "text[" + std::string(payload) + "]";
}
std::string binary(std::string_view payload) {
  return "binary[" + std::string(payload) + "]";
}
std::string repeat(std::string_view part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

const std::string kBye = frame(kClose, close_payload(1000));
const std::string kByeEvent = "close[1000 ]";
const std::string kReserved = "violation[1002 reserved bit set]";
const std::string kUnknown = "violation[1002 unknown opcode]";
const std::string kLongControl = "violation[1002 control frame over 125 bytes]";
const std::string kFragmentedControl = "violation[1002 fragmented control frame]";
const std::string kOrphan = "violation[1002 continuation without a message]";
const std::string kNested = "violation[1002 new message inside a fragmented one]";
const std::string kNotUtf8 = "violation[1007 text is not UTF-8]";

// 1: echoes of every kind of length.
std::vector<Case> framing() {
  std::vector<Case> cases;
  int number = 1;
  for (const std::size_t length : {0u, 125u, 126u, 127u, 128u, 65535u, 65536u}) {
    const std::string stars(length, '*');
    const std::string bytes(length, '\xfe');
    cases.push_back({"1.1." + std::to_string(number), frame(kText, stars) + kBye, text(stars) + kByeEvent});
    cases.push_back(
        {"1.2." + std::to_string(number), frame(kBinary, bytes) + kBye, binary(bytes) + kByeEvent});
    ++number;
  }
  return cases;
}

// 2: pings and pongs.
std::vector<Case> pings() {
  const std::string odd("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
  const std::string longest(125, '\xfe');
  std::string ten;
  std::string ten_events;
  for (int i = 0; i < 10; ++i) {
    ten += frame(kPing, "payload-" + std::to_string(i));
    ten_events += "ping[payload-" + std::to_string(i) + "]";
  }
  return {{"2.1", frame(kPing, "") + kBye, "ping[]" + kByeEvent},
          {"2.2", frame(kPing, "Hello, world!") + kBye, "ping[Hello, world!]" + kByeEvent},
          {"2.3", frame(kPing, odd) + kBye, "ping[" + odd + "]" + kByeEvent},
          {"2.4", frame(kPing, longest) + kBye, "ping[" + longest + "]" + kByeEvent},
          {"2.5", frame(kPing, std::string(126, '\xfe')) + kBye, kLongControl},
          {"2.7", frame(kPong, "") + kBye, "pong[]" + kByeEvent},
          {"2.8", frame(kPong, "unsolicited") + kBye, "pong[unsolicited]" + kByeEvent},
          {"2.9", frame(kPong, "unsolicited") + frame(kPing, "ping") + kBye,
           "pong[unsolicited]ping[ping]" + kByeEvent},
          {"2.10", ten + kBye, ten_events + kByeEvent}};
}

// 3: reserved bits. 4: reserved opcodes.
std::vector<Case> reserved() {
  const std::string hello = frame(kText, "Hello, world!");
  const std::string hello_event = text("Hello, world!");
  std::vector<Case> cases = {
      {"3.1", frame(kText, "Hello, world!", {.reserved_bits = 1}), kReserved},
      {"3.2", hello + frame(kText, "Hello", {.reserved_bits = 2}) + frame(kPing, ""),
       hello_event + kReserved},
      {"3.3", hello + frame(kText, "Hello", {.reserved_bits = 3}) + frame(kPing, ""),
       hello_event + kReserved},
      {"3.4", hello + frame(kText, "Hello", {.reserved_bits = 4}) + frame(kPing, ""),
       hello_event + kReserved},
      {"3.5", frame(kBinary, "\xff\xff", {.reserved_bits = 5}), kReserved},
      {"3.6", frame(kPing, "Hello", {.reserved_bits = 6}), kReserved},
      {"3.7", frame(kClose, "", {.reserved_bits = 7}), kReserved},
  };
  for (unsigned i = 0; i < 5; ++i) {
    const std::string number = std::to_string(i + 1);
    const std::string payload = i == 0 ? "" : "reserved opcode payload";
    for (const auto& [group, opcode] : {std::pair{"4.1.", 3 + i}, std::pair{"4.2.", 11 + i}}) {
      const bool leads = i < 2;  // the suite sends a good message first in the later ones
      cases.push_back({group + number, (leads ? "" : hello) + frame(opcode, payload) + frame(kPing, ""),
                       (leads ? "" : hello_event) + kUnknown});
    }
  }
  return cases;
}

// 5: fragmentation.
std::vector<Case> fragments() {
  const std::string first = fragment(kText, "fragment1");
  const std::string second = frame(kContinuation, "fragment2");
  const std::string both = text("fragment1fragment2");
  const std::string ping = frame(kPing, "ping payload");
  const std::string ping_event = "ping[ping payload]";
  const std::string orphan_last = frame(kContinuation, "non-continuation payload");
  const std::string orphan_more = fragment(kContinuation, "non-continuation payload");
  const std::string hello = frame(kText, "Hello, world!");
  const std::string five = first + fragment(kContinuation, "fragment2") + ping +
                           fragment(kContinuation, "fragment3") + fragment(kContinuation, "fragment4") +
                           ping + frame(kContinuation, "fragment5");
  const std::string five_events =
      ping_event + ping_event + text("fragment1fragment2fragment3fragment4fragment5");
  return {{"5.1", fragment(kPing, "frag") + frame(kContinuation, "ment"), kFragmentedControl},
          {"5.2", fragment(kPong, "frag") + frame(kContinuation, "ment"), kFragmentedControl},
          {"5.3", first + second + kBye, both + kByeEvent},
          {"5.6", first + ping + second + kBye, ping_event + both + kByeEvent},
          {"5.9", orphan_last + hello, kOrphan},
          {"5.12", orphan_more + hello, kOrphan},
          {"5.15", first + second + orphan_more + hello, both + kOrphan},
          {"5.16", repeat(orphan_more + fragment(kText, "a") + second, 2), kOrphan},
          {"5.17", repeat(orphan_last + fragment(kText, "a") + second, 2), kOrphan},
          {"5.18", first + frame(kText, "fragment2"), kNested},
          {"5.19", five + kBye, five_events + kByeEvent}};
}

// 6: UTF-8.
std::vector<Case> texts() {
  const std::string greek = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!";
  const std::string kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
  const std::string cut = kosme + "\xed\xa0\x80" + "edited";
  std::vector<Case> cases = {
      {"6.1.1", frame(kText, "") + kBye, "text[]" + kByeEvent},
      {"6.1.2", fragment(kText, "") + fragment(kContinuation, "") + frame(kContinuation, "") + kBye,
       "text[]" + kByeEvent},
      {"6.1.3", fragment(kText, "") + fragment(kContinuation, "middle") + frame(kContinuation, "") + kBye,
       "text[middle]" + kByeEvent},
      {"6.2.1", frame(kText, greek) + kBye, text(greek) + kByeEvent},
      {"6.2.2", fragment(kText, greek.substr(0, 12)) + frame(kContinuation, greek.substr(12)) + kBye,
       text(greek) + kByeEvent},
      {"6.3.1", frame(kText, cut), kNotUtf8},
      {"6.4.1",
       fragment(kText, kosme) + fragment(kContinuation, "\xf4\x90\x80\x80") + frame(kContinuation, "edited"),
       kNotUtf8},
      {"6.4.2", fragment(kText, kosme + "\xf4") + fragment(kContinuation, "\x90"), kNotUtf8},
  };
  std::string in_bytes = fragment(kText, "");
  for (const char one : greek) in_bytes += fragment(kContinuation, std::string(1, one));
  cases.push_back({"6.2.3", in_bytes + frame(kContinuation, "") + kBye, text(greek) + kByeEvent});
  std::string bad_in_bytes = fragment(kText, "");
  for (const char one : cut) bad_in_bytes += fragment(kContinuation, std::string(1, one));
  cases.push_back({"6.3.2", bad_in_bytes, kNotUtf8});
  // 6.4.3 and 6.4.4: the frame is never finished; it fails all the same, at the bad byte.
  cases.push_back({"6.4.3", frame(kText, cut).substr(0, 6 + 13), kNotUtf8});
  cases.push_back({"6.4.4", frame(kText, kosme + "\xf4\x90\x80\x80").substr(0, 6 + 13), kNotUtf8});
  return cases;
}

// 6.5 to 6.23: single sequences, good and bad.
std::vector<Case> sequences() {
  const std::vector<std::string> good = {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",  // 6.5
                                         std::string(1, '\0'),
                                         "\xc2\x80",
                                         "\xe0\xa0\x80",
                                         "\xf0\x90\x80\x80",  // 6.6: first of each length
                                         "\x7f",
                                         "\xdf\xbf",
                                         "\xef\xbf\xbf",
                                         "\xf4\x8f\xbf\xbf",  // 6.7, 6.9: last of each length
                                         "\xed\x9f\xbf",
                                         "\xee\x80\x80",
                                         "\xef\xbf\xbd",  // 6.11: around the surrogates
                                         "\xef\xbf\xbe",
                                         "\xf0\x9f\xbf\xbe",
                                         "\xf0\x9f\xbf\xbf",  // 6.22: non-characters are characters
                                         "\xf4\x8f\xbf\xbe",
                                         "\xef\xb7\x90",
                                         "\xef\xbb\xbf"};
  const std::vector<std::string> bad = {"\xf8\x88\x80\x80\x80",
                                        "\xfc\x84\x80\x80\x80\x80",  // 6.8: five and six bytes
                                        "\xf7\xbf\xbf\xbf",
                                        "\xfb\xbf\xbf\xbf\xbf",
                                        "\xf4\x90\x80\x80",  // 6.10: beyond the last
                                        "\x80",
                                        "\xbf",
                                        "\x80\xbf\x80",  // 6.12: continuations alone
                                        "\xc0 \xc1 ",
                                        "\xe0 \xe1 ",
                                        "\xf0 \xf7 ",
                                        "\xf8 ",
                                        "\xfc ",  // 6.13: leads alone
                                        "\xc0",
                                        "\xe0\x80",
                                        "\xf0\x80\x80",
                                        "\xdf",
                                        "\xef\xbf",
                                        "\xf7\xbf\xbf",              // 6.14: last byte missing
                                        "\xc0\xe0\x80\xf0\x80\x80",  // 6.15
                                        "\xfe",
                                        "\xff",
                                        "\xfe\xfe\xff\xff",  // 6.16
                                        "\xc0\xaf",
                                        "\xe0\x80\xaf",
                                        "\xf0\x80\x80\xaf",
                                        "\xf8\x80\x80\x80\xaf",  // 6.17: overlong
                                        "\xc1\xbf",
                                        "\xe0\x9f\xbf",
                                        "\xf0\x8f\xbf\xbf",  // 6.18: longest overlong
                                        "\xc0\x80",
                                        "\xe0\x80\x80",
                                        "\xf0\x80\x80\x80",  // 6.19: overlong zero
                                        "\xed\xa0\x80",
                                        "\xed\xad\xbf",
                                        "\xed\xae\x80",
                                        "\xed\xaf\xbf",
                                        "\xed\xb0\x80",
                                        "\xed\xbf\xbf",  // 6.20
                                        "\xed\xa0\x80\xed\xb0\x80",
                                        "\xed\xaf\xbf\xed\xbf\xbf"};  // 6.21: pairs of surrogates
  std::vector<Case> cases;
  for (std::size_t i = 0; i < good.size(); ++i) {
    cases.push_back({"6.good." + std::to_string(i), frame(kText, good[i]) + kBye, text(good[i]) + kByeEvent});
  }
  for (std::size_t i = 0; i < bad.size(); ++i) {
    cases.push_back({"6.bad." + std::to_string(i), frame(kText, bad[i]) + kBye, kNotUtf8});
  }
  return cases;
}

// 7: closing.
std::vector<Case> closes() {
  const std::string reason(123, '*');
  std::vector<Case> cases = {
      {"7.1.1", frame(kText, "Hello World!") + kBye, text("Hello World!") + kByeEvent},
      {"7.1.2", kBye + kBye, kByeEvent},
      {"7.1.3", kBye + frame(kPing, ""), kByeEvent},
      {"7.1.4", kBye + frame(kText, "Hello World!"), kByeEvent},
      {"7.1.5", fragment(kText, "fragment1") + kBye + frame(kContinuation, "fragment2"), kByeEvent},
      {"7.1.6", frame(kText, std::string(65000, 'B')) + kBye + frame(kPing, ""),
       text(std::string(65000, 'B')) + kByeEvent},
      {"7.3.1", frame(kClose, ""), "close[1005 ]"},
      {"7.3.2", frame(kClose, "a"), "violation[1002 close payload of one byte]"},
      {"7.3.3", kBye, kByeEvent},
      {"7.3.4", frame(kClose, close_payload(1000, "Hello World!")), "close[1000 Hello World!]"},
      {"7.3.5", frame(kClose, close_payload(1000, reason)), "close[1000 " + reason + "]"},
      {"7.3.6", frame(kClose, close_payload(1000, reason + "*")), kLongControl},
      {"7.5.1",
       frame(kClose, close_payload(1000,
                                   "\xce\xba\xe1\xbd\xb9\xed\xa0\x80"
                                   "edited")),
       "violation[1007 close reason is not UTF-8]"},
  };
  int number = 1;
  for (const unsigned code :
       {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 3000u, 3999u, 4000u, 4999u}) {
    cases.push_back({"7.7." + std::to_string(number++), frame(kClose, close_payload(code)),
                     "close[" + std::to_string(code) + " ]"});
  }
  number = 1;
  for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1016u, 1100u, 2000u, 2999u, 5000u, 65535u}) {
    cases.push_back({"7.9." + std::to_string(number++), frame(kClose, close_payload(code)),
                     "violation[1002 invalid close code]"});
  }
  return cases;
}

// 10: a message that the client cut into many fragments.
std::vector<Case> automatic_fragments() {
  const std::string stars(65536, '*');
  std::string stream = fragment(kText, stars.substr(0, 1300));
  std::size_t sent = 1300;
  for (; stars.size() - sent > 1300; sent += 1300)
    stream += fragment(kContinuation, stars.substr(sent, 1300));
  return {{"10.1.1", stream + frame(kContinuation, stars.substr(sent)) + kBye, text(stars) + kByeEvent}};
}

class Autobahn : public ::testing::TestWithParam<Case> {};

TEST_P(Autobahn, CaseMeansTheSameHoweverItArrives) {
  const auto& [id, stream, meaning] = GetParam();
  ReaderWorld world;
  ReaderWorld wslay_world({.always_wslay = true});
  EXPECT_EQ(read_whole(world, stream), meaning);
  EXPECT_EQ(read_bytewise(world, stream), meaning);
  for (const std::size_t chop : {2u, 997u}) {
    const std::vector<std::size_t> sizes(stream.size() / chop + 1, chop);
    EXPECT_EQ(read_in_pieces(world, stream, sizes), meaning);
    EXPECT_EQ(read_in_pieces(world, stream, sizes, Receive::straight_into_assembly), meaning);
    EXPECT_EQ(read_in_pieces(wslay_world, stream, sizes), meaning);
  }
  EXPECT_EQ(read_whole(wslay_world, stream), meaning);
  EXPECT_EQ(read_bytewise(wslay_world, stream), meaning);
  EXPECT_TRUE(world.clean());
  EXPECT_TRUE(wslay_world.clean());
}

std::string test_name(const ::testing::TestParamInfo<Case>& one) {
  std::string name = "Case_" + one.param.id;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Framing, Autobahn, ::testing::ValuesIn(framing()), test_name);
INSTANTIATE_TEST_SUITE_P(Pings, Autobahn, ::testing::ValuesIn(pings()), test_name);
INSTANTIATE_TEST_SUITE_P(Reserved, Autobahn, ::testing::ValuesIn(reserved()), test_name);
INSTANTIATE_TEST_SUITE_P(Fragments, Autobahn, ::testing::ValuesIn(fragments()), test_name);
INSTANTIATE_TEST_SUITE_P(Texts, Autobahn, ::testing::ValuesIn(texts()), test_name);
INSTANTIATE_TEST_SUITE_P(Sequences, Autobahn, ::testing::ValuesIn(sequences()), test_name);
INSTANTIATE_TEST_SUITE_P(Closes, Autobahn, ::testing::ValuesIn(closes()), test_name);
INSTANTIATE_TEST_SUITE_P(AutomaticFragments, Autobahn, ::testing::ValuesIn(automatic_fragments()), test_name);

}  // namespace
}  // namespace holdfast::ws
