// GatewayClient: the Centrifugo client protocol in JSON, from the client's side, written apart from
// src/gateway.
//
// Connects with or without a token, subscribes, publishes, asks for presence and history, unsubscribes, comes
// back to what somebody left off; or breaks the protocol. Judges the server: each command has one reply, of
// its kind, and the errors are those the command deserves; in a channel with positions offsets are
// consecutive from the reply on, until the subscription is ended or the connection closed; elsewhere there is
// one order for all; nothing comes for a channel it is not in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "channel_audit.h"
#include "simdjson.h"
#include "websocket_client.h"

namespace holdfast::sim {

// What a client may know of the server it uses.
struct GatewayPlan {
  struct Channel {
    std::string name;
    bool history = false;
    bool cache = false;  // recovers the newest only
    bool presence = false;
    bool open = true;  // anybody may subscribe and publish
  };
  std::vector<Channel> channels;
  std::vector<std::string> tokens;  // of several users
  std::uint32_t message_bytes_maximum = 0;
  bool bounds_are_tight = false;  // requests may be refused for want of room

  const Channel* find(std::string_view name) const;
};

class GatewayClient final : public WebSocketClient {
 public:
  GatewayClient(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener,
                const Plan& plan, ChannelAudit* channels, const GatewayPlan* gateway);

  bool served() const override;
  void probe() override;
  std::string describe() const override;

 private:
  enum class Kind { connect, subscribe, unsubscribe, publish, presence, presence_stats, history, rpc, ping };
  struct Command {
    Kind kind = Kind::connect;
    std::string channel;
    std::uint32_t error = 0;  // the one it deserves; 0: none
    PublicationKey publication;
    std::optional<LeftOff> since;
    std::uint64_t moment = 0;  // when it was sent
  };
  struct Subscription {
    bool live = false;     // the reply has come
    bool leaving = false;  // unsubscribe has been sent
    bool positioned = false;
    std::string epoch;
    std::uint64_t offset = 0;
    std::uint64_t moment = 0;  // of the reply
    std::optional<PublicationKey> last;
    std::set<PublicationKey> received;
  };

  std::string target() const override { return "/connection/websocket"; }
  MessageType draw_type() override { return MessageType::text; }
  void message_received(std::optional<MessageType> type, std::string_view payload) override;
  bool may_speak() const override { return commands_.size() < plan().window; }
  void speak() override;
  void on_end() override;
  std::string violation() override;

  // Speaking.
  void say(const Command& command, const std::string& body);
  void connect_command();
  void subscribe();
  void unsubscribe();
  void publish();
  void ask();
  void blunder();
  const GatewayPlan::Channel& any_channel();
  std::string any_subscribed();

  // Listening.
  void take(const simdjson::dom::object& message);
  void take_reply(std::uint64_t id, const simdjson::dom::object& reply);
  void take_error(const Command& command, std::uint64_t code);
  void take_push(const simdjson::dom::object& push);
  void connected_reply(const simdjson::dom::object& result);
  void subscribed_reply(const Command& command, const simdjson::dom::object& result);
  void presence_reply(const Command& command, const simdjson::dom::object& result);
  void history_reply(const Command& command, const simdjson::dom::object& result);
  void publication(std::string_view channel, const simdjson::dom::object& publication);
  void ended_by_server(std::string_view channel, std::uint64_t code);
  std::optional<PublicationKey> read_publication(std::string_view channel, std::string_view epoch,
                                                 const simdjson::dom::object& publication,
                                                 std::uint64_t& offset);
  void leave_off(const std::string& channel, const Subscription& subscription);

  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  simdjson::dom::parser parser_;
  std::string client_id_;
  std::uint32_t next_id_ = 1;
  std::map<std::uint64_t, Command> commands_;  // not answered yet, by id
  std::map<std::string, Subscription, std::less<>> subscriptions_;
  std::map<std::string, LeftOff, std::less<>> positions_;  // to come back to
  bool connect_sent_ = false;
};

}  // namespace holdfast::sim
