// Values of the settings, read and written.
#include "gateway/settings_value.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace holdfast::gateway {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

// Largest first.
constexpr std::array<Unit, 5> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kBytes = {{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"", 1}}};

std::optional<std::uint64_t> parse_amount(std::string_view text, std::span<const Unit> units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 18) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text.substr(0, digits))
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    // As a signed number, because durations are.
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.size)
      return std::nullopt;
    return number * unit.size;
  }
  return std::nullopt;
}

std::string format_amount(std::uint64_t amount, std::span<const Unit> units) {
  const auto divides = [amount](const Unit& unit) { return amount >= unit.size && amount % unit.size == 0; };
  const auto found = std::find_if(units.begin(), units.end(), divides);
  if (found == units.end()) return "0";
  return absl::StrCat(amount / found->size, std::string(found->name));
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), 0u);
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  const std::optional<std::uint64_t> amount = parse_amount(text, kDurations);
  if (!amount) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*amount));
}

std::string format_duration(std::chrono::milliseconds duration) {
  if (duration.count() == 0) return "0s";
  return format_amount(static_cast<std::uint64_t>(duration.count()), kDurations);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_amount(text, kBytes);
}

std::string format_bytes(std::uint64_t bytes) {
  return format_amount(bytes, kBytes);
}

bool add_group(std::string_view name, Groups& groups) {
  if (name == "users" || name == "anybody") groups.users = true;
  if (name == "anonymous" || name == "anybody") groups.anonymous = true;
  if (name == "subscribers") groups.subscribers = true;
  return name == "users" || name == "anonymous" || name == "anybody" || name == "subscribers" ||
         name == "nobody";
}

std::string format_groups(const Groups& groups) {
  std::string text;
  const auto add = [&text](std::string_view name) {
    text.append(text.empty() ? "" : ", ").append("\"").append(name).append("\"");
  };
  if (groups.users && groups.anonymous) {
    add("anybody");
  } else if (groups.users) {
    add("users");
  } else if (groups.anonymous) {
    add("anonymous");
  }
  if (groups.subscribers) add("subscribers");
  return "[" + text + "]";
}

std::optional<RecoveryMode> parse_recovery(std::string_view text) {
  for (const RecoveryMode mode : {RecoveryMode::off, RecoveryMode::stream, RecoveryMode::cache}) {
    if (text == format_recovery(mode)) return mode;
  }
  return std::nullopt;
}

std::string_view format_recovery(RecoveryMode mode) {
  switch (mode) {
    case RecoveryMode::off:
      return "off";
    case RecoveryMode::stream:
      return "stream";
    case RecoveryMode::cache:
      return "cache";
  }
  return "off";
}

std::string nearest(std::string_view word, std::span<const std::string> known) {
  // Long words are no typing errors, and comparing them would take time.
  constexpr std::size_t kLongest = 64;
  if (word.size() > kLongest) return {};
  std::string best;
  std::size_t best_distance = word.size() / 3 + 2;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

}  // namespace holdfast::gateway
