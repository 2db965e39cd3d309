// How topic names are hashed and compared: by a key drawn at start-up, without copying a name to look it up.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/siphash.h"

namespace holdfast::hub {

inline constexpr std::size_t kTopicNameMaximumBytes = 255;

inline bool valid_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kTopicNameMaximumBytes;
}

struct TopicNameHash {
  using is_transparent = void;
  base::SipKey key;
  std::size_t operator()(std::string_view name) const { return base::siphash(key, name); }
};

struct TopicNameEqual {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const { return left == right; }
};

}  // namespace holdfast::hub
