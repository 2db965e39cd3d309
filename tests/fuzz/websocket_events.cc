// Prints what the reader makes of streams, for an independent parser to be held against it
// (test_websocket_reference.py).
//
// On standard input come records: four bytes of length, little-endian, then an input as the WebSocket fuzz
// targets have it. For each one line goes to standard output, the events in order as NAME@CONSUMED=PAYLOAD:
// CONSUMED is how many bytes of the stream had been taken when the event came, PAYLOAD is in hexadecimal, for
// a close and a violation with its code before it. Positions come from reading byte by byte; the other ways
// to cut a stream are held against that here.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../unit/ws/reader_fixture.h"
#include "base/check.h"
#include "websocket_input.h"

using namespace holdfast::ws::testing;  // NOLINT: the fixture is this program's vocabulary

namespace {

using holdfast::ws::Opcode;

class Transcript final : public holdfast::ws::Events {
 public:
  bool on_message(Opcode opcode, std::span<std::byte> payload) override {
    add(opcode == Opcode::text ? "text" : "binary", "", payload);
    return true;
  }
  bool on_ping(std::span<const std::byte> payload) override {
    add("ping", "", payload);
    return true;
  }
  bool on_pong(std::span<const std::byte> payload) override {
    add("pong", "", payload);
    return true;
  }
  bool on_close(std::uint16_t code, std::string_view reason) override {
    add("close", std::to_string(code) + ":", std::as_bytes(std::span(reason)));
    over = true;
    return false;
  }
  void on_violation(std::uint16_t code) {
    add("violation", std::to_string(code), {});
    over = true;
  }

  std::string line;
  std::size_t consumed_bytes = 0;
  bool over = false;

 private:
  void add(const char* name, const std::string& before, std::span<const std::byte> payload) {
    static constexpr char kDigits[] = "0123456789abcdef";
    if (!line.empty()) line += ' ';
    line += name;
    line += '@';
    line += std::to_string(consumed_bytes);
    line += '=';
    line += before;
    for (const std::byte byte : payload) {
      line += kDigits[std::to_integer<unsigned>(byte) >> 4];
      line += kDigits[std::to_integer<unsigned>(byte) & 15];
    }
  }
};

std::string transcript_of(ReaderWorld& world, std::string_view stream) {
  Transcript transcript;
  holdfast::memory::Index assembly = holdfast::memory::kNoIndex;
  for (const char byte : stream) {
    std::byte buffer[1] = {static_cast<std::byte>(byte)};
    ++transcript.consumed_bytes;
    const holdfast::ws::Violation violation = world.reader.consume(assembly, buffer, transcript);
    if (violation) transcript.on_violation(violation.code);
    if (transcript.over) break;
  }
  world.reader.abandon(assembly);
  return transcript.line;
}

void expect_other_ways_to_agree(ReaderWorld& world, const WebsocketInput& input) {
  const std::string bytewise = read_bytewise(world, input.stream);
  expect_same(bytewise, read_whole(world, input.stream), "whole");
  holdfast::base::Random random(input.seed);
  const std::vector<std::size_t> sizes = random_sizes(random, input.stream.size());
  expect_same(bytewise, read_in_pieces(world, input.stream, sizes, Receive::straight_into_assembly),
              "in placed pieces");
}

// Readers are kept between inputs, one for each kind of limits: what one stream leaves behind would show in
// the next.
ReaderWorld& world_for(const WebsocketInput& input) {
  static std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<ReaderWorld>> worlds;
  std::unique_ptr<ReaderWorld>& world = worlds[{input.limits.message_bytes, input.limits.fragments}];
  if (!world)
    world = std::make_unique<ReaderWorld>(input.limits, region_bytes(input.limits.message_bytes), 1);
  return *world;
}

bool read_record(std::vector<std::uint8_t>& record) {
  std::uint8_t length[4];
  const std::size_t count = std::fread(length, 1, sizeof length, stdin);
  if (count == 0) return false;
  CHECK(count == sizeof length);
  record.resize(std::size_t{length[0]} | std::size_t{length[1]} << 8 | std::size_t{length[2]} << 16 |
                std::size_t{length[3]} << 24);
  CHECK(std::fread(record.data(), 1, record.size(), stdin) == record.size());
  return true;
}

}  // namespace

int main() {
  std::vector<std::uint8_t> record;
  while (read_record(record)) {
    WebsocketInput input;
    if (!read_input(record.data(), record.size(), input)) {
      std::fprintf(stderr, "an input of %zu bytes is too short or too long\n", record.size());
      return 2;
    }
    ReaderWorld& world = world_for(input);
    std::puts(transcript_of(world, input.stream).c_str());
    expect_other_ways_to_agree(world, input);
    CHECK(world.clean());
  }
  return 0;
}
