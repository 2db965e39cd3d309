// Channels: those a run subscribes to, what has been published to each, and what each publication says.
//
// Shared by all workers and the publisher. The swarm is the only one who publishes, so a channel's offsets
// are those its first subscriber was told and one more for each publication: what everybody must see
// afterwards is a function of that.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "content.h"

namespace holdfast::swarm {

class Channels {
 public:
  // `{}` in the pattern is a channel's number. `run` is the seed of all contents.
  Channels(std::string_view pattern, std::uint32_t count, std::uint64_t run);

  std::uint32_t count() const { return count_; }
  // The channel that a connection subscribes to.
  std::uint32_t of(std::uint64_t number) const { return static_cast<std::uint32_t>(number % count_); }
  std::string_view name(std::uint32_t channel) const { return channels_[channel].name; }

  // Whether a new subscriber's position is the one it must be. Of the first one it is believed.
  bool is_top(std::uint32_t channel, std::string_view epoch, std::uint64_t offset);
  // Valid once a position was believed, and from then on.
  std::string_view epoch(std::uint32_t channel) const { return channels_[channel].epoch; }
  // The offset before the run's first publication; 0 where offsets are not told.
  std::uint64_t base(std::uint32_t channel) const { return channels_[channel].base.load(); }
  std::uint64_t top(std::uint32_t channel) const { return base(channel) + published(channel); }

  std::uint64_t published(std::uint32_t channel) const { return channels_[channel].published.load(); }
  // The number of the next publication, which the caller is about to make.
  std::uint64_t take_next(std::uint32_t channel) { return channels_[channel].published.fetch_add(1); }
  // What it says: a text of letters, digits, '-' and '_' that fills a payload of these sizes, its quotes
  // included. Every two of a run differ in their first letters.
  void write_text(std::uint32_t channel, std::uint64_t number, Sizes sizes, std::string& text) const;

 private:
  struct Channel {
    std::string name;
    std::string epoch;
    std::atomic<bool> known{false};
    std::atomic<std::uint64_t> base{0};
    std::atomic<std::uint64_t> published{0};
  };

  const std::uint32_t count_;
  const std::uint64_t run_;
  std::unique_ptr<Channel[]> channels_;
  std::mutex believing_;
};

}  // namespace holdfast::swarm
