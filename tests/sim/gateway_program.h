// GatewayProgram: the gateway as it runs in production, with settings drawn from the seed, its clients, and
// the applications that publish, unsubscribe and disconnect by its operations.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "channel_audit.h"
#include "gateway/gateway.h"
#include "gateway_client.h"
#include "program.h"

namespace holdfast::sim {

class GatewayProgram final : public Program {
 public:
  GatewayProgram(const Scenario& scenario, ring::SimulatedWorld* world, Audit* audit, base::Entropy* entropy);

  const Config& config() const override { return shared_->config; }
  std::vector<Protocol> listeners() const override { return {Protocol::websocket}; }
  std::unique_ptr<Handler> make_handler(std::uint32_t shard) override;
  std::unique_ptr<Client> make_client(const Machine::Part& part, std::uint32_t number,
                                      const Plan& plan) override;
  void disturb(Server& server) override;
  bool may_have_ended(const Client& client) const override;
  void add_counters(std::map<std::string, std::uint64_t>& counters) const override;
  bool busy() const override;
  void check_empty() override;
  void check_stopped() override;

  std::uint64_t counted(shard::Counter gateway::Counters::*counter) const;

 private:
  void draw_channels(gateway::Settings& settings);
  void draw_bounds(gateway::Settings& settings);
  void publish(Server& server);
  void publish_once(Server& server, const std::string& channel, const PublicationKey& key,
                    const std::string& content);
  void disturb_user(Server& server);
  // The task is dropped when the mailbox is full.
  void post(Server& server, std::uint32_t shard, std::function<void(gateway::Operations&)> task);

  ring::SimulatedWorld* world_;
  Audit* audit_;
  ChannelAudit channels_;
  GatewayPlan plan_;
  std::shared_ptr<gateway::SharedState> shared_;
  std::uint32_t disturbances_ = 0;  // of users: their connections may end
  std::uint32_t operations_ = 0;    // not answered
  bool users_are_limited_ = false;
};

}  // namespace holdfast::sim
