// Knob: one thing of a host that can be too small, too large or wrong for a target, and what is known about
// it.
//
// The table (all_knobs) is the program's knowledge. A knob's judge is a function of facts and target only:
// the same function says what is needed for N and, asked for other N, how many connections the host holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tune/bill.h"
#include "tune/facts.h"
#include "tune/target.h"
#include "tune/text.h"

namespace holdfast::tune {

enum class Severity {
  ok,
  advice,  // works; better otherwise
  slow,    // holds the connections, and hurts when it matters: a storm, a broadcast
  wall,    // the target cannot be reached
};

enum class Scope {
  host,               // one value for all of the machine
  network_namespace,  // each network namespace, so each container, has its own
  process,            // inherited by the server from who starts it
  boot,               // fixed when the kernel starts
};

// Whether apply sets it without being asked by name.
enum class Applies { automatically, on_request, never };

// A value for a file of /proc or /sys.
struct Setting {
  std::string path;
  std::string value;
};

struct Judgement {
  std::string current;
  std::string needed;
  std::string why;
  Severity severity = Severity::ok;
  std::string fix;                 // empty: sysctl -w of the setting
  std::optional<Setting> setting;  // what apply would write
};

struct Knob {
  std::string_view key;
  Scope scope;
  Applies applies;
  bool bounds_connections;  // its judge says wall for every target above some number of connections
  std::string_view what;    // explain: what it does
  std::string_view bad;     // explain: what goes wrong with bad values
  std::string_view cost;
  std::string_view source;
  Judgement (*judge)(const Facts& facts, const Target& target);
};

const std::vector<Knob>& all_knobs();

// The parts of the table, one per topic; in the order a reader wants to meet them.
std::vector<Knob> file_knobs();
std::vector<Knob> ring_knobs();
std::vector<Knob> memory_knobs();
std::vector<Knob> listen_knobs();
std::vector<Knob> socket_memory_knobs();
std::vector<Knob> lifetime_knobs();
std::vector<Knob> lookup_knobs();  // established hash, conntrack, ports, neighbours
std::vector<Knob> network_knobs();

// The current text of a sysctl in words, for what cannot be judged: not there, unreadable, no number.
Judgement not_known(const Facts& facts, std::string_view key, std::string needed, std::string why);
// Compares a whole number with what is needed; below (or above) it the severity is the given one.
Judgement at_least(const Facts& facts, std::string_view key, std::uint64_t need, std::string why,
                   Severity severity);
Judgement at_most(const Facts& facts, std::string_view key, std::uint64_t need, std::string why,
                  Severity severity);

std::string_view severity_name(Severity severity);
std::string_view scope_name(Scope scope);

inline constexpr std::string_view kIpSysctl = "kernel Documentation/networking/ip-sysctl.rst";
inline constexpr std::string_view kNetSysctl = "kernel Documentation/admin-guide/sysctl/net.rst";
inline constexpr std::string_view kFsSysctl = "kernel Documentation/admin-guide/sysctl/fs.rst";
inline constexpr std::string_view kVmSysctl = "kernel Documentation/admin-guide/sysctl/vm.rst";

}  // namespace holdfast::tune
