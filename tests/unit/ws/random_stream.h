// Streams of client frames drawn from a seed: mostly right, often wrong in one place, sometimes only noise.
#pragma once

#include <string>

#include "base/entropy.h"
#include "client_frames.h"

namespace holdfast::ws::testing {

class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : random_(seed) {}

  std::string draw() {
    std::string stream;
    const std::uint64_t parts = 1 + random_.below(6);
    for (std::uint64_t i = 0; i < parts; ++i) stream += one_in(3) ? fragmented_message() : message();
    if (one_in(4)) stream += frame(kClose, one_in(6) ? bytes(3) : close_payload(code(), text(10)));
    damage(stream);
    return stream;
  }

 private:
  bool one_in(std::uint64_t times) { return random_.below(times) == 0; }

  std::size_t length() {
    switch (random_.below(12)) {
      case 0:
        return 0;
      case 1:
        return 120 + random_.below(10);
      case 2:
        return random_.below(1500);
      case 3:
        return one_in(4) ? 4090 + random_.below(12) : random_.below(300);
      case 4:
        return one_in(6) ? random_.below(20000) : random_.below(40);
      default:
        return random_.below(40);
    }
  }

  std::string bytes(std::size_t count) {
    std::string drawn(count, '\0');
    for (char& one : drawn) one = static_cast<char>(random_.below(256));
    return drawn;
  }

  // About `count` bytes of text of all lengths of characters, nearly always valid.
  std::string text(std::size_t count) {
    static constexpr const char* kCharacters[] = {"a",
                                                  "Z",
                                                  "\xc2\x80",
                                                  "\xdf\xbf",
                                                  "\xe0\xa0\x80",
                                                  "\xed\x9f\xbf",
                                                  "\xf0\x90\x80\x80",
                                                  "\xf4\x8f\xbf\xbf"};
    const bool ascii = one_in(2);
    std::string drawn;
    while (drawn.size() < count) drawn += ascii ? "t" : kCharacters[random_.below(8)];
    if (!drawn.empty() && one_in(12))
      drawn[random_.below(drawn.size())] = static_cast<char>(random_.below(256));
    if (one_in(25)) drawn.resize(random_.below(drawn.size() + 1));
    return drawn;
  }

  unsigned code() {
    static constexpr unsigned kCodes[] = {1000, 1001, 1004, 1006, 1014, 1015, 2999, 3000, 4999, 5000};
    return kCodes[random_.below(10)];
  }

  FrameShape shape() {
    FrameShape drawn{.key = static_cast<std::uint32_t>(random_.next())};
    if (one_in(80)) drawn.reserved_bits = static_cast<unsigned>(random_.below(8));
    if (one_in(80)) drawn.masked = false;
    if (one_in(80)) drawn.length_bytes = one_in(2) ? 2 : 8;
    if (one_in(80)) drawn.declared = random_.next() >> random_.below(64);
    return drawn;
  }

  std::string payload(unsigned opcode, std::size_t count) {
    return opcode == kText ? text(count) : bytes(count);
  }

  std::string message() {
    const unsigned opcode = one_in(90)  ? static_cast<unsigned>(random_.below(16))
                            : one_in(2) ? kText
                                        : kBinary;
    return controls() + frame(opcode, payload(opcode, length()), shape());
  }

  std::string controls() {
    std::string drawn;
    while (one_in(4)) {
      const std::size_t count = one_in(40) ? 126 : random_.below(one_in(3) ? 126 : 9);
      drawn += frame(one_in(2) ? kPing : kPong, bytes(count), shape());
    }
    return drawn;
  }

  // Cuts fall anywhere, also inside characters.
  std::string fragmented_message() {
    const unsigned opcode = one_in(2) ? kText : kBinary;
    const std::string whole = payload(opcode, length());
    const std::uint64_t frames = 1 + random_.below(12);
    std::string stream;
    std::size_t sent = 0;
    for (std::uint64_t i = 0; i < frames; ++i) {
      const bool last = i + 1 == frames;
      const std::size_t count = last ? whole.size() - sent : random_.below(whole.size() - sent + 1);
      FrameShape drawn = shape();
      drawn.final = last != one_in(60);
      const unsigned as = (i == 0) != one_in(60) ? opcode : kContinuation;
      stream += controls() + frame(as, std::string_view(whole).substr(sent, count), drawn);
      sent += count;
    }
    return stream;
  }

  void damage(std::string& stream) {
    if (one_in(8)) stream[random_.below(stream.size())] ^= static_cast<char>(1u << random_.below(8));
    if (one_in(8)) stream.resize(random_.below(stream.size() + 1));
    if (one_in(30)) stream.insert(random_.below(stream.size() + 1), bytes(1 + random_.below(20)));
    if (one_in(100)) stream = bytes(random_.below(200));
  }

  base::Random random_;
};

}  // namespace holdfast::ws::testing
