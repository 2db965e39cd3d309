// No call to the allocator on the data path: malloc and its kin are counted on the shard's thread while
// messages of all sizes are echoed, shared and fanned out, whole and in fragments, over WebSocket,
// length-prefixed TCP and HTTP connections.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../eventually.h"
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

class AllocationTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
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
    server_ = *std::move(server);
    thread_ = std::thread([this] { ASSERT_TRUE(server_->run().ok()); });
    allocations = 0;
  }
  void TearDown() override {
    counting = false;
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
  }
  const std::string& address(std::size_t endpoint) {
    return server_->endpoints()[endpoint].address;
  }
  std::vector<LoopbackClient> connect_many(int count) {
    std::vector<LoopbackClient> clients;
    for (int i = 0; i < count; ++i) {
      clients.emplace_back(address(0));
      EXPECT_TRUE(clients.back().handshake());
    }
    return clients;
  }
  bool counts(const std::string& pair) {
    return eventually(
        [&] { return (" " + server_->counters() + " ").find(" " + pair + " ") != std::string::npos; });
  }

  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_P(AllocationTest, EchoAndFanOutNeverCallTheAllocator) {
  std::vector<LoopbackClient> clients = connect_many(12);
  LoopbackClient tcp(address(1));
  ASSERT_TRUE(tcp.write(std::string("\0\0\0\2hi", 6)));
  ASSERT_EQ(tcp.read(6), std::string("\0\0\0\2hi", 6));
  LoopbackClient http(address(2));
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
}

// Each client says something in fragments of these sizes while all others are in the middle of theirs. With
// `halfway` each fragment comes in two halves, and that is called when all clients have sent the first.
void say_in_fragments(std::vector<LoopbackClient>& clients, const std::vector<std::size_t>& sizes,
                      const std::function<void()>& halfway = {}) {
  std::vector<std::string> payloads(clients.size()), unsent(clients.size());
  for (std::size_t place = 0; place < sizes.size(); ++place) {
    const bool last = place + 1 == sizes.size();
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string piece(sizes[place], static_cast<char>('a' + i + place));
      payloads[i] += piece;
      unsent[i] = LoopbackClient::frame(place == 0 ? 2 : 0, piece, last);
      if (!halfway) continue;
      const std::size_t first = unsent[i].size() - sizes[place] / 2;
      ASSERT_TRUE(clients[i].write(unsent[i].substr(0, first)));
      unsent[i].erase(0, first);
    }
    if (halfway) halfway();
    for (std::size_t i = 0; i < clients.size(); ++i) {
      ASSERT_TRUE(clients[i].write(unsent[i] + LoopbackClient::frame(9, "between")));
      if (last) {
        ASSERT_EQ(clients[i].read_frame().payload, payloads[i]);
      }
      ASSERT_EQ(clients[i].read_frame().payload, "between");
    }
  }
}

TEST_P(AllocationTest, FragmentsCallItForAsManyContextsAsAreLentAtOnceAndNeverAgain) {
  std::vector<LoopbackClient> clients = connect_many(8);
  const auto all_are_halfway = [&] {
    ASSERT_TRUE(counts("wslay_contexts=" + std::to_string(clients.size())));
  };
  counting = true;
  say_in_fragments(clients, {2, 2}, all_are_halfway);
  EXPECT_GE(allocations, static_cast<int>(clients.size()))
      << "wslay allocates a context when it is first lent";
  allocations = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    say_in_fragments(clients, {2, 125, 1024}, all_are_halfway);
    say_in_fragments(clients, {20'000, 40'000}, all_are_halfway);
    say_in_fragments(clients, {0, 1, 0});
    say_in_fragments(clients, {125, 126, 1024, 60});
    say_in_fragments(clients, {20'000, 40'000});
    // A ping in two halves, outside of any message.
    const std::string ping = LoopbackClient::frame(9, "halved");
    ASSERT_TRUE(counts("wslay_contexts=0"));
    ASSERT_TRUE(clients[0].write(ping.substr(0, 9)));
    ASSERT_TRUE(counts("wslay_contexts=1"));
    ASSERT_TRUE(clients[0].write(ping.substr(9)));
    ASSERT_EQ(clients[0].read_frame().payload, "halved");
  }
  counting = false;
  EXPECT_EQ(allocations, 0);
}

INSTANTIATE_TEST_SUITE_P(Shards, AllocationTest, testing::Values(1u, 3u));

}  // namespace
}  // namespace holdfast
