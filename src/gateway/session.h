// Sessions: the clients of this shard and their commands: who may do what, what is asked of a channel's home,
// and what the client is told.
//
// A command is checked here, in the order of checks the protocol has, and goes as a letter to the home of its
// channel; the reply is written when the answer comes, in the same call where the home is this shard. Shard
// thread only. Invariants: what a client does not hold is never undone twice, and what it holds is undone
// when it ends (end_subscription is the only way out); nothing of a channel is delivered to a client before
// the reply to its subscribe.
//
// In files by what clients ask: session_input.cc (frames), session_connect.cc, session_subscribe.cc,
// session_publish.cc, session_read.cc (presence, history), session_time.cc, session_end.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "auth/token.h"
#include "gateway/command_reader.h"
#include "gateway/fan_out.h"
#include "gateway/permissions.h"
#include "gateway/rpc_publish.h"
#include "gateway/shard_state.h"

namespace holdfast::gateway {

class Sessions final : public SubscriptionEnds {
 public:
  // `fan_out` is only used after both are complete.
  Sessions(ShardState& shard, FanOut& fan_out);
  ~Sessions() override;

  // session_input.cc
  memory::Index open(Connection connection, const Transport& transport);
  void frame(memory::Index client, std::string_view bytes);
  void begin_unidirectional(memory::Index client, std::string_view request);
  void commands(memory::Index client, Encoding encoding, std::string_view frame);
  // What names a client to those who may send in its name; and who that is, on whatever shard. No connection
  // when nobody can have been given it.
  std::string session_of(const ClientReference& reference) const;
  ClientReference find_session(std::string_view session) const;

  // session_connect.cc
  void take(CountUserAnswerLetter&& letter);
  // session_subscribe.cc
  void take(SubscribeAnswerLetter&& letter);
  void hold(memory::Index client, std::string_view channel, const PublicationReference& publication) override;
  // session_publish.cc
  void take(PublishAnswerLetter&& letter);
  // session_read.cc
  void take(PresenceAnswerLetter&& letter);
  void take(PresenceStatsAnswerLetter&& letter);
  void take(HistoryAnswerLetter&& letter);

  // session_time.cc
  void on_timer();
  void set_expiry(memory::Index client, std::int64_t expires_at_s);

  // session_end.cc
  void closed(memory::Index client);
  void disconnect(memory::Index client, DisconnectCode code);
  void disconnect(memory::Index client, std::uint16_t code, std::string_view reason);
  // Ends a subscription and tells the client, unless that closes it.
  void unsubscribe(memory::Index client, memory::Index subscription, UnsubscribeCode code);
  void end_gapped(memory::Index client, std::string_view channel) override;
  void end_inappropriate(memory::Index client) override;

  // For operations: subscriptions the client did not ask for.
  struct ServerSide {
    std::string_view channel;
    std::string_view chan_info;
    std::string_view data;
    auth::ChannelOverride overrides;
    std::int64_t expires_at_s = 0;
    bool recover = false;
    Position since;
    SubscribeFeatures asked;
  };
  // False when it cannot be: the channel cannot exist, the client has it already, a bound is reached.
  bool subscribe_server_side(memory::Index client, const ServerSide& wanted);
  // False when that closed it.
  bool refresh_by_server(memory::Index client, bool expired, std::int64_t expires_at_s);

  // The snapshot has changed: takes over its limits and looks up the rules of all channels again.
  void settings_changed(const Settings& before);
  void drop_shared_messages();

  // Input that waits for the reply to connect, all clients of the shard together. It waits for other shards,
  // so it is there for a moment; but clients decide how much it is.
  static constexpr std::uint64_t kHeldInputMaximum = 16u << 20;

  // Walks all clients and their subscriptions and CHECKs what must hold of them. For tests and simulations.
  void validate() const;

  // Clients whose connect has succeeded and that have not ended.
  std::uint32_t connected() const { return connected_; }
  Member member_of(memory::Index client, memory::Index subscription, ClientId::Text& text) const;
  std::unique_ptr<OwnedMember> own_member(memory::Index client, memory::Index subscription) const;

 private:
  // A subscription that is allowed.
  struct Grant {
    std::string_view channel;
    Standing standing = {};         // of the client, just now
    std::uint32_t rules = 0;        // their place
    const ChannelRules* in_effect;  // with what a token changes of them
    SubscribeFeatures features;
    bool server_side = false;
    bool delta = false;
    bool numeric_id = false;
    bool recover = false;
    Position since;
    std::int64_t expires_at_s = 0;
    std::string_view chan_info;
  };
  // A connect whose server-side subscriptions are being answered.
  struct Part;
  struct Connecting;

  // session_input.cc
  void execute(memory::Index client, const protocol::Command& command);
  void execute_connected(memory::Index client, const protocol::Command& command);
  void pong(memory::Index client);
  void hold_input(memory::Index client, Encoding encoding, std::string_view bytes);
  void ping_command(memory::Index client, std::uint32_t id);

  // session_connect.cc
  void connect(memory::Index client, std::uint32_t id, const protocol::ConnectRequest& request);
  bool identify(memory::Index client, std::uint32_t id, std::string_view token);
  void refuse_connect(memory::Index client, std::uint32_t id, ErrorCode code);
  void count_user(memory::Index client, Connecting& connecting);
  bool begin_server_side(memory::Index client, const protocol::ConnectRequest& request);
  bool begin_part(memory::Index client, const ServerSide& wanted, bool required);
  void part_done(memory::Index client);
  void finish_connect(memory::Index client, std::unique_ptr<Connecting> connecting);
  bool fill_part(memory::Index client, Part& part);
  void write_connect(memory::Index client, const Connecting& connecting);
  void release_held(memory::Index client, const Connecting& connecting);
  void refresh(memory::Index client, std::uint32_t id, std::string_view token);

  // session_subscribe.cc
  void subscribe(memory::Index client, std::uint32_t id, const protocol::SubscribeRequest& request);
  bool read_subscription_token(memory::Index client, std::uint32_t id, std::string_view token,
                               std::string_view channel);
  bool may_begin(memory::Index client, std::uint32_t id, ChannelName& name, Grant& grant);
  Failure request_subscription(memory::Index client, const Grant& grant, SubscribeContext&& context);
  Failure grant_server_side(memory::Index client, const ServerSide& wanted, SubscribeContext&& context);
  bool waits_for(memory::Index subscription, const SubscribeContext& context);
  void settle_position(memory::Index subscription, const SubscribeAnswerLetter& letter);
  void answer_subscribe(memory::Index client, memory::Index subscription,
                        const SubscribeAnswerLetter& letter);
  protocol::SubscribeResult subscribe_result(const Subscription& subscription,
                                             const SubscribeAnswerLetter& letter) const;
  void sub_refresh(memory::Index client, std::uint32_t id, const protocol::SubRefreshRequest& request);
  void unsubscribe_command(memory::Index client, std::uint32_t id, std::string_view channel);

  // session_publish.cc
  void publish(memory::Index client, std::uint32_t id, const protocol::PublishRequest& request);
  void publish_for(memory::Index client, std::uint32_t id, const PublishCall& call, bool rpc);
  void rpc(memory::Index client, std::uint32_t id, const protocol::RpcRequest& request);
  void send(memory::Index client);

  // session_read.cc
  void presence(memory::Index client, std::uint32_t id, std::string_view channel);
  void presence_stats(memory::Index client, std::uint32_t id, std::string_view channel);
  void history(memory::Index client, std::uint32_t id, const protocol::HistoryRequest& request);
  using MayRead = Decision (*)(const ChannelName&, const ChannelRules&, const Caller&);
  bool may_read(memory::Index client, std::uint32_t id, std::string_view channel, MayRead decide);

  // session_time.cc
  void on_deadline(memory::Index client);
  void send_ping(memory::Index client);
  bool expire_subscriptions(memory::Index client);
  static void set_subscription_expiry(Client& client, Subscription& subscription, std::int64_t expires_at_s);
  void schedule(memory::Index client);
  void deadlines_changed();
  time::Tick tick_at(std::int64_t unix_time_s) const;
  bool awaits_pong(const Client& client) const;
  static bool wants_ping(const Client& client);
  static time::Tick next_ping(const Client& client);
  time::Tick pong_deadline(const Client& client) const;

  // session_end.cc
  void end_subscription(memory::Index client, memory::Index subscription);
  void end_all_subscriptions(memory::Index client);
  void count_out();

  void error(memory::Index client, std::uint32_t id, ErrorCode code);
  // What a decision about a channel means to the client: nothing when it is allowed.
  bool allowed(memory::Index client, std::uint32_t id, Decision decision);
  Asker asker(memory::Index client, std::uint32_t id, bool is_rpc = false) const;
  const ChannelRules& rules(std::uint32_t place) const { return shard_.settings().rules(place); }
  std::uint32_t ttl_s(std::int64_t expires_at_s) const;

  ShardState& shard_;
  FanOut& fan_out_;
  Clients& clients_;
  Subscribers& subscribers_;
  Outgoing& outgoing_;
  CommandReader reader_;
  protocol::Command command_;
  auth::TokenVerifier verifier_;
  auth::ConnectionClaims connection_claims_;
  auth::SubscriptionClaims subscription_claims_;
  RpcPublishReader rpc_reader_;
  PublicationViews views_;
  std::uint64_t held_bytes_ = 0;  // of held_input, all clients together
  absl::flat_hash_map<memory::Index, std::unique_ptr<Connecting>> connecting_;
  std::uint64_t next_ticket_ = 1;
  std::uint32_t connected_ = 0;
  std::array<SharedMessage, kForms> pings_;
  std::vector<memory::Index> due_;
  std::string scratch_;
};

// Written with every connect and refresh.
inline constexpr std::string_view kVersion = "holdfast 0.1.0";

// In the order of a refusal: what a client without an empty channel name is told.
ErrorCode error_for(Decision decision);

// The rules with what a token or an operation changes of them.
ChannelRules with_overrides(const ChannelRules& rules, const auth::ChannelOverride& overrides);

}  // namespace holdfast::gateway
