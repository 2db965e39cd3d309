// Clients: the clients of a shard, their deadlines, and whose they are. Shard thread only.
//
// Invariant: a record is in use exactly from open() to close(), that is from on_open to on_close.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/client.h"
#include "gateway/member.h"
#include "gateway/texts.h"
#include "gateway/users.h"
#include "memory/mapping.h"
#include "memory/pool.h"
#include "time/wheel.h"

namespace holdfast::gateway {

// Coarse enough that pings go out in batches.
inline constexpr std::uint64_t kTickNs = 100'000'000;

class Clients {
 public:
  struct Memory {
    memory::PoolState* state;
    Client* clients;
    time::Wheel::State* wheel;
    Users::Memory users;
  };
  static Memory carve(memory::Carver& carver, std::uint32_t clients_maximum) {
    return {carver.take<memory::PoolState>(1), carver.take<Client>(clients_maximum),
            carver.take<time::Wheel::State>(1), Users::carve(carver, clients_maximum)};
  }

  Clients(base::SipKey names_key, base::SipKey clients_key, const Memory& memory,
          std::uint32_t clients_maximum, std::uint64_t now_ns);

  // kNoIndex at the bound.
  memory::Index open(Connection connection, const Transport& transport);
  // Everything of it has been undone but its user and its info.
  void close(memory::Index client);

  Client& operator[](memory::Index client) { return clients_[client]; }
  const Client& operator[](memory::Index client) const { return clients_[client]; }
  void prefetch(memory::Index client) const { __builtin_prefetch(&items_[client]); }

  // The client, unless it has gone or is going.
  memory::Index find(const ClientReference& reference) const;
  ClientReference reference(memory::Index client) const { return {client, clients_[client].connection.id()}; }

  // A keyed hash of the connection's id: random to everybody else, and nothing to keep.
  ClientId id(memory::Index client) const { return id_of(clients_[client].connection.id()); }
  ClientId id_of(ConnectionId connection) const;

  std::string_view user(memory::Index client) const { return users_.name(clients_[client].user); }
  std::string_view conn_info(memory::Index client) const {
    return clients_[client].is(Client::kInfo) ? infos_[clients_[client].info] : std::string_view();
  }
  void set_user(memory::Index client, std::string_view user);
  void set_conn_info(memory::Index client, std::string_view info);
  Users& users() { return users_; }

  // Calls visit(client) for each connected client of the user. It may end clients.
  template <class Visit>
  void for_each_of(std::string_view user, Visit visit) {
    const memory::Index found = users_.find(user);
    if (found == memory::kNoIndex) return;
    std::vector<memory::Index> clients;
    for (memory::Index client = users_.first_client(found); client != memory::kNoIndex;
         client = clients_[client].by_user.next) {
      clients.push_back(client);
    }
    for (const memory::Index client : clients) {
      if (clients_[client].state == Client::State::connected) visit(client);
    }
  }

  // Calls visit(client) for each record in use. It must not end clients.
  template <class Visit>
  void for_each(Visit visit) const {
    for (memory::Index client = 0; client < clients_.state().fresh; ++client) {
      if (clients_[client].state != Client::State::free) visit(client);
    }
  }

  time::Wheel& wheel() { return wheel_; }
  std::uint32_t size() const { return clients_.used(); }

 private:
  memory::Pool<Client> clients_;
  Client* items_;
  time::Wheel wheel_;
  Users users_;
  Texts infos_;
  base::SipKey id_key_;
};

}  // namespace holdfast::gateway
