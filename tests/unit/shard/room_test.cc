// A turn that sends more than there is room for: places in outboxes, message memory, one outbox. Whoever
// reads loses nothing; what is kept for those who do not read is given up first.
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "scripted_fixture.h"

namespace holdfast {
namespace {

using shard::LoopbackClient;
using shard::Scripted;
using RoomTest = shard::ScriptedServerTest;

// About a kilobyte each.
std::string numbered(int number) {
  return std::to_string(number) + std::string(1000, 'm');
}

void send_numbered(std::span<const Connection> connections, int count) {
  for (int i = 0; i < count; ++i) {
    for (Connection connection : connections)
      ASSERT_EQ(connection.send(Message::text(numbered(i))), SendResult::queued);
  }
}

void expect_numbered(LoopbackClient& client, int count) {
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.read_frame().payload, numbered(i));
}

TEST_F(RoomTest, MaySendMoreInOneTurnThanThereArePlacesInOutboxes) {
  config_.max_connections = 64;
  start();
  const auto clients = connect_many(8);
  // To each less than its socket holds, to all more than 65,536 places.
  constexpr int kEach = 10'000;
  on_shard([](Scripted& handler) {
    const SharedMessage message = handler.share(Message::text("x"));
    for (int i = 0; i < kEach; ++i) {
      for (Connection connection : handler.open) ASSERT_EQ(connection.send(message), SendResult::queued);
    }
  });
  for (const auto& client : clients) {
    for (int i = 0; i < kEach; ++i) ASSERT_EQ(client->read_frame().payload, "x");
  }
  EXPECT_TRUE(counts("memory_refusals=0"));
  EXPECT_FALSE(counts_now("early_flushes=0")) << "the test did not reach its subject";
}

TEST_F(RoomTest, MaySendMoreInOneTurnThanMessageMemoryHolds) {
  config_.message_memory_bytes = 4u << 20;
  start();
  const auto clients = connect_many(16);
  constexpr int kEach = 400;
  on_shard([](Scripted& handler) { send_numbered(handler.open, kEach); });
  for (const auto& client : clients) expect_numbered(*client, kEach);
  EXPECT_TRUE(counts("memory_refusals=0"));
  EXPECT_FALSE(counts_now("early_flushes=0")) << "the test did not reach its subject";
}

TEST_F(RoomTest, MayPublishMoreInOneTurnThanAnOutboxHoldsToThoseWhoRead) {
  config_.max_message_bytes = 1024;
  config_.max_outbox_bytes = 4096;
  start();
  const auto clients = connect_many(8);
  constexpr int kPublications = 200;
  on_shard([](Scripted& handler) {
    for (Connection connection : handler.open) ASSERT_TRUE(connection.subscribe("news"));
    for (int i = 0; i < kPublications; ++i)
      ASSERT_TRUE(handler.server().publish("news", Message::text(std::to_string(i))));
  });
  for (const auto& client : clients) {
    for (int i = 0; i < kPublications; ++i) ASSERT_EQ(client->read_frame().payload, std::to_string(i));
  }
  EXPECT_TRUE(counts("outbox_overflows=0"));
}

TEST_F(RoomTest, IsTakenFromThoseWhoDoNotReadBeforeThoseWhoDoAreRefused) {
  config_.message_memory_bytes = 4u << 20;
  start();
  const auto clients = connect_many(13);
  constexpr int kEach = 200;
  on_shard([](Scripted& handler) {
    // Nobody is slow until it turns out in this very turn: each keeps up to a megabyte by then.
    const std::string hoarded(4000, 'h');
    std::vector<Connection> open = handler.open;
    for (std::size_t i = 1; i < open.size(); ++i) {
      SendResult result = SendResult::queued;
      for (int n = 0; n < 10'000 && result == SendResult::queued; ++n)
        result = open[i].send(Message::text(hoarded));
      EXPECT_NE(result, SendResult::queued);
    }
    send_numbered(std::span(open).first(1), kEach);
  });
  // The first to have come in is the first in the handler's list.
  expect_numbered(*clients[0], kEach);
  EXPECT_TRUE(counts("memory_refusals=0"));
  EXPECT_FALSE(counts_now("outbox_overflows=0")) << "the test did not reach its subject";
}

}  // namespace
}  // namespace holdfast
