// The list of settings that guides still copy.
#include "tune/obsolete.h"

#include "tune/text.h"

namespace holdfast::tune {
namespace {

constexpr struct {
  std::string_view key;
  bool harmful;
  std::string_view why;
} kObsolete[] = {
    {"net.ipv4.tcp_tw_recycle", true,
     "removed in 4.12: it refused clients behind the same NAT. Where it still works it does that"},
    {"net.ipv4.tcp_fack", false, "no effect since 4.15; the kernel accepts and ignores it"},
    {"net.ipv4.tcp_low_latency", false, "no effect since 4.14; the kernel accepts and ignores it"},
    {"net.ipv4.tcp_max_ssthresh", false, "never in the mainline kernel in this form"},
    {"net.ipv4.route.max_size", false, "no effect for IPv4 since 3.6, when the route cache went"},
    {"net.ipv4.route.gc_thresh", false, "no effect for IPv4 since 3.6, when the route cache went"},
    {"net.ipv4.ip_conntrack_max", true,
     "renamed to net.netfilter.nf_conntrack_max in 2.6: what was meant is not set"},
    {"net.ipv4.netfilter.ip_conntrack_max", true,
     "renamed to net.netfilter.nf_conntrack_max in 2.6: what was meant is not set"},
    {"net.netfilter.ip_conntrack_max", true,
     "renamed to net.netfilter.nf_conntrack_max in 2.6: what was meant is not set"},
    {"net.nf_conntrack_max", false, "another name of net.netfilter.nf_conntrack_max, easily set twice"},
    {"net.ipv4.tcp_prequeue", false, "removed in 4.14"},
    {"fs.epoll.max_user_instances", false, "removed in 2.6.29"},
    {"net.ipv4.tcp_frto_response", false, "removed in 3.10"},
    {"net.ipv4.tcp_dma_copybreak", false, "removed in 3.18"},
    {"net.ipv4.tcp_vegas_cong_avoid", false, "removed in 2.6.13"},
    {"vm.hugetlb_shm_group_max", false, "not a setting of any kernel"},
};

}  // namespace

std::string_view why_obsolete(std::string_view key) {
  for (const auto& entry : kObsolete) {
    if (entry.key == key) return entry.why;
  }
  return "";
}

std::vector<Obsolete> find_obsolete(const Facts& facts) {
  std::vector<Obsolete> found;
  for (const auto& entry : kObsolete) {
    const auto pins = facts.pins.find(std::string(entry.key));
    if (pins != facts.pins.end()) {
      const Pin& pin = pins->second.back();
      found.push_back({std::string(entry.key), pin.value, pin.where, std::string(entry.why), entry.harmful});
    } else if (entry.harmful && facts.number(entry.key).value_or(0) != 0) {
      found.push_back({std::string(entry.key), single_spaced(facts.sysctl(entry.key).text), "running kernel",
                       std::string(entry.why), true});
    }
  }
  for (const auto& [key, pins] : facts.pins) {
    // A wildcard or the name of an interface is not a file's name. Keys that belong to the first network
    // namespace cannot be seen from another one.
    const bool plain = key.find_first_of("*/") == std::string::npos;
    const bool visible = !facts.own_network_namespace || key.compare(0, 4, "net.") != 0;
    if (!plain || !visible || !why_obsolete(key).empty() || !facts.host.exists("/proc/sys")) continue;
    if (facts.sysctl(key).absent) {
      found.push_back(
          {key, pins.back().value, pins.back().where,
           "this kernel has no such key (misspelt, removed, or its module is not loaded): nothing is set",
           false});
    }
  }
  return found;
}

}  // namespace holdfast::tune
