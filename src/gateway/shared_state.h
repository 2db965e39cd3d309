// SharedState: what the gateways of all shards share: the plan of the server, the settings they start with,
// keys of hashes, the bound on publications. Made once, before the server; immutable but for atomics.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/keys.h"
#include "auth/token.h"
#include "base/entropy.h"
#include "base/siphash.h"
#include "gateway/counters.h"
#include "gateway/http_side.h"
#include "gateway/post.h"
#include "gateway/publication.h"
#include "gateway/settings.h"
#include "holdfast/config.h"
#include "memory/mapping.h"

namespace holdfast::gateway {

// Settings and what was made of them. Immutable; a reload makes another.
struct Snapshot {
  std::shared_ptr<const Settings> settings;
  std::shared_ptr<const auth::Keys> keys;
  auth::Expectations expectations;
};
// Errors: a key that cannot be used, with its name.
absl::StatusOr<Snapshot> make_snapshot(std::shared_ptr<const Settings> settings);

// The Config of a server for these settings.
Config make_config(const Settings& settings);

struct SharedState {
  // Settles the number of shards and reserves each one's memory. Errors as of Server::create. `entropy` is
  // asked on every shard's thread and outlives the state; none: the system's.
  static absl::StatusOr<std::shared_ptr<SharedState>> create(Snapshot snapshot,
                                                             HttpSideFactory make_http_side,
                                                             base::Entropy* entropy = nullptr);

  explicit SharedState(const Snapshot& first)
      : snapshot(first), publication_budget(first.settings->memory.publication_memory_bytes) {}

  Config config;  // for Server::create, as it is
  Snapshot snapshot;
  HttpSideFactory make_http_side;  // may be empty: no HTTP
  base::Entropy* entropy = nullptr;
  base::SipKey names_key;     // of channels and users
  base::SipKey clients_key;   // makes client ids
  base::SipKey sessions_key;  // makes sessions
  std::uint32_t shards = 1;
  // Per shard.
  std::uint32_t clients_maximum = 0;
  std::uint32_t subscriptions_maximum = 0;
  std::uint32_t channels_maximum = 0;
  std::uint32_t letters_maximum = Post::kLettersMaximum;  // to one other shard
  std::vector<memory::Mapping> mappings;
  std::vector<Counters> counters;
  PublicationBudget publication_budget;
};

}  // namespace holdfast::gateway
