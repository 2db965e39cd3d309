// RateAudit: do the limits of what may come in per second hold? Buckets of tokens, written apart from
// src/net/rate.h: full at first, filled with time, and time here is never less than the server's, which
// leaves out what it slept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "holdfast/config.h"
#include "holdfast/connection.h"

namespace holdfast::sim {

class Bucket {
 public:
  Bucket() = default;
  Bucket(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // What is in it before anything is taken.
  double tokens(std::uint64_t now_ns) {
    tokens_ = std::min(burst_, tokens_ + per_second_ * static_cast<double>(now_ns - filled_ns_) * 1e-9);
    filled_ns_ = now_ns;
    return tokens_;
  }
  void take(double amount) { tokens_ -= amount; }

 private:
  double per_second_ = 0;
  double burst_ = 0;
  double tokens_ = 0;
  std::uint64_t filled_ns_ = 0;
};

class RateAudit {
 public:
  using Fail = std::function<void(std::string)>;

  // Of `shards` shards, each with as many listeners for clients.
  RateAudit(const Config& config, std::uint32_t shards, std::uint32_t client_listeners, Fail fail);

  // A shard has taken a client in.
  void accepted(std::uint32_t shard, std::uint64_t now_ns);
  // A handler has got a message. What came with one receive is charged together, so it may be too much; but
  // then nothing is received until that is paid for.
  void message(ConnectionId connection, std::size_t bytes, std::uint64_t now_ns);
  // Between two turns no receive goes on.
  void begin_turn() { ++turn_; }

 private:
  struct Input {
    Bucket messages;
    Bucket bytes;
    std::uint64_t turn = 0;
  };

  const double messages_per_second_;
  const double bytes_per_second_;
  const double byte_slack_;
  const bool accepts_limited_;
  const double accept_slack_;
  std::vector<Bucket> accepts_;  // by shard
  std::map<std::uint64_t, Input> inputs_;
  std::uint64_t turn_ = 0;
  Fail fail_;
};

}  // namespace holdfast::sim
