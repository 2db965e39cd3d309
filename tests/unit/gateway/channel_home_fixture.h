// A home with memory of its own and a clock the test moves.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "gateway/channel_home.h"

namespace holdfast::gateway {

class OwnedHome {
 public:
  explicit OwnedHome(std::uint32_t channels_maximum = 1000, ChannelHomeBounds bounds = {},
                     ChannelHomeTimes times = {})
      : items_(channels_maximum), random_(7) {
    const ChannelRecords::Memory memory{&pool_state_, items_.data(), &wheel_};
    home_ = std::make_unique<ChannelHome>(ChannelRecords::format(memory, channels_maximum),
                                          base::SipKey{1, 2}, random_, bounds, times, now_ns_);
  }
  ChannelHome* operator->() { return home_.get(); }

  void pass(std::chrono::milliseconds duration) {
    now_ns_ += static_cast<std::uint64_t>(duration.count()) * 1'000'000u;
    while (!home_->advance(now_ns_)) {
    }
  }
  std::uint64_t now_ns() const { return now_ns_; }

  PublicationReference draft(std::string_view payload) {
    return Publication::make(budget_, {.payload = payload});
  }
  // With history of `size` for a minute, or without when it is 0.
  PublishResult publish(std::string_view channel, std::string_view payload, std::uint32_t size = 100) {
    PublishOptions options;
    options.history_size = size;
    options.history_ttl = std::chrono::minutes(size > 0 ? 1 : 0);
    return home_->publish(channel, draft(payload), options);
  }
  SubscribeResult subscribe(std::string_view channel, std::uint32_t shard, bool stream = true) {
    SubscribeRequest request;
    request.shard = shard;
    request.stream = stream;
    std::vector<PublicationReference> none;
    return home_->subscribe(channel, request, none);
  }
  // Subscribes shard 0 and recovers; the payloads go to recovered().
  SubscribeResult recover(std::string_view channel, std::uint64_t offset, Epoch epoch,
                          RecoveryMode mode = RecoveryMode::stream, std::uint32_t limit = 300,
                          std::uint64_t bytes_limit = 0) {
    SubscribeRequest request;
    request.stream = request.recover = true;
    request.since = {offset, epoch};
    request.mode = mode;
    request.limit = limit;
    request.bytes_limit = bytes_limit;
    std::vector<PublicationReference> publications;
    const SubscribeResult result = home_->subscribe(channel, request, publications);
    recovered_ = payloads(publications);
    return result;
  }
  const std::vector<std::string>& recovered() const { return recovered_; }

  static std::vector<std::string> payloads(const std::vector<PublicationReference>& publications) {
    std::vector<std::string> texts;
    for (const PublicationReference& publication : publications) texts.emplace_back(publication->payload());
    return texts;
  }
  static std::vector<std::uint32_t> shards(const hub::ShardSet& set) {
    std::vector<std::uint32_t> list;
    set.for_each([&list](std::uint32_t shard) { list.push_back(shard); });
    return list;
  }
  PublicationBudget& budget() { return budget_; }
  void end() { home_.reset(); }

 private:
  PublicationBudget budget_{64 << 20};
  memory::PoolState pool_state_;
  std::vector<ChannelRecord> items_;
  time::Wheel::State wheel_;
  base::Random random_;
  std::uint64_t now_ns_ = 5'000'000'000;
  std::unique_ptr<ChannelHome> home_;
  std::vector<std::string> recovered_;
};

}  // namespace holdfast::gateway
