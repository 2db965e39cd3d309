// What a WebSocket message costs between the receive buffer and the handler: header, unmasking, UTF-8, and
// the Reader with all of them. Bound agreed for release builds: unmasking 16 KiB takes less than 1 us.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "memory/assembly.h"
#include "memory/block_arena.h"
#include "ws/frame.h"
#include "ws/reader.h"
#include "ws/utf8.h"

namespace {

using namespace holdfast;  // NOLINT: a benchmark of several rooms

// A client's text frame of `payload_bytes` that is masked with zero bytes, so that unmasking it again and
// again leaves it as it is.
std::vector<std::byte> text_frame(std::size_t payload_bytes) {
  std::byte server_header[ws::kServerHeaderMaximumBytes];
  const std::size_t header_bytes = ws::write_server_header(server_header, ws::Opcode::text, payload_bytes);
  std::vector<std::byte> wire(server_header, server_header + header_bytes);
  wire[1] |= std::byte{0x80};
  wire.resize(wire.size() + 4);
  wire.resize(wire.size() + payload_bytes, std::byte{'t'});
  return wire;
}

void ws_parse_header(benchmark::State& state) {
  const std::vector<std::byte> wire = text_frame(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    ws::FrameHeader header;
    const char* reason = nullptr;
    benchmark::DoNotOptimize(ws::parse_client_header(wire, header, reason));
    benchmark::DoNotOptimize(header);
  }
}
BENCHMARK(ws_parse_header)->Arg(64)->Arg(1024)->Arg(65536);

void ws_write_header(benchmark::State& state) {
  std::array<std::byte, ws::kServerHeaderMaximumBytes> header;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        ws::write_server_header(header, ws::Opcode::binary, static_cast<std::uint64_t>(state.range(0))));
    benchmark::DoNotOptimize(header);
  }
}
BENCHMARK(ws_write_header)->Arg(64)->Arg(1024)->Arg(65536);

void ws_unmask(benchmark::State& state) {
  std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)) + 6);
  const std::uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
  for (auto _ : state) {
    ws::unmask(std::span(payload).subspan(6), mask,
               0);  // payloads of short frames start 6 bytes into the buffer
    benchmark::DoNotOptimize(payload.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ws_unmask)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);

void validate(benchmark::State& state, std::string_view character) {
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += character;
  for (auto _ : state) {
    bool valid = ws::valid_utf8(std::as_bytes(std::span(text)));
    benchmark::DoNotOptimize(valid);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
void ws_utf8_ascii(benchmark::State& state) {
  validate(state, "t");
}
void ws_utf8_cyrillic(benchmark::State& state) {
  validate(state, "\xd0\xb6");
}
BENCHMARK(ws_utf8_ascii)->Arg(16)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);
BENCHMARK(ws_utf8_cyrillic)->Arg(16)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);

// The same payload in as many frames of equal size.
std::vector<std::byte> text_in_fragments(std::size_t payload_bytes, std::size_t fragments) {
  std::vector<std::byte> wire;
  for (std::size_t number = 0; number < fragments; ++number) {
    std::vector<std::byte> frame = text_frame(payload_bytes / fragments);
    if (number > 0) frame[0] &= std::byte{0xf0};
    if (number + 1 < fragments) frame[0] &= std::byte{0x0f};
    wire.insert(wire.end(), frame.begin(), frame.end());
  }
  return wire;
}

class Counting final : public ws::Events {
 public:
  bool on_message(ws::Opcode, std::span<std::byte> payload) override {
    payload_bytes += payload.size();
    return true;
  }
  bool on_ping(std::span<const std::byte>) override { return true; }
  bool on_pong(std::span<const std::byte>) override { return true; }
  bool on_close(std::uint16_t, std::string_view) override { return true; }
  std::uint64_t payload_bytes = 0;
};

// A Reader with zeroed memory of its own.
class Bench {
 public:
  static constexpr std::size_t kRegionBytes = 16 * memory::BlockArena::kPageBytes;
  static constexpr std::uint32_t kAssemblies = 16;

  explicit Bench(const ws::ReaderLimits& limits)
      : arena_state_(lines(memory::BlockArena::state_bytes(kRegionBytes))),
        region_(lines(kRegionBytes)),
        items_(lines(sizeof(memory::Assembly) * kAssemblies)),
        arena_(reinterpret_cast<memory::BlockArenaState*>(arena_state_.get()),
               reinterpret_cast<std::byte*>(region_.get()), kRegionBytes),
        assemblies_(&pool_state_, reinterpret_cast<memory::Assembly*>(items_.get()), kAssemblies, &arena_),
        reader(limits, &assemblies_) {}

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  static std::unique_ptr<Line[]> lines(std::size_t bytes) {
    return std::make_unique<Line[]>(bytes / sizeof(Line) + 1);
  }
  std::unique_ptr<Line[]> arena_state_;
  std::unique_ptr<Line[]> region_;
  std::unique_ptr<Line[]> items_;
  memory::PoolState pool_state_;
  memory::BlockArena arena_;
  memory::AssemblyPool assemblies_;

 public:
  ws::Reader reader;
};

// `pieces` of one message, read one after the other.
void read(benchmark::State& state, const ws::ReaderLimits& limits, std::size_t pieces,
          std::size_t fragments = 1) {
  Bench bench(limits);
  Counting events;
  std::vector<std::byte> wire = text_in_fragments(static_cast<std::size_t>(state.range(0)), fragments);
  const std::size_t piece_bytes = (wire.size() + pieces - 1) / pieces;
  memory::Index assembly = memory::kNoIndex;
  for (auto _ : state) {
    for (std::size_t start = 0; start < wire.size(); start += piece_bytes) {
      const std::span<std::byte> rest = std::span(wire).subspan(start);
      if (bench.reader.consume(assembly, rest.first(std::min(rest.size(), piece_bytes)), events)) {
        state.SkipWithError("the reader saw a violation");
        return;
      }
    }
  }
  if (events.payload_bytes != static_cast<std::uint64_t>(state.iterations() * state.range(0))) {
    state.SkipWithError("messages were lost");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
void ws_read_whole(benchmark::State& state) {
  read(state, {}, 1);
}
void ws_read_in_four(benchmark::State& state) {
  read(state, {}, 4);
}
void ws_read_wslay_alone(benchmark::State& state) {
  read(state, {.always_wslay = true}, 1);
}
void ws_read_four_fragments(benchmark::State& state) {
  read(state, {}, 1, 4);
}
BENCHMARK(ws_read_four_fragments)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);
BENCHMARK(ws_read_whole)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);
BENCHMARK(ws_read_in_four)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);
BENCHMARK(ws_read_wslay_alone)->Arg(64)->Arg(1024)->Arg(16 * 1024)->Arg(64 * 1024);

}  // namespace
