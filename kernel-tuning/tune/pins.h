// Pins: who sets a sysctl at boot besides us: the files of sysctl.d in the order systemd and procps apply
// them, and the profile of tuned.
//
// A pin of the administrator (/etc, tuned) is not fought; a distribution's (/usr/lib, /run) is only named.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tune/host.h"

namespace holdfast::tune {

// The last name in the order of the files, so that what is verified after apply is what a boot brings back.
inline constexpr std::string_view kSysctlFile = "/etc/sysctl.d/99-zz-holdfast.conf";

struct Pin {
  std::string value;  // single-spaced
  std::string where;  // "/etc/sysctl.d/10-web.conf:3", "tuned profile network-latency"
  bool by_administrator = false;
};

// For each key in dotted form, its pins in the order they are applied: the last one wins.
using Pins = std::map<std::string, std::vector<Pin>>;

Pins read_pins(const Host& host);

// The administrator's pin with another value than the wanted one, if it is what a boot would bring; else
// null.
const Pin* pin_against(const Pins& pins, const std::string& key, const std::string& wanted);

struct SysctlLine {
  std::string key;  // dotted
  std::string value;
  std::uint64_t number = 0;
};
// The settings in the text of a sysctl.d file; comments, section headers and what is no setting are left out.
std::vector<SysctlLine> parse_sysctl_file(std::string_view text);

}  // namespace holdfast::tune
