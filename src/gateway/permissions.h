// Permissions: who may do what with a channel, decided from its name, its namespace's rules and the caller
// alone. Pure functions; tested as tables.
//
// A private (`$`) or user-limited (`#`) channel opens to no group by its rules alone: for everything but
// subscribing the caller must also be subscribed to it or be named by it.
#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/channel_name.h"
#include "gateway/channel_rules.h"

namespace holdfast::gateway {

enum class Decision : std::uint8_t {
  allowed,
  empty_name,       // close 3501
  bad_name,         // error 107
  unknown_channel,  // error 102: its namespace does not exist
  denied,           // error 103
  unavailable,      // error 108: switched off for the namespace
};

// A token that was refused never comes this far: it has its own error (109, 103 or close 3500).
enum class SubscribeToken : std::uint8_t { absent, accepted };

struct Caller {
  std::string_view user;    // empty: anonymous
  bool subscribed = false;  // to the channel at hand
};

Decision may_subscribe(const ChannelName& name, const ChannelRules& rules, std::string_view user,
                       SubscribeToken token);
Decision may_publish(const ChannelName& name, const ChannelRules& rules, const Caller& caller);
// Presence and its statistics; history.
Decision may_read_presence(const ChannelName& name, const ChannelRules& rules, const Caller& caller);
Decision may_read_history(const ChannelName& name, const ChannelRules& rules, const Caller& caller);

// What a client asks for when it subscribes, and what it gets. A token's overrides are applied to the rules
// before.
struct SubscribeFeatures {
  bool recoverable = false;
  bool positioned = false;
  bool join_leave = false;
  friend bool operator==(const SubscribeFeatures&, const SubscribeFeatures&) = default;
};
// Forced features are given to all; others to whoever asks and may read what they show. Recoverable is also
// positioned.
SubscribeFeatures granted_features(const ChannelName& name, const ChannelRules& rules, std::string_view user,
                                   const SubscribeFeatures& asked);

}  // namespace holdfast::gateway
