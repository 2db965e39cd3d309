// Unidirectional: what a client of the gateway that only listens asks for with its one request, and judges of
// what it is told, by whatever transport: connect first, after a disconnect nothing; of channels what
// Subscriptions judges, of its token what Expiry does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel_audit.h"
#include "client.h"
#include "codec.h"
#include "expiry.h"
#include "gateway_plan.h"
#include "subscriptions.h"

namespace holdfast::sim {

class Unidirectional {
 public:
  // Speaks for the client, which owns it.
  Unidirectional(ring::SimulatedWorld* world, Client* client, ChannelAudit* channels,
                 const GatewayPlan* gateway, bool protobuf);

  // Draws it.
  std::string connect_request();
  // A frame that holds no more messages than that.
  void take(std::string_view frame, std::size_t messages_maximum);
  // The transport has none of the protocol's pings.
  void expect_no_pings() { pings_ = false; }

  bool protobuf() const { return codec_.protobuf(); }
  bool connected() const { return connected_; }
  // In a disconnect push; 0: there was none.
  std::uint16_t told_code() const { return told_code_; }
  bool up_to_date() const { return connected_ && subscriptions_.up_to_date(); }
  void leave_all() { subscriptions_.leave_all(); }
  // Was it right to be closed for this?
  void judge_end(std::uint16_t code);
  std::string describe() const { return subscriptions_.describe(); }

 private:
  void connected_push(const client::Connected& connect);
  void look_at_expiry();

  Client* client_;
  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  Codec codec_;
  Subscriptions subscriptions_;
  Expiry expiry_;
  std::map<std::string, std::optional<LeftOff>> asked_;
  std::string user_;
  std::int64_t expires_at_s_ = 0;
  std::uint16_t told_code_ = 0;
  bool connected_ = false;
  bool pings_ = true;
  std::vector<client::ServerReply> messages_;  // of the frame being read
};

}  // namespace holdfast::sim
