// Where in a channel's stream of publications somebody stands: the stream's epoch and an offset in it.
//
// An epoch is eight random letters, drawn when a stream begins; an offset says nothing without its epoch.
// Plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/entropy.h"

namespace holdfast::gateway {

class Epoch {
 public:
  static constexpr std::size_t kLetters = 8;

  // The epoch of no stream; clients write it as the empty string.
  constexpr Epoch() = default;

  static Epoch draw(base::Entropy& entropy) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // 52^8 is below 2^46: the bias of the remainders is below 2^-18.
    std::uint64_t number = entropy.next();
    Epoch epoch;
    for (char& letter : epoch.letters_) {
      letter = kAlphabet[number % kAlphabet.size()];
      number /= kAlphabet.size();
    }
    return epoch;
  }

  // What a client sent. A text that cannot have been an epoch of ours becomes one that equals none of them.
  static Epoch from_client(std::string_view text) {
    Epoch epoch;
    if (text.empty()) return epoch;
    epoch.letters_.fill('?');
    if (text.size() == kLetters && text.front() != '\0')
      std::memcpy(epoch.letters_.data(), text.data(), kLetters);
    return epoch;
  }

  bool empty() const { return letters_[0] == '\0'; }
  // The view lives as long as this object.
  std::string_view text() const { return {letters_.data(), empty() ? 0 : kLetters}; }
  friend bool operator==(const Epoch&, const Epoch&) = default;

 private:
  std::array<char, kLetters> letters_ = {};
};
static_assert(sizeof(Epoch) == 8);

struct Position {
  std::uint64_t offset = 0;  // of the newest publication; 0: none was ever numbered
  Epoch epoch;
  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace holdfast::gateway
