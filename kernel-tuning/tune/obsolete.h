// What is set on the host and should not be: settings that do nothing any more, or do harm.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tune/facts.h"

namespace holdfast::tune {

struct Obsolete {
  std::string key;
  std::string value;
  std::string where;
  std::string why;
  bool harmful = false;  // does harm where it still works, or stands for a setting that was meant to work
};

// Looks through the pins (files and tuned) and the running kernel.
std::vector<Obsolete> find_obsolete(const Facts& facts);

// For explain: why a key that is not in the table of knobs is obsolete; empty when nothing is known.
std::string_view why_obsolete(std::string_view key);

}  // namespace holdfast::tune
