// The limits on what clients may do, on a real server: the rate of accepts, connections of one address, the
// rate of input, and what clients can make a shard remember for another one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../eventually.h"
#include "../sanitizer.h"
#include "base/check.h"
#include "holdfast/server.h"
#include "loopback_client.h"
#include "shard/limits.h"

namespace holdfast {
namespace {

using shard::LoopbackClient;
using namespace std::chrono_literals;

class Echo : public Handler {
 public:
  std::vector<Connection> open;
  std::function<void(Connection, Message)> message;

 private:
  void on_open(Connection connection) override { open.push_back(connection); }
  void on_close(Connection connection, Close) override { std::erase(open, connection); }
  void on_message(Connection connection, Message bytes) override {
    message ? message(connection, bytes) : static_cast<void>(connection.send(bytes));
  }
};

class LimitsTest : public testing::Test {
 protected:
  void start(std::uint32_t shards = 1) {
    config_.listen = {"127.0.0.1:0"};
    config_.shards = shards;
    config_.max_connections = 256;
    config_.ping_interval = 0s;
    config_.log = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    };
    auto server = Server::create(config_, [](std::uint32_t) { return std::make_unique<Echo>(); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run().ok()); });
  }
  void TearDown() override {
    if (!server_) return;
    server_->stop();
    thread_.join();
    EXPECT_EQ(counter("slots_in_use"), 0u);
    EXPECT_EQ(counter("accepted"), counter("closed"));
  }
  std::uint64_t counter(const std::string& name) {
    const std::string text = " " + server_->counters() + " ";
    const std::size_t place = text.find(" " + name + "=");
    EXPECT_NE(place, std::string::npos) << name;
    return std::stoull(text.substr(place + name.size() + 2));
  }
  std::unique_ptr<LoopbackClient> connect() {
    return std::make_unique<LoopbackClient>(server_->endpoints()[0].address);
  }
  // Runs on a shard and waits for it.
  void on_shard(std::uint32_t shard, std::function<void(Echo&)> work) {
    std::atomic<bool> done = false;
    ASSERT_TRUE(eventually([&] {
      return server_->post(shard, [&](Handler& handler) {
        work(static_cast<Echo&>(handler));
        done = true;
      });
    }));
    CHECK(eventually([&] { return done.load(); }));  // the task refers to this frame
  }

  Config config_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(LimitsTest, TheAcceptRateLetsExcessClientsWaitAndServesThemAll) {
  config_.max_accepts_per_second = 50;
  start();
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connect());
  for (auto& client : clients) ASSERT_TRUE(client->handshake());
  // Never faster than the rate: a burst of 5, then 35 at 50 a second. There is no bound on slower.
  EXPECT_GE(std::chrono::steady_clock::now() - began, 600ms);
  EXPECT_GT(counter("accept_pauses"), 0u);
  EXPECT_EQ(counter("accepted"), 40u);
}

TEST_F(LimitsTest, OneClientASecondIsARateToo) {
  config_.max_accepts_per_second = 1;
  start();
  EXPECT_TRUE(connect()->handshake());
  EXPECT_TRUE(connect()->handshake());
}

TEST_F(LimitsTest, AnAddressHoldsAsManyAsItMayOverAllShardsAndTheNextIsReset) {
  config_.max_connections_per_address = 20;
  start(3);
  std::vector<std::unique_ptr<LoopbackClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    ASSERT_TRUE(clients.back()->handshake());
  }
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(connect()->handshake());
  EXPECT_EQ(counter("address_refusals"), 30u);
  EXPECT_EQ(counter("connections_open"), 20u) << "the others are unharmed";
  clients.resize(15);
  ASSERT_TRUE(eventually([&] { return counter("slots_in_use") == 15; }));
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect());
    EXPECT_TRUE(clients.back()->handshake()) << "whoever leaves makes room";
  }
  EXPECT_FALSE(connect()->handshake());
}

TEST_F(LimitsTest, TheAddressOfOldKernelsAcceptPathCountsToo) {
  config_.max_connections_per_address = 2;
  config_.tuning.one_shot_accept = true;
  start();
  auto first = connect(), second = connect();
  ASSERT_TRUE(first->handshake());
  ASSERT_TRUE(second->handshake());
  EXPECT_FALSE(connect()->handshake());
  first->end();
  ASSERT_TRUE(eventually([&] { return counter("slots_in_use") == 1; }));
  EXPECT_TRUE(connect()->handshake());
}

TEST_F(LimitsTest, WhoSendsMoreMessagesThanItMayIsReadLaterAndLosesNone) {
  config_.max_messages_per_second = 100;
  start();
  auto fast = connect(), calm = connect();
  ASSERT_TRUE(fast->handshake());
  ASSERT_TRUE(calm->handshake());
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(fast->send_frame(2, "message " + std::to_string(i)));
  ASSERT_TRUE(eventually([&] { return counter("input_pauses") > 0; }));
  // While it waits others do not.
  ASSERT_TRUE(calm->send_frame(2, "calm"));
  EXPECT_EQ(calm->read_frame().payload, "calm");
  for (int i = 0; i < 150; ++i) ASSERT_EQ(fast->read_frame().payload, "message " + std::to_string(i));
  // Each read is charged when it was taken, so the last ones were early; what follows waits for all of them:
  // the 151st with a burst of 100 comes after half a second at the earliest.
  ASSERT_TRUE(fast->send_frame(2, "message 150"));
  EXPECT_EQ(fast->read_frame().payload, "message 150");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 450ms);
  EXPECT_EQ(counter("connections_open"), 2u);
}

TEST_F(LimitsTest, WhoSendsMoreBytesThanItMayIsReadLaterThoughItsDeadlinesAreShort) {
  config_.max_bytes_per_second = 64 * 1024;
  config_.message_timeout = 400ms;
  config_.ping_interval = 300ms;
  config_.pong_timeout = 300ms;
  start();
  auto client = connect();
  ASSERT_TRUE(client->handshake());
  const std::string payload(40'000, 'x');
  std::thread writer([&] {
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(client->send_frame(2, payload));
  });
  // A pause lasts longer than the message timeout and the pong timeout: neither may count it.
  for (int echoed = 0; echoed < 8;) {
    const LoopbackClient::Frame frame = client->read_frame();
    ASSERT_NE(frame.opcode, -1) << "the connection was ended";
    if (frame.opcode != 2) continue;
    ASSERT_EQ(frame.payload.size(), payload.size());
    ++echoed;
  }
  writer.join();
  EXPECT_GT(counter("input_pauses"), 0u);
  EXPECT_EQ(counter("message_timeouts"), 0u);
  EXPECT_EQ(counter("pong_timeouts"), 0u);
}

TEST_F(LimitsTest, ALimitedConnectionCanBeClosedAndCanVanish) {
  config_.max_messages_per_second = 1;
  start();
  auto closed = connect(), reset = connect();
  ASSERT_TRUE(closed->handshake());
  ASSERT_TRUE(reset->handshake());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(closed->send_frame(2, "x"));
    ASSERT_TRUE(reset->send_frame(2, "x"));
  }
  ASSERT_TRUE(eventually([&] { return counter("input_pauses") == 2; }));
  reset->end();  // with answers unread: a reset
  ASSERT_TRUE(eventually([&] { return counter("connections_open") == 1; }));
  on_shard(0, [](Echo& echo) { echo.open.front().close(1000); });
  LoopbackClient::Frame frame = closed->read_frame();
  while (frame.opcode == 2) frame = closed->read_frame();
  EXPECT_EQ(frame.opcode, 8);
  ASSERT_TRUE(closed->send_frame(8, "\x03\xe8"));  // its answer must be read, whatever it owes
  EXPECT_TRUE(eventually([&] { return counter("slots_in_use") == 0; }));
}

TEST_F(LimitsTest, AStuckTurnIsNamedWhileItLastsAndCountedAfterIt) {
  start();
  auto client = connect();
  ASSERT_TRUE(client->handshake());
  on_shard(0, [](Echo& echo) {
    echo.message = [](Connection connection, Message message) {
      std::this_thread::sleep_for(1600ms);
      connection.send(message);
    };
  });
  ASSERT_TRUE(client->send_frame(2, "slow"));
  EXPECT_EQ(client->read_frame().payload, "slow");
  const std::lock_guard lock(mutex_);
  bool named = false;
  for (const std::string& line : lines_) {
    named = named || (line.find("shard 0") != std::string::npos &&
                      line.find("op receive of slot") != std::string::npos);
  }
  EXPECT_TRUE(named);
  EXPECT_GE(counter("slow_turns"), 1u);
  EXPECT_GE(counter("longest_turn_us"), 1'600'000u);
}

// Bytes of memory this process has resident.
std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long long pages = 0, resident = 0;
  EXPECT_EQ(std::fscanf(file, "%llu %llu", &pages, &resident), 2);
  std::fclose(file);
  return resident * 4096;
}

TEST_F(LimitsTest, SubscribingAndLeavingWhileAnotherShardHangsMakesNothingGrow) {
  config_.tuning.mailbox_bytes = 1 << 16;
  start(2);
  auto client = connect();
  ASSERT_TRUE(client->handshake());
  std::uint32_t busy = 2;
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    on_shard(shard, [&](Echo& echo) {
      if (!echo.open.empty()) busy = shard;
    });
  }
  ASSERT_LT(busy, 2u);
  std::latch release(1);
  ASSERT_TRUE(server_->post(1 - busy, [&](Handler&) { release.wait(); }));
  const std::uint64_t before = resident_bytes();
  on_shard(busy, [](Echo& echo) {
    const std::string longest(240, 't');
    for (int i = 0; i < 200'000; ++i) {
      const std::string topic = longest + std::to_string(i);
      ASSERT_TRUE(echo.open[0].subscribe(topic));
      ASSERT_TRUE(echo.open[0].unsubscribe(topic));
    }
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(echo.open[0].subscribe("kept " + std::to_string(i)));
  });
  if (!HOLDFAST_SANITIZED) {
    EXPECT_LT(resident_bytes(), before + (16u << 20));
  }
  release.count_down();
  // What counts in the end has arrived: every topic it is subscribed to reaches it.
  std::vector<bool> heard(100);
  std::size_t count = 0;
  for (int round = 0; round < 200 && count < heard.size(); ++round) {
    for (int i = 0; i < 100; ++i) {
      if (heard[static_cast<std::size_t>(i)]) continue;
      ASSERT_TRUE(eventually(
          [&] { return server_->publish("kept " + std::to_string(i), Message::text(std::to_string(i))); }));
    }
    ASSERT_TRUE(server_->publish("kept 0", Message::text("end of round")));
    while (true) {
      const LoopbackClient::Frame frame = client->read_frame();
      ASSERT_EQ(frame.opcode, 1);
      if (frame.payload == "end of round") break;
      auto place = heard.begin() + std::stoi(frame.payload);
      if (!*place) ++count;
      *place = true;
    }
  }
  EXPECT_EQ(count, heard.size());
}

TEST(AcceptBacklog, HoldsThoseWhoComeInWithinSecondsAndNeverLessThanItsTuning) {
  const auto backlog = [](std::uint32_t rate, std::uint32_t shards) {
    Config config;
    config.max_accepts_per_second = rate;
    return shard::Limits::accept_backlog_of(config, shards);
  };
  const std::uint32_t tuned = Tuning{}.accept_backlog;
  EXPECT_EQ(backlog(0, 1), tuned);
  EXPECT_EQ(backlog(10, 1), tuned);
  EXPECT_EQ(backlog(3'000, 1), 15'000u);
  EXPECT_EQ(backlog(3'000, 2), 7'500u);
  EXPECT_EQ(backlog(100'000, 1), 65'535u);
  EXPECT_EQ(backlog(0xffff'ffffu, 1), 65'535u);
}

TEST(AcceptRate, LetsAtLeastOneInAtOnceWhateverItIs) {
  for (std::uint32_t rate = 1; rate <= 1'000; ++rate) {
    for (const std::uint32_t shards : {1u, 2u, 3u, 16u, 256u}) {
      Config config;
      config.max_accepts_per_second = rate;
      EXPECT_GE(shard::Limits::accept_rate_of(config, shards).allowance(0, 5'000'000'000), 1u)
          << rate << " over " << shards;
    }
  }
}

}  // namespace
}  // namespace holdfast
