// Handler: what a handler may ask of its shard, forwarded to the shard whose turn is running.
#include "holdfast/handler.h"

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

shard::Shard& shard_of(const Handler* handler) {
  shard::Shard* shard = shard::Shard::current();
  // Only from the handler's own thread, between on_start and on_stop.
  CHECK(shard != nullptr && &shard->handler() == handler);
  return *shard;
}

}  // namespace

std::uint64_t Handler::now_ns() const {
  return shard_of(this).handler_now_ns();
}

std::int64_t Handler::unix_time_s() const {
  return static_cast<std::int64_t>(shard_of(this).wall_ns() / kSecondNs);
}

void Handler::wake_at(std::uint64_t time_ns) {
  shard_of(this).wake_handler_at(time_ns);
}

SharedMessage Handler::share(const Message& message) const {
  return shard_of(this).share(message);
}

}  // namespace holdfast
