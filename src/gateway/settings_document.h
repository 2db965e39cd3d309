// The settings file as a tree that remembers where everything was written. The only place that knows the TOML
// library; it throws, and nothing it throws gets past here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/settings.h"

namespace holdfast::gateway {

struct Place {
  std::string file;  // or the override's origin
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Written {
  enum class Kind : std::uint8_t {
    boolean,
    integer,
    text,
    list,
    table,
    other
  };  // other: numbers with a point, dates

  Kind kind = Kind::other;
  Place place;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;  // of a text; for `other` what it is called
  std::vector<Written> items;
  struct Entry;
  std::vector<Entry> entries;
  bool by_override = false;  // a text that may stand for any kind

  // nullptr when the table has no such key.
  const Written* find(std::string_view key) const;
  // As in the file, shortened; empty for tables.
  std::string spelled() const;
};

struct Written::Entry {
  std::string key;
  Place place;
  Written value;
};

// An empty table and a problem when it is no TOML, is larger than kSettingsBytesMaximum, or has a line longer
// than kSettingsLineBytesMaximum.
inline constexpr std::size_t kSettingsBytesMaximum = 1u << 20;
inline constexpr std::size_t kSettingsLineBytesMaximum = 16u << 10;
Written parse_document(std::string_view text, const std::string& file, std::vector<Problem>& problems);

// Puts the override's value where the file would have it.
void apply_override(const Override& change, Written& document);

}  // namespace holdfast::gateway
