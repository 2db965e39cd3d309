// GatewayClient: the Centrifugo client protocol over WebSocket, in JSON or in Protobuf, from the client's
// side and written apart from src/gateway.
//
// Connects with or without a token, subscribes, publishes, asks for presence and history, unsubscribes,
// brings another token before its own ends or does not, comes back to what somebody left off; or breaks the
// protocol. Judges the server: each command has one reply, of its kind, and the errors are those the command
// deserves; what it is told of channels is judged by Subscriptions, the end of its token by Expiry.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel_audit.h"
#include "codec.h"
#include "expiry.h"
#include "gateway_plan.h"
#include "subscriptions.h"
#include "websocket_client.h"

namespace holdfast::sim {

class GatewayClient final : public WebSocketClient {
 public:
  GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway, bool protobuf);

  bool served() const override;
  void probe() override;
  std::string describe() const override;

 private:
  enum class Kind {
    connect,
    subscribe,
    unsubscribe,
    publish,
    presence,
    presence_stats,
    history,
    rpc,
    ping,
    refresh
  };
  struct Command {
    Kind kind = Kind::connect;
    std::string channel;
    std::uint32_t error = 0;  // the one it deserves; 0: none
    PublicationKey publication;
    std::optional<LeftOff> since;
    std::int64_t expires_at_s = 0;
    std::uint64_t moment = 0;  // when it was sent
  };

  std::string target() const override;
  MessageType draw_type() override { return codec_.protobuf() ? MessageType::binary : MessageType::text; }
  void message_received(std::optional<MessageType> type, std::string_view payload) override;
  bool may_speak() const override { return commands_.size() < plan().window; }
  void speak() override;
  void on_end() override { subscriptions_.leave_all(); }
  void on_close_code(std::uint16_t code) override;
  std::string violation() override;

  // Speaking.
  void say(Command command, client::ClientCommand& message);
  void connect_command();
  void subscribe();
  void subscribe_to(const GatewayPlan::Channel& channel);
  void unsubscribe();
  void publish();
  void ask();
  void blunder();
  void refresh();
  void look_at_expiry();
  std::string new_token(std::int64_t& expires_at_s);
  const GatewayPlan::Channel& any_channel();

  // Listening.
  void take(const client::ServerReply& message);
  void take_reply(const client::ServerReply& reply);
  bool is_of_kind(Kind kind, const client::ServerReply& reply) const;
  void take_result(const Command& command, const client::ServerReply& reply);
  void take_error(const Command& command, std::uint32_t code);
  void take_push(const client::Push& push);
  void connected_reply(const Command& command, const client::ConnectResult& result);
  void granted(std::int64_t expires_at_s, bool expires, std::uint32_t ttl_s);
  void unsubscribed_reply(const Command& command);
  void presence_reply(const Command& command, const client::PresenceResult& result);
  void history_reply(const Command& command, const client::HistoryResult& result);

  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  Codec codec_;
  Subscriptions subscriptions_;
  Expiry expiry_;
  std::string user_;
  std::string client_id_;
  bool connect_sent_ = false;
  bool brings_tokens_ = false;
  bool looks_at_expiry_ = false;
  std::uint32_t next_id_ = 1;
  std::map<std::uint32_t, Command> commands_;              // not answered yet, by id
  std::map<std::string, LeftOff, std::less<>> positions_;  // to come back to
  std::vector<client::ServerReply> messages_;              // of the frame being read
};

}  // namespace holdfast::sim
