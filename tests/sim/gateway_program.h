// GatewayProgram: the gateway as it runs in production, with its HTTP side and with settings drawn from the
// seed that now and then are others; its clients, and the applications that publish, unsubscribe and
// disconnect by its operations.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/node.h"
#include "channel_audit.h"
#include "gateway/gateway.h"
#include "gateway_plan.h"
#include "program.h"

namespace holdfast::sim {

class GatewayProgram final : public Program {
 public:
  GatewayProgram(const Scenario& scenario, ring::SimulatedWorld* world, Audit* audit, base::Entropy* entropy);

  const Config& config() const override { return shared_->config; }
  std::vector<Protocol> listeners() const override;
  std::unique_ptr<Handler> make_handler(std::uint32_t shard) override;
  std::unique_ptr<Client> make_client(const Machine::Part& part, std::uint32_t number,
                                      const Plan& plan) override;
  void disturb(Server& server) override;
  bool may_have_ended(const Client& client) const override;
  void add_counters(std::map<std::string, std::uint64_t>& counters) const override;
  void validate() const override;
  bool busy() const override;
  void check_empty() override;
  void check_stopped() override;

  std::uint64_t counted(shard::Counter gateway::Counters::*counter) const;

 private:
  void draw_client_settings(const Scenario& scenario, gateway::Settings& settings);
  void draw_channels(gateway::Settings& settings);
  void draw_bounds(gateway::Settings& settings);
  void make_shared(const Scenario& scenario, std::shared_ptr<const gateway::Settings> settings,
                   base::Entropy* entropy);
  Dialect draw_dialect(const Plan& plan);
  std::unique_ptr<Client> make_stream_client(const Machine::Part& part, std::uint32_t number,
                                             const Plan& plan, bool emulation);
  void publish(Server& server);
  void publish_once(Server& server, const std::string& channel, const PublicationKey& key,
                    const std::string& content);
  void disturb_user(Server& server);
  // Other settings, on one shard after the other.
  void reload(Server& server);
  void hand_out_settings(Server& server);
  // The task is dropped when the mailbox is full.
  void post(Server& server, std::uint32_t shard, std::function<void(gateway::Operations&)> task);

  ring::SimulatedWorld* world_;
  Audit* audit_;
  ChannelAudit channels_;
  GatewayPlan plan_;
  std::vector<Dialect> dialects_;  // by the client's number
  std::unique_ptr<admin::Node> node_;
  std::shared_ptr<gateway::SharedState> shared_;
  std::vector<const gateway::Gateway*> gateways_;      // the server's
  const bool http_;                                    // the API has a listener of its own
  std::uint32_t operations_ = 0;                       // not answered
  gateway::Namespace passing_;                         // comes and goes
  std::shared_ptr<const gateway::Settings> settings_;  // given out last
  std::optional<gateway::Snapshot> snapshot_;          // being given out
  std::vector<std::uint32_t> shards_without_it_;
  std::uint32_t shards_taking_it_ = 0;
  std::uint64_t reloads_ = 0;
  bool users_are_limited_ = false;
  std::chrono::milliseconds pong_timeout_{0};  // when pongs are wanted
};

}  // namespace holdfast::sim
