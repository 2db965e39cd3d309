// The settings file: from toml++ to our own tree, and overrides on top.
#include "gateway/settings_document.h"

#include <toml++/toml.h>
#include <algorithm>
#include <exception>

#include "absl/strings/str_cat.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kSpelledBytesMaximum = 60;

Place place_of(const toml::source_region& source, const std::string& file) {
  return {file, source.begin.line, source.begin.column};
}

Written convert(const toml::node& node, const std::string& file) {
  Written written;
  written.place = place_of(node.source(), file);
  if (const auto* table = node.as_table()) {
    written.kind = Written::Kind::table;
    for (const auto& [key, value] : *table) {
      written.entries.push_back({std::string(key.str()), place_of(key.source(), file), convert(value, file)});
    }
  } else if (const auto* array = node.as_array()) {
    written.kind = Written::Kind::list;
    for (const toml::node& item : *array) written.items.push_back(convert(item, file));
  } else if (const auto* text = node.as_string()) {
    written.kind = Written::Kind::text;
    written.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    written.kind = Written::Kind::integer;
    written.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    written.kind = Written::Kind::boolean;
    written.boolean = boolean->get();
  } else {
    written.text = node.is_floating_point() ? "a number with a point" : "a date or time";
  }
  return written;
}

// The library goes as deep as a dotted key is long; a key ends with its line.
bool too_large(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  if (text.size() > kSettingsBytesMaximum) {
    problems.push_back(
        {file, 0, 0, "", "", absl::StrCat("the file has ", text.size(), " bytes"),
         absl::StrCat("settings take at most ", kSettingsBytesMaximum, ": is it the right file?")});
    return true;
  }
  std::uint32_t line = 1;
  for (std::size_t start = 0; start < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (end - start > kSettingsLineBytesMaximum) {
      problems.push_back({file, line, 1, "", "", absl::StrCat("the line has ", end - start, " bytes"),
                          absl::StrCat("break it; lines take at most ", kSettingsLineBytesMaximum)});
      return true;
    }
    start = end + 1;
  }
  return false;
}

Written::Entry* entry_of(Written& table, std::string_view key) {
  const auto same = [key](const Written::Entry& entry) { return entry.key == key; };
  const auto found = std::find_if(table.entries.begin(), table.entries.end(), same);
  return found == table.entries.end() ? nullptr : &*found;
}

}  // namespace

const Written* Written::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::string Written::spelled() const {
  std::string spelling;
  switch (kind) {
    case Kind::boolean:
      return boolean ? "true" : "false";
    case Kind::integer:
      return std::to_string(integer);
    case Kind::other:
      return text;
    case Kind::table:
      return {};
    case Kind::text:
      spelling = by_override ? text : "\"" + text + "\"";
      break;
    case Kind::list:
      for (const Written& item : items) {
        spelling.append(spelling.empty() ? "" : ", ").append(item.spelled());
        if (spelling.size() > kSpelledBytesMaximum) break;
      }
      spelling = "[" + spelling + "]";
      break;
  }
  if (spelling.size() > kSpelledBytesMaximum) spelling = spelling.substr(0, kSpelledBytesMaximum - 3) + "...";
  // Terminals and logs read the message.
  std::replace_if(
      spelling.begin(), spelling.end(), [](char byte) { return static_cast<unsigned char>(byte) < ' '; },
      ' ');
  return spelling;
}

Written parse_document(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  Written nothing;
  nothing.kind = Written::Kind::table;
  nothing.place.file = file;
  if (too_large(text, file, problems)) return nothing;
  try {
    return convert(toml::parse(text, std::string_view(file)), file);
  } catch (const toml::parse_error& error) {
    problems.push_back({file, error.source().begin.line, error.source().begin.column, "", "",
                        std::string(error.description()),
                        "settings are written in TOML 1.0: https://toml.io"});
  } catch (const std::exception& error) {
    problems.push_back(
        {file, 0, 0, "", "", error.what(), "settings are written in TOML 1.0: https://toml.io"});
  }
  return nothing;
}

void apply_override(const Override& change, Written& document) {
  Written* table = &document;
  std::string_view key = change.key;
  // A namespace's name may have points in it: between "namespaces." and the last one.
  while (key.find('.') != std::string_view::npos) {
    const bool in_namespace = table != &document;
    const std::size_t point = in_namespace ? key.rfind('.') : key.find('.');
    const std::string_view name = key.substr(0, point);
    Written::Entry* entry = entry_of(*table, name);
    if (entry == nullptr || entry->value.kind != Written::Kind::table) {
      if (entry != nullptr) table->entries.erase(table->entries.begin() + (entry - table->entries.data()));
      Written added;
      added.kind = Written::Kind::table;
      added.place.file = change.origin;
      table->entries.push_back({std::string(name), added.place, added});
      entry = &table->entries.back();
    }
    table = &entry->value;
    key.remove_prefix(point + 1);
  }
  Written value;
  value.kind = Written::Kind::text;
  value.text = change.value;
  value.by_override = true;
  value.place.file = change.origin;
  if (Written::Entry* entry = entry_of(*table, key)) {
    entry->place = value.place;
    entry->value = value;
  } else {
    table->entries.push_back({std::string(key), value.place, value});
  }
}

}  // namespace holdfast::gateway
