// A gateway with its HTTP side on a simulated machine, for tests of one thing at a time.
//
// The world speaks to clients as long as it turns: a test that owns them ends the server in its destructor
// before they go, by stop().
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "admin/node.h"
#include "admin/service.h"
#include "gateway/gateway.h"
#include "gateway/settings.h"
#include "gateway/shared_state.h"
#include "holdfast/server.h"
#include "machine.h"
#include "ring/simulated_world.h"
#include "run_for.h"

namespace holdfast::sim {

class GatewayTest : public testing::Test {
 protected:
  // `choose` makes of the default settings those that the test is about. `clients` for each shard.
  GatewayTest(std::uint32_t clients, const std::function<void(gateway::Settings&)>& choose,
              std::uint32_t shards = 1, const std::vector<Protocol>& listeners = {Protocol::websocket})
      : node_(shards),
        machine_(&world_,
                 {.shards = shards,
                  .sizes = {.slots = clients,
                            .outbox_nodes = 16 * clients,
                            .subscriptions = 4,
                            .arena_bytes = 8u << 20,
                            .receive_buffers = 16},
                  .listeners = listeners,
                  .backlog = clients},
                 &entropy_) {
    settings_.server.listen = {"127.0.0.1:0"};
    settings_.server.listen_api = {};
    settings_.server.shards = shards;
    settings_.server.max_connections = clients * shards;
    choose(settings_);
    auto shared = gateway::SharedState::create(
        snapshot(),
        [this](gateway::Gateway& of_shard) { return std::make_unique<admin::Service>(of_shard, node_); },
        &entropy_);
    EXPECT_TRUE(shared.ok());
    shared_ = *std::move(shared);
    auto server = Server::create(shared_->config, [this](std::uint32_t shard) {
      return std::make_unique<gateway::Gateway>(shared_, shard);
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
  }

  int listener() const { return machine_.parts()[0]->listeners[0]; }
  void run_for(std::uint64_t duration_ns) { sim::run_for(world_, machine_, duration_ns); }
  // Hands out settings_ as a reload does.
  void reload() {
    for (std::uint32_t shard = 0; shard < server_->shards(); ++shard) {
      ASSERT_TRUE(server_->post(shard, [taken = snapshot()](Handler& handler) {
        static_cast<gateway::Gateway&>(handler).reload(taken);
      }));
    }
  }
  void stop() { EXPECT_TRUE(machine_.stop_within(100'000)); }

  gateway::Settings settings_;
  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  admin::Node node_;
  Machine machine_;
  std::shared_ptr<gateway::SharedState> shared_;
  std::unique_ptr<Server> server_;

 private:
  gateway::Snapshot snapshot() const {
    auto snapshot = gateway::make_snapshot(std::make_shared<gateway::Settings>(settings_));
    EXPECT_TRUE(snapshot.ok());
    return *std::move(snapshot);
  }
};

}  // namespace holdfast::sim
