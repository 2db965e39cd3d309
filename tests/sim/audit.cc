// Audit: the rules a run is held to.
#include "audit.h"

#include "base/check.h"

namespace holdfast::sim {
namespace {

std::string name(std::uint32_t client) {
  return "client " + std::to_string(client);
}

std::string name(const std::pair<std::uint32_t, std::uint32_t>& key) {
  return "message " + std::to_string(key.second) + " of client " + std::to_string(key.first);
}

}  // namespace

Audit::ClientRecord& Audit::record(std::uint32_t client) {
  if (client >= clients_.size()) clients_.resize(client + 1);
  return clients_[client];
}

std::uint32_t Audit::sent(std::uint32_t client, MessageType type, std::size_t bytes) {
  ClientRecord& sender = record(client);
  sender.sent.push_back(Sent{type, bytes});
  return static_cast<std::uint32_t>(sender.sent.size() - 1);
}

void Audit::received(std::uint32_t client, std::optional<MessageType> type, std::string_view payload) {
  ++received_;
  std::optional<Canary> canary = verify(payload);
  if (!canary.has_value()) {
    return fail(name(client) + " received " + std::to_string(payload.size()) +
                " bytes nobody sent: " + std::string(payload.substr(0, 40)));
  }
  if (canary->client >= clients_.size() || canary->sequence >= clients_[canary->client].sent.size()) {
    return fail(name(client) + " received " + name(Key{canary->client, canary->sequence}) + ", never sent");
  }
  const Sent& original = clients_[canary->client].sent[canary->sequence];
  if (original.bytes != payload.size() || (type.has_value() && original.type != *type)) {
    return fail(name(client) + " received " + name(Key{canary->client, canary->sequence}) + " with " +
                std::to_string(payload.size()) + " of " + std::to_string(original.bytes) +
                " bytes or another type");
  }
  ClientRecord& receiver = record(client);
  if (mode_ == Mode::echo) {
    received_echo(client, receiver, *canary);
  } else {
    received_broadcast(client, receiver, *canary);
  }
  ++receiver.received;
}

void Audit::received_echo(std::uint32_t client, ClientRecord& receiver, const Canary& canary) {
  if (canary.client != client) return fail(name(client) + " received the echo of " + name(canary.client));
  if (canary.sequence != receiver.received) {
    fail(name(client) + " received echo " + std::to_string(canary.sequence) + " where " +
         std::to_string(receiver.received) + " was due");
  }
}

void Audit::received_broadcast(std::uint32_t client, ClientRecord& receiver, const Canary& canary) {
  Key key{canary.client, canary.sequence};
  if (!published_.contains(key)) fail(name(client) + " received " + name(key) + ", never published");
  auto [next, first] = receiver.next_of.try_emplace(canary.client, canary.sequence);
  if (next->second != canary.sequence) {
    fail(name(client) + " received " + name(key) + " where " + std::to_string(next->second) + " was due");
  }
  next->second = canary.sequence + 1;
  if (receiver.last != kNone) {
    auto [follower, unknown] = follower_.try_emplace(receiver.last, key);
    if (follower->second != key) {
      fail(name(client) + " received " + name(key) + " after " + name(receiver.last) + ", others " +
           name(follower->second));
    }
    auto [precursor, new_one] = precursor_.try_emplace(key, receiver.last);
    if (precursor->second != receiver.last) {
      fail(name(client) + " received " + name(key) + " after " + name(receiver.last) + ", others after " +
           name(precursor->second));
    }
  }
  receiver.last = key;
}

std::optional<std::size_t> Audit::size_of(std::string_view beginning) const {
  std::optional<Canary> canary = verify(beginning.substr(0, Canary::kBytes));
  if (!canary.has_value() || canary->client >= clients_.size()) return std::nullopt;
  const ClientRecord& sender = clients_[canary->client];
  if (canary->sequence >= sender.sent.size()) return std::nullopt;
  return sender.sent[canary->sequence].bytes;
}

bool Audit::all_echoed(std::uint32_t client) const {
  return client >= clients_.size() || clients_[client].received == clients_[client].sent.size();
}

std::uint32_t Audit::received_count(std::uint32_t client) const {
  return client < clients_.size() ? clients_[client].received : 0;
}

bool Audit::up_to_date(std::uint32_t client) const {
  if (client >= clients_.size() || clients_[client].last == kNone) return true;
  return !follower_.contains(clients_[client].last);
}

void Audit::opened(ConnectionId connection) {
  ++opened_;
  if (!connections_.try_emplace(connection.value).second) {
    fail("on_open a second time for connection " + std::to_string(connection.value));
  }
}

void Audit::message(ConnectionId connection, MessageType type, std::string_view payload) {
  ++handled_;
  auto found = connections_.find(connection.value);
  if (found == connections_.end()) return fail("on_message before on_open");
  ConnectionRecord& open = found->second;
  if (open.closed) return fail("on_message after on_close");
  std::optional<Canary> canary = verify(payload);
  if (!canary.has_value()) {
    return fail("on_message with " + std::to_string(payload.size()) +
                " bytes nobody sent: " + std::string(payload.substr(0, 40)));
  }
  if (!open.bound) {
    open.bound = true;
    open.client = canary->client;
  }
  if (open.client != canary->client)
    return fail("a connection of " + name(open.client) + " and " + name(canary->client));
  if (open.next_sequence != canary->sequence) {
    fail("on_message with " + name(Key{canary->client, canary->sequence}) + " where " +
         std::to_string(open.next_sequence) + " was due");
  }
  open.next_sequence = canary->sequence + 1;
  const ClientRecord& sender = record(canary->client);
  if (canary->sequence >= sender.sent.size() || sender.sent[canary->sequence].bytes != payload.size() ||
      sender.sent[canary->sequence].type != type) {
    fail("on_message with " + name(Key{canary->client, canary->sequence}) + ", not as it was sent");
  }
}

void Audit::published(std::string_view payload) {
  std::optional<Canary> canary = verify(payload);
  CHECK(canary.has_value());
  published_[Key{canary->client, canary->sequence}] = true;
}

std::string Audit::close_of(std::uint32_t client) const {
  return client < clients_.size() ? clients_[client].close : std::string();
}

void Audit::closed(ConnectionId connection, const Close& close) {
  ++closed_;
  auto found = connections_.find(connection.value);
  if (found == connections_.end()) return fail("on_close without on_open");
  if (found->second.closed)
    return fail("on_close a second time for connection " + std::to_string(connection.value));
  found->second.closed = true;
  if (!found->second.bound) return;
  record(found->second.client).close = (close.by_peer ? ", closed by peer: " : ", closed: ") +
                                       std::to_string(close.code) + " " + std::string(close.reason);
}

void Audit::expect_all_closed() {
  for (auto& [connection, seen] : connections_) {
    if (!seen.closed) fail("no on_close for connection " + std::to_string(connection));
  }
}

}  // namespace holdfast::sim
