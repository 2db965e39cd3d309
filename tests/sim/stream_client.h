// StreamClient: somebody who only listens: an event stream (JSON) or an HTTP stream (JSON or Protobuf), of
// the channels that its one request named.
//
// Judges the server: a response that is one chunked stream of whole messages, connect first, and after a
// disconnect nothing but its end; of channels what Subscriptions judges, of its token what Expiry does.
#pragma once

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
#include "http_response.h"
#include "subscriptions.h"

namespace holdfast::sim {

class StreamClient final : public Client {
 public:
  enum class Framing { events, lines, lengths };

  StreamClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
               const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, Framing framing);

  bool served() const override { return established() && subscriptions_.up_to_date(); }
  void probe() override {}
  bool pinged() const override { return false; }
  std::string describe() const override;

 private:
  void connected() override;
  std::size_t consume(std::string_view bytes) override;
  // There is nothing to say; but who says it shall not be heard.
  void speak() override { spoke(); }
  void flood() override { write(std::string(5'000, 'x')); }
  std::string encode(MessageType, std::string_view payload) override { return std::string(payload); }
  MessageType draw_type() override { return MessageType::binary; }
  void close_politely() override { finish(); }
  std::string violation() override { return {}; }
  void on_end() override { subscriptions_.leave_all(); }
  void on_close_code(std::uint16_t code) override;

  client::ConnectRequest connect_request();
  std::string http_request(const std::string& body);
  std::size_t consume_head(std::string_view bytes);
  // One message from the front of what has come; false: it is not there as a whole.
  bool next_message(std::string_view& message);
  void take(std::string_view framed);
  void connected_push(const client::Connected& connect);
  void look_at_expiry();

  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  const Framing framing_;
  Codec codec_;
  Subscriptions subscriptions_;
  Expiry expiry_;
  std::map<std::string, std::optional<LeftOff>> asked_;
  std::int64_t expires_at_s_ = 0;
  bool streaming_ = false;
  bool rejected_ = false;
  ChunkReader chunks_;
  std::string body_;
  std::vector<client::ServerReply> messages_;
};

}  // namespace holdfast::sim
