// Measuring before, between and after; then the same check as always, with the measured bytes.
#include "tune/prove.h"

#include <algorithm>
#include <cmath>

#include "tune/crowd.h"

namespace holdfast::tune {
namespace {

struct Moment {
  Slabs slabs;
  std::uint64_t available = 0;
};

Moment moment(const Facts& facts) {
  Moment now;
  const auto identity = [&](const std::string& cache) {
    return facts.host.link_target("/sys/kernel/slab/" + cache);
  };
  now.slabs = connection_slabs(parse_slabs(facts.host.read("/proc/slabinfo").text), identity);
  now.available = memory_available(facts.host).value_or(0);
  return now;
}

// Each connection has two sockets; what is more or less was somebody else's.
bool is_disturbed(const std::vector<Growth>& pair) {
  const auto sockets =
      std::find_if(pair.begin(), pair.end(), [](const Growth& growth) { return growth.cache == "TCP"; });
  return sockets == pair.end() || std::abs(sockets->objects_each - 2) > 0.05;
}

double less_available(const Moment& before, const Moment& after, std::uint64_t connections) {
  return before.available <= after.available
             ? 0
             : static_cast<double>(before.available - after.available) / static_cast<double>(connections);
}

// "TCP: inuse 40002 orphan 0 tw 0 alloc 40004 mem 0"
std::uint64_t tcp_sockets_in_use(const Facts& facts) {
  for (const std::string& line : split(facts.host.read("/proc/net/sockstat").text, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    if (words.size() > 2 && words[0] == "TCP:" && words[1] == "inuse")
      return parse_count(words[2]).value_or(0);
  }
  return 0;
}

std::uint64_t rounded(double bytes) {
  return static_cast<std::uint64_t>(std::max(0.0, bytes) + 0.5);
}

}  // namespace

double end_bytes_of(const std::vector<Growth>& pair) {
  double bytes = 0;
  for (const Growth& growth : pair) {
    if (growth.cache.find("bind") == std::string::npos) bytes += growth.bytes_each / 2;
  }
  return bytes;
}

absl::StatusOr<Proof> prove(const Facts& facts, const Target& target, std::uint64_t connections) {
  Proof proof;
  proof.connections = connections;
  const Moment before = moment(facts);
  auto crowd = Crowd::open(connections);
  if (!crowd.ok()) return crowd.status();
  proof.children = crowd->children();
  const Moment opened = moment(facts);
  proof.sockets_in_use = tcp_sockets_in_use(facts);
  if (absl::Status status = crowd->watch(); !status.ok()) return status;
  const Moment watched = moment(facts);

  proof.by_cache = !before.slabs.empty() && !watched.slabs.empty();
  if (proof.by_cache) {
    proof.pair = growth_each(before.slabs, opened.slabs, connections);
    proof.watching = growth_each(opened.slabs, watched.slabs, connections);
    proof.disturbed = is_disturbed(proof.pair);
    proof.pair_bytes = total_bytes(proof.pair);
    proof.end_bytes = end_bytes_of(proof.pair);
    proof.watching_bytes = total_bytes(proof.watching);
  } else {
    proof.pair_bytes = less_available(before, opened, connections);
    proof.end_bytes = proof.pair_bytes / 2;
    proof.watching_bytes = less_available(opened, watched, connections);
  }
  proof.hash_chains = magnitude(facts.number("net.ipv4.tcp_ehash_entries").value_or(0));

  Target measured = target;
  measured.bytes.socket = rounded(proof.end_bytes);
  measured.bytes.poll = rounded(proof.watching_bytes);
  measured.bytes.table = 0;
  const ConnectionBytes usual;
  // The client's program is not measured here: what it is known to take beside its socket and its poll stays.
  measured.bytes.client = rounded(proof.pair_bytes - proof.end_bytes + proof.watching_bytes) +
                          (usual.client - usual.socket - usual.poll);
  proof.report = check(facts, measured);
  return proof;
}

}  // namespace holdfast::tune
