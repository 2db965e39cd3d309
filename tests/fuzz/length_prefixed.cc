// Fuzz target: length-prefixed framing.
//
// Input: two bytes choose where the rest, a stream, is cut; a third how large a message may be. What must
// hold: the messages and the verdict are those of a slow reading of the whole stream, however it is cut, and
// also when bytes are received straight into the assembly; views lie where the bytes are; afterwards nothing
// is claimed.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "memory/assembly.h"
#include "memory/block_arena.h"
#include "tcp/reader.h"

namespace {

using holdfast::memory::Assembly;
using holdfast::memory::AssemblyPool;
using holdfast::memory::BlockArena;
using holdfast::memory::BlockArenaState;
using holdfast::memory::Index;
using holdfast::memory::kNoIndex;
using holdfast::memory::PoolState;
using holdfast::tcp::kHeaderBytes;
using holdfast::tcp::Messages;
using holdfast::tcp::Reader;
using holdfast::tcp::Verdict;

using Bytes = std::vector<std::byte>;

constexpr std::size_t kRegionBytes = 8 * BlockArena::kPageBytes;
constexpr std::size_t kInputBytesMaximum = 64 * 1024;  // so that no arena is ever too small
constexpr std::size_t kBytewiseMaximum = 500;          // of the input, so that a run stays short

struct Events : Messages {
  bool on_message(std::span<std::byte> payload) override {
    messages.emplace_back(payload.begin(), payload.end());
    return true;
  }
  bool operator==(const Events& other) const {
    return messages == other.messages && verdict == other.verdict;
  }

  std::vector<Bytes> messages;
  Verdict verdict = Verdict::ok;
};

Events read_slowly(std::span<const std::byte> stream, std::uint32_t message_bytes_maximum) {
  Events events;
  while (stream.size() >= kHeaderBytes) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < kHeaderBytes; ++i)
      length = length * 256 + std::to_integer<std::uint32_t>(stream[i]);
    if (length > message_bytes_maximum) {
      events.verdict = Verdict::too_big;
      break;
    }
    stream = stream.subspan(kHeaderBytes);
    if (stream.size() < length) break;
    events.messages.emplace_back(stream.begin(), stream.begin() + length);
    stream = stream.subspan(length);
  }
  return events;
}

// One connection's life over `stream`, in reads that end at each multiple of `step` and at `cut`.
Events read_in_pieces(std::span<const std::byte> stream, std::uint32_t message_bytes_maximum, std::size_t cut,
                      std::size_t step, bool in_place) {
  alignas(BlockArena::kUnitBytes) static std::array<std::byte, kRegionBytes> region;
  struct alignas(BlockArena::kUnitBytes) CacheLine {
    std::array<std::byte, BlockArena::kUnitBytes> bytes;
  };
  static const std::size_t state_lines = BlockArena::state_bytes(kRegionBytes) / sizeof(CacheLine) + 1;
  static const auto arena_state = std::make_unique<CacheLine[]>(state_lines);  // zero: fresh
  static BlockArena arena(reinterpret_cast<BlockArenaState*>(arena_state.get()), region.data(), kRegionBytes);
  static std::array<Assembly, 2> items;
  static PoolState pool_state;
  static AssemblyPool pool(&pool_state, items.data(), items.size(), &arena);

  Events events;
  Reader reader(message_bytes_maximum, &pool);
  Index assembly = kNoIndex;
  std::size_t fed = 0;
  while (fed < stream.size() && events.verdict == Verdict::ok) {
    std::size_t next = std::min(fed + step, stream.size());
    if (fed < cut && cut < next) next = cut;
    const std::span<std::byte> place = in_place ? reader.destination(assembly) : std::span<std::byte>();
    if (place.empty()) {
      Bytes read(stream.begin() + static_cast<std::ptrdiff_t>(fed),
                 stream.begin() + static_cast<std::ptrdiff_t>(next));
      events.verdict = reader.consume(assembly, read, events);
      fed = next;
    } else {
      const std::size_t count = std::min(place.size(), next - fed);
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(fed), count, place.begin());
      events.verdict = reader.placed(assembly, count, events);
      fed += count;
    }
    CHECK(pool.used() == (assembly == kNoIndex ? 0 : 1));
    CHECK(arena.used_bytes() <= std::max<std::size_t>(1024, 4 * fed));
  }
  CHECK(events.verdict == Verdict::ok || assembly == kNoIndex);
  reader.abandon(assembly);
  CHECK(pool.used() == 0);
  CHECK(arena.used_bytes() == 0);
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kChoices = 3;
  constexpr std::array<std::uint32_t, 4> kMaximums = {0, 5, 10'000, 0xffff'ffff};
  if (size < kChoices || size > kInputBytesMaximum) return 0;
  const std::span<const std::byte> stream = std::as_bytes(std::span(bytes, size)).subspan(kChoices);
  const std::size_t cut = (std::size_t{bytes[0]} * 256 + bytes[1]) % (stream.size() + 1);
  const std::uint32_t maximum = kMaximums[bytes[2] % kMaximums.size()];
  const std::size_t whole = std::max<std::size_t>(stream.size(), 1);
  const Events expected = read_slowly(stream, maximum);
  for (const bool in_place : {false, true}) {
    CHECK(read_in_pieces(stream, maximum, stream.size(), whole, in_place) == expected);
    CHECK(read_in_pieces(stream, maximum, cut, whole, in_place) == expected);
    CHECK(read_in_pieces(stream, maximum, cut, 1 + cut % 4099, in_place) == expected);
    if (size <= kBytewiseMaximum) CHECK(read_in_pieces(stream, maximum, cut, 1, in_place) == expected);
  }
  return 0;
}
