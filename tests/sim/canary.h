// Canary: message contents that say who sent them and in which place, so that any byte astray is noticed.
//
// The content of a message is a function of (client, sequence, size, flag) and of nothing else; all of it is
// ASCII, so it is good for text and for binary. Checkers do not keep contents, they make them again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::sim {

// What the message asks of the server's handler besides its normal work.
enum class Flag : char {
  none = '-',
  close = 'c',        // close this connection with 4000
  resubscribe = 'r',  // leave and join a topic of no importance
};

struct Canary {
  static constexpr std::size_t kBytes = 18;  // the head: 8 digits of client, 8 of sequence, flag, separator
  std::uint32_t client = 0;
  std::uint32_t sequence = 0;
  Flag flag = Flag::none;
};

// `bytes` is at least Canary::kBytes.
std::string content(const Canary& canary, std::size_t bytes);
// The canary, if every byte of the payload is as content() makes it.
std::optional<Canary> verify(std::string_view payload);

}  // namespace holdfast::sim
