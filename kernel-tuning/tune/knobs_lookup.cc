// Tables a packet is looked up in: established hash, conntrack, ports, neighbours.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

Judgement judge_established(const Facts& facts, const Target& target) {
  const std::string_view key = "net.ipv4.tcp_ehash_entries";
  const std::uint64_t sockets = sockets_of(target);
  const std::uint64_t need = power_of_two_from(divide_up(sockets, target.profile.chain_length));
  const std::string fix = "boot with thash_entries=" + std::to_string(need) +
                          ", or sysctl -w net.ipv4.tcp_child_ehash_entries=" + std::to_string(need) +
                          " and start the server in a network namespace made after that";
  const auto value = facts.number(key);
  if (!value || *value == 0) {
    Judgement judgement = not_known(facts, key, std::to_string(need), "the sysctl came with 6.1");
    judgement.fix = "dmesg | grep 'TCP established'";
    return judgement;
  }
  // Negative: this network namespace uses the first one's table.
  const std::uint64_t buckets = magnitude(*value);
  Judgement judgement{std::to_string(buckets), std::to_string(need),
                      grouped(sockets) + " sockets / " + grouped(buckets) +
                          " chains = " + grouped(divide_up(sockets, buckets)) + " in a chain, " +
                          grouped(target.profile.chain_length) + " at most"};
  if (divide_up(sockets, buckets) > target.profile.chain_length) {
    judgement.severity = Severity::slow;
    judgement.fix = fix;
  }
  return judgement;
}

Judgement judge_child_established(const Facts& facts, const Target& target) {
  const std::string_view key = "net.ipv4.tcp_child_ehash_entries";
  const std::string why =
      "the size of the table of network namespaces made from here; 0: they share this one's";
  const auto value = facts.number(key);
  if (!value) return not_known(facts, key, "0", why);
  Judgement judgement{std::to_string(*value), "any", why};
  if (*value > 0 && static_cast<std::uint64_t>(*value) < sockets_of(target) / 64) {
    judgement.severity = Severity::advice;
    judgement.why += "; a container started now would have long chains";
    judgement.needed =
        std::to_string(power_of_two_from(divide_up(sockets_of(target), target.profile.chain_length)));
    judgement.setting = Setting{sysctl_path(key), judgement.needed};
  }
  return judgement;
}

// One entry a connection (also on loopback, where both ends are one flow), and a tenth for those that went.
std::uint64_t tracked(const Facts& facts, const Target& target) {
  const auto count = facts.number("net.netfilter.nf_conntrack_count").value_or(0);
  const std::uint64_t now = count > 0 ? static_cast<std::uint64_t>(count) : 0;
  return divide_up(divide_up(target.connections * 11, 10) + now, 10'000) * 10'000;
}

constexpr std::string_view kNoTrack =
    "or do not track them: nft add rule inet raw prerouting tcp dport PORT notrack (and sport in output)";

Judgement judge_conntrack(const Facts& facts, const Target& target) {
  const std::string_view key = "net.netfilter.nf_conntrack_max";
  if (facts.sysctl(key).absent) return {"not loaded", "any", "connections are not tracked"};
  if (conntrack_counts(facts)) {
    Judgement judgement = at_least(
        facts, key, tracked(facts, target),
        "connections are tracked: one entry each, + 10% for those that just went + those tracked now",
        Severity::wall);
    if (judgement.severity != Severity::ok)
      judgement.fix = "sysctl -w " + std::string(key) + "=" + judgement.needed + ", " + std::string(kNoTrack);
    return judgement;
  }
  // Loaded and idle: no rule has asked for it. Raising the limit would only hide the day one does.
  Judgement judgement = not_known(facts, key, "any", "loaded, but it tracks nothing now");
  if (const auto value = facts.number(key)) {
    judgement.current = std::to_string(*value);
    judgement.severity = static_cast<std::uint64_t>(std::max<std::int64_t>(*value, 0)) < target.connections
                             ? Severity::advice
                             : Severity::ok;
    judgement.why += "; a firewall rule that needs it would make this the wall";
    judgement.fix = "when one is added, " + std::string(kNoTrack);
  }
  return judgement;
}

Judgement judge_conntrack_buckets(const Facts& facts, const Target& target) {
  const std::string_view key = "net.netfilter.nf_conntrack_buckets";
  if (!conntrack_counts(facts)) {
    Judgement judgement{"not used", "any", "connections are not tracked"};
    return judgement;
  }
  return at_least(facts, key, power_of_two_from(divide_up(tracked(facts, target), 4)),
                  grouped(tracked(facts, target)) + " entries, 4 in a chain", Severity::slow);
}

struct Range {
  std::uint64_t first = 0, last = 0;
};

std::optional<Range> local_ports(const Facts& facts) {
  const auto numbers = facts.numbers("net.ipv4.ip_local_port_range");
  if (!numbers || numbers->size() != 2 || (*numbers)[0] < 1 || (*numbers)[1] > 65'535 ||
      (*numbers)[1] < (*numbers)[0])
    return std::nullopt;
  return Range{static_cast<std::uint64_t>((*numbers)[0]), static_cast<std::uint64_t>((*numbers)[1])};
}

// "8080,9148-9150" holds 9149; a list nobody understands holds nothing.
bool list_holds(const std::string& list, std::uint64_t port) {
  for (const std::string& part : split(list, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = parse_count(trimmed(part.substr(0, dash)));
    const auto last = dash == std::string::npos ? first : parse_count(trimmed(part.substr(dash + 1)));
    if (first && last && port >= *first && port <= *last) return true;
  }
  return false;
}

Judgement judge_port_range(const Facts& facts, const Target& target) {
  const std::string_view key = "net.ipv4.ip_local_port_range";
  const auto range = local_ports(facts);
  if (!range) return not_known(facts, key, "any", "");
  Judgement judgement{std::to_string(range->first) + " " + std::to_string(range->last), "any",
                      "for outgoing connections only: a server's clients bring their own ports"};
  if (target.loopback) {
    const std::uint64_t ports = range->last - range->first + 1;
    const std::uint64_t per_source = ports * std::max<std::uint64_t>(1, target.ports.size());
    judgement.why = grouped(target.connections) + " clients on this host / " + grouped(ports) + " ports / " +
                    grouped(std::max<std::size_t>(1, target.ports.size())) +
                    " listening ports = " + grouped(divide_up(target.connections, per_source)) +
                    " source addresses; perf/swarm takes as many of 127.0.0.0/8";
  }
  return judgement;
}

Judgement judge_reserved_ports(const Facts& facts, const Target& target) {
  const std::string_view key = "net.ipv4.ip_local_reserved_ports";
  const auto range = local_ports(facts);
  const Reading reading = facts.sysctl(key);
  if (!range || !reading.ok) return not_known(facts, key, "the service's ports", "");
  const std::string list = single_spaced(reading.text);
  std::string wanted = list;
  std::string inside;
  for (const std::uint16_t port : target.ports) {
    if (port < range->first || port > range->last || list_holds(list, port)) continue;
    wanted += (wanted.empty() ? "" : ",") + std::to_string(port);
    inside += (inside.empty() ? "" : ", ") + std::to_string(port);
  }
  Judgement judgement{list.empty() ? "none" : list, wanted.empty() ? "none" : wanted,
                      "the service's ports are outside of ip_local_port_range, or reserved"};
  if (!inside.empty()) {
    judgement.why = "port " + inside +
                    " lies inside ip_local_port_range: an outgoing connection, or its TIME_WAIT, can "
                    "have it when the server restarts";
    judgement.severity = Severity::slow;
    judgement.setting = Setting{sysctl_path(key), wanted};
  }
  return judgement;
}

Judgement judge_neighbours(const Facts& facts, const Target& target, std::string_view key, std::uint64_t need,
                           Severity severity) {
  std::string why = grouped(target.neighbours) + " clients on this host's own links, an entry each";
  if (target.neighbours == 0) {
    why = "clients come through a router, which is one entry (--neighbours=N says otherwise)";
    need = 1;
  }
  return at_least(facts, key, need, std::move(why), severity);
}

Judgement judge_neighbours_4_first(const Facts& facts, const Target& target) {
  return judge_neighbours(facts, target, "net.ipv4.neigh.default.gc_thresh1", target.neighbours,
                          Severity::advice);
}
Judgement judge_neighbours_4_second(const Facts& facts, const Target& target) {
  return judge_neighbours(facts, target, "net.ipv4.neigh.default.gc_thresh2", target.neighbours * 3 / 2,
                          Severity::slow);
}
Judgement judge_neighbours_4_third(const Facts& facts, const Target& target) {
  return judge_neighbours(facts, target, "net.ipv4.neigh.default.gc_thresh3", target.neighbours * 2,
                          Severity::slow);
}
Judgement judge_neighbours_6_third(const Facts& facts, const Target& target) {
  return judge_neighbours(facts, target, "net.ipv6.neigh.default.gc_thresh3", target.neighbours * 2,
                          Severity::slow);
}

}  // namespace

std::vector<Knob> lookup_knobs() {
  constexpr std::string_view kConntrackSysctl = "kernel Documentation/networking/nf_conntrack-sysctl.rst";
  return {
      {"net.ipv4.tcp_ehash_entries", Scope::boot, Applies::never, false,
       "Chains of the table in which each packet finds its socket. Fixed at boot from the memory, 262,144 at "
       "most by "
       "itself on many machines; a network namespace can have its own.",
       "Long chains: each packet walks further. The author of the per-namespace table measured 50.7 Gbit/s "
       "with one "
       "socket, 49.9 with 8 in a chain, 44.6 with 64.",
       "8 B a chain, always",
       "ip-sysctl.rst; kernel commit \"tcp: Introduce optional per-netns ehash\" (6.1)", judge_established},
      {"net.ipv4.tcp_child_ehash_entries", Scope::network_namespace, Applies::on_request, false,
       "Gives network namespaces made from this one an established hash of their own, of this size.",
       "Small: containers with long chains.", "8 B a chain for each namespace", kIpSysctl,
       judge_child_established},
      {"net.netfilter.nf_conntrack_max", Scope::host, Applies::automatically, true,
       "Flows the firewall's connection tracking remembers. In use only where a rule needs it.",
       "Too low: \"nf_conntrack: table full, dropping packet\", and new connections fail at random. "
       "1,000,000 for a "
       "server of 1,024,000 connections is a guide's real advice.",
       "about 320 B of kernel memory a flow", kConntrackSysctl, judge_conntrack},
      {"net.netfilter.nf_conntrack_buckets", Scope::host, Applies::automatically, false,
       "Chains of the table of tracked flows.", "Raising nf_conntrack_max alone: long chains.", "8 B a chain",
       kConntrackSysctl, judge_conntrack_buckets},
      {"net.ipv4.ip_local_port_range", Scope::network_namespace, Applies::never, false,
       "Ports for outgoing connections: per source address, destination address and destination port.",
       "Widened to 1024 65535, as guides have it: every service port lies inside, see "
       "ip_local_reserved_ports.",
       "none", kIpSysctl, judge_port_range},
      {"net.ipv4.ip_local_reserved_ports", Scope::network_namespace, Applies::automatically, false,
       "Ports that outgoing connections leave alone although they are in the range.",
       "A service port that is not listed: the server does not start again, now and then, with EADDRINUSE.",
       "as many ports less for outgoing connections", kIpSysctl, judge_reserved_ports},
      {"net.ipv4.neigh.default.gc_thresh1", Scope::host, Applies::automatically, false,
       "ARP entries that are never thrown away.",
       "Too low: entries of quiet clients are asked for again and again.", "about 400 B an entry", kIpSysctl,
       judge_neighbours_4_first},
      {"net.ipv4.neigh.default.gc_thresh2", Scope::host, Applies::automatically, false,
       "ARP entries above which they are thrown away after 5 s.", "As gc_thresh3, five seconds later.",
       "about 400 B an entry", kIpSysctl, judge_neighbours_4_second},
      {"net.ipv4.neigh.default.gc_thresh3", Scope::host, Applies::automatically, false,
       "The most ARP entries. Only clients on the host's own links need one.",
       "Too low: \"neighbour: arp_cache: neighbor table overflow!\", and packets to new clients are dropped.",
       "about 400 B an entry", kIpSysctl, judge_neighbours_4_third},
      {"net.ipv6.neigh.default.gc_thresh3", Scope::host, Applies::automatically, false,
       "The same for IPv6 (NDP).", "As for IPv4.", "about 400 B an entry", kIpSysctl,
       judge_neighbours_6_third},
  };
}

}  // namespace holdfast::tune
