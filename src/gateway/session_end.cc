// How subscriptions and clients end: whatever they held is undone here, once.
#include <utility>
#include <vector>

#include "base/check.h"
#include "gateway/connecting.h"
#include "gateway/session.h"
#include "http/response_writer.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

void Sessions::end_subscription(Index index, Index at) {
  const Subscription subscription = subscribers_[at];
  UnsubscribeLetter letter;
  letter.channel = subscribers_.channel_of(at).channel();
  letter.shard = shard_.number;
  letter.present = (subscription.flags & Subscription::kPresent) != 0;
  letter.announced = (subscription.flags & Subscription::kAnnounced) != 0;
  if (letter.present || letter.announced) {
    letter.id = clients_.id(index);
    letter.owner = clients_[index].connection.id();
    letter.member = own_member(index, at);
  }
  if ((subscription.flags & Subscription::kInfo) != 0) shard_.chan_infos.erase(at);
  set_subscription_expiry(clients_[index], subscribers_[at], 0);
  letter.last = subscribers_.unsubscribe(clients_[index].subscriptions, at);
  if (!letter.last && !letter.present && !letter.announced) return;
  const std::uint32_t home = shard_.home_of(letter.channel);
  shard_.send(home, std::move(letter));
}

void Sessions::end_all_subscriptions(Index index) {
  while (clients_[index].subscriptions != kNoIndex) end_subscription(index, clients_[index].subscriptions);
  connecting_.erase(index);
}

void Sessions::unsubscribe(Index index, Index subscription, UnsubscribeCode code) {
  const std::string channel(subscribers_.channel_of(subscription).channel());
  end_subscription(index, subscription);
  if (clients_[index].state != Client::State::connected) return;
  const protocol::Unsubscribe push{static_cast<std::uint32_t>(code), reason_of(code)};
  outgoing_.push(index, {channel, 0}, push);
  shard_.send_replies_soon();
}

void Sessions::end_gapped(Index index, std::string_view channel) {
  const Client& client = clients_[index];
  const Index subscription = subscribers_.find(client.subscriptions, channel);
  if (subscription == kNoIndex) return;
  shard_.counters().gaps.add();
  if ((subscribers_[subscription].flags & Subscription::kServerSide) != 0) {
    return disconnect(index, DisconnectCode::insufficient_state);
  }
  unsubscribe(index, subscription, UnsubscribeCode::insufficient_state);
}

void Sessions::end_inappropriate(Index index) {
  disconnect(index, DisconnectCode::inappropriate_protocol);
}

void Sessions::count_out() {
  CHECK(connected_ > 0);
  --connected_;
}

void Sessions::validate() const {
  std::uint32_t connected = 0, subscriptions = 0;
  clients_.for_each([&](Index index) {
    const Client& client = clients_[index];
    connected += client.state == Client::State::connected ? 1u : 0u;
    CHECK(client.state != Client::State::ended || client.subscriptions == kNoIndex);
    std::uint32_t expiring = 0;
    bool waits = client.expires_s != 0 || awaits_pong(client) || wants_ping(client);
    subscribers_.for_each_of_client(client.subscriptions, [&](Index at, const Subscription& subscription) {
      CHECK(subscription.client == index);
      CHECK(((subscription.flags & Subscription::kInfo) != 0) == shard_.chan_infos.contains(at));
      ++subscriptions;
      if ((subscription.flags & Subscription::kExpires) == 0) return;
      ++expiring;
      waits |= (subscription.flags & Subscription::kPending) == 0;
    });
    CHECK(expiring == client.expiring);
    if (client.state == Client::State::connected) CHECK(!waits || clients_.wheel().scheduled(index));
  });
  CHECK(connected == connected_);
  CHECK(subscriptions == subscribers_.subscriptions());
}

void Sessions::disconnect(Index index, DisconnectCode code) {
  disconnect(index, static_cast<std::uint16_t>(code), reason_of(code));
}

// Only a bidirectional WebSocket has a close frame that its client reads; the others get a push before the
// end.
void Sessions::disconnect(Index index, std::uint16_t code, std::string_view reason) {
  Client& client = clients_[index];
  if (client.state == Client::State::free || client.state == Client::State::ended) return;
  shard_.counters().disconnects.add();
  const Transport transport = client.transport();
  const bool has_push = transport.unidirectional || transport.framing != Framing::websocket;
  if (has_push) outgoing_.push(index, {}, protocol::Disconnect{code, reason, false});
  outgoing_.flush();
  if (client.state == Client::State::connected) count_out();
  client.state = Client::State::ended;
  clients_.wheel().cancel(index);
  end_all_subscriptions(index);
  if (transport.framing == Framing::websocket) return client.connection.close(code, reason);
  std::string last;
  http::append_last_chunk(last);
  client.connection.send(Message::binary(std::as_bytes(std::span(last.data(), last.size()))));
  client.connection.close();
}

void Sessions::closed(Index index) {
  Client& client = clients_[index];
  outgoing_.flush();
  if (client.state == Client::State::connected) count_out();
  client.state = Client::State::ended;
  end_all_subscriptions(index);
  if (client.is(Client::kCountedUser)) {
    const std::string_view user = clients_.user(index);
    const std::uint64_t hash = base::siphash(shard_.shared.names_key, user);
    shard_.send(shard_.home_of(user), CountUserLetter{shard_.number, hash, 0, {}});
  }
  clients_.close(index);
}

// Channels whose namespace is gone lose their subscribers.
void Sessions::settings_changed(const Settings& before) {
  const Settings& settings = shard_.settings();
  if (settings.client.pong_timeout != before.client.pong_timeout ||
      settings.client.expired_grace != before.client.expired_grace) {
    deadlines_changed();
  }
  reader_.set_subs_maximum(settings.client.max_channels);
  std::vector<std::string> gone;
  Index cursor = 0;
  do {
    constexpr std::uint32_t kAll = 1u << 30;
    cursor = subscribers_.list("*", cursor, kAll, [&](LocalChannel& channel) {
      channel.rules = settings.rules_of(ChannelName::parse(channel.channel()));
      if (channel.rules == Settings::kNoRules) gone.emplace_back(channel.channel());
    });
  } while (cursor != 0);
  for (const std::string& name : gone) {
    std::vector<Index> clients;
    const Index channel = subscribers_.find_channel(name);
    if (channel == kNoIndex) continue;
    subscribers_.for_each_subscriber(channel, [&](Index, const Subscription& subscription, Index) {
      clients.push_back(subscription.client);
    });
    for (const Index client : clients) {
      const Index subscription = subscribers_.find(clients_[client].subscriptions, name);
      if (subscription != kNoIndex) unsubscribe(client, subscription, UnsubscribeCode::server);
    }
  }
}

}  // namespace holdfast::gateway
