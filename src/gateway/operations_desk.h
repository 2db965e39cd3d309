// OperationsDesk: the Operations of one shard: what applications ask, turned into letters, and what other
// shards' applications ask of this shard's connections. Shard thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/operations.h"
#include "gateway/session.h"
#include "gateway/shard_state.h"

namespace holdfast::gateway {

class OperationsDesk final : public Operations {
 public:
  OperationsDesk(ShardState& shard, Sessions& sessions) : shard_(shard), sessions_(sessions) {}

  void publish(const PublishOperation& operation, Callback<PublishAnswer> done) override;
  void broadcast(std::span<const std::string_view> channels, const PublishOperation& operation,
                 Callback<BroadcastAnswer> done) override;
  void subscribe(const SubscribeOperation& operation, Callback<TargetAnswer> done) override;
  void unsubscribe(const UnsubscribeOperation& operation, Callback<TargetAnswer> done) override;
  void disconnect(const DisconnectOperation& operation, Callback<TargetAnswer> done) override;
  void refresh(const RefreshOperation& operation, Callback<TargetAnswer> done) override;
  void presence(std::string_view channel, Callback<PresenceAnswer> done) override;
  void presence_stats(std::string_view channel, Callback<PresenceStatsAnswer> done) override;
  void history(const HistoryOperation& operation, Callback<HistoryAnswer> done) override;
  void remove_history(std::string_view channel, Callback<RemoveHistoryAnswer> done) override;
  void channels(std::string_view pattern, Callback<ChannelsAnswer> done) override;
  void info(Callback<InfoAnswer> done) override;
  void emulate(const EmulationOperation& operation, Callback<EmulationAnswer> done) override;

  // Answers to operations of this shard.
  void take(PublishAnswerLetter&& letter);
  void take(PresenceAnswerLetter&& letter);
  void take(PresenceStatsAnswerLetter&& letter);
  void take(HistoryAnswerLetter&& letter);
  void take(RemoveHistoryAnswerLetter&& letter);
  void take(TargetAnswerLetter&& letter);
  void take(ListChannelsAnswerLetter&& letter);
  void take(ListUsersAnswerLetter&& letter);
  void take(EmulateAnswerLetter&& letter);
  // What operations of any shard want of this one.
  void take(std::shared_ptr<const TargetLetter>&& letter);
  void take(ListChannelsLetter&& letter);
  void take(ListUsersLetter&& letter);
  void take(EmulateLetter&& letter);

 private:
  // What is wrong with asking this about the channel; otherwise the place of its rules.
  Failure check(std::string_view channel, std::uint32_t& rules) const;
  Asker asker() const { return {shard_.number, {}, 0, false}; }
  bool is_json(const PublishOperation& operation) const;
  void publish_as(const PublishOperation& operation, bool json, Callback<PublishAnswer> done);
  void to_all_shards(TargetLetter&& letter, const Target& target, Callback<TargetAnswer> done);
  bool apply(const TargetLetter& letter, memory::Index client);
  bool selected(const TargetLetter& letter, memory::Index client) const;
  bool subscribe_client(const TargetLetter& letter, memory::Index client);

  ShardState& shard_;
  Sessions& sessions_;
};

}  // namespace holdfast::gateway
