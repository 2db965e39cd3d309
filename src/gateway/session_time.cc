// Deadlines of clients: connect in time, pings and pongs, the end of tokens. Each client has one, the
// earliest; when it has come, what it was for is found out.
//
// Tokens end by the wall clock, which may jump: their deadlines are looked at again when they come, and never
// lie further ahead than a minute.
#include <algorithm>

#include "base/check.h"
#include "gateway/framing.h"
#include "gateway/session.h"
#include "net/ping_moments.h"
#include "net/ticks.h"
#include "shard/shard.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

constexpr std::int64_t kLookAheadS = 60;
constexpr std::size_t kDeadlinesPerTurn = 4096;
constexpr time::Tick kTicksPerSecond = 1'000'000'000 / kTickNs;
// Clients ahead of the one whose deadline has come whose memory is asked for: most of what a ping costs is
// waiting for that. Their records stay while the list is worked off: on_close comes later (rule R11).
constexpr std::size_t kPrefetchAhead = 4;

// The core's record of its connection; nullptr when that has ended.
const net::Slot* slot_of(const Client& client) {
  const auto generation = static_cast<std::uint32_t>(client.connection.id().value >> 24 & 0xff'ffff);
  return shard::Shard::current()->find(client.slot(), generation);
}

// It sent more than it may, so the core does not read it yet: its pong may lie behind that.
bool input_waits(const Client& client) {
  const net::Slot* slot = slot_of(client);
  return slot != nullptr && (!slot->wants_input() || slot->is(net::kQueuedReady));
}

// The core waits for the pong to one of WebSocket's own pings.
bool frame_pong_due(const Client& client) {
  const net::Slot* slot = slot_of(client);
  return slot != nullptr && slot->is(net::kPingOutstanding);
}

std::int64_t seconds(milliseconds duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

}  // namespace

void Sessions::on_timer() {
  time::Wheel& wheel = clients_.wheel();
  due_.clear();
  const bool done = wheel.advance(shard_.now(), kDeadlinesPerTurn, due_);
  for (std::size_t i = 0; i < due_.size(); ++i) {
    if (i + 2 * kPrefetchAhead < due_.size()) clients_.prefetch(due_[i + 2 * kPrefetchAhead]);
    if (i + kPrefetchAhead < due_.size()) clients_[due_[i + kPrefetchAhead]].connection.prefetch();
    on_deadline(due_[i]);
  }
  if (!done) return shard_.wake_no_later(shard_.now_ns());
  shard_.wake_in(wheel.ticks_until_next(kTicksPerSecond));
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
  if (awaits_pong(client) && net::reached(shard_.now(), pong_deadline(client))) {
    if (!input_waits(client)) {
      shard_.counters().no_pongs.add();
      return disconnect(index, DisconnectCode::no_pong);
    }
    client.pinged_at = shard_.now();  // as long again
  }
  const bool expires = client.expires_s != 0;
  // A unidirectional client cannot bring another token.
  const std::int64_t grace_s = client.transport().unidirectional ? 0 : seconds(settings.expired_grace);
  if (expires && shard_.unix_time_s() >= client.expires_s + grace_s) {
    return disconnect(index, DisconnectCode::connection_expired);
  }
  if (client.expiring > 0 && !expire_subscriptions(index)) return;
  if (wants_ping(client) && net::reached(shard_.now(), next_ping(client))) send_ping(index);
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

// 0: it does not expire. The only way to change that.
void Sessions::set_subscription_expiry(Client& client, Subscription& subscription,
                                       std::int64_t expires_at_s) {
  if ((subscription.flags & Subscription::kExpires) != 0) {
    CHECK(client.expiring > 0);
    --client.expiring;
  }
  subscription.flags &= static_cast<std::uint16_t>(~Subscription::kExpires);
  if (expires_at_s == 0) return;
  subscription.flags |= Subscription::kExpires;
  subscription.expires_s = static_cast<std::uint32_t>(std::min<std::int64_t>(expires_at_s, 0xffff'ffff));
  ++client.expiring;
}

// The same bytes for all clients of a form. Pings of WebSocket itself are the core's: it ends who does not
// answer.
void Sessions::send_ping(Index index) {
  Client& client = clients_[index];
  const Transport transport = client.transport();
  shard_.counters().pings.add();
  client.pinged_at = shard_.now();
  if (transport.frame_pings) return client.connection.ping(shard_.settings().client.pong_timeout);
  SharedMessage& ping = pings_[transport.form()];
  if (!ping) {
    scratch_.clear();
    append_ping(transport.encoding, scratch_);
    std::string framed;
    ping = shard_.handler.share(frame_message(transport, scratch_, framed));
  }
  outgoing_.flush();
  // Without memory for it there is nothing to answer.
  const bool sent = client.connection.send(ping) != SendResult::refused;
  if (sent && client.is(Client::kAsksPong)) client.flags |= Client::kPongDue;
}

// Who was told at connect that pongs are wanted answers for ever, but is not closed while they are not.
bool Sessions::awaits_pong(const Client& client) const {
  return client.is(Client::kPongDue) && shard_.settings().client.pong_timeout.count() > 0;
}

// One at a time, because each ping is worth one pong.
bool Sessions::wants_ping(const Client& client) {
  return client.ping_interval_s != 0 && !client.is(Client::kPongDue);
}

// As the core does its own (net/ping_moments.h), but whether the client has been quiet or not: it goes by the
// interval it was told, and gives up a server that is late.
time::Tick Sessions::next_ping(const Client& client) {
  const net::PingMoments moments(client.ping_interval_s * kTicksPerSecond);
  return moments.next(client.slot(), client.pinged_at + 1);
}

time::Tick Sessions::pong_deadline(const Client& client) const {
  return client.pinged_at + ShardState::ticks(shard_.settings().client.pong_timeout);
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
  bool wanted = false;
  time::Tick earliest = 0;
  const auto consider = [&](time::Tick deadline) {
    if (!wanted || static_cast<std::int32_t>(deadline - earliest) < 0) earliest = deadline;
    wanted = true;
  };
  if (awaits_pong(client)) consider(pong_deadline(client));
  if (wants_ping(client)) consider(next_ping(client));
  const std::int64_t grace_s = seconds(shard_.settings().client.expired_grace);
  if (client.expires_s != 0)
    consider(tick_at(client.expires_s + (client.transport().unidirectional ? 0 : grace_s)));
  if (client.expiring > 0) {
    subscribers_.for_each_of_client(client.subscriptions, [&](Index, const Subscription& subscription) {
      const bool ends = (subscription.flags & Subscription::kExpires) != 0;
      if (ends) consider(tick_at(subscription.expires_s + grace_s));
    });
  }
  time::Wheel& wheel = clients_.wheel();
  if (!wanted) return wheel.cancel(index);
  wheel.schedule(index, earliest);
  const std::int32_t ticks = std::max(static_cast<std::int32_t>(earliest - shard_.now()), 1);
  shard_.wake_in(static_cast<time::Tick>(ticks));
}

// How long pongs and fresh tokens may take has changed: the deadlines that follow from it are set anew. A
// ping of WebSocket's own that is out keeps its time, unless its pong is forgone.
void Sessions::deadlines_changed() {
  const bool wants_pongs = shard_.settings().client.pong_timeout.count() > 0;
  clients_.for_each([this, wants_pongs](Index index) {
    Client& client = clients_[index];
    if (client.state != Client::State::connected) return;
    const bool forgoes = !wants_pongs && client.transport().frame_pings && frame_pong_due(client);
    if (forgoes) client.connection.ping(milliseconds(0));
    schedule(index);
  });
}

void Sessions::drop_shared_messages() {
  pings_ = {};
}

}  // namespace holdfast::gateway
