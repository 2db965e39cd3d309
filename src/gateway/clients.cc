// Clients: records, and the names made from what identifies them.
#include "gateway/clients.h"

#include <array>
#include <cstring>

#include "base/check.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

// Untouched memory is zero, which is not what an empty pool looks like.
memory::PoolState* formatted(const Clients::Memory& memory) {
  *memory.users.state = memory::PoolState{};
  *memory.state = memory::PoolState{};
  return memory.state;
}

time::Wheel start_wheel(const Clients::Memory& memory, std::uint32_t clients_maximum, std::uint64_t now_ns) {
  time::Wheel::format(memory.wheel, static_cast<time::Tick>(now_ns / kTickNs));
  return time::Wheel(memory.wheel, &memory.clients->timer, sizeof(Client), clients_maximum);
}

std::uint64_t hash_of(const base::SipKey& key, std::uint64_t value, std::uint64_t half) {
  const std::array<std::uint64_t, 2> words = {value, half};
  return base::siphash(key, std::as_bytes(std::span(words)));
}

// An Entropy that yields the two halves of one name.
class HashedId final : public base::Entropy {
 public:
  HashedId(const base::SipKey& key, std::uint64_t value) : key_(key), value_(value) {}
  std::uint64_t next() override { return hash_of(key_, value_, half_++); }

 private:
  base::SipKey key_;
  std::uint64_t value_;
  std::uint64_t half_ = 0;
};

}  // namespace

Clients::Clients(base::SipKey names_key, base::SipKey clients_key, const Memory& memory,
                 std::uint32_t clients_maximum, std::uint64_t now_ns)
    : clients_(formatted(memory), memory.clients, clients_maximum),
      items_(memory.clients),
      wheel_(start_wheel(memory, clients_maximum, now_ns)),
      users_(names_key, memory.users, clients_maximum, memory.clients),
      id_key_(clients_key) {}

Index Clients::open(Connection connection, const Transport& transport) {
  const Index index = clients_.claim();
  if (index == kNoIndex) return kNoIndex;
  Client& client = clients_[index];
  client = Client{};
  client.connection = connection;
  client.timer.reset();
  client.user = kNoIndex;
  client.subscriptions = kNoIndex;
  client.info = kNoIndex;
  client.state = Client::State::waiting;
  client.packed_transport = transport.packed();
  return index;
}

void Clients::close(Index index) {
  Client& client = clients_[index];
  CHECK(client.state != Client::State::free && client.subscriptions == kNoIndex);
  wheel_.cancel(index);
  users_.leave(index);
  if (client.is(Client::kInfo)) infos_.drop(client.info);
  client.state = Client::State::free;
  clients_.release(index);
}

Index Clients::find(const ClientReference& reference) const {
  if (reference.client == kNoIndex) return kNoIndex;
  const Client& client = clients_[reference.client];
  const bool here = client.state != Client::State::free && client.state != Client::State::ended &&
                    client.connection.id() == reference.connection;
  return here ? reference.client : kNoIndex;
}

ClientId Clients::id_of(ConnectionId connection) const {
  HashedId entropy(id_key_, connection.value);
  return ClientId::draw(entropy);
}

void Clients::set_user(Index client, std::string_view user) {
  if (!user.empty()) users_.join(user, client);
}

void Clients::set_conn_info(Index index, std::string_view info) {
  Client& client = clients_[index];
  if (client.is(Client::kInfo)) infos_.drop(client.info);
  client.flags &= static_cast<std::uint16_t>(~Client::kInfo);
  if (info.empty()) return;
  client.info = infos_.keep(info);
  client.flags |= Client::kInfo;
}

}  // namespace holdfast::gateway
