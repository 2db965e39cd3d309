// Texts: what few clients or subscriptions have, kept apart from their records. Shard thread only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "memory/index.h"

namespace holdfast::gateway {

class Texts {
 public:
  memory::Index keep(std::string_view text) {
    if (free_.empty()) {
      texts_.emplace_back(text);
      return static_cast<memory::Index>(texts_.size() - 1);
    }
    const memory::Index index = free_.back();
    free_.pop_back();
    texts_[index] = text;
    return index;
  }
  void drop(memory::Index index) {
    CHECK(index < texts_.size());
    std::string().swap(texts_[index]);
    free_.push_back(index);
  }
  std::string_view operator[](memory::Index index) const { return texts_[index]; }
  std::size_t size() const { return texts_.size() - free_.size(); }

 private:
  std::vector<std::string> texts_;
  std::vector<memory::Index> free_;
};

}  // namespace holdfast::gateway
