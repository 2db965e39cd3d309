// How single values of the settings are written: durations, amounts of memory, groups, and the known word
// nearest to an unknown one. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/channel_rules.h"

namespace holdfast::gateway {

// "250ms", "25s", "5m", "720h", "30d": a whole number and a unit, which 0 does not need.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// In the largest unit that divides it.
std::string format_duration(std::chrono::milliseconds duration);

// "65536", "64KiB", "1MiB", "2GiB".
std::optional<std::uint64_t> parse_bytes(std::string_view text);
std::string format_bytes(std::uint64_t bytes);

// Adds one group by its name: "users", "anonymous", "subscribers", "anybody" (the first two) or "nobody".
bool add_group(std::string_view name, Groups& groups);
std::string format_groups(const Groups& groups);

std::optional<RecoveryMode> parse_recovery(std::string_view text);
std::string_view format_recovery(RecoveryMode mode);

// The word that takes fewest changes, if a typing error can explain them; empty otherwise.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace holdfast::gateway
