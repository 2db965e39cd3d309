// GatewayPlan: what clients of a simulated gateway may know of the server they use.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

struct GatewayPlan {
  struct Channel {
    std::string name;
    bool history = false;
    bool cache = false;  // recovers the newest only
    bool presence = false;
    bool open = true;  // anybody may publish, and subscribe without a token
    bool delta = false;
    bool passing = false;  // its namespace comes and goes with the settings
  };
  std::vector<Channel> channels;
  std::vector<std::string> users;
  // For one of them, up to a moment of the wall clock; 0: for ever.
  std::function<std::string(const std::string& user, std::int64_t expires_at_s)> token;
  // For one channel, and for nobody as well.
  std::function<std::string(const std::string& user, const std::string& channel, std::int64_t expires_at_s)>
      subscription_token;
  bool tokens_expire = false;
  std::int64_t grace_s = 0;  // after which who brings no other token is closed; not on streams
  std::string api_key;
  std::uint64_t connections_maximum = 0;
  std::uint32_t message_bytes_maximum = 0;
  bool bounds_are_tight = false;   // requests may be refused for want of room
  bool letters_are_tight = false;  // or because too many letters are under way between shards
  bool passing_is_gone = false;    // on every shard
  bool calls_disturb = true;       // those who use the API may put others out

  bool may_refuse() const { return bounds_are_tight || letters_are_tight; }
  const Channel* find(std::string_view name) const;
};

// What the protocol's errors are called here.
inline constexpr std::uint32_t kInternal = 100, kUnknownChannel = 102, kPermissionDenied = 103,
                               kMethodNotFound = 104, kAlreadySubscribed = 105, kBadRequest = 107,
                               kNotAvailable = 108, kTokenExpired = 109, kTokenEnded = 110,
                               kTooManyRequests = 111, kUnrecoverable = 112;
inline constexpr std::uint16_t kInternalError = 3004, kConnectionExpired = 3005, kSubscriptionExpired = 3006,
                               kSlow = 3008, kGap = 3010, kNoPong = 3012;

}  // namespace holdfast::sim
