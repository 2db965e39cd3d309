// Loading key by key, with the place of each in every message, and the look-up.
#include "auth/keys.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/jwk.h"
#include "auth/openssl_pointers.h"

namespace holdfast::auth {
namespace {

using FilePointer = std::unique_ptr<std::FILE, FreeBy<std::fclose>>;

// The reason of `status` after where it happened, with its code.
absl::Status at(const std::string& name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
}

std::string name_in_set(const KeySource& source, std::size_t index, const Jwk& jwk) {
  std::string name = absl::StrCat(source.name, ": key ", index + 1);
  if (jwk.kid.has_value()) absl::StrAppend(&name, " (kid \"", *jwk.kid, "\")");
  return name;
}

}  // namespace

absl::StatusOr<KeySource> read_key_source(KeySource::Kind kind, const std::string& path) {
  const FilePointer file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno),
                                            "; check the path and that this user may read the file"));
  }
  KeySource source{.kind = kind, .name = path, .text = std::string(kKeyFileBytesMaximum + 1, '\0')};
  source.text.resize(std::fread(source.text.data(), 1, source.text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno), "; is it a file?"));
  }
  if (source.text.size() > kKeyFileBytesMaximum) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": longer than ", kKeyFileBytesMaximum, " bytes; is it a file of keys?"));
  }
  if (kind == KeySource::Kind::hmac_secret) {
    if (source.text.ends_with('\n')) source.text.pop_back();
    if (source.text.ends_with('\r')) source.text.pop_back();
  }
  return source;
}

absl::StatusOr<Keys> Keys::load(std::span<const KeySource> sources) {
  Keys keys;
  for (const KeySource& source : sources) {
    if (const absl::Status status = keys.add(source); !status.ok()) return status;
  }
  return keys;
}

absl::Status Keys::add(const KeySource& source) {
  switch (source.kind) {
    case KeySource::Kind::hmac_secret:
      remark_short_secret(source.name, source.text.size());
      return add_key(source.name, std::nullopt, Key::from_secret(source.text));
    case KeySource::Kind::public_key:
      return add_key(source.name, std::nullopt, Key::from_pem(source.text));
    case KeySource::Kind::jwks:
      return add_jwks(source);
  }
  return absl::InternalError("a kind of key source that does not exist");
}

absl::Status Keys::add_jwks(const KeySource& source) {
  absl::StatusOr<std::vector<Jwk>> set = parse_jwks(source.text);
  if (!set.ok()) return at(source.name, set.status());
  const std::size_t size_before = entries_.size();
  for (std::size_t i = 0; i < set->size(); ++i) {
    Jwk& jwk = (*set)[i];
    const std::string name = name_in_set(source, i, jwk);
    if (!jwk.unused.empty()) {
      remarks_.push_back(absl::StrCat(name, " is left out: ", jwk.unused));
      continue;
    }
    if (jwk.secret_bytes > 0) remark_short_secret(name, jwk.secret_bytes);
    const absl::Status status = add_key(name, std::move(jwk.kid), std::move(jwk.key));
    if (!status.ok()) return status;
  }
  if (entries_.size() == size_before) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name, ": no key in it verifies tokens; add one of kty oct, RSA, EC or OKP"));
  }
  return absl::OkStatus();
}

absl::Status Keys::add_key(const std::string& name, std::optional<std::string> kid, absl::StatusOr<Key> key) {
  if (!key.ok()) return at(name, key.status());
  if (entries_.size() == kKeysMaximum) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": more than ", kKeysMaximum, " keys; remove those no longer in use"));
  }
  // Keys that are found together are tried together; more than may be tried would fail some tokens only.
  std::size_t found_together = 1;
  for (const Entry& entry : entries_) {
    if (entry.kid == kid && entry.key.shares_algorithm(*key)) ++found_together;
  }
  if (kid.has_value() && found_together > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": another key has the same kid and algorithm; give each its own kid"));
  }
  if (found_together > kKeysTriedMaximum) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": more than ", kKeysTriedMaximum,
        " keys without kid are for the same algorithm; remove old ones, or put them into a JWKS with kids"));
  }
  entries_.push_back({std::move(kid), *std::move(key)});
  return absl::OkStatus();
}

void Keys::remark_short_secret(const std::string& name, std::size_t bytes) {
  if (bytes == 0 || bytes >= kSecretBytesRecommended) return;
  remarks_.push_back(absl::StrCat(name, ": the secret has ", bytes,
                                  " bytes; anyone with a token can guess at it, ", "so use ",
                                  kSecretBytesRecommended, " or more, from openssl rand -hex 32"));
}

Keys::Candidates Keys::candidates(std::optional<std::string_view> kid, Algorithm algorithm) const {
  Candidates found;
  const auto collect = [&](auto matches) {
    for (const Entry& entry : entries_) {
      if (found.count == kKeysTriedMaximum) return;
      if (matches(entry) && entry.key.has(algorithm)) found.keys[found.count++] = &entry.key;
    }
  };
  if (!kid.has_value()) {
    collect([](const Entry&) { return true; });
    return found;
  }
  const auto has_kid = [&kid](const Entry& entry) { return entry.kid == kid; };
  found.kid_unknown = std::none_of(entries_.begin(), entries_.end(), has_kid);
  if (found.kid_unknown) {
    collect([](const Entry& entry) { return !entry.kid.has_value(); });
  } else {
    collect(has_kid);
  }
  return found;
}

}  // namespace holdfast::auth
