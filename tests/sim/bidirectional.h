// Bidirectional: what a client of the Centrifugo client protocol says, in JSON or in Protobuf, and judges of
// what it is told, by whatever transport; written apart from src/gateway.
//
// Connects with or without a token, subscribes, publishes, asks for presence and history, unsubscribes,
// brings other tokens before its own end or does not, comes back to what somebody left off; or breaks the
// protocol. Judges the server: each command has one reply, of its kind, and the errors are those the command
// deserves; what it is told of channels is judged by Subscriptions, the end of its token by Expiry.
#pragma once

#include <cstdint>
#include <functional>
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

class Bidirectional {
 public:
  using Transmit = std::function<void(std::string frame)>;

  // Speaks for the client, which owns it and sends what it says.
  Bidirectional(ring::SimulatedWorld* world, Client* client, ChannelAudit* channels,
                const GatewayPlan* gateway, bool protobuf, Transmit transmit);

  // ---- Speaking.
  void connect();
  // What chance wants. Not before the reply to connect.
  void speak();
  void publish();
  // A frame that must end the connection.
  std::string violation();

  // ---- Listening.
  void take(std::string_view frame);
  // The transport has none of the protocol's pings.
  void expect_no_pings() { pings_ = false; }

  bool protobuf() const { return codec_.protobuf(); }
  bool connect_sent() const { return connect_sent_; }
  bool connected() const { return !client_id_.empty(); }
  // Of the reply to connect, for those who send their commands by other connections.
  const std::string& session() const { return session_; }
  const std::string& node() const { return node_; }
  // In a disconnect push; 0: there was none.
  std::uint16_t told_code() const { return told_code_; }
  std::size_t unanswered() const { return commands_.size(); }
  bool up_to_date() const { return connected() && commands_.empty() && subscriptions_.up_to_date(); }
  void leave_all() { subscriptions_.leave_all(); }
  // Was it right to be closed for this?
  void judge_end(std::uint16_t code);
  std::string describe() const;

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
    refresh,
    sub_refresh
  };
  struct Command {
    Kind kind = Kind::connect;
    std::string channel;
    std::uint32_t error = 0;  // the one it deserves; 0: none
    PublicationKey publication;
    std::optional<LeftOff> since;
    bool wants_delta = false;
    // Of the token it brings, and what time it was then.
    std::int64_t expires_at_s = 0;
    std::int64_t sent_at_s = 0;
    std::uint64_t wall_jumps = 0;
    std::uint64_t moment = 0;  // when it was sent
  };

  // Speaking.
  void say(Command command, client::ClientCommand& message);
  void subscribe();
  void subscribe_to(const GatewayPlan::Channel& channel);
  void unsubscribe();
  void ask();
  void blunder();
  void refresh();
  void sub_refresh(const std::string& channel);
  void bring_later(std::uint32_t ttl_s, std::function<void()> bring);
  void look_at_expiry();
  std::int64_t draw_end();
  const GatewayPlan::Channel& any_channel();

  // Listening.
  void take(const client::ServerReply& message);
  void take_reply(const client::ServerReply& reply);
  bool is_of_kind(Kind kind, const client::ServerReply& reply) const;
  void take_result(const Command& command, const client::ServerReply& reply);
  void take_error(const Command& command, std::uint32_t code);
  void take_push(const client::Push& push);
  void connected_reply(const Command& command, const client::ConnectResult& result);
  void subscribed_reply(const Command& command, const client::SubscribeResult& result);
  void refreshed_reply(const Command& command, const client::RefreshResult& result);
  void sub_refreshed_reply(const Command& command, const client::SubRefreshResult& result);
  bool excused(const Command& command, std::uint32_t code);
  bool may_be_over(const Command& command) const;
  bool is_end_of(const Command& command, bool expires, std::uint32_t ttl_s);
  void unsubscribed_reply(const Command& command);
  void presence_reply(const Command& command, const client::PresenceResult& result);
  void history_reply(const Command& command, const client::HistoryResult& result);

  ring::SimulatedWorld* world_;
  Client* client_;
  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  Codec codec_;
  Subscriptions subscriptions_;
  Expiry expiry_;
  Transmit transmit_;
  std::string user_;
  std::string client_id_;
  std::string session_;
  std::string node_;
  std::uint16_t told_code_ = 0;
  bool pings_ = true;
  bool pongs_ = false;  // it was asked for them
  bool connect_sent_ = false;
  bool brings_tokens_ = false;
  std::uint32_t next_id_ = 1;
  std::map<std::uint32_t, Command> commands_;              // not answered yet, by id
  std::map<std::string, LeftOff, std::less<>> positions_;  // to come back to
  std::vector<client::ServerReply> messages_;              // of the frame being read
};

}  // namespace holdfast::sim
