// Settings as text: all of them, and what changed; and what becomes of a change.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gateway/settings.h"
#include "gateway/settings_keys.h"
#include "gateway/settings_reader.h"
#include "gateway/settings_value.h"

namespace holdfast::gateway {
namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') result.push_back('\\');
    // Control characters have no business in any of these; they must not reach a terminal.
    result.push_back(static_cast<unsigned char>(byte) < ' ' || byte == '\x7f' ? '?' : byte);
  }
  return result.append("\"");
}

template <class Items, class Spell>
std::string list_of(const Items& items, Spell spell) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "" : ", ").append(spell(item));
  return "[" + text + "]";
}

std::string spelled(bool value) {
  return value ? "true" : "false";
}
std::string spelled(std::uint32_t value) {
  return std::to_string(value);
}
std::string spelled(std::uint64_t value) {
  return quoted(format_bytes(value));
}
std::string spelled(milliseconds value) {
  return quoted(format_duration(value));
}
std::string spelled(const std::string& value) {
  return quoted(value);
}
std::string spelled(const std::vector<std::string>& value) {
  return list_of(value, quoted);
}
std::string spelled(const FileText& value) {
  return quoted(value.path);
}
std::string spelled(const std::vector<FileText>& value) {
  return list_of(value, [](const FileText& file) { return quoted(file.path); });
}
std::string spelled(const Groups& value) {
  return format_groups(value);
}
std::string spelled(RecoveryMode value) {
  return quoted(format_recovery(value));
}
std::string spelled(const Secret& value) {
  return value.is_set() ? absl::StrCat("(", value.text.size(), " bytes, not shown)") : "\"\"";
}

template <class Section>
std::string spelled(const Section& section, const Key<Section>& key) {
  return std::visit([&](auto field) { return spelled(section.*field); }, key.field);
}

template <class Section>
void describe_section(std::string_view name, const Section& section, std::string& text) {
  if (!name.empty()) absl::StrAppend(&text, "\n[", std::string(name), "]\n");
  for (const auto& key : keys_of(section)) {
    // A comment, so that the description stays TOML and a secret is not mistaken for these words.
    const bool secret = std::holds_alternative<Secret Section::*>(key.field);
    absl::StrAppend(&text, secret ? "# " : "", std::string(key.name), " = ", spelled(section, key), "\n");
  }
}

std::string space_table(const std::string& name) {
  // Points in a name would make tables of their own.
  return absl::StrCat(std::string(kNamespaces), ".",
                      name.find('.') == std::string::npos ? name : quoted(name));
}

template <class Section>
void compare(std::string_view table, const Section& before, const Section& after, Differences& found) {
  for (const auto& key : keys_of(before)) {
    if (std::visit([&](auto field) { return before.*field == after.*field; }, key.field)) continue;
    const std::string was = spelled(before, key), is = spelled(after, key);
    std::string line = dotted(table, key.name);
    // Secrets and files can differ and look the same.
    absl::StrAppend(&line, ": ", was == is ? "new content" : absl::StrCat(is, ", was ", was));
    (key.change == Change::reload ? found.reloadable : found.need_restart).push_back(std::move(line));
  }
}

template <class Section>
void keep(const Section& running, Section& section) {
  for (const auto& key : keys_of(running)) {
    if (key.change == Change::reload) continue;
    std::visit([&](auto field) { section.*field = running.*field; }, key.field);
  }
}

const Namespace* find(const Settings& settings, const std::string& name) {
  const std::uint32_t place = settings.rules_of(ChannelName::parse(name + ":"));
  return place == Settings::kNoRules ? nullptr : &settings.namespaces[place - 1];
}

void compare_namespaces(const Settings& before, const Settings& after, Differences& found) {
  for (const Namespace& space : before.namespaces) {
    if (const Namespace* now = find(after, space.name)) {
      compare(space_table(space.name), space.rules, now->rules, found);
    } else {
      found.reloadable.push_back(space_table(space.name) + ": gone");
    }
  }
  for (const Namespace& space : after.namespaces) {
    if (find(before, space.name) == nullptr) found.reloadable.push_back(space_table(space.name) + ": new");
  }
}

}  // namespace

std::string describe(const Settings& settings) {
  std::string text;
  for_each_section(
      settings, [&](std::string_view name, const auto& section) { describe_section(name, section, text); });
  for (const Namespace& space : settings.namespaces)
    describe_section(space_table(space.name), space.rules, text);
  return text;
}

Differences differences(const Settings& before, const Settings& after) {
  Differences found;
  for_each_section(before, after, [&found](std::string_view name, const auto& was, const auto& is) {
    compare(name, was, is, found);
  });
  compare_namespaces(before, after, found);
  return found;
}

void keep_what_needs_a_restart(const Settings& running, Settings& settings) {
  for_each_section(running, settings,
                   [](std::string_view, const auto& was, auto& section) { keep(was, section); });
  for (Namespace& space : settings.namespaces) {
    if (const Namespace* was = find(running, space.name)) keep(was->rules, space.rules);
  }
}

std::vector<Problem> contradictions(const Settings& settings) {
  WrittenKeys values;
  const auto note = [&values](std::string_view table, const auto& section) {
    for (const auto& key : keys_of(section)) values[dotted(table, key.name)].spelled = spelled(section, key);
  };
  for_each_section(settings, note);
  for (const Namespace& space : settings.namespaces) note(dotted(kNamespaces, space.name), space.rules);
  std::vector<Problem> problems;
  check_settings(settings, values, "", problems);
  return problems;
}

}  // namespace holdfast::gateway
