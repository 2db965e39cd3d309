// Fuzz target: fossil deltas. The first three bytes cut the rest in two: a source, and bytes that are taken
// for a delta and for a target.
//
// What must hold besides not crashing: whatever a delta says, no more than allowed is made; what the encoder
// makes applies, and is UTF-8 when the target is.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/fossil.h"
#include "gateway/json_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using holdfast::gateway::apply_fossil_delta;
  constexpr std::size_t kHeaderBytes = 3;
  if (size < kHeaderBytes) return 0;
  const std::string_view content(reinterpret_cast<const char*>(bytes) + kHeaderBytes, size - kHeaderBytes);
  const std::size_t cut =
      (std::size_t{bytes[0]} << 16 | std::size_t{bytes[1]} << 8 | bytes[2]) % (content.size() + 1);
  // Copies of the exact sizes, so that a sanitizer sees a read past them.
  const std::string source(content.substr(0, cut));
  const std::string second(content.substr(cut));

  constexpr std::size_t kMadeMaximum = 4096;
  std::string made;
  apply_fossil_delta(source, second, kMadeMaximum, made);
  CHECK(made.size() <= kMadeMaximum);

  static holdfast::gateway::FossilEncoder encoder;
  std::string delta;
  encoder.append_delta(delta, source, second);
  CHECK(apply_fossil_delta(source, delta, second.size(), made));
  CHECK(made == second);
  if (holdfast::gateway::valid_utf8(second)) CHECK(holdfast::gateway::valid_utf8(delta));
  // Digits of the size, the literal's head, the checksum and its end.
  constexpr std::size_t kOverheadMaximum = 32;
  CHECK(delta.size() <= second.size() + kOverheadMaximum);
  return 0;
}
