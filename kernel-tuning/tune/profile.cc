// The table of a profile's keys, and the parser that holds a file against it.
#include "tune/profile.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "tune/text.h"

namespace holdfast::tune {
namespace {

constexpr std::string_view kFolder = "/etc/holdfast/profiles/";

enum class Unit { count, bytes, share };

struct Key {
  std::string_view name;
  std::uint64_t Profile::*field;
  Unit unit;
  std::uint64_t least, most;
};

// The ranges are what the kernel takes, and what is not absurd.
constexpr std::uint64_t kGibibyte = 1ull << 30;
constexpr Key kKeys[] = {
    {"reconnect_window_s", &Profile::reconnect_window_s, Unit::count, 1, 86'400},
    {"listener_stall_ms", &Profile::listener_stall_ms, Unit::count, 1, 60'000},
    {"chain_length", &Profile::chain_length, Unit::count, 1, 1'000},
    {"broadcast_share", &Profile::broadcast_millionths, Unit::share, 0, 1'000'000},
    {"tcp_rmem_default_at_most", &Profile::receive_default_maximum, Unit::bytes, 4096, kGibibyte},
    {"tcp_rmem_limit_at_least", &Profile::receive_limit_minimum, Unit::bytes, 4096, kGibibyte},
    {"tcp_rmem_limit_at_most", &Profile::receive_limit_maximum, Unit::bytes, 4096, kGibibyte},
    {"tcp_wmem_default_at_most", &Profile::send_default_maximum, Unit::bytes, 4096, kGibibyte},
    {"tcp_wmem_limit_at_least", &Profile::send_limit_minimum, Unit::bytes, 4096, kGibibyte},
    {"tcp_wmem_limit_at_most", &Profile::send_limit_maximum, Unit::bytes, 4096, kGibibyte},
    {"notsent_lowat_at_most", &Profile::notsent_maximum, Unit::bytes, 4096, 4'294'967'295},
    {"fin_timeout_at_most_s", &Profile::fin_timeout_maximum_s, Unit::count, 1, 3'600},
    {"swappiness_at_most", &Profile::swappiness_maximum, Unit::count, 0, 200},
};

std::optional<std::uint64_t> parse_value(Unit unit, std::string_view text) {
  switch (unit) {
    case Unit::count:
      return parse_count(text);
    case Unit::bytes:
      return parse_bytes(text);
    case Unit::share:
      return parse_share(text);
  }
  return std::nullopt;
}

absl::Status check_pairs(const Profile& profile, const std::string& where) {
  if (profile.receive_limit_minimum > profile.receive_limit_maximum ||
      profile.send_limit_minimum > profile.send_limit_maximum ||
      profile.receive_default_maximum > profile.receive_limit_maximum ||
      profile.send_default_maximum > profile.send_limit_maximum) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": a default or an at_least is larger than its limit_at_most"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Profile> parse_profile(std::string_view name, std::string_view text) {
  Profile profile;
  profile.name = std::string(name);
  const std::string where = "profile " + profile.name;
  std::set<std::string_view> seen;
  std::uint64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, std::min(text.find('#'), end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    const std::string_view key_name = trimmed(line.substr(0, equals));
    const Key* key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&](const Key& candidate) { return candidate.name == key_name; });
    const std::string place = absl::StrCat(where, ", line ", number, ": ");
    if (equals == std::string_view::npos || key == std::end(kKeys)) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, "\"", std::string(line), "\" is not a known key = value"));
    }
    const std::string value_text(trimmed(line.substr(equals + 1)));
    const auto value = parse_value(key->unit, value_text);
    if (!value || *value < key->least || *value > key->most) {
      return absl::InvalidArgumentError(absl::StrCat(place, std::string(key->name), " = ", value_text,
                                                     ": choose from ", key->least, " to ", key->most));
    }
    if (!seen.insert(key->name).second)
      return absl::InvalidArgumentError(absl::StrCat(place, std::string(key->name), " is there twice"));
    profile.*(key->field) = *value;
  }
  for (const Key& key : kKeys) {
    if (!seen.count(key.name))
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", std::string(key.name), " is missing"));
  }
  if (absl::Status status = check_pairs(profile, where); !status.ok()) return status;
  return profile;
}

absl::StatusOr<Profile> load_profile(const Host& host, std::string_view name_or_path) {
  const std::string name(name_or_path);
  // A path is the caller's own file, wherever the host's root is.
  if (name.find('/') != std::string::npos) {
    const Reading reading = Host().read(name);
    if (!reading.ok) return absl::InvalidArgumentError(absl::StrCat("profile ", name, ": ", reading.reason));
    return parse_profile(name, reading.text);
  }
  const std::string path = std::string(kFolder) + name + ".profile";
  const Reading reading = host.read(path);
  if (reading.ok) return parse_profile(name, reading.text);
  if (!reading.absent) return absl::InvalidArgumentError(absl::StrCat(path, ": ", reading.reason));
  std::string known;
  for (const BuiltInProfile& profile : built_in_profiles()) {
    if (profile.name == name_or_path) return parse_profile(profile.name, profile.text);
    known += (known.empty() ? "" : ", ") + std::string(profile.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("profile=", name, ": there are ", known, ", files ",
                                                 std::string(kFolder), "NAME.profile, and paths"));
}

}  // namespace holdfast::tune
