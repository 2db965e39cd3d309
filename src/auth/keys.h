// Keys: all keys tokens are verified with, found by kid. Immutable once loaded, so that every shard reads the
// same object; a reload makes another.
//
// Pure but for read_key_source(). A kid is compared with the keys' and used for nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "auth/algorithm.h"
#include "auth/key.h"

namespace holdfast::auth {

inline constexpr std::size_t kKeysMaximum = 64;
// How many signatures one token may cost; during a rotation two keys are valid.
inline constexpr std::size_t kKeysTriedMaximum = 4;
inline constexpr std::size_t kKeyFileBytesMaximum = 1u << 20;

// Where keys come from.
struct KeySource {
  enum class Kind {
    hmac_secret,  // the bytes of the secret
    public_key,   // PEM
    jwks,         // a JWK Set (RFC 7517), or a single JWK
  };
  Kind kind = Kind::hmac_secret;
  std::string name;  // for messages: the file, or the setting that holds the text
  std::string text;
};

// Reads the file at `path` now. The line break at the end of a secret's file is not part of the secret.
absl::StatusOr<KeySource> read_key_source(KeySource::Kind kind, const std::string& path);

class Keys {
 public:
  // Keys that may have signed a token, in the order in which to try them.
  struct Candidates {
    std::array<const Key*, kKeysTriedMaximum> keys = {};
    std::size_t count = 0;
    bool kid_unknown = false;  // the token names a key that is not here
    std::span<const Key* const> span() const { return {keys.data(), count}; }
  };

  // No keys: every token is invalid.
  Keys() = default;
  // All keys of all sources, in their order: for a rotation the new key comes first and the old one after it.
  // An error names the source, the key in it, what is wrong and what to do.
  static absl::StatusOr<Keys> load(std::span<const KeySource> sources);

  // By kid when a key has it; a kid that no key has leaves those that have none themselves (secrets and PEM
  // keys). Without a kid: all. Only keys that have `algorithm`.
  Candidates candidates(std::optional<std::string_view> kid, Algorithm algorithm) const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // What an operator should know though it is no error: keys left out, secrets too short. A sentence each.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  struct Entry {
    std::optional<std::string> kid;
    Key key;
  };

  absl::Status add(const KeySource& source);
  absl::Status add_jwks(const KeySource& source);
  // `name` is that of the source and the key's place in it.
  absl::Status add_key(const std::string& name, std::optional<std::string> kid, absl::StatusOr<Key> key);
  void remark_short_secret(const std::string& name, std::size_t bytes);

  std::vector<Entry> entries_;
  std::vector<std::string> remarks_;
};

}  // namespace holdfast::auth
