// Permissions: the order of the decisions is the protocol's: `$` without a token, the token, the users a name
// lists, the namespace's rule.
#include "gateway/permissions.h"

namespace holdfast::gateway {
namespace {

bool user_limited(const ChannelName& name, const ChannelRules& rules) {
  return rules.user_limited && name.names_users;
}

bool in_group(const Groups& groups, const Caller& caller) {
  const bool anonymous = caller.user.empty();
  return (groups.users && !anonymous) || (groups.anonymous && anonymous) ||
         (groups.subscribers && caller.subscribed);
}

Decision decide(const ChannelName& name, const ChannelRules& rules, const Groups& groups,
                const Caller& caller) {
  const bool closed = name.is_private || user_limited(name, rules);
  const bool inside = caller.subscribed || (!name.is_private && name.names(caller.user));
  if (closed && !inside) return Decision::denied;
  return in_group(groups, caller) ? Decision::allowed : Decision::denied;
}

}  // namespace

Decision may_subscribe(const ChannelName& name, const ChannelRules& rules, std::string_view user,
                       SubscribeToken token) {
  if (token == SubscribeToken::accepted) return Decision::allowed;
  if (name.is_private) return Decision::denied;
  if (user_limited(name, rules)) return name.names(user) ? Decision::allowed : Decision::denied;
  return in_group(rules.subscribe, {user, false}) ? Decision::allowed : Decision::denied;
}

Decision may_publish(const ChannelName& name, const ChannelRules& rules, const Caller& caller) {
  return decide(name, rules, rules.publish, caller);
}

Decision may_read_presence(const ChannelName& name, const ChannelRules& rules, const Caller& caller) {
  if (!rules.presence) return Decision::unavailable;
  return decide(name, rules, rules.read_presence, caller);
}

Decision may_read_history(const ChannelName& name, const ChannelRules& rules, const Caller& caller) {
  if (!rules.keeps_history()) return Decision::unavailable;
  return decide(name, rules, rules.read_history, caller);
}

SubscribeFeatures granted_features(const ChannelName& name, const ChannelRules& rules, std::string_view user,
                                   const SubscribeFeatures& asked) {
  // Once the subscription stands, the caller is a subscriber.
  const Caller subscriber{user, true};
  const bool reads_history = may_read_history(name, rules, subscriber) == Decision::allowed;
  const bool reads_presence = may_read_presence(name, rules, subscriber) == Decision::allowed;
  SubscribeFeatures granted;
  if (rules.keeps_history()) {
    granted.recoverable =
        rules.recovery != RecoveryMode::off && (rules.force_recovery || (asked.recoverable && reads_history));
    granted.positioned =
        granted.recoverable || rules.force_positioning || (asked.positioned && reads_history);
  }
  granted.join_leave =
      rules.join_leave && (rules.force_push_join_leave || (asked.join_leave && reads_presence));
  return granted;
}

}  // namespace holdfast::gateway
