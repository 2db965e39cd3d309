// The short and bulk paths against wslay alone: the same bytes, cut at random, are the same events and close
// code.
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
  input.limits.always_wslay = true;
  ReaderWorld wslay_world(input.limits, region_bytes(input.limits.message_bytes), 1);
  const std::string expected = read_whole(world, input.stream);
  expect_same(expected, read_whole(wslay_world, input.stream), "wslay alone");
  holdfast::base::Random random(input.seed);
  for (int split = 0; split < 3; ++split) {
    const std::vector<std::size_t> sizes = random_sizes(random, input.stream.size());
    expect_same(expected, read_in_pieces(wslay_world, input.stream, sizes), "wslay alone, in pieces");
    expect_same(expected, read_in_pieces(world, input.stream, sizes, Receive::straight_into_assembly),
                "in placed pieces");
  }
  CHECK(wslay_world.reader.short_path_frames() == 0 && wslay_world.reader.bulk_path_frames() == 0);
  CHECK(world.clean() && wslay_world.clean());
  return 0;
}
