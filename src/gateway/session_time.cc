// Deadlines of clients: connect in time, pings and pongs, the end of tokens. Each client has one, the
// earliest; when it has come, what it was for is found out.
//
// Tokens end by the wall clock, which may jump: their deadlines are looked at again when they come, and never
// lie further ahead than a minute.
#include <algorithm>

#include "gateway/framing.h"
#include "gateway/session.h"
#include "net/ticks.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

constexpr std::int64_t kLookAheadS = 60;
constexpr std::size_t kDeadlinesPerTurn = 4096;
constexpr time::Tick kTicksPerSecond = 1'000'000'000 / kTickNs;

std::int64_t seconds(milliseconds duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

}  // namespace

void Sessions::on_timer() {
  time::Wheel& wheel = clients_.wheel();
  due_.clear();
  const bool done = wheel.advance(shard_.now(), kDeadlinesPerTurn, due_);
  for (const Index client : due_) on_deadline(client);
  if (!done) return shard_.wake_no_later(shard_.now_ns());
  constexpr time::Tick kSecondTicks = kTicksPerSecond;
  const time::Tick ticks = wheel.ticks_until_next(kSecondTicks);
  shard_.wake_no_later((shard_.now_ns() / kTickNs + ticks) * kTickNs);
}

void Sessions::on_deadline(Index index) {
  Client& client = clients_[index];
  switch (client.state) {
    case Client::State::waiting:
    case Client::State::connecting:
    case Client::State::refused:
      return disconnect(index, DisconnectCode::stale);
    case Client::State::connected:
      break;
    case Client::State::ended:
    case Client::State::free:
      return;
  }
  const ClientSettings& settings = shard_.settings().client;
  const time::Tick interval = client.ping_interval_s * kTicksPerSecond;
  if (client.is(Client::kPongDue) &&
      net::reached(shard_.now(), client.next_ping - interval + ShardState::ticks(settings.pong_timeout))) {
    shard_.counters().no_pongs.add();
    return disconnect(index, DisconnectCode::no_pong);
  }
  const bool expires = client.expires_s != 0;
  // A unidirectional client cannot bring another token.
  const std::int64_t grace_s = client.transport().unidirectional ? 0 : seconds(settings.expired_grace);
  if (expires && shard_.unix_time_s() >= client.expires_s + grace_s) {
    return disconnect(index, DisconnectCode::connection_expired);
  }
  if (client.is(Client::kSubsExpire) && !expire_subscriptions(index)) return;
  if (client.ping_interval_s != 0 && net::reached(shard_.now(), client.next_ping)) send_ping(index);
  schedule(index);
}

// False when that closed the client.
bool Sessions::expire_subscriptions(Index index) {
  const std::int64_t ended_before_s = shard_.unix_time_s() - seconds(shard_.settings().client.expired_grace);
  std::vector<Index> over;
  bool server_side = false;
  subscribers_.for_each_of_client(
      clients_[index].subscriptions, [&](Index at, const Subscription& subscription) {
        if ((subscription.flags & Subscription::kExpires) == 0 || subscription.expires_s > ended_before_s)
          return;
        over.push_back(at);
        server_side |= (subscription.flags & Subscription::kServerSide) != 0;
      });
  if (server_side) {
    disconnect(index, DisconnectCode::subscription_expired);
    return false;
  }
  for (const Index subscription : over) unsubscribe(index, subscription, UnsubscribeCode::expired);
  return clients_[index].state == Client::State::connected;
}

// The same bytes for all clients of a form. Pings of WebSocket itself are the core's: it ends who does not
// answer.
void Sessions::send_ping(Index index) {
  Client& client = clients_[index];
  const Transport transport = client.transport();
  shard_.counters().pings.add();
  client.next_ping = shard_.now() + client.ping_interval_s * kTicksPerSecond;
  if (transport.frame_pings) return client.connection.ping();
  SharedMessage& ping = pings_[transport.form()];
  if (!ping) {
    scratch_.clear();
    append_ping(transport.encoding, scratch_);
    std::string framed;
    ping = shard_.handler.share(frame_message(transport, scratch_, framed));
  }
  outgoing_.flush();
  client.connection.send(ping);
  if (client.is(Client::kAsksPong)) client.flags |= Client::kPongDue;
}

// Clients that connect together are not pinged together (rule R12).
void Sessions::start_pings(Index index) {
  Client& client = clients_[index];
  if (client.ping_interval_s == 0) return;
  const time::Tick interval = client.ping_interval_s * kTicksPerSecond;
  client.next_ping =
      shard_.now() + interval / 2 + static_cast<time::Tick>(shard_.random.below(interval / 2 + 1));
}

void Sessions::set_expiry(Index index, std::int64_t expires_at_s) {
  clients_[index].expires_s =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(expires_at_s, 0, 0xffff'ffff));
  if (clients_[index].state == Client::State::connected) schedule(index);
}

// Rounded up; no further ahead than kLookAheadS.
time::Tick Sessions::tick_at(std::int64_t unix_time_s) const {
  const std::int64_t ahead_s = std::clamp<std::int64_t>(unix_time_s - shard_.unix_time_s(), 0, kLookAheadS);
  return shard_.now() + static_cast<time::Tick>(ahead_s) * kTicksPerSecond + 1;
}

void Sessions::schedule(Index index) {
  const Client& client = clients_[index];
  if (client.state != Client::State::connected) return;
  const ClientSettings& settings = shard_.settings().client;
  bool wanted = false;
  time::Tick earliest = 0;
  const auto consider = [&](time::Tick deadline) {
    if (!wanted || static_cast<std::int32_t>(deadline - earliest) < 0) earliest = deadline;
    wanted = true;
  };
  if (client.ping_interval_s != 0) {
    const time::Tick interval = client.ping_interval_s * kTicksPerSecond;
    consider(client.is(Client::kPongDue)
                 ? client.next_ping - interval + ShardState::ticks(settings.pong_timeout)
                 : client.next_ping);
  }
  const std::int64_t grace_s = seconds(settings.expired_grace);
  if (client.expires_s != 0)
    consider(tick_at(client.expires_s + (client.transport().unidirectional ? 0 : grace_s)));
  if (client.is(Client::kSubsExpire)) {
    subscribers_.for_each_of_client(client.subscriptions, [&](Index, const Subscription& subscription) {
      const bool ends = (subscription.flags & Subscription::kExpires) != 0;
      if (ends) consider(tick_at(subscription.expires_s + grace_s));
    });
  }
  time::Wheel& wheel = clients_.wheel();
  if (!wanted) return wheel.cancel(index);
  wheel.schedule(index, earliest);
  const std::int32_t ticks = std::max(static_cast<std::int32_t>(earliest - shard_.now()), 1);
  shard_.wake_no_later((shard_.now_ns() / kTickNs + static_cast<std::uint32_t>(ticks)) * kTickNs);
}

void Sessions::drop_shared_messages() {
  pings_ = {};
}

}  // namespace holdfast::gateway
