// ApplicationProgram: the application of application.h on every shard, and clients of all protocols that send
// it messages.
#pragma once

#include <memory>
#include <vector>

#include "application.h"
#include "program.h"

namespace holdfast::sim {

class ApplicationProgram final : public Program {
 public:
  ApplicationProgram(const Scenario& scenario, ring::SimulatedWorld* world, Audit* audit)
      : scenario_(scenario), world_(world), audit_(audit) {}

  const Config& config() const override { return scenario_.config; }
  std::vector<Protocol> listeners() const override;
  std::unique_ptr<Handler> make_handler(std::uint32_t shard) override;
  std::unique_ptr<Client> make_client(const Machine::Part& part, std::uint32_t number,
                                      const Plan& plan) override;
  void disturb(Server& server) override;
  bool may_have_ended(const Client&) const override { return refused_; }

 private:
  const Scenario& scenario_;
  ring::SimulatedWorld* world_;
  Audit* audit_;
  std::vector<Application*> applications_;
  bool refused_ = false;  // something was, for want of room
};

}  // namespace holdfast::sim
