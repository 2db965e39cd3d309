// Users: the users connected to this shard, each name kept once, and who their connections are.
//
// Anonymous connections have no user here. Shard thread only. Invariant: a user is known exactly while a
// client refers to it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/siphash.h"
#include "gateway/client.h"
#include "gateway/record_names.h"
#include "memory/mapping.h"
#include "memory/pool.h"

namespace holdfast::gateway {

struct User {
  static constexpr std::size_t kInlineBytes = 22;

  memory::Index first;       // 4: client; first, because a free record's first bytes are the pool's
  std::uint32_t clients;     // 4
  std::uint16_t name_bytes;  // 2: 0 in a free record
  std::array<char, kInlineBytes> inlined;  // 22: the name, or a pointer to it

  std::string_view name() const {
    if (name_bytes <= kInlineBytes) return {inlined.data(), name_bytes};
    const char* elsewhere;
    std::memcpy(&elsewhere, inlined.data(), sizeof elsewhere);
    return {elsewhere, name_bytes};
  }
  // As RecordNames calls the name.
  std::string_view channel() const { return name(); }
};
static_assert(sizeof(User) == 32, "byte budget: most users have one connection");
static_assert(std::is_trivially_copyable_v<User>);

class Users {
 public:
  struct Memory {
    memory::PoolState* state;
    User* users;
  };
  static Memory carve(memory::Carver& carver, std::uint32_t users_maximum) {
    return {carver.take<memory::PoolState>(1), carver.take<User>(users_maximum)};
  }

  // Clients number at most `users_maximum`, so that users do.
  Users(base::SipKey key, const Memory& memory, std::uint32_t users_maximum, Client* clients);
  ~Users();
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  static constexpr std::size_t kNameBytesMaximum = 65'535;

  // Makes the client one of this user's. The name is 1 to kNameBytesMaximum bytes.
  void join(std::string_view name, memory::Index client);
  void leave(memory::Index client);

  memory::Index find(std::string_view name) const;
  // Empty for kNoIndex.
  std::string_view name(memory::Index user) const {
    return user == memory::kNoIndex ? std::string_view() : users_[user].name();
  }
  std::uint32_t connections(memory::Index user) const { return users_[user].clients; }
  // The first of the user's clients; Client::by_user leads to the others.
  memory::Index first_client(memory::Index user) const { return users_[user].first; }
  std::uint32_t size() const { return users_.used(); }

  // Calls visit(name) for those among the next `budget` records that are in use; starts at cursor 0 and
  // returns the next cursor, 0 after the last.
  template <class Visit>
  memory::Index list(memory::Index cursor, std::uint32_t budget, Visit visit) const {
    const memory::Index end = users_.state().fresh;
    for (; budget > 0 && cursor < end; --budget, ++cursor) {
      if (items_[cursor].name_bytes != 0) visit(items_[cursor].name());
    }
    return cursor < end ? cursor : 0;
  }

 private:
  memory::Index make(std::string_view name);
  void drop(memory::Index user);

  memory::Pool<User> users_;
  User* items_;
  Client* clients_;
  RecordNames<User> by_name_;
};

}  // namespace holdfast::gateway
