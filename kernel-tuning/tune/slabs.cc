// Parsing slabinfo, version 2.
#include "tune/slabs.h"

#include <algorithm>

#include "tune/text.h"

namespace holdfast::tune {
namespace {

// What a TCP connection, its file and its watching are made of.
constexpr const char* kConnectionCaches[] = {"TCP",
                                             "TCPv6",
                                             "sock_inode_cache",
                                             "filp",
                                             "dentry",
                                             "lsm_inode_cache",
                                             "lsm_file_cache",
                                             "io_kiocb",
                                             "tcp_bind_bucket",
                                             "tcp_bind2_bucket",
                                             "tw_sock_TCP",
                                             "request_sock_TCP"};

bool is_general(const std::string& cache) {
  return cache.compare(0, 8, "kmalloc-") == 0;
}

}  // namespace

Slabs parse_slabs(std::string_view text) {
  constexpr double kPage = 4096;
  Slabs slabs;
  for (const std::string& line : split(text, '\n')) {
    // name active_objs num_objs objsize objperslab pagesperslab ...
    const std::vector<std::string> words = split(single_spaced(line), ' ');
    if (words.size() < 6 || line.front() == '#') continue;
    const auto active = parse_count(words[1]);
    const auto objects = parse_count(words[4]);
    const auto pages = parse_count(words[5]);
    if (!active || !objects || !pages || *objects == 0) continue;
    slabs[words[0]] = {*active, static_cast<double>(*pages) * kPage / static_cast<double>(*objects)};
  }
  return slabs;
}

Slabs connection_slabs(const Slabs& all, const std::function<std::string(const std::string&)>& identity) {
  Slabs wanted;
  for (const auto& [name, slab] : all) {
    if (is_general(name)) wanted[name] = slab;
  }
  for (const char* known : kConnectionCaches) {
    const std::string same = identity(known);
    for (const auto& [name, slab] : all) {
      if (name != known && (same.empty() || identity(name) != same)) continue;
      // Two of ours that are one cache are one row.
      const bool taken = std::any_of(wanted.begin(), wanted.end(), [&](const auto& row) {
        return !same.empty() && identity(row.first) == same;
      });
      if (!taken) wanted[known] = slab;
    }
  }
  return wanted;
}

std::vector<Growth> growth_each(const Slabs& before, const Slabs& after, std::uint64_t connections) {
  const auto grown = [&](const std::string& cache) {
    const auto earlier = before.find(cache);
    const auto later = after.find(cache);
    if (later == after.end()) return 0.0;
    const double from = earlier == before.end() ? 0 : static_cast<double>(earlier->second.active);
    return (static_cast<double>(later->second.active) - from) /
           static_cast<double>(std::max<std::uint64_t>(1, connections));
  };
  std::vector<Growth> growth;
  for (const auto& [cache, slab] : after) {
    const bool one_per_file = cache == "dentry" || cache == "lsm_inode_cache";
    const double each = grown(one_per_file ? "filp" : cache);
    if (each >= (is_general(cache) ? 0.8 : 0.05)) growth.push_back({cache, each, each * slab.object_bytes});
  }
  std::sort(growth.begin(), growth.end(),
            [](const Growth& one, const Growth& other) { return one.bytes_each > other.bytes_each; });
  return growth;
}

double total_bytes(const std::vector<Growth>& growth) {
  double total = 0;
  for (const Growth& cache : growth) total += cache.bytes_each;
  return total;
}

}  // namespace holdfast::tune
