// Journal: what one apply is about to change, with what was there before; the text of a file that is written
// once, whole, and never altered. Pure.
//
//   holdfast-tune-journal 1
//   about 1,000,000 connections, profile density        (escaped)
//   folder|file|setting PATH existed|new PRIOR WANTED   (each escaped)
//   end COUNT SIPHASH
//
// A journal that is not exactly this is corrupt: nothing is guessed from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tune/plan.h"

namespace holdfast::tune {

struct Journal {
  std::string about;
  std::vector<Change> changes;
};

std::string format_journal(const Journal& journal);
absl::StatusOr<Journal> parse_journal(std::string_view text);

}  // namespace holdfast::tune
