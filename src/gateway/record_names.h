// A table of records by the name in them: the set holds indexes of 4 bytes, and hashes and compares the names
// where they lie. Hashed with the server's key, so that nobody can choose names that collide.
//
// Record::channel() is the name; it must not change while the record is in the set. Lookup by text copies
// nothing.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "base/siphash.h"
#include "memory/index.h"

namespace holdfast::gateway {

template <class Record>
struct RecordNameHash {
  using is_transparent = void;
  const Record* items;
  base::SipKey key;
  std::size_t operator()(std::string_view name) const { return base::siphash(key, name); }
  std::size_t operator()(memory::Index index) const { return (*this)(items[index].channel()); }
};

template <class Record>
struct RecordNameEqual {
  using is_transparent = void;
  const Record* items;
  std::string_view name(memory::Index index) const { return items[index].channel(); }
  static std::string_view name(std::string_view text) { return text; }
  template <class Left, class Right>
  bool operator()(const Left& left, const Right& right) const {
    return name(left) == name(right);
  }
};

template <class Record>
using RecordNames = absl::flat_hash_set<memory::Index, RecordNameHash<Record>, RecordNameEqual<Record>>;

template <class Record>
RecordNames<Record> make_record_names(const Record* items, base::SipKey key) {
  return RecordNames<Record>(0, RecordNameHash<Record>{items, key}, RecordNameEqual<Record>{items});
}

}  // namespace holdfast::gateway
