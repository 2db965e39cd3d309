// Idempotency: names by keyed hash, and the queue of their ends.
#include "gateway/idempotency.h"

#include "base/check.h"
#include "net/ticks.h"

namespace holdfast::gateway {

Idempotency::Idempotency(base::Entropy& entropy, std::uint32_t results_maximum)
    : results_maximum_(results_maximum) {
  CHECK(results_maximum > 0);
  for (base::SipKey& key : keys_) key = {entropy.next(), entropy.next()};
}

Idempotency::Name Idempotency::name_of(std::string_view channel, std::string_view key) const {
  Name name;
  for (std::size_t half = 0; half < name.size(); ++half) {
    // The channel's hash becomes part of the key for the key's, so that "ab" + "c" is not "a" + "bc".
    const base::SipKey with_channel{keys_[half].low ^ base::siphash(keys_[half], channel), keys_[half].high};
    name[half] = base::siphash(with_channel, key);
  }
  return name;
}

const Position* Idempotency::find(std::string_view channel, std::string_view key) const {
  const auto found = results_.find(name_of(channel, key));
  return found == results_.end() ? nullptr : &found->second;
}

void Idempotency::remember(std::string_view channel, std::string_view key, Position position,
                           time::Tick expires) {
  if (results_.size() >= results_maximum_) {
    drop_oldest();
    ++evictions_;
  }
  const Name name = name_of(channel, key);
  CHECK(results_.emplace(name, position).second);
  expiries_.push_back({name, expires});
}

bool Idempotency::drop_expired(time::Tick now, std::size_t budget) {
  while (!expiries_.empty() && net::reached(now, expiries_.front().expires)) {
    if (budget-- == 0) return false;
    drop_oldest();
  }
  return true;
}

void Idempotency::drop_oldest() {
  CHECK(!expiries_.empty());
  CHECK(results_.erase(expiries_.front().name) == 1);
  expiries_.pop_front();
}

bool Idempotency::next_expiry(time::Tick& expires) const {
  if (expiries_.empty()) return false;
  expires = expiries_.front().expires;
  return true;
}

}  // namespace holdfast::gateway
