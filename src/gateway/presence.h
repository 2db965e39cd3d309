// Presence: who is in one channel, across all shards.
//
// An entry belongs to one connection on one shard and leaves with it, at once; nothing expires. What an entry
// takes is charged to a bound shared by all channels of the home before it is made. Home shard's thread only.
// Invariant: the users are those of the entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/siphash.h"
#include "gateway/member.h"
#include "holdfast/connection.h"

namespace holdfast::gateway {

// The bound `presence_memory_bytes` of one home.
struct PresenceBudget {
  std::uint64_t bound_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t refusals = 0;
};

class Presence {
 public:
  // The budget outlives this; the key hashes users' names.
  Presence(PresenceBudget& budget, base::SipKey key) : budget_(budget), key_(key) {}
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  // Adds the client or replaces what is known about it. False when the budget refuses; then nothing changed.
  bool join(const ClientId& id, const Member& member, ConnectionId owner);
  // False when the client is not here, or is here through another connection.
  bool leave(const ClientId& id, ConnectionId owner);

  std::uint32_t num_clients() const { return static_cast<std::uint32_t>(entries_.size()); }
  // Anonymous clients together count as one user.
  std::uint32_t num_users() const { return static_cast<std::uint32_t>(users_.size()); }
  bool empty() const { return entries_.empty(); }

  // Calls visit(Member, ConnectionId) for each client, in no order. The views die when visit returns.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [id, entry] : entries_) {
      const ClientId::Text text = id.text();
      visit(entry->member({text.data(), text.size()}), entry->owner);
    }
  }

 private:
  // Texts follow: user, conn_info, chan_info.
  struct Entry {
    ConnectionId owner;
    std::uint32_t user_bytes;
    std::uint32_t conn_info_bytes;
    std::uint32_t chan_info_bytes;
    std::string_view user() const { return {text(), user_bytes}; }
    Member member(std::string_view client) const;
    const char* text() const { return reinterpret_cast<const char*>(this + 1); }
    std::uint64_t charge() const;
  };
  struct EntryDelete {
    void operator()(Entry* entry) const { ::operator delete(entry); }
  };
  using OwnedEntry = std::unique_ptr<Entry, EntryDelete>;
  struct IdHash {
    base::SipKey key;
    std::size_t operator()(const ClientId& id) const {
      return base::siphash(key, std::as_bytes(std::span(id.bytes)));
    }
  };
  static OwnedEntry make_entry(const Member& member, ConnectionId owner);
  void forget_user(std::string_view user);

  PresenceBudget& budget_;
  base::SipKey key_;
  absl::flat_hash_map<ClientId, OwnedEntry, IdHash> entries_{0, IdHash{key_}};
  // By keyed hash of the name: how many entries have it. 64 bits are enough to count by.
  absl::flat_hash_map<std::uint64_t, std::uint32_t> users_;
};

}  // namespace holdfast::gateway
