// A real server whose handler does what a test wants, on its own thread, and clients of it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../eventually.h"
#include "base/check.h"
#include "holdfast/server.h"
#include "loopback_client.h"

namespace holdfast::shard {

using namespace std::chrono_literals;

// Whatever a test wants of it, by functions that get the handler.
class Scripted : public Handler {
 public:
  struct Script {
    std::function<void(Scripted&)> started, timer, stopped;
    std::function<void(Scripted&, Connection, Message)> message;
    std::function<void(Scripted&, Connection)> drain;
  };
  explicit Scripted(const Script* script) : script_(script) {}

  std::vector<Connection> open;
  SharedMessage kept;
  int timers = 0;

 private:
  void on_start() override {
    if (script_->started) script_->started(*this);
  }
  void on_stop() override {
    kept = SharedMessage();
    if (script_->stopped) script_->stopped(*this);
  }
  void on_open(Connection connection) override { open.push_back(connection); }
  void on_close(Connection connection, Close) override { std::erase(open, connection); }
  void on_message(Connection connection, Message message) override {
    if (script_->message) script_->message(*this, connection, message);
  }
  void on_drain(Connection connection) override {
    if (script_->drain) script_->drain(*this, connection);
  }
  void on_timer() override {
    ++timers;
    if (script_->timer) script_->timer(*this);
  }

  const Script* script_;
};

class ScriptedServerTest : public testing::Test {
 protected:
  void start(std::uint32_t shards = 1) {
    config_.listen = {"127.0.0.1:0"};
    config_.listen_tcp = {"127.0.0.1:0"};
    config_.listen_http = {"127.0.0.1:0"};
    config_.shards = shards;
    config_.max_connections = 64;
    config_.ping_interval = 0s;  // the first ping may come at once, and be read for a message
    config_.log = [](std::string_view) {};
    auto server =
        Server::create(config_, [this](std::uint32_t) { return std::make_unique<Scripted>(&script_); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run().ok()); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }
  // Runs on shard 0 and waits for it.
  void on_shard(const std::function<void(Scripted&)>& task) {
    std::atomic<bool> done = false;
    ASSERT_TRUE(server_->post(0, [&](Handler& handler) {
      task(static_cast<Scripted&>(handler));
      done = true;
    }));
    CHECK(eventually([&] { return done.load(); }));  // the task refers to this frame
  }
  std::vector<std::unique_ptr<LoopbackClient>> connect_many(std::size_t count) {
    std::vector<std::unique_ptr<LoopbackClient>> clients;
    for (std::size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<LoopbackClient>(server_->endpoints()[0].address));
      EXPECT_TRUE(clients.back()->handshake());
    }
    EXPECT_TRUE(counts("connections_open=" + std::to_string(count)));
    return clients;
  }
  bool counts_now(const std::string& pair) {
    return (" " + server_->counters() + " ").find(" " + pair + " ") != std::string::npos;
  }
  bool counts(const std::string& pair) {
    return eventually([&] { return counts_now(pair); });
  }
  void TearDown() override {
    stop();
    if (!server_) return;
    EXPECT_TRUE(counts("frames_live=0")) << server_->counters();
    EXPECT_TRUE(counts("message_memory_used=0")) << server_->counters();
  }

  Config config_;
  Scripted::Script script_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace holdfast::shard
