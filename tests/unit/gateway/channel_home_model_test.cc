// The home of channels against a naive model of the same rules, over random operations and passing time.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "channel_home_fixture.h"

namespace holdfast::gateway {
namespace {

// In half seconds: operations happen on even ones, ends fall on odd ones, so that how the home rounds does
// not matter.
using HalfSeconds = std::int64_t;
constexpr std::chrono::milliseconds kHalfSecond{500};
constexpr HalfSeconds kHistoryTtl = 41, kMetaTtl = 121, kIdempotencyWindow = 31;

struct ModelPublication {
  std::uint64_t offset;
  std::string payload;
  HalfSeconds expires;
};

struct ModelChannel {
  Epoch epoch;
  std::uint64_t top = 0;
  std::deque<ModelPublication> history;
  HalfSeconds keep_until = 0;
  std::uint64_t version = 0;
  std::set<std::uint32_t> shards;
  std::map<std::size_t, std::string> present;  // client to user

  bool in_use() const { return !shards.empty() || !present.empty(); }
  bool exists(HalfSeconds now) const {
    return in_use() || !history.empty() || (!epoch.empty() && now < keep_until);
  }
};

class ChannelHomeModel : public testing::Test {
 protected:
  static constexpr std::size_t kChannels = 7, kClients = 6;

  ChannelHomeModel() {
    base::Random draws(11);
    for (ClientId& id : clients_) id = ClientId::draw(draws);
  }

  void SetUp() override {
    for (std::size_t i = 0; i < kChannels; ++i) channels_["channel " + std::to_string(i)];
  }

  void pass(HalfSeconds duration) {
    now_ += duration;
    home_.pass(kHalfSecond * duration);
    for (auto& [name, channel] : channels_) {
      while (!channel.history.empty() && channel.history.front().expires <= now_) channel.history.pop_front();
      if (!channel.exists(now_)) channel = {};
    }
    std::erase_if(results_, [this](const auto& result) { return result.second.second <= now_; });
  }

  // Takes the epoch the home has drawn, if the model has none.
  void use_stream(ModelChannel& channel, const Position& answer) {
    if (channel.epoch.empty()) {
      channel.epoch = answer.epoch;
      channel.top = channel.version = 0;
    }
    ASSERT_EQ(channel.epoch, answer.epoch);
    channel.keep_until = now_ + kMetaTtl;
  }

  void publish(const std::string& name, ModelChannel& channel) {
    const bool kept = random_.below(4) > 0;
    const auto size = static_cast<std::uint32_t>(1 + random_.below(12));
    const std::string payload = std::to_string(++payloads_);
    const std::string key = random_.below(4) == 0 ? "key " + std::to_string(random_.below(3)) : "";
    PublishOptions options;
    options.history_size = kept ? size : 0;
    options.history_ttl = kHalfSecond * kHistoryTtl;
    options.idempotency_key = key;
    options.version = random_.below(5) == 0 ? 1 + random_.below(20) : 0;
    const PublishResult result = home_->publish(name, home_.draft(payload), options);
    const auto earlier = results_.find({name, key});
    if (!key.empty() && earlier != results_.end()) {
      ASSERT_EQ(result.outcome, PublishResult::Outcome::duplicate);
      ASSERT_EQ(result.position, earlier->second.first);
      return;
    }
    if (kept) {
      use_stream(channel, result.position);
      if (options.version != 0 && options.version <= channel.version) {
        ASSERT_EQ(result.outcome, PublishResult::Outcome::superseded);
        ASSERT_EQ(result.position.offset, channel.top);
        return;
      }
      if (options.version != 0) channel.version = options.version;
      channel.history.push_back({++channel.top, payload, now_ + kHistoryTtl});
      while (channel.history.size() > size) channel.history.pop_front();
    }
    ASSERT_EQ(result.outcome, PublishResult::Outcome::published);
    ASSERT_EQ(result.position, (kept ? Position{channel.top, channel.epoch} : Position{}));
    ASSERT_EQ(result.publication->payload(), payload);
    const auto shards = home_.shards(result.shards);
    ASSERT_EQ(std::set<std::uint32_t>(shards.begin(), shards.end()), channel.shards);
    if (!key.empty()) results_[{name, key}] = {result.position, now_ + kIdempotencyWindow};
  }

  void subscribe(const std::string& name, ModelChannel& channel) {
    SubscribeRequest request;
    request.shard = shard();
    request.stream = random_.below(2) == 0;
    request.recover = request.stream && random_.below(2) == 0;
    request.since.offset =
        channel.top - std::min<std::uint64_t>(channel.top, random_.below(9)) + random_.below(2);
    request.since.epoch = random_.below(8) == 0   ? Epoch::from_client("wrong...")
                          : random_.below(3) == 0 ? Epoch{}
                                                  : channel.epoch;
    request.limit = 6;
    std::vector<PublicationReference> publications;
    const SubscribeResult result = home_->subscribe(name, request, publications);
    ASSERT_TRUE(result.accepted);
    if (request.stream) use_stream(channel, result.position);
    ASSERT_EQ(result.position, (request.stream ? Position{channel.top, channel.epoch} : Position{}));
    // The rule as the protocol says it.
    std::vector<std::string> newer;
    std::uint64_t first = 0, last = 0;
    for (const ModelPublication& publication : channel.history) {
      if (publication.offset <= request.since.offset || newer.size() == request.limit) continue;
      if (newer.empty()) first = publication.offset;
      last = publication.offset;
      newer.push_back(publication.payload);
    }
    const bool epoch_fits = request.since.epoch.empty() || request.since.epoch == channel.epoch;
    const bool complete = newer.empty() ? request.since.offset == channel.top
                                        : first == request.since.offset + 1 && last == channel.top;
    ASSERT_EQ(result.recovered, request.recover && epoch_fits && complete);
    ASSERT_EQ(home_.payloads(publications), result.recovered ? newer : std::vector<std::string>{});
    channel.shards.insert(request.shard);
  }

  void unsubscribe(const std::string& name, ModelChannel& channel) {
    const std::uint32_t leaving = shard();
    home_->unsubscribe(name, leaving);
    channel.shards.erase(leaving);
    if (!channel.epoch.empty()) channel.keep_until = now_ + kMetaTtl;
  }

  void leave_all(const std::string& name, ModelChannel& channel) {
    for (const std::uint32_t shard : {0u, 1u, 63u, 64u, 255u}) home_->unsubscribe(name, shard);
    for (std::size_t client = 0; client < kClients; ++client) home_->leave(name, clients_[client], {client});
    if (!channel.epoch.empty()) channel.keep_until = now_ + kMetaTtl;
    channel.shards.clear();
    channel.present.clear();
  }

  void join_or_leave(const std::string& name, ModelChannel& channel) {
    const std::size_t client = random_.below(kClients);
    const ConnectionId owner{client};
    if (random_.below(2) == 0) {
      const std::string user = "user " + std::to_string(random_.below(3));
      ASSERT_TRUE(home_->join(name, clients_[client], {user, "", "{}", ""}, owner));
      channel.present[client] = user;
      return;
    }
    if (!channel.present.empty() && !channel.epoch.empty()) channel.keep_until = now_ + kMetaTtl;
    ASSERT_EQ(home_->leave(name, clients_[client], owner), channel.present.erase(client) == 1);
  }

  void read_history(const std::string& name, ModelChannel& channel) {
    std::vector<PublicationReference> found;
    const HistoryResult result = home_->history(name, {.limit = -1}, found);
    use_stream(channel, result.position);
    compare_history(channel, found);
  }

  void compare_history(const ModelChannel& channel, const std::vector<PublicationReference>& found) {
    std::vector<std::string> expected;
    for (const ModelPublication& publication : channel.history) expected.push_back(publication.payload);
    ASSERT_EQ(home_.payloads(found), expected);
  }

  void compare(const std::string& name, const ModelChannel& channel) {
    if (!channel.epoch.empty()) {
      ASSERT_EQ(home_->position(name), (Position{channel.top, channel.epoch}));
    }
    std::set<std::string> users;
    for (const auto& [client, user] : channel.present) users.insert(user);
    const Presence* present = home_->presence(name);
    ASSERT_EQ(present == nullptr ? 0u : present->num_clients(), channel.present.size());
    ASSERT_EQ(present == nullptr ? 0u : present->num_users(), users.size());
    std::size_t existing = 0, publications = 0;
    for (const auto& [other, known] : channels_) {
      existing += known.exists(now_) ? 1u : 0u;
      publications += known.history.size();
    }
    ASSERT_EQ(home_->channels(), existing);
    ASSERT_EQ(home_->idempotency_results(), results_.size());
    ASSERT_GE(home_.budget().used_bytes(), publications * Publication::charge_of(1));
    ASSERT_LE(home_.budget().used_bytes(), publications * Publication::charge_of(16));
  }

  std::uint32_t shard() {
    constexpr std::uint32_t kShards[] = {0, 1, 63, 64, 255};
    return kShards[random_.below(5)];
  }

  OwnedHome home_{100, {}, {kHalfSecond * kMetaTtl, kHalfSecond* kIdempotencyWindow}};
  base::Random random_{17};
  HalfSeconds now_ = 0;
  std::uint64_t payloads_ = 0;
  ClientId clients_[kClients];
  std::map<std::string, ModelChannel> channels_;
  std::map<std::pair<std::string, std::string>, std::pair<Position, HalfSeconds>> results_;
};

TEST_F(ChannelHomeModel, AgreesOverRandomOperations) {
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(step);
    auto chosen = channels_.begin();
    std::advance(chosen, static_cast<long>(random_.below(kChannels)));
    auto& [name, channel] = *chosen;
    const std::uint64_t action = random_.below(20);
    if (action < 7) {
      publish(name, channel);
    } else if (action < 10) {
      subscribe(name, channel);
    } else if (action < 13) {
      unsubscribe(name, channel);
    } else if (action < 15) {
      join_or_leave(name, channel);
    } else if (action < 16) {
      leave_all(name, channel);
    } else if (action < 17) {
      read_history(name, channel);
    } else if (action < 18 && random_.below(4) == 0) {
      home_->remove_history(name);
      channel.history.clear();
    } else if (random_.below(4) == 0) {
      pass(2 * static_cast<HalfSeconds>(random_.below(random_.below(10) == 0 ? 100 : 8)));
    }
    if (HasFatalFailure()) return;
    if (!channel.exists(now_)) channel = {};
    compare(name, channel);
    if (HasFatalFailure()) return;
    if (step % 100 == 0) home_->validate();
  }
  EXPECT_GT(home_->counters().recoveries - home_->counters().recoveries_failed, 100u)
      << "the test reaches them";
  EXPECT_GT(home_->counters().recoveries_failed, 100u);
  EXPECT_GT(home_->counters().superseded, 100u);
  EXPECT_GT(home_->counters().duplicates, 100u);
  pass(1000);
  for (auto& [name, channel] : channels_) leave_all(name, channel);
  home_.pass(std::chrono::hours(1));
  EXPECT_EQ(home_->channels(), 0u);
  EXPECT_EQ(home_.budget().used_bytes(), 0u);
  home_->validate();
}

}  // namespace
}  // namespace holdfast::gateway
