// Post: letters from this shard to the others, in order, handed over once per turn.
//
// Letters for another shard gather in its lane and travel as one task; those for this shard are delivered by
// a call. A shard that lags behind makes its lane long: then Post says `busy`, requests are refused (error
// 111) instead of written, and deliveries are lost in a way that the receiver learns of (GapLetter, rule
// R10). What undoes something and what answers is always written: there is no more of it than there was
// asked for. Shard thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "gateway/letters.h"
#include "holdfast/handler.h"

namespace holdfast::gateway {

class Post {
 public:
  // Letters under way to one shard, written and not taken in; tests take less.
  static constexpr std::uint32_t kLettersMaximum = 65'536;
  // Handed over at once; the rest follows in the next turn.
  static constexpr std::size_t kBatchMaximum = 4096;

  // What a shard does with a letter that arrives.
  using Take = std::function<void(Letter&&)>;
  // Hands a task to a shard; false when it has to be tried again.
  using Hand = std::function<bool(std::uint32_t shard, std::shared_ptr<std::vector<Letter>> letters)>;

  Post(std::uint32_t shard, std::uint32_t shards, Take take, Hand hand,
       std::uint32_t letters_maximum = kLettersMaximum);

  void send(std::uint32_t shard, Letter letter);
  void deliver(std::uint32_t shard, Letter letter);
  // To this shard, but not before its next turn.
  void send_later(Letter letter) { write(lanes_[shard_], std::move(letter)); }
  // Requests must wait.
  bool busy(std::uint32_t shard) const {
    return shard != shard_ && under_way(lanes_[shard]) >= letters_maximum_;
  }

  // Something is to be handed over.
  bool has_mail() const { return waiting_ > 0; }
  std::uint64_t waiting() const { return waiting_; }
  std::uint64_t overruns() const { return overruns_; }
  // Once per turn. False when a shard could take no more.
  bool flush();

 private:
  struct Lane {
    std::vector<Letter> waiting;
    // Shared with the batches, which count themselves off when they have been read or dropped.
    std::shared_ptr<std::atomic<std::uint32_t>> handed_over = std::make_shared<std::atomic<std::uint32_t>>(0);
    bool overrun = false;  // a delivery was lost and the receiver has not been told
  };
  static std::uint64_t under_way(const Lane& lane) {
    return lane.waiting.size() + lane.handed_over->load(std::memory_order_relaxed);
  }
  void write(Lane& lane, Letter letter);
  bool hand_over(std::uint32_t shard, Lane& lane);

  std::uint32_t shard_;
  const std::uint32_t letters_maximum_;
  std::vector<Lane> lanes_;
  Take take_;
  Hand hand_;
  std::uint64_t waiting_ = 0;
  std::uint64_t overruns_ = 0;
};

}  // namespace holdfast::gateway
