// SettingsReader: tables, unknown keys, and the value of each kind of key.
#include "gateway/settings_reader.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gateway/settings_value.h"

namespace holdfast::gateway {
namespace {

using Kind = Written::Kind;

std::string plain(std::uint64_t number) {
  return std::to_string(number);
}

std::string as_duration(std::uint64_t number) {
  return format_duration(milliseconds(static_cast<std::int64_t>(number)));
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// Of a secret: its own name and those with which it comes from elsewhere.
template <class Section>
void append_names(const Key<Section>& key, std::vector<std::string>& names) {
  names.emplace_back(key.name);
  if (!std::holds_alternative<Secret Section::*>(key.field)) return;
  for (const std::string_view suffix : {kFileSuffix, kEnvironmentSuffix}) {
    names.push_back(std::string(key.name).append(suffix));
  }
}

// The table in which a key of this name stands, if another one has it.
std::string table_with(const std::string& key, const std::string& besides) {
  std::string found;
  Settings defaults;
  for_each_section(defaults, [&](std::string_view name, const auto& section) {
    std::vector<std::string> names;
    for (const auto& known : keys_of(section)) append_names(known, names);
    if (name != besides && found.empty() && std::find(names.begin(), names.end(), key) != names.end())
      found = dotted(name, key);
  });
  return found;
}

}  // namespace

SettingsReader::SettingsReader(const std::string& file, const Surroundings& surroundings,
                               std::vector<Problem>& problems)
    : folder_(std::filesystem::path(file).parent_path().string()),
      surroundings_(surroundings),
      problems_(problems) {}

void SettingsReader::fault(const Asked& asked, std::string reason, std::string next_step, bool hidden) {
  const Place& place = asked.value.place;
  problems_.push_back({place.file, place.line, place.column, asked.key, hidden ? "" : asked.value.spelled(),
                       std::move(reason), std::move(next_step)});
}

void SettingsReader::unknown(const Written::Entry& entry, const std::string& table,
                             const std::vector<std::string>& known) {
  std::string next_step;
  if (const std::string elsewhere = table_with(entry.key, table); !elsewhere.empty()) {
    next_step = absl::StrCat("it is called ", elsewhere);
  } else if (const std::string near = nearest(entry.key, known); !near.empty()) {
    next_step = absl::StrCat("did you mean ", near, "?");
  } else {
    next_step = absl::StrCat("there are: ", absl::StrJoin(known, ", "));
  }
  // No value: it may be a secret under a misspelled name.
  problems_.push_back({entry.place.file, entry.place.line, entry.place.column, dotted(table, entry.key), "",
                       "there is no such key", std::move(next_step)});
}

void SettingsReader::read(const Written& document, Settings& settings) {
  std::vector<std::string> tables = {std::string(kNamespaces)};
  for_each_section(settings, [&](std::string_view name, auto&) {
    if (!name.empty()) tables.emplace_back(name);
  });
  for_each_section(settings, [&](std::string_view name, auto& section) {
    const Written* table = name.empty() ? &document : document.find(name);
    if (table == nullptr) return;
    if (table->kind != Kind::table) {
      fault({std::string(name), *table, 0, 0, false}, "is a table",
            absl::StrCat("write [", std::string(name), "]"));
      return;
    }
    read_table(*table, std::string(name), section, name.empty() ? tables : std::vector<std::string>{});
  });
  if (const Written* table = document.find(kNamespaces)) read_namespaces(*table, settings);
}

template <class Section>
void SettingsReader::read_table(const Written& table, const std::string& name, Section& section,
                                const std::vector<std::string>& tables) {
  std::vector<std::string> known;
  for (const auto& key : keys_of(section)) append_names(key, known);
  known.insert(known.end(), tables.begin(), tables.end());
  for (const Written::Entry& entry : table.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) unknown(entry, name, known);
  }
  for (const auto& key : keys_of(section)) {
    const Written* value = table.find(key.name);
    if (value == nullptr) continue;
    const Asked asked{dotted(name, key.name), *value, key.least, key.most, key.zero};
    const bool secret = std::holds_alternative<Secret Section::*>(key.field);
    written_[asked.key] = {value->place, secret ? "" : value->spelled()};
    std::visit([&](auto field) { take(asked, section.*field); }, key.field);
  }
  read_secrets(table, name, section);
}

template <class Section>
void SettingsReader::read_secrets(const Written& table, const std::string& name, Section& section) {
  for (const auto& key : keys_of(section)) {
    const auto* field = std::get_if<Secret Section::*>(&key.field);
    if (field == nullptr) continue;
    std::uint32_t sources = table.find(key.name) == nullptr ? 0 : 1;
    for (const std::string_view suffix : {kFileSuffix, kEnvironmentSuffix}) {
      const std::string full = std::string(key.name).append(suffix);
      const Written* value = table.find(full);
      if (value == nullptr) continue;
      const Asked asked{dotted(name, full), *value, key.least, key.most, false};
      if (++sources > 1) {
        fault(asked, absl::StrCat(std::string(key.name), " is given more than once"),
              "keep one of the value, its _file and its _env");
        continue;
      }
      Secret& secret = section.*(*field);
      if (value->kind != Kind::text) {
        fault(asked, "must be a text", "write a name in quotation marks");
        continue;
      }
      if (suffix == kFileSuffix) {
        FileText file;
        if (!read_file(asked, value->text, file)) continue;
        secret.text = file.text;
      } else {
        const std::optional<std::string> text = surroundings_.environment(value->text);
        if (!text) {
          fault(asked, "the environment has no such variable", "set it before the program starts");
          continue;
        }
        secret.text = *text;
      }
      // Editors end a file with a newline that is no part of the secret.
      secret.text.erase(std::min(secret.text.find_last_not_of("\r\n") + 1, secret.text.size()));
      check_secret(asked, secret);
      written_[dotted(name, key.name)] = {value->place, ""};
    }
  }
}

void SettingsReader::read_namespaces(const Written& table, Settings& settings) {
  if (table.kind != Kind::table) {
    fault({std::string(kNamespaces), table, 0, 0, false}, "is a table of tables", "write [namespaces.NAME]");
    return;
  }
  for (const Written::Entry& entry : table.entries) {
    const std::string name = dotted(kNamespaces, entry.key);
    if (entry.value.kind != Kind::table) {
      fault({name, entry.value, 0, 0, false}, "is a table of rules", absl::StrCat("write [", name, "]"));
      continue;
    }
    written_[name] = {entry.place, ""};
    Namespace space;
    space.name = entry.key;
    read_table(entry.value, name, space.rules, {});
    settings.namespaces.push_back(std::move(space));
  }
  std::sort(settings.namespaces.begin(), settings.namespaces.end(),
            [](const Namespace& left, const Namespace& right) { return left.name < right.name; });
}

bool SettingsReader::in_range(const Asked& asked, std::uint64_t number,
                              std::string (*format)(std::uint64_t)) {
  if ((number == 0 && asked.zero) || (number >= asked.least && number <= asked.most)) return true;
  fault(asked, "is out of range",
        absl::StrCat("from ", format(asked.least), " to ", format(asked.most),
                     asked.zero ? absl::StrCat(", or ", format(0)) : ""));
  return false;
}

void SettingsReader::take(const Asked& asked, bool& field) {
  const Written& value = asked.value;
  if (value.kind == Kind::boolean) {
    field = value.boolean;
  } else if (value.by_override && (value.text == "true" || value.text == "false")) {
    field = value.text == "true";
  } else {
    fault(asked, "is neither true nor false", "write true or false, without quotation marks");
  }
}

void SettingsReader::take(const Asked& asked, std::uint32_t& field) {
  const Written& value = asked.value;
  std::int64_t number = value.integer;
  const bool is_number =
      value.kind == Kind::integer || (value.by_override && absl::SimpleAtoi(value.text, &number));
  if (!is_number || number < 0) {
    fault(asked, "is not a whole number",
          absl::StrCat("write a number from ", asked.least, " to ", asked.most, ", without quotation marks"));
    return;
  }
  if (in_range(asked, static_cast<std::uint64_t>(number), plain)) field = static_cast<std::uint32_t>(number);
}

void SettingsReader::take(const Asked& asked, std::uint64_t& field) {
  const Written& value = asked.value;
  std::optional<std::uint64_t> bytes;
  if (value.kind == Kind::integer && value.integer >= 0) bytes = static_cast<std::uint64_t>(value.integer);
  if (value.kind == Kind::text) bytes = parse_bytes(value.text);
  if (!bytes) {
    fault(asked, "is not an amount of memory", "write bytes as a number, or \"64KiB\", \"1MiB\", \"2GiB\"");
    return;
  }
  if (in_range(asked, *bytes, format_bytes)) field = *bytes;
}

void SettingsReader::take(const Asked& asked, milliseconds& field) {
  std::optional<milliseconds> duration;
  if (asked.value.kind == Kind::text) duration = parse_duration(asked.value.text);
  if (asked.value.kind == Kind::integer && asked.value.integer == 0) duration = milliseconds(0);
  if (!duration) {
    fault(asked, "is not a duration",
          "write a whole number with a unit: \"250ms\", \"25s\", \"5m\", \"720h\", \"30d\"");
    return;
  }
  if (in_range(asked, static_cast<std::uint64_t>(duration->count()), as_duration)) field = *duration;
}

void SettingsReader::take(const Asked& asked, std::string& field) {
  if (asked.value.kind != Kind::text) {
    fault(asked, "is not a text", "put it in quotation marks");
  } else if (asked.value.text.size() < asked.least || asked.value.text.size() > asked.most) {
    fault(asked, absl::StrCat("has ", asked.value.text.size(), " bytes"),
          absl::StrCat("from ", asked.least, " to ", asked.most));
  } else {
    field = asked.value.text;
  }
}

bool SettingsReader::texts(const Asked& asked, std::vector<std::string>& texts) {
  const Written& value = asked.value;
  if (value.by_override) {
    texts = split_at_commas(value.text);
    return true;
  }
  for (const Written& item : value.items) {
    if (item.kind != Kind::text) {
      fault({asked.key, item, 0, 0, false}, "is not a text", "put it in quotation marks");
      return false;
    }
    texts.push_back(item.text);
  }
  if (value.kind == Kind::list) return true;
  fault(asked, "is not a list", "write [\"...\", \"...\"], or [] for none");
  return false;
}

void SettingsReader::take(const Asked& asked, std::vector<std::string>& field) {
  std::vector<std::string> list;
  if (!texts(asked, list)) return;
  if (list.size() > asked.most) {
    fault(asked, absl::StrCat("has ", list.size(), " entries"), absl::StrCat("at most ", asked.most));
    return;
  }
  field = std::move(list);
}

void SettingsReader::take(const Asked& asked, Secret& field) {
  if (asked.value.kind != Kind::text) {
    fault(asked, "is not a text", "put it in quotation marks", true);
    return;
  }
  field.text = asked.value.text;
  check_secret(asked, field);
}

void SettingsReader::check_secret(const Asked& asked, const Secret& secret) {
  const std::size_t bytes = secret.text.size();
  // Written down as empty means not set.
  if (bytes == 0 || (bytes >= asked.least && bytes <= asked.most)) return;
  fault(asked, absl::StrCat("the secret has ", bytes, " bytes"),
        absl::StrCat("from ", asked.least, " to ", asked.most, "; openssl rand -hex 32 makes a good one"),
        true);
}

bool SettingsReader::read_file(const Asked& asked, const std::string& path, FileText& field) {
  field = {};
  if (path.empty()) return true;
  const absl::StatusOr<std::string> text =
      surroundings_.read_file((std::filesystem::path(folder_) / path).string());
  if (!text.ok()) {
    fault(asked, std::string(text.status().message()),
          "paths are relative to the folder of the settings file");
    return false;
  }
  field = {path, *text};
  return true;
}

void SettingsReader::take(const Asked& asked, FileText& field) {
  if (asked.value.kind != Kind::text) {
    fault(asked, "is not a path", "put it in quotation marks");
    return;
  }
  read_file(asked, asked.value.text, field);
}

void SettingsReader::take(const Asked& asked, std::vector<FileText>& field) {
  std::vector<std::string> paths;
  take(asked, paths);
  field.clear();
  for (const std::string& path : paths) {
    FileText file;
    if (read_file(asked, path, file) && !path.empty()) field.push_back(std::move(file));
  }
}

void SettingsReader::take(const Asked& asked, Groups& field) {
  std::vector<std::string> names;
  if (asked.value.kind == Kind::text && !asked.value.by_override) {
    names.push_back(asked.value.text);
  } else if (!texts(asked, names)) {
    return;
  }
  Groups groups;
  for (const std::string& name : names) {
    if (add_group(name, groups)) continue;
    fault(asked, absl::StrCat("there is no group \"", name, "\""),
          "there are: users, anonymous, anybody (both), subscribers, nobody");
    return;
  }
  field = groups;
}

void SettingsReader::take(const Asked& asked, RecoveryMode& field) {
  std::optional<RecoveryMode> mode;
  if (asked.value.kind == Kind::text) mode = parse_recovery(asked.value.text);
  if (!mode) {
    fault(asked, "is no way to recover", "write \"off\", \"stream\" or \"cache\"");
    return;
  }
  field = *mode;
}

}  // namespace holdfast::gateway
