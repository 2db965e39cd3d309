// Application: the handler of a simulated shard. What both programs do, echo and broadcast, with the audit
// listening; what arrives on HTTP connections is cut into messages here, with the audit's knowledge of what
// was sent.
//
// On the side it does what handlers may: keeps shared messages, pauses input, has a timer, keeps handles of
// connections that have ended and tries them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "audit.h"
#include "holdfast/handler.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {

class Application final : public Handler {
 public:
  // `refused` is set when something was refused for want of room: then a polite client may be ended.
  Application(Audit* audit, ring::SimulatedWorld* world, bool* refused)
      : audit_(audit), world_(world), random_(&world->random()), refused_(refused) {}

  // A connection that has ended, or none.
  ConnectionId parted();
  std::uint64_t timers() const { return timers_; }

 private:
  void on_start() override;
  void on_stop() override;
  std::optional<Admission> on_plain_request(const Request& request) override;
  void on_open(Connection connection) override;
  void on_message(Connection connection, Message message) override;
  void on_timer() override;
  void on_close(Connection connection, Close close) override;

  void bytes_received(Connection connection, std::string_view bytes);
  void message_received(Connection connection, Message message);
  void echo(Connection connection, const Message& message);
  void check_word(Connection connection);
  void obey(Connection connection, Flag flag);
  void try_parted(const Message& message);
  void plan_timer();

  Audit* audit_;
  ring::SimulatedWorld* world_;
  base::Random* random_;
  bool* refused_;
  std::vector<Connection> parted_;
  std::vector<Connection> paused_;
  std::vector<SharedMessage> kept_;
  std::map<std::uint64_t, std::string> unread_;  // by connection: HTTP input that is no whole message yet
  std::uint64_t started_ns_ = 0;
  std::uint64_t due_ns_ = 0;
  std::uint64_t timers_ = 0;
};

}  // namespace holdfast::sim
