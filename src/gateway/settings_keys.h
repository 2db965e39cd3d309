// The table of all keys: what a setting is called in the file, where it lives, which values it takes, and
// whether SIGHUP may change it. Reading, describing and comparing settings all walk this table, so a key
// cannot be known to one and forgotten by another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/settings.h"

namespace holdfast::gateway {

// 32-bit fields are counts, 64-bit fields amounts of memory.
template <class Section>
using Field = std::variant<bool Section::*, std::uint32_t Section::*, std::uint64_t Section::*,
                           milliseconds Section::*, std::string Section::*,
                           std::vector<std::string> Section::*, Secret Section::*, FileText Section::*,
                           std::vector<FileText> Section::*, Groups Section::*, RecoveryMode Section::*>;

enum class Change : std::uint8_t { reload, restart };

template <class Section>
struct Key {
  std::string_view name;
  Field<Section> field;
  Change change;
  // Of a count, of bytes, of milliseconds, or of a text's length; 0 besides `least` is always taken when
  // `zero` says so.
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool zero = false;
};

std::span<const Key<ServerSettings>> keys_of(const ServerSettings&);
std::span<const Key<ClientSettings>> keys_of(const ClientSettings&);
std::span<const Key<TokenSettings>> keys_of(const TokenSettings&);
std::span<const Key<ApiSettings>> keys_of(const ApiSettings&);
std::span<const Key<HistorySettings>> keys_of(const HistorySettings&);
std::span<const Key<MemorySettings>> keys_of(const MemorySettings&);
std::span<const Key<ChannelRules>> keys_of(const ChannelRules&);

// Calls visit(name of the table in the file, section of one, section of the other) for every fixed section;
// the first has no name.
template <class Settings, class OtherSettings, class Visit>
void for_each_section(Settings& one, OtherSettings& other, Visit visit) {
  visit("", one.server, other.server);
  visit("client", one.client, other.client);
  visit("token", one.token, other.token);
  visit("api", one.api, other.api);
  visit("history", one.history, other.history);
  visit("memory", one.memory, other.memory);
  visit("channels", one.channels, other.channels);
}
template <class Settings, class Visit>
void for_each_section(Settings& settings, Visit visit) {
  for_each_section(settings, settings,
                   [&visit](std::string_view name, auto& section, auto&) { visit(name, section); });
}
inline constexpr std::string_view kNamespaces = "namespaces";

// What a key adds to its name when the value is a secret read from elsewhere.
inline constexpr std::string_view kFileSuffix = "_file";
inline constexpr std::string_view kEnvironmentSuffix = "_env";

inline std::string dotted(std::string_view table, std::string_view key) {
  std::string name(table);
  return name.append(table.empty() ? "" : ".").append(key);
}

}  // namespace holdfast::gateway
