// RateAudit: what each limit means.
#include "rate_audit.h"

#include <cmath>

namespace holdfast::sim {
namespace {

constexpr double kNothing = 1e-6;  // of rounding

Bucket accept_bucket(const Config& config, std::uint32_t shards) {
  const double rate = std::ceil(static_cast<double>(config.max_accepts_per_second) / shards);
  return {rate, std::max(rate / 10, 1.0)};  // a tenth of a second's, but at least one
}

}  // namespace

RateAudit::RateAudit(const Config& config, std::uint32_t shards, std::uint32_t client_listeners, Fail fail)
    : messages_per_second_(config.max_messages_per_second),
      bytes_per_second_(config.max_bytes_per_second),
      byte_slack_(
          config.max_message_bytes),  // what the server charged as it came counts here when it is whole
      accepts_limited_(config.max_accepts_per_second > 0),
      accept_slack_(client_listeners - 1.0),  // each of them may always have one on its way
      accepts_(shards, accept_bucket(config, shards)),
      fail_(std::move(fail)) {}

void RateAudit::accepted(std::uint32_t shard, std::uint64_t now_ns) {
  if (!accepts_limited_) return;
  Bucket& bucket = accepts_[shard];
  const double tokens = bucket.tokens(now_ns);
  bucket.take(1);
  if (tokens - 1 < -accept_slack_ - kNothing)
    fail_("shard " + std::to_string(shard) + " takes in more clients than it may");
}

void RateAudit::message(ConnectionId connection, std::size_t bytes, std::uint64_t now_ns) {
  if (messages_per_second_ == 0 && bytes_per_second_ == 0) return;
  const auto [found, fresh] = inputs_.try_emplace(connection.value);
  Input& input = found->second;
  if (fresh) {
    input.messages = {messages_per_second_, messages_per_second_};
    input.bytes = {bytes_per_second_, bytes_per_second_};
  }
  if (input.turn != turn_) {
    input.turn = turn_;
    if (messages_per_second_ > 0 && input.messages.tokens(now_ns) < -kNothing)
      fail_("a connection is read although it has sent too many messages");
    if (bytes_per_second_ > 0 && input.bytes.tokens(now_ns) < -byte_slack_)
      fail_("a connection is read although it has sent too many bytes");
  }
  input.messages.take(1);
  input.bytes.take(static_cast<double>(bytes));
}

}  // namespace holdfast::sim
