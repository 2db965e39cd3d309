// Slabs: /proc/slabinfo read twice, and what grew in between. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tune {

struct Slab {
  std::uint64_t active = 0;  // objects
  double object_bytes = 0;   // with its share of what does not fill a slab
};
using Slabs = std::map<std::string, Slab>;

// Empty when the text is no slabinfo.
Slabs parse_slabs(std::string_view text);

struct Growth {
  std::string cache;
  double objects_each = 0;
  double bytes_each = 0;
};

// The caches connections are in, under the names below whatever the kernel calls them: it merges caches of
// one object size and shows them under any of their names. `identity` gives the same text for merged ones.
Slabs connection_slabs(const Slabs& all, const std::function<std::string(const std::string&)>& identity);

// Per connection, largest first. An entry of a directory and a security blob come with every open file, but
// also with every look into /proc by whoever watches the host: they are charged one per file. Allocations of
// general sizes are left out when they grew by less than 0.8 each: those belong to whatever else the host
// does.
std::vector<Growth> growth_each(const Slabs& before, const Slabs& after, std::uint64_t connections);
double total_bytes(const std::vector<Growth>& growth);

}  // namespace holdfast::tune
