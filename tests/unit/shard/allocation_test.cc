// No call to the allocator on the data path: malloc and its kin are counted on the shard's thread while
// messages of all sizes are echoed, shared and fanned out, over WebSocket, length-prefixed TCP and HTTP
// connections.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "../sanitizer.h"
#include "holdfast/server.h"
#include "loopback_client.h"

namespace {

thread_local bool on_shard_thread = false;
std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;

#if !HOLDFAST_SANITIZED
void note_allocation() {
  if (on_shard_thread && counting.load(std::memory_order_relaxed)) allocations.fetch_add(1);
}
#endif

}  // namespace

#if !HOLDFAST_SANITIZED
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* block);

void* malloc(std::size_t bytes) {
  note_allocation();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  note_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  note_allocation();
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  note_allocation();
  return __libc_memalign(alignment, bytes);
}
void free(void* block) {
  if (block != nullptr) note_allocation();
  __libc_free(block);
}
}
#endif

namespace holdfast {
namespace {

using shard::LoopbackClient;

// Echoes binary messages to their sender, every other one as a SharedMessage; publishes text messages to
// everybody.
class EchoAndPublish : public Handler {
  void on_start() override { on_shard_thread = true; }
  void on_open(Connection connection) override { connection.subscribe("all"); }
  void on_message(Connection connection, Message message) override {
    if (message.type == MessageType::text) {
      server().publish("all", message);
    } else if (++echoes_ % 2 == 0) {
      connection.send(message);
    } else {
      const SharedMessage shared = share(message);
      const SharedMessage copy = shared;
      connection.prefetch();
      connection.send(copy);
    }
  }
  int echoes_ = 0;
};

class AllocationTest : public testing::TestWithParam<std::uint32_t> {};

TEST_P(AllocationTest, EchoAndFanOutNeverCallTheAllocator) {
#if HOLDFAST_SANITIZED
  GTEST_SKIP() << "the sanitizers bring an allocator of their own";
#endif
  Config config;
  config.listen = {"127.0.0.1:0"};
  config.listen_tcp = {"127.0.0.1:0"};
  config.listen_http = {"127.0.0.1:0"};
  config.shards = GetParam();
  config.max_connections = 100;
  config.ping_interval = {};  // a ping may be read for a message
  config.log = [](std::string_view) {};
  auto server = Server::create(config, [](std::uint32_t) { return std::make_unique<EchoAndPublish>(); });
  ASSERT_TRUE(server.ok()) << server.status();
  std::thread thread([&] { ASSERT_TRUE((*server)->run().ok()); });

  std::vector<LoopbackClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back((*server)->endpoints()[0].address);
    ASSERT_TRUE(clients.back().handshake());
  }
  LoopbackClient tcp((*server)->endpoints()[1].address);
  ASSERT_TRUE(tcp.write(std::string("\0\0\0\2hi", 6)));
  ASSERT_EQ(tcp.read(6), std::string("\0\0\0\2hi", 6));
  LoopbackClient http((*server)->endpoints()[2].address);
  ASSERT_TRUE(http.write("hi"));
  ASSERT_EQ(http.read(2), "hi");
  // Interest travels by mailbox: it has arrived when everybody has heard a publication.
  const auto wait_to_hear = [&](LoopbackClient& client) {
    do {
      ASSERT_TRUE(clients[1].send_frame(1, "start"));
    } while (!client.readable(10));
  };
  for (LoopbackClient& client : clients) wait_to_hear(client);
  wait_to_hear(tcp);
  wait_to_hear(http);
  ASSERT_TRUE(clients[1].send_frame(1, "ended"));
  for (LoopbackClient& client : clients) {
    while (client.read_frame().payload == "start") continue;
  }
  while (tcp.read(9).ends_with("start")) continue;
  while (http.read(5) == "start") continue;

  counting = true;
  for (int round = 0; round < 50; ++round) {
    for (std::size_t size : {0u, 64u, 125u, 1024u, 16'384u, 65'000u}) {
      const std::string payload(size, static_cast<char>('a' + round % 26));
      LoopbackClient& client = clients[static_cast<std::size_t>(round) % clients.size()];
      ASSERT_TRUE(client.send_frame(2, payload));
      ASSERT_EQ(client.read_frame().payload, payload);
    }
    ASSERT_TRUE(clients[0].send_frame(9, "ping"));
    ASSERT_EQ(clients[0].read_frame().opcode, 10);
    const std::string news = "news " + std::to_string(round);
    ASSERT_TRUE(clients[1].send_frame(1, news));
    for (LoopbackClient& client : clients) ASSERT_EQ(client.read_frame().payload, news);
    const std::string framed = std::string(3, '\0') + static_cast<char>(news.size()) + news;
    ASSERT_EQ(tcp.read(framed.size()), framed);
    ASSERT_EQ(http.read(news.size()), news);
    ASSERT_TRUE(http.write(news));
    ASSERT_EQ(http.read(news.size()), news);
    ASSERT_TRUE(tcp.write(framed));
    ASSERT_EQ(tcp.read(framed.size()), framed);
  }
  counting = false;
  EXPECT_EQ(allocations, 0);
  (*server)->stop();
  thread.join();
}

INSTANTIATE_TEST_SUITE_P(Shards, AllocationTest, testing::Values(1u, 3u));

}  // namespace
}  // namespace holdfast
