// Single values of a token's JSON, by simdjson's On-Demand parser: each function is true when the value has
// the type asked for. Walking them is auth/claims_reader.cc's business. Pure.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "auth/claims.h"

namespace holdfast::auth {

inline constexpr std::string_view kNotAnObject = "its JSON is not one valid object";
inline constexpr std::string_view kDuplicate = "a member of its JSON is there twice";
inline constexpr std::string_view kWrongType = "a claim has the wrong type";
inline constexpr std::string_view kNotBase64 = "a b64 claim is not base64";

// Memory that never moves, handed out from front to back: views into it stay.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(std::make_unique<char[]>(bytes)), bytes_(bytes) {}
  void clear() { used_ = 0; }
  // Write here, then take what was written.
  std::span<char> rest() { return {memory_.get() + used_, bytes_ - used_}; }
  std::string_view take(std::size_t bytes);

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};

// A number, whole or not. Rounded away from zero: a token is then valid from the first whole second that is
// not before nbf to the last that is before exp, and only a true 0 is 0.
bool get_date(simdjson::ondemand::value value, std::optional<std::int64_t>& date_s);
bool get_text(simdjson::ondemand::value value, std::string_view& text);
bool get_texts(simdjson::ondemand::value value, std::vector<std::string_view>& texts);
bool get_text_or_texts(simdjson::ondemand::value value, std::vector<std::string_view>& texts);

// The bytes of any value as they were written; none for null, which says nothing.
bool get_json(simdjson::ondemand::value value, Scratch& scratch, std::string_view& json);

// JSON without the line breaks between its parts, which would end a frame of the JSON protocol.
bool on_one_line(Scratch& scratch, std::string_view& json);

// Names of members, to find one that is there twice.
using Names = absl::InlinedVector<std::string_view, 16>;
inline bool all_different(Names& names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

// Calls visit(name, value) for each member of an object; a visit returns what is wrong, or an empty text.
// Returns the first complaint.
template <class Visit>
std::string_view for_each_member(simdjson::ondemand::object object, Visit visit) {
  Names names;
  for (auto field : object) {
    std::string_view name;
    simdjson::ondemand::value value;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return kNotAnObject;
    if (field.value().get(value) != simdjson::SUCCESS) return kNotAnObject;
    names.push_back(name);
    if (const std::string_view wrong = visit(name, value); !wrong.empty()) return wrong;
  }
  return all_different(names) ? std::string_view() : kDuplicate;
}

template <class Visit>
std::string_view for_each_member(simdjson::ondemand::value value, Visit visit) {
  simdjson::ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return kWrongType;
  return for_each_member(object, visit);
}

}  // namespace holdfast::auth
