// Positions that are believed once, and texts made of numbers.
#include "channels.h"

#include <algorithm>

namespace holdfast::swarm {
namespace {

constexpr std::string_view kNumber = "{}";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint64_t kPublicationKind = 0x6e616863;
constexpr std::uint32_t kQuotes = 2;
constexpr std::size_t kLettersOfWord = 10;

}  // namespace

Channels::Channels(std::string_view pattern, std::uint32_t count, std::uint64_t run)
    : count_(count), run_(run), channels_(std::make_unique<Channel[]>(count)) {
  const std::size_t at = pattern.find(kNumber);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string& name = channels_[i].name = pattern;
    if (at != std::string_view::npos) name.replace(at, kNumber.size(), std::to_string(i));
  }
}

bool Channels::is_top(std::uint32_t channel, std::string_view epoch, std::uint64_t offset) {
  Channel& known = channels_[channel];
  if (!known.known.load(std::memory_order_acquire)) {
    const std::lock_guard<std::mutex> lock(believing_);
    if (!known.known.load(std::memory_order_relaxed)) {
      if (offset < known.published.load()) return false;
      known.epoch = epoch;
      known.base.store(offset - known.published.load());
      known.known.store(true, std::memory_order_release);
      return true;
    }
  }
  return epoch == known.epoch && offset == top(channel);
}

void Channels::write_text(std::uint32_t channel, std::uint64_t number, Sizes sizes, std::string& text) const {
  std::uint64_t seed = mixed(run_ ^ mixed(kPublicationKind ^ mixed(std::uint64_t{channel} << 40 ^ number)));
  const std::uint64_t range = std::uint64_t{sizes.largest} - sizes.smallest + 1;
  text.resize(sizes.smallest + static_cast<std::size_t>(mixed(~seed) % range) - kQuotes);
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t bits = mixed(seed++);
    const std::size_t end = std::min(at + kLettersOfWord, text.size());
    for (; at < end; bits >>= 6) text[at++] = kLetters[bits & 63];
  }
}

}  // namespace holdfast::swarm
