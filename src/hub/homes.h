// Homes: for the topics whose home is this shard, which shards have subscribers (rule R13).
//
// The home alone decides the order of a topic's publications and hands each to exactly these shards. Kept up
// to date by messages from them. Home shard's thread only. Invariant: a topic is listed exactly while some
// shard is interested.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/siphash.h"
#include "hub/topic_name.h"

namespace holdfast::hub {

inline constexpr std::uint32_t kShardsMaximum = 256;

class ShardSet {
 public:
  void insert(std::uint32_t shard) { words_[shard / 64] |= 1ull << (shard % 64); }
  void erase(std::uint32_t shard) { words_[shard / 64] &= ~(1ull << (shard % 64)); }
  bool empty() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t word = 0; word < words_.size(); ++word) {
      for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
        visit(word * 64 + static_cast<std::uint32_t>(__builtin_ctzll(bits)));
      }
    }
  }

 private:
  std::array<std::uint64_t, kShardsMaximum / 64> words_ = {};
};

// The same on every shard of a server, because all share the key.
inline std::uint32_t home_of(base::SipKey key, std::string_view topic, std::uint32_t shards) {
  return static_cast<std::uint32_t>((base::siphash(key, topic) >> 32) * shards >> 32);
}

class Homes {
 public:
  explicit Homes(base::SipKey key) : interest_(0, TopicNameHash{key}, TopicNameEqual{}) {}

  void set_interest(std::string_view topic, std::uint32_t shard, bool interested) {
    if (interested) {
      interest_[std::string(topic)].insert(shard);
      return;
    }
    const auto found = interest_.find(topic);
    if (found == interest_.end()) return;
    found->second.erase(shard);
    if (found->second.empty()) interest_.erase(found);
  }

  // Empty when nobody is interested.
  ShardSet interested(std::string_view topic) const {
    const auto found = interest_.find(topic);
    return found == interest_.end() ? ShardSet{} : found->second;
  }

  std::size_t topics() const { return interest_.size(); }

 private:
  absl::flat_hash_map<std::string, ShardSet, TopicNameHash, TopicNameEqual> interest_;
};

}  // namespace holdfast::hub
