// Server, as a program that embeds it sees it: calls from other threads, topics over several shards, drain
// and stop.
#include "holdfast/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "../eventually.h"
#include "loopback_client.h"

namespace holdfast {
namespace {

using shard::LoopbackClient;
using namespace std::chrono_literals;

struct Events {
  std::mutex mutex;
  std::vector<ConnectionId> opened;
  std::vector<std::uint16_t> close_codes;
  std::vector<std::string> close_reasons;
  std::atomic<int> open = 0, closed = 0, messages = 0;
};

class Recorder : public Handler {
 public:
  explicit Recorder(Events* events) : events_(events) {}
  Admission on_request(const Request& request) override {
    if (request.path() == "/rejected") return Admission::reject(401);
    Admission admission = Admission::accept(77);
    admission.response_fields = "X-Extra: yes\r\nBad\x01: no\r\n";
    return admission;
  }
  void on_open(Connection connection) override {
    EXPECT_EQ(connection.word(), 77u);
    EXPECT_TRUE(connection.subscribe("all"));
    EXPECT_FALSE(connection.subscribe("all"));
    const std::lock_guard lock(events_->mutex);
    events_->opened.push_back(connection.id());
    ++events_->open;
  }
  void on_message(Connection connection, Message message) override {
    ++events_->messages;
    connection.send(message);
  }
  void on_close(Connection connection, Close close) override {
    EXPECT_FALSE(connection.is_open());
    EXPECT_EQ(connection.send(message_), SendResult::closed);
    EXPECT_EQ(connection.word(), 77u);
    const std::lock_guard lock(events_->mutex);
    events_->close_codes.push_back(close.code);
    events_->close_reasons.emplace_back(close.reason);
    ++events_->closed;
  }

 private:
  Events* events_;
  Message message_ = Message::text("late");
};

class ServerTest : public testing::Test {
 protected:
  void start(std::uint32_t shards, std::uint32_t connections = 64) {
    Config config;
    config.listen = {"127.0.0.1:0"};
    config.shards = shards;
    config.max_connections = connections;
    config.drain_timeout = 2s;
    config.ping_interval = 0s;  // the first ping is jittered: it may come at once, and be read for a message
    config.log = [](std::string_view) {};
    auto server =
        Server::create(config, [this](std::uint32_t) { return std::make_unique<Recorder>(&events_); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { status_ = server_->run(); });
  }
  LoopbackClient client() {
    LoopbackClient client(server_->endpoints()[0].address);
    EXPECT_TRUE(client.connected());
    EXPECT_TRUE(client.handshake());
    return client;
  }
  void join() {
    if (thread_.joinable()) thread_.join();
    EXPECT_TRUE(status_.ok()) << status_;
  }
  void TearDown() override {
    if (!server_) return;
    server_->stop();
    join();
    const std::string counters = " " + server_->counters();
    for (const char* zero : {" connections_open=0 ", " slots_in_use=0 ", " buffers_out=0 ", " frames_live=0 ",
                             " assemblies_in_use=0 ", " bytes_queued=0 ", " subscriptions=0 "}) {
      EXPECT_NE(counters.find(zero), std::string::npos) << counters;
    }
    EXPECT_EQ(events_.open, events_.closed) << "on_close exactly once for each on_open";
  }

  ConnectionId opened(std::size_t place) {
    const std::lock_guard lock(events_.mutex);
    return events_.opened[place];
  }

  Events events_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  absl::Status status_;
};

TEST_F(ServerTest, PublishesFromAnotherThreadToEverySubscriberOnEveryShardInOrder) {
  start(4);
  std::vector<LoopbackClient> clients;
  for (int i = 0; i < 24; ++i) clients.push_back(client());
  ASSERT_TRUE(eventually([&] { return events_.open == 24; }));
  // Interest travels by mailbox; a first publication everybody has seen shows that it has arrived.
  ASSERT_TRUE(eventually([&] { return server_->counters().find("subscriptions=24") != std::string::npos; }));
  for (LoopbackClient& one : clients) {
    do {
      ASSERT_TRUE(server_->publish("all", Message::text("start")));
    } while (!one.readable(10));
  }
  for (int i = 0; i < 200; ++i) {
    while (!server_->publish("all", Message::text("message " + std::to_string(i)))) std::this_thread::yield();
  }
  for (LoopbackClient& one : clients) {
    auto frame = one.read_frame();
    while (frame.payload == "start") frame = one.read_frame();
    for (int i = 0; i < 200; ++i) {
      if (i > 0) frame = one.read_frame();
      ASSERT_EQ(frame.opcode, 1);
      ASSERT_EQ(frame.payload, "message " + std::to_string(i));
    }
  }
}

TEST_F(ServerTest, SendsAndClosesByIdFromAnotherThread) {
  start(2);
  LoopbackClient one = client();
  ASSERT_TRUE(eventually([&] { return events_.open == 1; }));
  const ConnectionId id = opened(0);
  EXPECT_TRUE(server_->send(id, Message::binary(std::as_bytes(std::span("abc", 3)))));
  EXPECT_TRUE(server_->close(id, 4001, "go away"));
  EXPECT_EQ(one.read_frame().payload, "abc");
  const auto close = one.read_frame();
  EXPECT_EQ(close.opcode, 8);
  EXPECT_EQ(close.payload, std::string("\x0f\xa1", 2) + "go away");
  EXPECT_TRUE(one.send_frame(8, close.payload.substr(0, 2)));
  EXPECT_EQ(one.read(1), "") << "the server ends the connection after the closing handshake";
  ASSERT_TRUE(eventually([&] { return events_.closed == 1; }));
  EXPECT_EQ(events_.close_codes[0], 4001);
  EXPECT_EQ(events_.close_reasons[0], "go away");
  EXPECT_TRUE(server_->send(id, Message::text("to nobody"))) << "handed over, then found gone";
  EXPECT_FALSE(server_->send(ConnectionId{}, Message::text("to none")));
}

TEST_F(ServerTest, AnIdNeverReachesTheNextTenantOfASlot) {
  start(1, 1);
  auto first = client();
  ASSERT_TRUE(eventually([&] { return events_.open == 1; }));
  const ConnectionId former = opened(0);
  first.end();
  ASSERT_TRUE(eventually([&] { return events_.closed == 1; }));
  auto second = client();
  ASSERT_TRUE(eventually([&] { return events_.open == 2; }));
  EXPECT_NE(opened(1), former);
  server_->send(former, Message::text("secret"));
  server_->close(former, 4000, "");
  second.send_frame(2, "own");
  EXPECT_EQ(second.read_frame().payload, "own");
}

TEST_F(ServerTest, RunsATaskOnTheShardItWasPostedTo) {
  start(3);
  std::atomic<int> ran = 0;
  for (std::uint32_t number = 0; number < 3; ++number) {
    EXPECT_TRUE(server_->post(number, [&](Handler& handler) {
      EXPECT_EQ(&handler.server(), server_.get());
      ++ran;
    }));
  }
  EXPECT_FALSE(server_->post(3, [](Handler&) {}));
  EXPECT_TRUE(eventually([&] { return ran == 3; }));
}

TEST_F(ServerTest, RejectsWhomTheHandlerRejectsAndAddsOnlyValidResponseFields) {
  start(1);
  LoopbackClient rejected(server_->endpoints()[0].address);
  rejected.write(
      "GET /rejected HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  EXPECT_EQ(rejected.read(13), "HTTP/1.1 401 ");
  LoopbackClient admitted(server_->endpoints()[0].address);
  admitted.write(
      "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string next = admitted.read(1);
    ASSERT_FALSE(next.empty()) << head;
    head += next;
  }
  EXPECT_NE(head.find("\r\nX-Extra: yes\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Bad"), std::string::npos) << head;
  EXPECT_EQ(events_.open, 1);
}

TEST_F(ServerTest, DrainTellsEverybodyAndReturns) {
  start(2);
  std::vector<LoopbackClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(client());
  ASSERT_TRUE(eventually([&] { return events_.open == 10; }));
  server_->drain();
  for (LoopbackClient& one : clients) {
    const auto frame = one.read_frame();
    ASSERT_EQ(frame.opcode, 8);
    EXPECT_EQ(frame.payload.substr(0, 2), std::string("\x03\xf4", 2)) << "1012, service restart";
    one.send_frame(8, frame.payload.substr(0, 2));
    EXPECT_EQ(one.read(1), "");
  }
  join();
  LoopbackClient late(server_->endpoints()[0].address);
  EXPECT_FALSE(late.connected());
}

TEST_F(ServerTest, DrainEndsAtItsTimeoutEvenIfNobodyAnswers) {
  start(1);
  std::vector<LoopbackClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(client());
  ASSERT_TRUE(eventually([&] { return events_.open == 5; }));
  server_->drain();
  join();
  EXPECT_EQ(events_.closed, 5);
}

TEST(Server, RefusesAPortThatIsTaken) {
  const auto make = [](std::uint32_t) {
    static Events events;
    return std::make_unique<Recorder>(&events);
  };
  Config config;
  config.listen = {"127.0.0.1:0"};
  config.shards = 2;
  config.max_connections = 100;
  auto first = Server::create(config, make);
  ASSERT_TRUE(first.ok()) << first.status();
  config.listen = {(*first)->endpoints()[0].address};
  const auto second = Server::create(config, make);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(config.listen[0]), absl::string_view::npos) << second.status();
  EXPECT_NE(second.status().message().find("another process"), absl::string_view::npos) << second.status();
}

}  // namespace
}  // namespace holdfast
