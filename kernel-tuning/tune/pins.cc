// Reading sysctl.d(5) and tuned's profiles.
#include "tune/pins.h"

#include <algorithm>
#include <set>

#include "tune/text.h"

namespace holdfast::tune {
namespace {

// sysctl.d(5): a file hides those of the same name in folders further down.
constexpr std::string_view kFolders[] = {"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
                                         "/usr/lib/sysctl.d", "/lib/sysctl.d"};
constexpr int kTunedIncludesMaximum = 8;

void add_file(const Host& host, const std::string& path, bool by_administrator, Pins* pins) {
  for (const SysctlLine& line : parse_sysctl_file(host.read(path).text)) {
    (*pins)[line.key].push_back({line.value, path + ":" + std::to_string(line.number), by_administrator});
  }
}

// The lines of one section of an ini file.
std::string section_of(const std::string& text, std::string_view name) {
  std::string lines;
  bool inside = false;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view content = trimmed(line);
    if (!content.empty() && content.front() == '[') {
      inside = content == "[" + std::string(name) + "]";
    } else if (inside) {
      lines += line + "\n";
    }
  }
  return lines;
}

void add_tuned_profile(const Host& host, const std::string& name, int includes_left, Pins* pins) {
  if (includes_left == 0 || name.find('/') != std::string::npos) return;
  Reading reading;
  for (const char* folder :
       {"/etc/tuned/profiles/", "/etc/tuned/", "/usr/lib/tuned/profiles/", "/usr/lib/tuned/"}) {
    reading = host.read(folder + name + "/tuned.conf");
    if (reading.ok) break;
  }
  for (const SysctlLine& line : parse_sysctl_file(section_of(reading.text, "main"))) {
    if (line.key != "include") continue;
    for (const std::string& included : split(line.value, ','))
      add_tuned_profile(host, std::string(trimmed(included)), includes_left - 1, pins);
  }
  for (const SysctlLine& line : parse_sysctl_file(section_of(reading.text, "sysctl")))
    (*pins)[line.key].push_back({line.value, "tuned profile " + name, true});
}

}  // namespace

std::vector<SysctlLine> parse_sysctl_file(std::string_view text) {
  std::vector<SysctlLine> lines;
  std::uint64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    // A leading minus says that an error does not matter.
    if (!line.empty() && line.front() == '-') line.remove_prefix(1);
    const std::size_t equals = line.find('=');
    if (line.empty() || line.front() == '#' || line.front() == ';' || equals == std::string_view::npos)
      continue;
    std::string key(trimmed(line.substr(0, equals)));
    if (key.empty()) continue;
    // Where a slash comes first, slashes separate and dots belong to names (of interfaces).
    if (key.find('/') != std::string::npos && key.find('/') < key.find('.')) {
      for (char& character : key) character = character == '/' ? '.' : character == '.' ? '/' : character;
    }
    lines.push_back({std::move(key), single_spaced(line.substr(equals + 1)), number});
  }
  return lines;
}

Pins read_pins(const Host& host) {
  Pins pins;
  std::map<std::string, std::string> folder_of;  // name of the file, first folder that has it
  for (const std::string_view folder : kFolders) {
    for (const std::string& name : host.list(folder)) {
      if (name.size() > 5 && name.substr(name.size() - 5) == ".conf") folder_of.emplace(name, folder);
    }
  }
  for (const auto& [name, folder] : folder_of) {
    const std::string path = folder + "/" + name;
    // Where 99-sysctl.conf is a link to sysctl.conf, as Debian has it, that file is read once, below.
    if (path == kSysctlFile || host.link_target(path) == "../sysctl.conf") continue;
    add_file(host, path, folder == kFolders[0], &pins);
  }
  add_file(host, "/etc/sysctl.conf", true, &pins);
  for (const std::string& profile : split(single_spaced(host.read("/etc/tuned/active_profile").text), ' '))
    add_tuned_profile(host, profile, kTunedIncludesMaximum, &pins);
  return pins;
}

const Pin* pin_against(const Pins& pins, const std::string& key, const std::string& wanted) {
  const auto found = pins.find(key);
  if (found == pins.end()) return nullptr;
  const Pin& last = found->second.back();
  return last.by_administrator && last.value != single_spaced(wanted) ? &last : nullptr;
}

}  // namespace holdfast::tune
