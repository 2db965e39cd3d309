// Print: reports as text for people and as JSON for programs (README.md documents the keys).
#pragma once

#include <string>

#include "tune/plan.h"
#include "tune/prove.h"
#include "tune/verify.h"

namespace holdfast::tune {

std::string text_of(const Report& report, bool every_reason);
std::string json_of(const Report& report);

std::string text_of(const Plan& plan);
std::string json_of(const Plan& plan);

std::string text_of(const Proof& proof);
std::string json_of(const Proof& proof);

std::string text_of(const std::vector<Drift>& rows);
std::string json_of(const std::vector<Drift>& rows, int exit_code);

std::string text_of(const Outcome& outcome, const std::string& verb);

// explain: one knob, with what it would be for this target; empty when the key is not known.
std::string explanation_of(const Facts& facts, const Target& target, const std::string& key);
std::string list_of_knobs();

}  // namespace holdfast::tune
