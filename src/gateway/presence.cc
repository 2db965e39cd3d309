// Presence: entries in one allocation each, and the count of their users.
#include "gateway/presence.h"

#include <cstring>
#include <limits>
#include <new>

#include "base/check.h"

namespace holdfast::gateway {
namespace {

// The entry, its places in the two tables at their usual load, and the allocator's rounding.
constexpr std::uint64_t kEntryBytes = 112;
// The tables themselves and what else a channel has with its first entry (measured: 304 bytes).
constexpr std::uint64_t kFirstEntryBytes = 240;

void append(char*& place, std::string_view text) {
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  place += text.size();
}

std::uint64_t charge_of(const Member& member) {
  return kEntryBytes + member.user.size() + member.conn_info.size() + member.chan_info.size();
}

}  // namespace

Member Presence::Entry::member(std::string_view client) const {
  return {user(),
          client,
          {text() + user_bytes, conn_info_bytes},
          {text() + user_bytes + conn_info_bytes, chan_info_bytes}};
}

std::uint64_t Presence::Entry::charge() const {
  return charge_of(member({}));
}

Presence::OwnedEntry Presence::make_entry(const Member& member, ConnectionId owner) {
  const std::size_t text_bytes = member.user.size() + member.conn_info.size() + member.chan_info.size();
  CHECK(text_bytes <= std::numeric_limits<std::uint32_t>::max());
  OwnedEntry entry(new (::operator new(sizeof(Entry) + text_bytes))
                       Entry{owner, static_cast<std::uint32_t>(member.user.size()),
                             static_cast<std::uint32_t>(member.conn_info.size()),
                             static_cast<std::uint32_t>(member.chan_info.size())});
  char* place = reinterpret_cast<char*>(entry.get() + 1);
  append(place, member.user);
  append(place, member.conn_info);
  append(place, member.chan_info);
  return entry;
}

Presence::~Presence() {
  for (const auto& [id, entry] : entries_) budget_.used_bytes -= entry->charge();
  if (!empty()) budget_.used_bytes -= kFirstEntryBytes;
}

bool Presence::join(const ClientId& id, const Member& member, ConnectionId owner) {
  const auto known = entries_.find(id);
  const std::uint64_t freed = known == entries_.end() ? 0 : known->second->charge();
  const std::uint64_t charge = charge_of(member) + (empty() ? kFirstEntryBytes : 0);
  CHECK(budget_.used_bytes >= freed);
  if (budget_.used_bytes - freed + charge > budget_.bound_bytes) {
    ++budget_.refusals;
    return false;
  }
  budget_.used_bytes = budget_.used_bytes - freed + charge;
  if (known != entries_.end()) {
    forget_user(known->second->user());
    known->second = make_entry(member, owner);
  } else {
    entries_.emplace(id, make_entry(member, owner));
  }
  ++users_[base::siphash(key_, member.user)];
  return true;
}

bool Presence::leave(const ClientId& id, ConnectionId owner) {
  const auto known = entries_.find(id);
  if (known == entries_.end() || known->second->owner != owner) return false;
  CHECK(budget_.used_bytes >= known->second->charge());
  budget_.used_bytes -= known->second->charge();
  forget_user(known->second->user());
  entries_.erase(known);
  if (empty()) budget_.used_bytes -= kFirstEntryBytes;
  return true;
}

void Presence::forget_user(std::string_view user) {
  const auto found = users_.find(base::siphash(key_, user));
  CHECK(found != users_.end());
  if (--found->second == 0) users_.erase(found);
}

}  // namespace holdfast::gateway
