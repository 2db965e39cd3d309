// Subscriptions: the channels one client is in, what it is told of them, and whether that may be.
//
// In a channel with positions offsets are consecutive from the reply on, until the subscription is ended or
// the connection closed; elsewhere there is one order for all; nothing comes for a channel it is not in, and
// nothing twice. Where publications come as deltas it makes each of the one before. A subscription by a token
// ends with it, or lasts as long as the next; one that an application made is by a call for this user, and
// every call reaches everybody who was there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/entropy.h"
#include "channel_audit.h"
#include "codec.h"
#include "expiry.h"
#include "gateway_plan.h"

namespace holdfast::sim {

struct Subscription {
  bool live = false;         // it has begun
  bool leaving = false;      // unsubscribe has been sent
  bool wants_delta = false;  // asked for
  bool server_side = false;  // by an application, or with the connection
  bool positioned = false;
  bool delta = false;
  std::string epoch;
  std::uint64_t offset = 0;
  std::uint64_t moment = 0;  // when it began
  std::string base;          // what the next delta is against
  std::optional<PublicationKey> last;
  std::set<PublicationKey> received;
  std::optional<LeftOff> recovers;  // by pushes, from there on
  std::optional<Expiry> expiry;     // once it has begun
};

class Subscriptions {
 public:
  using Fail = std::function<void(const std::string&)>;

  Subscriptions(ring::SimulatedWorld* world, ChannelAudit* channels, const GatewayPlan* gateway, Codec* codec,
                Fail fail)
      : world_(world), channels_(channels), gateway_(gateway), codec_(codec), fail_(std::move(fail)) {}

  // Whose they are, from now on.
  void connected(std::string user);
  Subscription* find(std::string_view channel);
  // Asked for.
  void begin(const std::string& channel, bool wants_delta) { all_[channel].wants_delta = wants_delta; }
  // It was asked for and does not begin: false when that was known.
  bool refused(const std::string& channel);
  // By its own wish, so that others may come back to where it was.
  void leave(const std::string& channel);
  void leave_all();
  // A live one that is not being left; empty: there is none, or chance wants none.
  std::string any(base::Random& random) const;

  // ---- What the server says.
  void begun(const std::string& channel, const std::optional<LeftOff>& since,
             const client::SubscribeResult& result);
  // By the token it began with, or another; 0: for ever. It may have ended meanwhile, and begun again.
  void granted(const std::string& channel, std::int64_t expires_at_s, std::uint64_t wall_jumps);
  // Everything but connect, disconnect and refresh. Where it was when the server ended it and wants it back.
  std::optional<LeftOff> pushed(const client::Push& push);
  // Of a history.
  std::optional<PublicationKey> read_publication(std::string_view channel, std::string_view epoch,
                                                 const client::Publication& publication);

  // It has all it is owed.
  bool up_to_date() const;
  // One that is over has not been ended. To be asked now and then.
  std::optional<std::string> overdue();
  bool has_server_side() const;
  // May the connection be closed for one that an application made?
  bool may_be_over() const;
  std::string describe() const;

 private:
  std::optional<std::string> content_of(Subscription& subscription, const client::Publication& publication);
  std::optional<PublicationKey> recognise(std::string_view channel, std::string_view epoch,
                                          const std::string& content, const client::Publication& publication);
  void recovered(Subscription& subscription, const std::string& channel, bool stream,
                 const client::SubscribeResult& result);
  void begun_by_server(const std::string& channel, const client::Subscribed& event);
  void publication(const std::string& channel, const client::Publication& publication);
  bool takes_place(Subscription& subscription, const std::string& channel, std::uint64_t offset);
  void membership(const std::string& channel, const client::ClientInfo& who);
  std::optional<LeftOff> ended_by_server(const std::string& channel, std::uint32_t code);

  bool heeds_calls() const;
  void erase(std::string_view channel);

  ring::SimulatedWorld* world_;
  ChannelAudit* channels_;
  const GatewayPlan* gateway_;
  Codec* codec_;
  Fail fail_;
  std::string user_;
  std::uint64_t connected_at_ = 0;  // the moment
  std::map<std::string, Subscription, std::less<>> all_;
  std::map<std::string, std::uint64_t, std::less<>> ends_;  // the moment of the last, by channel
  std::set<std::string, std::less<>> renewed_unseen_;  // by channel: the token is not the call's any more
};

}  // namespace holdfast::sim
