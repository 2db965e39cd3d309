// HomeDesk: takes in the letters to the channels whose home is this shard, and answers them.
//
// What a letter does to a channel, and the letters that follow from it, happen in one go: that is the order
// of the channel (rule R13). An answer is written before the deliveries it causes. Shard thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "gateway/shard_state.h"

namespace holdfast::gateway {

class HomeDesk {
 public:
  explicit HomeDesk(ShardState& shard) : shard_(shard) {}

  void take(SubscribeLetter&& letter);
  void take(UnsubscribeLetter&& letter);
  void take(PublishLetter&& letter);
  void take(PresenceLetter&& letter);
  void take(PresenceStatsLetter&& letter);
  void take(HistoryLetter&& letter);
  void take(RemoveHistoryLetter&& letter);
  void take(PositionLetter&& letter);
  void take(CountUserLetter&& letter);

  // The home's time, moved no more often than it counts: lets go of what has expired. Once a second, too.
  void read_clock();
  void count();

 private:
  void tell_membership(std::string_view channel, bool joined, const OwnedMember& member);

  ShardState& shard_;
  std::uint64_t advanced_tick_ = 0;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> connections_of_users_;  // by keyed hash of the name
};

}  // namespace holdfast::gateway
