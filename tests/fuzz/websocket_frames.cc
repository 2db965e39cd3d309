// Frames: any stream, under small and large limits, cut anywhere, gives the same events and the same close
// code, stays within its limits, and leaves nothing behind.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../unit/ws/reader_fixture.h"
#include "base/check.h"
#include "websocket_input.h"

using namespace holdfast::ws::testing;  // NOLINT: the fixture is this target's vocabulary

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  WebsocketInput input;
  if (!read_input(bytes, size, input)) return 0;
  ReaderWorld world(input.limits, region_bytes(input.limits.message_bytes), 1);
  const std::string whole = read_whole(world, input.stream);
  expect_same(whole, read_bytewise(world, input.stream), "byte by byte");
  expect_same(whole, read_bytewise(world, input.stream, Receive::straight_into_assembly),
              "placed byte by byte");
  holdfast::base::Random random(input.seed);
  for (int split = 0; split < 3; ++split) {
    const std::vector<std::size_t> sizes = random_sizes(random, input.stream.size());
    expect_same(whole, read_in_pieces(world, input.stream, sizes), "in pieces");
    expect_same(whole, read_in_pieces(world, input.stream, sizes, Receive::straight_into_assembly),
                "in placed pieces");
  }
  // Doubling while copying holds an old block of half the size beside the new one, each rounded up to a page.
  CHECK(world.arena.peak_bytes() <= 3 * std::size_t{input.limits.message_bytes} + 3 * 64 * 1024);
  CHECK(world.reader.context_refusals() == 0 && world.assemblies.refusals() == 0);
  CHECK(world.clean());
  return 0;
}
