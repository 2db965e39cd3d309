// Rate: how much may happen per second, with bursts, kept as one moment for each who is limited.
//
// An account is the moment at which all that was taken so far is paid for at the rate (the generic cell rate
// algorithm; the same decisions as a bucket of tokens, with nothing to refill). It is open while that moment
// lies no further ahead than the burst. What arrives in one piece is charged whole, so an account can be in
// debt: it stays closed the longer, and the average holds. Pure; an account is zero at first.
#pragma once

#include <algorithm>
#include <cstdint>

namespace holdfast::net {

class Rate {
 public:
  // 0 a second: no limit.
  Rate(std::uint64_t per_second, std::uint64_t burst_ns) : per_second_(per_second), burst_ns_(burst_ns) {}

  bool limits() const { return per_second_ > 0; }

  void charge(std::uint64_t& account_ns, std::uint64_t amount, std::uint64_t now_ns) const {
    if (!limits()) return;
    account_ns = std::max(account_ns, now_ns) + amount * kSecondNs / per_second_;
  }
  // When more may be taken: not after `now_ns` when it may at once.
  std::uint64_t open_at_ns(std::uint64_t account_ns) const {
    return limits() && account_ns > burst_ns_ ? account_ns - burst_ns_ : 0;
  }
  // How many whole ones may be taken without a debt.
  std::uint64_t allowance(std::uint64_t account_ns, std::uint64_t now_ns) const {
    const std::uint64_t paid_ns = std::max(account_ns, now_ns);
    const std::uint64_t limit_ns = now_ns + burst_ns_;
    return paid_ns >= limit_ns ? 0 : (limit_ns - paid_ns) * per_second_ / kSecondNs;
  }

  // An amount times this must fit into 64 bits: 18 thousand million of anything at once.
  static constexpr std::uint64_t kSecondNs = 1'000'000'000;

 private:
  std::uint64_t per_second_;
  std::uint64_t burst_ns_;
};

// What one connection has sent.
struct InputAccount {
  std::uint64_t messages_ns;
  std::uint64_t bytes_ns;
};

}  // namespace holdfast::net
