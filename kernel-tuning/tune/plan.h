// Plan: what would be changed on the host for a report, with what is there now; what cannot be, and who is in
// the way. Also the two renderings for people: a diff, and a shell script with its inverse.
#pragma once

#include <string>
#include <vector>

#include "tune/check.h"

namespace holdfast::tune {

struct Change {
  enum class Kind { folder, file, setting };
  Kind kind = Kind::setting;
  std::string path;      // below the root
  bool existed = false;  // before; always true for settings
  std::string prior;     // content of the file, or value
  std::string wanted;
  std::string why;  // the key, for settings; not kept in the journal
};

struct PlanOptions {
  bool runtime_only = false;                     // nothing that outlives a reboot
  bool override_pins = false;                    // also what the administrator or tuned set
  std::vector<std::string> only, with, without;  // keys
};

struct Reason {
  std::string key, why;
};

struct Plan {
  std::vector<Change> changes;  // in the order of apply: folders, files, values
  std::vector<Reason> pinned;   // in the way: apply refuses
  std::vector<Reason> blocked;  // cannot be done by this process; apply does the rest
  std::vector<Reason> by_hand;  // not a setting: boot parameters, memory, firewall rules, on request only
};

Plan make_plan(const Facts& facts, const Report& report, const PlanOptions& options);

// What the diff shows; empty lines and all.
std::string diff_of(const Plan& plan);

// A POSIX sh script that does what apply does (without a journal), or undoes it, on the host below `root`.
std::string script_of(const Plan& plan, const std::string& root, const std::string& target_in_words,
                      bool inverse);

std::string target_in_words(const Target& target);

}  // namespace holdfast::tune
