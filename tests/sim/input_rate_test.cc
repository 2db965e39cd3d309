// A client of the gateway that sends more than it may is made to wait, and nothing else happens to it: also
// not for the pong that waits behind what it sent.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/settings.h"
#include "gateway/shared_state.h"
#include "gateway_peer.h"
#include "holdfast/server.h"
#include "machine.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

TEST(InputRate, KeepsNobodyWaitingForAPongThatTheServerDoesNotRead) {
  constexpr int kCommands = 60;
  ring::SimulatedWorld world(1);
  base::Random entropy(1);
  const auto settings = std::make_shared<gateway::Settings>();
  settings->server.listen = {"127.0.0.1:0"};
  settings->server.listen_api = {};
  settings->server.shards = 1;
  settings->server.max_connections = 4;
  settings->client.allow_anonymous = settings->client.rpc_echo = true;
  settings->client.ping_interval = std::chrono::seconds(5);
  settings->client.pong_timeout = std::chrono::seconds(1);
  settings->client.max_messages_per_second = 2;
  const auto snapshot = gateway::make_snapshot(settings);
  ASSERT_TRUE(snapshot.ok());
  auto shared = gateway::SharedState::create(*snapshot, {}, &entropy);
  ASSERT_TRUE(shared.ok());
  std::unique_ptr<GatewayPeer> greedy, silent;  // the world speaks to them as long as it turns
  Machine machine(&world,
                  {.sizes = {.slots = 4,
                             .outbox_nodes = 256,
                             .subscriptions = 1,
                             .arena_bytes = 4u << 20,
                             .receive_buffers = 4,
                             .input_accounts = 4},
                   .listeners = {Protocol::websocket}},
                  &entropy);
  auto server = Server::create((*shared)->config, [&](std::uint32_t shard) {
    return std::make_unique<gateway::Gateway>(*shared, shard);
  });
  ASSERT_TRUE(server.ok());
  const auto run_for_s = [&](std::uint64_t seconds) {
    const std::uint64_t until_ns = world.now_ns() + seconds * kSecondNs;
    while (world.now_ns() < until_ns && machine.turn()) continue;
  };
  greedy = std::make_unique<GatewayPeer>(&world, machine.parts()[0]->listeners[0], "");
  silent = std::make_unique<GatewayPeer>(&world, machine.parts()[0]->listeners[0], "");
  silent->answers = false;
  run_for_s(1);
  ASSERT_TRUE(greedy->connected);
  for (int command = 0; command < kCommands; ++command)
    greedy->send(R"({"id":)" + std::to_string(2 + command) + R"(,"rpc":{"method":"echo","data":1}})");
  run_for_s(60);
  EXPECT_EQ(greedy->close_code, 0);
  EXPECT_EQ(greedy->echoes, kCommands);
  EXPECT_GE(greedy->pings, 3);
  EXPECT_EQ(silent->close_code, 3012) << "who does not answer is still noticed";
  EXPECT_TRUE(machine.stop_within(10'000));
}

}  // namespace
}  // namespace holdfast::sim
