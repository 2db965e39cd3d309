// ChannelRules: what a namespace says about its channels. Plain values, part of the immutable Settings.
#pragma once

#include <chrono>
#include <cstdint>

namespace holdfast::gateway {

enum class RecoveryMode : std::uint8_t {
  off,     // nothing is recovered
  stream,  // everything missed, or nothing
  cache,   // the newest publication only
};

// Who may do a thing: any union of these. None of them: nobody, or for subscribing: who has a token.
struct Groups {
  bool users = false;        // connections with a user
  bool anonymous = false;    // connections without one
  bool subscribers = false;  // of the channel at hand; says nothing about subscribing
  friend bool operator==(const Groups&, const Groups&) = default;
};

struct ChannelRules {
  // History is kept when both are more than zero.
  std::uint32_t history_size = 0;
  std::chrono::milliseconds history_ttl{0};
  RecoveryMode recovery = RecoveryMode::off;
  // Recovery and positions for every subscription; otherwise for those that ask and may read the history.
  bool force_recovery = false;
  bool force_positioning = false;

  bool presence = false;
  bool join_leave = false;  // joins and leaves are told to subscribers that ask and may read the presence,
  bool force_push_join_leave = false;  // or to all
  bool delta = false;                  // deltas for subscribers that ask
  bool user_limited = true;            // `#` in a name lists the users who may subscribe

  Groups subscribe;
  Groups publish;
  Groups read_presence;
  Groups read_history;

  bool keeps_history() const { return history_size > 0 && history_ttl.count() > 0; }
  friend bool operator==(const ChannelRules&, const ChannelRules&) = default;
};

}  // namespace holdfast::gateway
