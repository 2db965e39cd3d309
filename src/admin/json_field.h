// JsonField: one member of a JSON object, offered to each name a request knows until one takes it.
//
// Every operation answers true when the member has that name, and has then stored its value or noted that it
// has the wrong type (failed()). null means absent. Views point into the JsonWalk and die with its next
// load().
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway/json_text.h"
#include "gateway/json_walk.h"

namespace holdfast::admin {

class JsonField {
 public:
  JsonField(gateway::JsonWalk& walk, std::string_view name, simdjson::ondemand::value value, unsigned depth)
      : walk_(walk), name_(name), value_(value), depth_(depth) {}

  std::string_view name() const { return name_; }
  bool failed() const { return failed_; }
  // Walks a value that nobody wants: it must be JSON all the same.
  bool skip() { return walk_.valid(value_, depth_); }
  // There is something else wrong with it.
  bool refuse() { return failed_ = true; }

  bool text(std::string_view name, std::string_view& target) {
    if (name != name_) return false;
    target = {};
    if (!null()) note(value_.get_string().get(target));
    return true;
  }

  bool flag(std::string_view name, bool& target) {
    if (name != name_) return false;
    target = false;
    if (!null()) note(value_.get_bool().get(target));
    return true;
  }

  template <class Integer>
  bool number(std::string_view name, Integer& target) {
    if (name != name_) return false;
    target = 0;
    if (null()) return true;
    using Wide = std::conditional_t<std::is_signed_v<Integer>, std::int64_t, std::uint64_t>;
    Wide wide = 0;
    note(value_.get(wide));
    if (wide < std::numeric_limits<Integer>::min() || wide > std::numeric_limits<Integer>::max()) {
      failed_ = true;
    }
    target = static_cast<Integer>(wide);
    return true;
  }

  // The value's text, without line breaks; null is a value too.
  bool payload(std::string_view name, std::string_view& target) {
    if (name != name_) return false;
    if (!walk_.take_raw(value_, depth_, target)) failed_ = true;
    return true;
  }

  // The same, where null means absent.
  bool optional_payload(std::string_view name, std::string_view& target) {
    if (!payload(name, target)) return false;
    if (target == "null") target = {};
    return true;
  }

  bool texts(std::string_view name, std::vector<std::string_view>& targets) {
    if (name != name_) return false;
    targets.clear();
    return list(name, [&targets](JsonField& element) {
      return element.text(element.name(), targets.emplace_back());
    });
  }

  // Calls add(element) for each element; its name is that of the list.
  template <class Add>
  bool list(std::string_view name, const Add& add) {
    if (name != name_) return false;
    if (!null() && !read_list(add)) failed_ = true;
    return true;
  }

  // Calls take(member) for each member of an object; those it does not take are skipped.
  template <class Take>
  bool object(std::string_view name, const Take& take) {
    if (name != name_) return false;
    if (null()) return true;
    simdjson::ondemand::object members;
    if (depth_ == 0 || value_.get_object().get(members) != simdjson::SUCCESS ||
        !read_members(walk_, members, depth_ - 1, take)) {
      failed_ = true;
    }
    return true;
  }

  template <class Take>
  static bool read_members(gateway::JsonWalk& walk, simdjson::ondemand::object& members, unsigned depth,
                           const Take& take) {
    for (auto result : members) {
      simdjson::ondemand::field entry;
      std::string_view name;
      if (std::move(result).get(entry) != simdjson::SUCCESS) return false;
      if (entry.unescaped_key().get(name) != simdjson::SUCCESS) return false;
      JsonField member(walk, name, entry.value(), depth);
      const bool known = take(member);
      if (member.failed() || (!known && !member.skip())) return false;
    }
    return true;
  }

 private:
  void note(simdjson::error_code error) {
    if (error != simdjson::SUCCESS) failed_ = true;
  }

  bool null() {
    bool null = false;
    note(value_.is_null().get(null));
    return null || failed_;
  }

  template <class Add>
  bool read_list(const Add& add) {
    simdjson::ondemand::array elements;
    if (depth_ == 0 || value_.get_array().get(elements) != simdjson::SUCCESS) return false;
    for (auto result : elements) {
      simdjson::ondemand::value value;
      if (result.get(value) != simdjson::SUCCESS) return false;
      JsonField element(walk_, name_, value, depth_ - 1);
      if (!add(element) || element.failed()) return false;
    }
    return true;
  }

  gateway::JsonWalk& walk_;
  std::string_view name_;
  simdjson::ondemand::value value_;
  unsigned depth_;  // how deep the value may nest
  bool failed_ = false;
};

// Reads a text that is one object and nothing else.
template <class Take>
bool read_object(gateway::JsonWalk& walk, std::string_view text, const Take& take) {
  if (!walk.load(text)) return false;
  simdjson::ondemand::object members;
  if (walk.document().get_object().get(members) != simdjson::SUCCESS) return false;
  return JsonField::read_members(walk, members, gateway::kJsonDepthMaximum - 1, take) && walk.at_end();
}

}  // namespace holdfast::admin
