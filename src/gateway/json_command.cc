// A field of a request, as JSON has it. Fields are taken in the order in which they come, each walked to its
// end, so that one pass finds everything that is wrong.
#include "gateway/json_command.h"

#include <cstdint>
#include <limits>
#include <type_traits>

#include "gateway/json_text.h"
#include "gateway/request_fields.h"

namespace holdfast::gateway {
namespace {

namespace ondemand = simdjson::ondemand;

class JsonField;

template <class Request>
bool read_fields(JsonWalk& walk, const CommandLimits& limits, ondemand::object& object, unsigned depth,
                 Request& request);

class JsonField {
 public:
  JsonField(JsonWalk& walk, const CommandLimits& limits, std::string_view name, ondemand::value value,
            unsigned depth)
      : walk_(walk), limits_(limits), name_(name), value_(value), depth_(depth) {}

  const CommandLimits& limits() const { return limits_; }
  bool failed() const { return failed_; }
  bool skip() { return walk_.valid(value_, depth_); }

  bool text(std::string_view name, std::uint32_t /*number*/, std::string_view& target) {
    if (name != name_) return false;
    if (!null() && value_.get_string().get(target) != simdjson::SUCCESS) failed_ = true;
    return true;
  }

  bool flag(std::string_view name, std::uint32_t /*number*/, bool& target) {
    if (name != name_) return false;
    if (!null() && value_.get_bool().get(target) != simdjson::SUCCESS) failed_ = true;
    return true;
  }

  template <class Integer>
  bool number(std::string_view name, std::uint32_t /*number*/, Integer& target) {
    if (name != name_) return false;
    if (null()) return true;
    using Wide = std::conditional_t<std::is_signed_v<Integer>, std::int64_t, std::uint64_t>;
    Wide wide = 0;
    if (value_.get(wide) != simdjson::SUCCESS || wide < std::numeric_limits<Integer>::min() ||
        wide > std::numeric_limits<Integer>::max()) {
      failed_ = true;
    } else {
      target = static_cast<Integer>(wide);
    }
    return true;
  }

  bool payload(std::string_view name, std::uint32_t /*number*/, std::string_view& target) {
    if (name != name_) return false;
    if (!walk_.take_raw(value_, depth_, target)) failed_ = true;
    return true;
  }

  // An object is there.
  bool present(std::string_view name, std::uint32_t /*number*/, bool& target) {
    if (name != name_) return false;
    if (null()) return true;
    ondemand::json_type type;
    target = value_.type().get(type) == simdjson::SUCCESS && type == ondemand::json_type::object;
    if (!target || !skip()) failed_ = true;
    return true;
  }

  template <class Request>
  bool message(std::string_view name, std::uint32_t /*number*/, Request& request, bool* there = nullptr) {
    if (name != name_) return false;
    if (null()) return true;
    ondemand::object object;
    if (!open(object) || !read_fields(walk_, limits_, object, depth_ - 1, request)) failed_ = true;
    if (there != nullptr) *there = true;
    return true;
  }

  // Calls add(key, value) for each entry; its value is a field named "value".
  template <class Add>
  bool map(std::string_view name, std::uint32_t /*number*/, const Add& add) {
    if (name != name_) return false;
    if (null()) return true;
    failed_ = !read_map(add);
    return true;
  }

 private:
  bool null() {
    bool null = false;
    if (value_.is_null().get(null) != simdjson::SUCCESS) failed_ = true;
    return null || failed_;
  }

  bool open(ondemand::object& object) {
    return depth_ > 0 && value_.get_object().get(object) == simdjson::SUCCESS;
  }

  template <class Add>
  bool read_map(const Add& add) {
    ondemand::object object;
    if (!open(object)) return false;
    for (auto result : object) {
      ondemand::field entry;
      std::string_view key;
      if (std::move(result).get(entry) != simdjson::SUCCESS) return false;
      if (entry.unescaped_key().get(key) != simdjson::SUCCESS) return false;
      JsonField value(walk_, limits_, "value", entry.value(), depth_ - 1);
      if (!add(key, value) || value.failed()) return false;
    }
    return true;
  }

  JsonWalk& walk_;
  const CommandLimits& limits_;
  std::string_view name_;
  ondemand::value value_;
  unsigned depth_;  // how deep the value may nest
  bool failed_ = false;
};

template <class Request>
bool read_fields(JsonWalk& walk, const CommandLimits& limits, ondemand::object& object, unsigned depth,
                 Request& request) {
  for (auto result : object) {
    ondemand::field entry;
    std::string_view name;
    if (std::move(result).get(entry) != simdjson::SUCCESS) return false;
    if (entry.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    JsonField field(walk, limits, name, entry.value(), depth);
    const bool known = take(field, request);
    if (field.failed() || (!known && !field.skip())) return false;
  }
  return true;
}

}  // namespace

template <class Request>
bool JsonCommandReader::read_document(std::string_view text, Request& request) {
  if (!walk_.load(text)) return false;
  ondemand::object object;
  if (walk_.document().get_object().get(object) != simdjson::SUCCESS) return false;
  return read_fields(walk_, limits_, object, kJsonDepthMaximum - 1, request) && walk_.at_end();
}

bool JsonCommandReader::read(std::string_view text, protocol::Command& command) {
  if (text == "{}") return true;  // the pong, which is most of what idle clients send
  return read_document(text, command);
}

bool JsonCommandReader::read(std::string_view text, protocol::ConnectRequest& request) {
  return read_document(text, request);
}

}  // namespace holdfast::gateway
