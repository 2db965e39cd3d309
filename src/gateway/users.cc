// Users: names in their records while they are short, and the list of each user's clients.
#include "gateway/users.h"

#include "base/check.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

Users::Users(base::SipKey key, const Memory& memory, std::uint32_t users_maximum, Client* clients)
    : users_(memory.state, memory.users, users_maximum),
      items_(memory.users),
      clients_(clients),
      by_name_(make_record_names<User>(memory.users, key)) {
  // A table that grows leaves its smaller selves behind in the heap: ten bytes for each client.
  by_name_.reserve(users_maximum);
}

Users::~Users() {
  for (Index index = 0; index < users_.state().fresh; ++index) {
    if (items_[index].name_bytes > User::kInlineBytes) delete[] items_[index].name().data();
  }
}

Index Users::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoIndex : *found;
}

Index Users::make(std::string_view name) {
  CHECK(!name.empty() && name.size() <= kNameBytesMaximum);
  const Index index = users_.claim();
  CHECK(index != kNoIndex);  // every user has a client, and there are as many records
  User& user = users_[index];
  user = User{kNoIndex, 0, static_cast<std::uint16_t>(name.size()), {}};
  if (name.size() <= User::kInlineBytes) {
    std::memcpy(user.inlined.data(), name.data(), name.size());
  } else {
    char* copy = new char[name.size()];
    std::memcpy(copy, name.data(), name.size());
    std::memcpy(user.inlined.data(), &copy, sizeof copy);
  }
  CHECK(by_name_.insert(index).second);
  return index;
}

void Users::drop(Index index) {
  CHECK(by_name_.erase(index) == 1);
  User& user = users_[index];
  if (user.name_bytes > User::kInlineBytes) delete[] user.name().data();
  user.name_bytes = 0;
  users_.release(index);
}

void Users::join(std::string_view name, Index client) {
  Index user = find(name);
  if (user == kNoIndex) user = make(name);
  CHECK(clients_[client].user == kNoIndex);
  clients_[client].user = user;
  memory::list_push_front(users_[user].first, client,
                          [this](Index index) -> memory::ListLink& { return clients_[index].by_user; });
  ++users_[user].clients;
}

void Users::leave(Index client) {
  const Index user = clients_[client].user;
  if (user == kNoIndex) return;
  memory::list_remove(users_[user].first, client,
                      [this](Index index) -> memory::ListLink& { return clients_[index].by_user; });
  clients_[client].user = kNoIndex;
  CHECK(users_[user].clients > 0);
  if (--users_[user].clients == 0) drop(user);
}

}  // namespace holdfast::gateway
