// From findings to changes.
#include "tune/plan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::tune {
namespace {

bool contains(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool chosen(const Finding& finding, const PlanOptions& options) {
  if (contains(options.without, finding.key)) return false;
  if (contains(options.with, finding.key)) return finding.applies != Applies::never;
  if (!options.only.empty() && !contains(options.only, finding.key)) return false;
  return finding.applies == Applies::automatically;
}

std::string why_folder_not_writable(const Facts& facts, std::string_view folder) {
  if (access(facts.host.full(folder).c_str(), W_OK) == 0) return "";
  if (errno == ENOENT) return "there is no " + std::string(folder);
  return errno == EACCES ? "needs root" : error_text(errno);
}

// A change of a file, unless it is there with this content.
void add_file(const Facts& facts, std::string_view path, const std::string& content, const std::string& why,
              Plan* plan) {
  const Reading reading = facts.host.read(path);
  if (reading.ok && reading.text == content) return;
  plan->changes.push_back(
      {Change::Kind::file, std::string(path), !reading.absent, reading.text, content, why});
}

// What an earlier apply has put into our file stays there.
void add_sysctl_file(const Facts& facts, const Report& report, const std::vector<Change>& settings,
                     Plan* plan) {
  std::vector<SysctlLine> lines = parse_sysctl_file(facts.host.read(kSysctlFile).text);
  for (const Change& setting : settings) {
    const std::string key = sysctl_key(setting.path);
    if (key == setting.path) continue;  // not a sysctl: sysfs has no such file
    const auto same =
        std::find_if(lines.begin(), lines.end(), [&](const SysctlLine& line) { return line.key == key; });
    if (same != lines.end()) {
      same->value = setting.wanted;
    } else {
      lines.push_back({key, setting.wanted});
    }
  }
  if (lines.empty()) return;
  std::string content = "# Made by holdfast-tune apply for " + target_in_words(report.target) +
                        ". `holdfast-tune revert` takes it back.\n";
  for (const SysctlLine& line : lines) content += line.key + " = " + line.value + "\n";
  if (std::string blocked = why_folder_not_writable(facts, "/etc/sysctl.d"); !blocked.empty()) {
    plan->blocked.push_back({std::string(kSysctlFile), blocked});
    return;
  }
  add_file(facts, kSysctlFile, content, "", plan);
}

// The limits of the server as a service and as a login; this process cannot give them to either.
void add_limit_files(const Facts& facts, const Report& report, const PlanOptions& options, Plan* plan) {
  std::string unit, login;
  for (const Finding& finding : report.findings) {
    if (finding.judgement.severity == Severity::ok || !chosen(finding, options)) continue;
    const std::string& user = report.target.user;
    if (finding.key == "RLIMIT_NOFILE") {
      unit += "LimitNOFILE=" + finding.judgement.needed + "\n";
      login += user + " - nofile " + finding.judgement.needed + "\n";
    } else if (finding.key == "RLIMIT_MEMLOCK") {
      unit += "LimitMEMLOCK=" + finding.judgement.needed + "\n";
      const auto bytes = parse_count(finding.judgement.needed).value_or(0);
      login += user + " - memlock " + std::to_string(divide_up(bytes, 1'024)) + "\n";
    }
  }
  if (unit.empty()) return;
  const std::string head = "# Made by holdfast-tune apply. `holdfast-tune revert` takes it back.\n";
  if (std::string blocked = why_folder_not_writable(facts, "/etc/systemd/system"); blocked.empty()) {
    if (!facts.host.exists(kUnitFolder))
      plan->changes.push_back({Change::Kind::folder, std::string(kUnitFolder), false, "", "", ""});
    add_file(facts, kUnitFile, head + "[Service]\n" + unit, "", plan);
  } else {
    plan->blocked.push_back({std::string(kUnitFile), blocked});
  }
  if (std::string blocked = why_folder_not_writable(facts, "/etc/security/limits.d"); blocked.empty()) {
    add_file(facts, kLimitsFile, head + login, "", plan);
  } else {
    plan->blocked.push_back({std::string(kLimitsFile), blocked});
  }
}

// The setting of a finding, or why there will be none.
void add_setting(const Facts& facts, const Finding& finding, const PlanOptions& options, Plan* plan,
                 std::vector<Change>* settings) {
  const Judgement& judgement = finding.judgement;
  if (!judgement.setting || !chosen(finding, options)) {
    const bool in_a_file = finding.key == "RLIMIT_NOFILE" || finding.key == "RLIMIT_MEMLOCK";
    if (!(in_a_file && chosen(finding, options))) plan->by_hand.push_back({finding.key, judgement.fix});
    return;
  }
  if (!finding.blocked.empty()) {
    plan->blocked.push_back({finding.key, finding.blocked});
    return;
  }
  if (!finding.pinned.empty() && !options.override_pins) {
    plan->pinned.push_back({finding.key, finding.pinned + ", needed is " + judgement.setting->value});
    return;
  }
  const Reading reading = facts.host.read(judgement.setting->path);
  // The huge page file shows all of its words, the chosen one in brackets.
  const bool words = reading.text.find('[') != std::string::npos;
  settings->push_back({Change::Kind::setting, judgement.setting->path, true,
                       words ? judgement.current : single_spaced(reading.text), judgement.setting->value,
                       finding.key});
}

std::vector<std::string> lines_of(const std::string& text) {
  return split(text, '\n');
}

std::string diff_of(const Change& change) {
  switch (change.kind) {
    case Change::Kind::folder:
      return "+++ " + change.path + "/\n";
    case Change::Kind::setting:
      return "--- " + change.why + "\n-" + change.prior + "\n+" + change.wanted + "\n";
    case Change::Kind::file:
      break;
  }
  std::string text = (change.existed ? "--- " : "+++ ") + change.path + "\n";
  const std::vector<std::string> before = lines_of(change.prior);
  const std::vector<std::string> after = lines_of(change.wanted);
  for (const std::string& line : before) {
    if (!contains(after, line)) text += "-" + line + "\n";
  }
  for (const std::string& line : after) {
    if (!contains(before, line)) text += "+" + line + "\n";
  }
  return text;
}

constexpr const char* kScriptFunctions = R"sh(

# set_value PATH VALUE: writes it and reads it back; the kernel may refuse, or round.
set_value() {
  printf '%s\n' "$2" >"$root$1"
  set -- "$1" "$2" "$(tr -s '[:space:]' ' ' <"$root$1")"
  case " $3 " in
    *"[$2]"* | " $2 " | " $2  ") ;;
    *) echo "$1 is $3 after writing $2" >&2; exit 1 ;;
  esac
}

# set_file PATH CONTENT: whole or not at all.
set_file() {
  printf '%s' "$2" >"$root$1.holdfast-tune.tmp"
  mv "$root$1.holdfast-tune.tmp" "$root$1"
}

)sh";

// One change as a line of the script. A file's content is quoted: nothing in it is the shell's.
std::string script_line(const Change& change, bool inverse) {
  const std::string path = shell_quoted(change.path);
  switch (change.kind) {
    case Change::Kind::folder:
      return inverse ? "rmdir \"$root\"" + path + " 2>/dev/null || true\n"
                     : "mkdir -p \"$root\"" + path + "\n";
    case Change::Kind::setting:
      return "set_value " + path + " " + shell_quoted(inverse ? change.prior : change.wanted) + "\n";
    case Change::Kind::file:
      break;
  }
  if (inverse && !change.existed) return "rm -f \"$root\"" + path + "\n";
  return "set_file " + path + " " + shell_quoted(inverse ? change.prior : change.wanted) + "\n";
}

}  // namespace

std::string target_in_words(const Target& target) {
  return grouped(target.connections) + " connections, profile " + target.profile.name;
}

Plan make_plan(const Facts& facts, const Report& report, const PlanOptions& options) {
  Plan plan;
  std::vector<Change> settings;
  for (const Finding& finding : report.findings) {
    if (finding.judgement.severity != Severity::ok) add_setting(facts, finding, options, &plan, &settings);
  }
  if (!options.runtime_only) {
    add_limit_files(facts, report, options, &plan);
    if (!settings.empty()) add_sysctl_file(facts, report, settings, &plan);
  }
  // Values last: files are what is likelier to fail (no room), and undoing them disturbs nobody.
  plan.changes.insert(plan.changes.end(), settings.begin(), settings.end());
  return plan;
}

std::string diff_of(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.changes) text += diff_of(change);
  return text;
}

std::string script_of(const Plan& plan, const std::string& root, const std::string& words, bool inverse) {
  std::string script = "#!/bin/sh\n# " +
                       std::string(inverse ? "Takes back what holdfast-tune would change for "
                                           : "What holdfast-tune would change for ") +
                       words + ".\n# Made by holdfast-tune plan --script" + (inverse ? " --inverse" : "") +
                       " for this host as it was then; needs nothing but sh. Stops at the first error.\n"
                       "set -eu\nroot=" +
                       shell_quoted(root) + kScriptFunctions;
  std::vector<Change> changes = plan.changes;
  if (inverse) std::reverse(changes.begin(), changes.end());
  for (const Change& change : changes) script += script_line(change, inverse);
  for (const Reason& reason : plan.blocked) script += "# not here: " + reason.key + ": " + reason.why + "\n";
  for (const Reason& reason : plan.pinned) script += "# left alone: " + reason.key + ": " + reason.why + "\n";
  return script;
}

}  // namespace holdfast::tune
