// Between a connect and its reply, which waits here for a shard that sleeps: what the client sends meanwhile
// is bounded, what is published meanwhile reaches it once.
#include "gateway/session.h"
#include "hub/homes.h"
#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
position_check_interval = "0s"
connect_timeout = "1h"
[namespaces.chat]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
[namespaces.plain]
subscribe = ["anybody"]
)";

// A shard that does nothing as long as this lives.
class Asleep {
 public:
  Asleep(Server& server, std::uint32_t shard) {
    EXPECT_TRUE(server.post(shard, [this](Handler&) {
      state_ = State::asleep;
      while (state_ != State::waking) wait();
      state_ = State::awake;
    }));
    while (state_ != State::asleep) wait();
  }
  ~Asleep() {
    state_ = State::waking;
    while (state_ != State::awake) wait();
  }
  Asleep(const Asleep&) = delete;
  Asleep& operator=(const Asleep&) = delete;

 private:
  enum class State { posted, asleep, waking, awake };
  static void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  std::atomic<State> state_ = State::posted;
};

class ConnectingTest : public SessionTest {
 protected:
  // The first of space:0, space:1, ... with this home.
  std::string channel_of(std::string_view space, std::uint32_t home) const {
    for (int i = 0;; ++i) {
      const std::string name = absl::StrCat(std::string(space), ":", i);
      if (hub::home_of(shared_->names_key, name, shared_->shards) == home) return name;
    }
  }
  // Asks for this channel of shard 0 and one of shard 1, without which there is no reply.
  std::string connect_with(const std::string& channel) const {
    return connect_command(token(
        absl::StrCat("{\"sub\":\"7\",\"channels\":[\"", channel, "\",\"", channel_of("chat", 1), "\"]}")));
  }
  // Open and no more: which shard a client is on shows when only one shard answers.
  void open_candidates(int count) {
    for (int i = 0; i < count; ++i) candidates_.push_back(open());
  }
  void forget_candidates() {
    candidates_.clear();
    elsewhere_.clear();
  }
  // One of shard 0 that has sent its connect, while shard 1 sleeps.
  std::unique_ptr<ProtocolClient> connecting(const std::string& channel) {
    while (!candidates_.empty()) {
      auto client = std::move(candidates_.back());
      candidates_.pop_back();
      client->send(connect_with(channel));
      if (client->answers_ping(50)) return client;  // in vain: elsewhere, or late
      elsewhere_.push_back(std::move(client));
    }
    ADD_FAILURE() << "no connection came to shard 0";
    return open();
  }
  static std::string numbered(const std::string& channel, int offset) {
    return absl::StrCat("{\"push\":{\"channel\":\"", channel, "\",\"pub\":{\"data\":", offset,
                        ",\"offset\":", offset, "}}}");
  }
  // A command of this many bytes; it is answered with an error.
  static std::string command(std::size_t bytes, int id) {
    std::string text = absl::StrCat("{\"id\":", id, ",\"rpc\":{\"method\":\"x\",\"data\":\"\"}}");
    text.insert(text.size() - 3, bytes - text.size(), 'x');
    return text;
  }

 private:
  std::vector<std::unique_ptr<ProtocolClient>> candidates_, elsewhere_;
};

TEST_F(ConnectingTest, WhatIsSentBehindConnectMayBeAsLongAsAMessageAndNoLonger) {
  start(absl::StrCat("max_message_bytes = \"64KiB\"\n", kSettings));
  open_candidates(40);
  std::unique_ptr<ProtocolClient> within;
  {
    const Asleep asleep(*server_, 1);
    within = connecting(channel_of("chat", 0));
    auto beyond = connecting(channel_of("chat", 0));
    // Sixteen of 4 KiB with the line ends between them: the last byte of 64 KiB.
    for (int id = 2; id <= 17; ++id) {
      const std::string next = command(id == 2 ? 4096 : 4095, id);
      within->send(next);
      beyond->send(next);
    }
    beyond->send("{}");
    EXPECT_EQ(beyond->message(), "close 3501 bad request");
  }
  EXPECT_TRUE(within->message().starts_with(R"({"id":1,"connect":)"));
  for (int id = 2; id <= 17; ++id) {
    EXPECT_TRUE(within->message().starts_with(absl::StrCat(R"({"id":)", id, R"(,"error":)"))) << id;
  }
}

TEST_F(ConnectingTest, WhatAllOfAShardSendBehindTheirConnectsIsBoundedToo) {
  start(absl::StrCat("max_message_bytes = \"1MiB\"\nmax_outbox_bytes = \"2MiB\"\n", kSettings));
  constexpr std::size_t kCommandBytes = 60'000, kCommands = 17;
  constexpr std::size_t kFit = Sessions::kHeldInputMaximum / (kCommandBytes * kCommands);
  const auto flood = [&](ProtocolClient& client) {
    for (std::size_t n = 0; n < kCommands; ++n) client.send(command(kCommandBytes, static_cast<int>(n) + 2));
  };
  // What was held is given back: the second time as many find room.
  for (int round = 0; round < 2; ++round) {
    open_candidates(5 * kFit);
    std::vector<std::unique_ptr<ProtocolClient>> within;
    {
      const Asleep asleep(*server_, 1);
      while (within.size() < kFit) flood(*within.emplace_back(connecting(channel_of("chat", 0))));
      auto beyond = connecting(channel_of("chat", 0));
      flood(*beyond);
      EXPECT_EQ(beyond->message(), "close 3013 too many requests");
      forget_candidates();
    }
    for (auto& client : within) {
      EXPECT_TRUE(client->message().starts_with(R"({"id":1,"connect":)"));
      for (std::size_t n = 0; n < kCommands; ++n) {
        EXPECT_TRUE(client->message().starts_with(absl::StrCat(R"({"id":)", n + 2, R"(,"error":)"))) << n;
      }
    }
  }
}

TEST_F(ConnectingTest, APublicationBeforeTheReplyIsNeitherLostNorDoubled) {
  start(kSettings);
  open_candidates(40);
  for (const char* space : {"chat", "plain"}) {
    const std::string channel = channel_of(space, 0);
    publish(channel, "1");
    std::unique_ptr<ProtocolClient> client;
    {
      const Asleep asleep(*server_, 1);
      client = connecting(channel);
      for (int n = 2; n <= 4; ++n) publish(channel, absl::StrCat(n));
    }
    const std::string reply = client->message();
    EXPECT_TRUE(reply.starts_with(R"({"id":1,"connect":)")) << reply;
    publish(channel, "5");
    for (int n = 2; n <= 5; ++n) {
      const std::string message = client->message();
      EXPECT_EQ(value_of(message, "channel"), channel) << message;
      EXPECT_EQ(value_of(message, "data"), std::to_string(n)) << message;
      EXPECT_EQ(value_of(message, "offset"), space == std::string_view("chat") ? std::to_string(n) : "");
    }
  }
}

TEST_F(ConnectingTest, MorePublicationsBeforeTheReplyThanAreKeptCloseWith3010) {
  start(kSettings);
  open_candidates(40);
  const std::string channel = channel_of("chat", 0);
  std::unique_ptr<ProtocolClient> early, late;
  {
    const Asleep asleep(*server_, 1);
    early = connecting(channel);
    publish(channel, "1");
    late = connecting(channel);
    on_shard(0, [&](Gateway& gateway) {
      for (int n = 2; n <= 301; ++n) {
        const std::string payload = absl::StrCat(n);
        PublishOperation operation;
        operation.channel = channel;
        operation.payload = payload;
        gateway.operations().publish(operation, [](const PublishAnswer&) {});
      }
    });
    EXPECT_EQ(early->message(), "close 3010 insufficient state");
    EXPECT_EQ(counted(&Counters::gaps), 1u);
  }
  const std::string reply = late->message();
  EXPECT_TRUE(reply.starts_with(R"({"id":1,"connect":)")) << reply;
  for (int n = 2; n <= 301; ++n) EXPECT_EQ(late->message(), numbered(channel, n));
}

}  // namespace
}  // namespace holdfast::gateway
