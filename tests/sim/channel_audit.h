// ChannelAudit: what all clients of a simulated gateway together know of its channels, and whether it can be
// true.
//
// Of each channel and epoch there is one numbering: whoever sees an offset sees the same publication there,
// and no publication has two. Outside a history there is one order: all subscribers agree on what follows
// what. A publication that was acknowledged reaches everybody who was subscribed when it was sent. Nobody
// sees what was published elsewhere: the content of a publication says by whom it is, in which place, and for
// which channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit.h"

namespace holdfast::sim {

// Of a publication: by whom, and which of theirs.
struct PublicationKey {
  std::uint32_t publisher = 0;
  std::uint32_t sequence = 0;
  auto operator<=>(const PublicationKey&) const = default;
};

// Where somebody stood in a channel when they lost it.
struct LeftOff {
  std::string channel;
  std::string epoch;
  std::uint64_t offset = 0;
};

// An application has a user's connections subscribed.
struct SubscribeCall {
  std::string user;
  std::string channel;
  std::int64_t expires_at_s = 0;
  std::optional<LeftOff> since;
  std::uint64_t moment = 0;
  bool acknowledged = false;
};

class ChannelAudit {
 public:
  explicit ChannelAudit(Audit* audit) : audit_(audit) {}

  // ---- Publishing. The content is JSON of about `bytes` bytes.
  static std::string content(const PublicationKey& key, std::string_view channel, std::size_t bytes);
  PublicationKey next_publication(std::uint32_t publisher, std::string_view channel, std::size_t bytes);
  // The server has said that it took it. Not everything it took is acknowledged.
  void acknowledged(const PublicationKey& key);
  void refused(const PublicationKey& key) { sent_.at(key).refused = true; }
  // Told by whoever published, when they learn it.
  void numbered(const PublicationKey& key, std::string_view channel, std::string_view epoch,
                std::uint64_t offset);

  // ---- Receiving. The key, when the content is that of a publication in this channel.
  std::optional<PublicationKey> recognise(std::string_view content, std::string_view channel);
  // What is known to follow is the same for everybody.
  void follows(std::string_view channel, const PublicationKey& before, const PublicationKey& after);
  bool newest(std::string_view channel, const PublicationKey& key) const;
  // The highest offset anybody has seen.
  std::uint64_t top(std::string_view channel, std::string_view epoch) const;
  // Acknowledged, sent since `moment` and not among `received`.
  std::optional<PublicationKey> missed(std::string_view channel, std::uint64_t moment,
                                       const std::set<PublicationKey>& received) const;
  // Moments count what is sent.
  std::uint64_t moment() const { return moment_; }
  std::uint64_t tick() { return ++moment_; }

  // ---- Who is who.
  void connected(std::string_view client_id, std::string_view user);
  bool known(std::string_view client_id) const { return users_.contains(client_id); }
  void asked_to_subscribe(std::string_view client_id, std::string_view channel);
  // With the request that its id is the answer to: others may see it first.
  void ask_without_a_name(std::string_view channel) { asked_without_a_name_.emplace(channel); }
  // Or an application has asked for it.
  bool has_asked(std::string_view client_id, std::string_view channel) const;

  // ---- Subscribing others. What tells clients which call they are subscribed by.
  std::string call(SubscribeCall call);
  SubscribeCall* find_call(std::string_view content);
  bool called(std::string_view user, std::string_view channel) const;
  // visit(call) for each acknowledged one of the user that was made after `moment`, until it is false.
  template <class Visit>
  bool all_calls(std::string_view user, std::uint64_t moment, Visit visit) const {
    for (auto call = calls_.rbegin(); call != calls_.rend() && call->moment > moment; ++call) {
      if (call->acknowledged && call->user == user && !visit(*call)) return false;
    }
    return true;
  }
  // Whether a subscription of the user by a call may be over.
  bool call_over(std::string_view user, std::int64_t now_s) const;

  // ---- Coming back.
  void left_off(LeftOff position) { left_off_.push_back(std::move(position)); }
  // Something somebody left off, for somebody who takes their place.
  std::optional<LeftOff> take_left_off(std::uint64_t which);

  // ---- What happened, for those who have to know.
  void count(const std::string& what) { ++counts_[what]; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  // Somebody has put out a user's connections: they may end.
  std::uint64_t disturbances() const { return disturbances_; }
  void disturb_users() { ++disturbances_; }
  void fail(std::string what) { audit_->fail(std::move(what)); }

 private:
  struct Sent {
    std::string channel;
    std::size_t bytes = 0;
    std::uint64_t moment = 0;
    bool acknowledged = false;
    bool refused = false;
  };
  struct Numbering {
    std::map<std::uint64_t, PublicationKey> by_offset;
    std::map<PublicationKey, std::uint64_t> offsets;
  };
  struct Order {
    std::map<PublicationKey, PublicationKey> follower;
    std::map<PublicationKey, PublicationKey> precursor;
  };

  Audit* audit_;
  std::map<PublicationKey, Sent> sent_;
  std::map<std::uint32_t, std::uint32_t> sequences_;                            // by publisher
  std::map<std::string, std::vector<PublicationKey>, std::less<>> by_channel_;  // in the order of sending
  std::map<std::pair<std::string, std::string>, Numbering> numberings_;         // by channel and epoch
  std::map<std::string, Order, std::less<>> orders_;
  std::map<std::string, std::string, std::less<>> users_;    // by client id
  std::set<std::pair<std::string, std::string>> asked_;      // client id, channel
  std::set<std::string, std::less<>> asked_without_a_name_;  // channels
  std::vector<SubscribeCall> calls_;
  std::vector<LeftOff> left_off_;
  std::uint64_t moment_ = 0;
  std::map<std::string, std::uint64_t> counts_;
  std::uint64_t disturbances_ = 0;
};

std::string to_string(const PublicationKey& key);

}  // namespace holdfast::sim
