// Program: what runs on the shards of a simulated server, and those who use it. Two of them: the application
// of application.h, on the core alone, and the gateway of gateway_program.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "audit.h"
#include "client.h"
#include "holdfast/config.h"
#include "holdfast/handler.h"
#include "machine.h"
#include "scenario.h"

namespace holdfast {
class Server;
}

namespace holdfast::sim {

class Program {
 public:
  virtual ~Program() = default;

  virtual const Config& config() const = 0;
  virtual std::vector<Protocol> listeners() const = 0;
  virtual std::unique_ptr<Handler> make_handler(std::uint32_t shard) = 0;
  virtual std::unique_ptr<Client> make_client(const Machine::Part& part, std::uint32_t number,
                                              const Plan& plan) = 0;
  // Now and then during traffic: what others than clients do to the server.
  virtual void disturb(Server& server) = 0;
  // Was there a reason to end the connection of a client that behaved?
  virtual bool may_have_ended(const Client& client) const = 0;
  virtual void add_counters(std::map<std::string, std::uint64_t>& counters) const {
    static_cast<void>(counters);
  }
  // CHECKs what must hold between turns.
  virtual void validate() const {}
  // Something is still under way: it is too early to look for leaks.
  virtual bool busy() const { return false; }
  // Nobody is connected any more, and time has passed: what must be gone by now?
  virtual void check_empty() {}
  // The server has stopped and its shards are gone.
  virtual void check_stopped() {}
};

}  // namespace holdfast::sim
