// Post: lanes, and what happens when one is too long.
#include "gateway/post.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace holdfast::gateway {

Post::Post(std::uint32_t shard, std::uint32_t shards, Take take, Hand hand, std::uint32_t letters_maximum)
    : shard_(shard),
      letters_maximum_(letters_maximum),
      lanes_(shards),
      take_(std::move(take)),
      hand_(std::move(hand)) {
  CHECK(shard < shards && letters_maximum > 0);
}

void Post::write(Lane& lane, Letter letter) {
  lane.waiting.push_back(std::move(letter));
  ++waiting_;
}

void Post::send(std::uint32_t shard, Letter letter) {
  if (shard == shard_) return take_(std::move(letter));
  write(lanes_[shard], std::move(letter));
}

void Post::deliver(std::uint32_t shard, Letter letter) {
  if (shard == shard_) return take_(std::move(letter));
  Lane& lane = lanes_[shard];
  if (lane.overrun) return;
  if (under_way(lane) < letters_maximum_) return write(lane, std::move(letter));
  // In its place among the deliveries: those before it have arrived, those after it count for nothing.
  lane.overrun = true;
  ++overruns_;
}

bool Post::flush() {
  bool done = true;
  for (std::uint32_t shard = 0; shard < lanes_.size(); ++shard) {
    Lane& lane = lanes_[shard];
    if (lane.overrun && under_way(lane) < letters_maximum_) {
      lane.overrun = false;
      write(lane, GapLetter{shard_});
    }
    // What was written before the overrun travels meanwhile: that is what makes the room.
    const bool handed_over = lane.waiting.empty() || hand_over(shard, lane);
    if (lane.overrun || !handed_over) done = false;
  }
  return done;
}

// True when nothing is left.
bool Post::hand_over(std::uint32_t shard, Lane& lane) {
  struct Batch {
    std::vector<Letter> letters;
    std::shared_ptr<std::atomic<std::uint32_t>> handed_over;
    std::uint32_t count = 0;
    ~Batch() { handed_over->fetch_sub(count, std::memory_order_relaxed); }
  };
  const std::size_t count = std::min(lane.waiting.size(), kBatchMaximum);
  auto batch = std::make_shared<Batch>();
  batch->handed_over = lane.handed_over;
  if (count == lane.waiting.size()) {
    batch->letters.swap(lane.waiting);
  } else {
    const auto end = lane.waiting.begin() + static_cast<std::ptrdiff_t>(count);
    batch->letters.assign(std::make_move_iterator(lane.waiting.begin()), std::make_move_iterator(end));
    lane.waiting.erase(lane.waiting.begin(), end);
  }
  batch->count = static_cast<std::uint32_t>(count);
  batch->handed_over->fetch_add(batch->count, std::memory_order_relaxed);
  std::vector<Letter>* letters = &batch->letters;
  if (hand_(shard, std::shared_ptr<std::vector<Letter>>(batch, letters))) {
    waiting_ -= count;
    return lane.waiting.empty();
  }
  // Not taken: everything back to its place.
  batch->letters.insert(batch->letters.end(), std::make_move_iterator(lane.waiting.begin()),
                        std::make_move_iterator(lane.waiting.end()));
  lane.waiting.swap(batch->letters);
  return false;
}

}  // namespace holdfast::gateway
