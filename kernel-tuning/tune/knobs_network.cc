// How packets are spread and paced: congestion control and qdisc, cores and queues, busy polling.
#include <algorithm>
#include <set>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

Judgement judge_congestion(const Facts& facts, const Target&) {
  const Reading reading = facts.sysctl("net.ipv4.tcp_congestion_control");
  const std::string qdisc = single_spaced(facts.sysctl("net.core.default_qdisc").text);
  if (!reading.ok) return not_known(facts, "net.ipv4.tcp_congestion_control", "any", "");
  Judgement judgement{single_spaced(reading.text), "any", "state it beside every latency you measure"};
  if (!qdisc.empty()) judgement.current += " over " + qdisc;
  if (judgement.current.find("bbr") == 0 && !qdisc.empty() && qdisc != "fq") {
    judgement.severity = Severity::advice;
    judgement.why =
        "bbr paces; without the fq qdisc each sending socket has a high-resolution timer of its own";
    judgement.needed = "cubic, or bbr over fq";
    judgement.fix = "sysctl -w net.core.default_qdisc=fq and tc qdisc replace dev DEVICE root fq";
  }
  return judgement;
}

std::uint64_t queues_of(const Facts& facts, const std::string& device, std::string_view kind) {
  std::uint64_t count = 0;
  for (const std::string& name : facts.host.list("/sys/class/net/" + device + "/queues"))
    count += name.compare(0, kind.size(), kind) == 0 ? 1u : 0u;
  return count;
}

// "00000000,00000003": any bit set.
bool any_core(const std::string& mask) {
  return mask.find_first_of("123456789abcdefABCDEF") != std::string::npos;
}

// The cores that take the interrupts of a device's queues; empty when it cannot be seen.
std::set<std::string> interrupt_cores(const Facts& facts, const std::string& device) {
  std::set<std::string> cores;
  for (const std::string& interrupt : facts.host.list("/sys/class/net/" + device + "/device/msi_irqs")) {
    const Reading reading = facts.host.read("/proc/irq/" + interrupt + "/effective_affinity_list");
    if (reading.ok) cores.insert(single_spaced(reading.text));
  }
  return cores;
}

// All cores, as rps_cpus wants them: "f", "ff,ffffffff".
std::string mask_of(std::uint64_t cores) {
  std::string mask;
  for (std::uint64_t digit = 0; digit * 4 < cores; ++digit) {
    if (digit > 0 && digit % 8 == 0) mask.insert(mask.begin(), ',');
    mask.insert(mask.begin(), "0137f"[std::min<std::uint64_t>(4, cores - digit * 4)]);
  }
  return mask;
}

Judgement judge_spread(const Facts& facts, const Target&) {
  Judgement judgement{"", "every core takes packets", ""};
  const std::string mask = mask_of(facts.cores);
  for (const std::string& device : facts.host.list("/sys/class/net")) {
    // Only real cards have a device; loopback goes through the core that sends.
    if (!facts.host.exists("/sys/class/net/" + device + "/device")) continue;
    const std::uint64_t receive = queues_of(facts, device, "rx-");
    const bool steered = any_core(facts.host.read("/sys/class/net/" + device + "/queues/rx-0/rps_cpus").text);
    const auto cores = interrupt_cores(facts, device);
    judgement.current += (judgement.current.empty() ? "" : "; ") + device + " " + grouped(receive) +
                         " receive queues" + (steered ? ", RPS on" : "");
    if (cores.size() == 1) judgement.current += ", all interrupts on core " + *cores.begin();
    if (steered || (receive >= facts.cores && (cores.empty() || cores.size() > 1))) continue;
    if (facts.cores == 1) continue;
    judgement.severity = Severity::advice;
    judgement.why = grouped(facts.cores) +
                    " cores; those without a queue's interrupt take no packets unless RPS spreads them";
    judgement.fix += (judgement.fix.empty() ? "" : "; ") + ("echo " + mask) + " > /sys/class/net/" + device +
                     "/queues/rx-0/rps_cpus (and xps_cpus of tx-*), or ethtool -L " + device + " combined " +
                     grouped(facts.cores);
  }
  if (judgement.current.empty()) judgement.current = "no network card here";
  if (judgement.why.empty()) judgement.why = "as many receive queues as cores, RPS, or one core";
  return judgement;
}

Judgement judge_flow_table(const Facts& facts, const Target& target) {
  const std::string_view key = "net.core.rps_sock_flow_entries";
  const auto value = facts.number(key);
  if (!value) return not_known(facts, key, "any", "");
  // With RFS a packet goes to the core where its socket was last read; the table need not hold the idle ones.
  const std::uint64_t active = share_of(target.connections, target.active_millionths);
  return {std::to_string(*value), "any",
          "RFS, for cards that use RPS: " + std::to_string(power_of_two_from(active)) +
              " would hold the active ones (and divided by queues in rps_flow_cnt); off by default"};
}

Judgement judge_busy_poll(const Facts& facts, const Target&) {
  const std::string_view key = "net.core.busy_poll";
  const auto value = facts.number(key);
  if (!value) return not_known(facts, key, "0", "");
  Judgement judgement{
      std::to_string(*value), "0",
      "poll(2) and epoll spin this many microseconds; a ring does so only when told to, and holdfast "
      "does not"};
  if (*value > 0) {
    judgement.severity = Severity::advice;
    judgement.why += ": other programs burn a core for it";
    judgement.setting = Setting{sysctl_path(key), "0"};
  }
  return judgement;
}

}  // namespace

std::vector<Knob> network_knobs() {
  return {
      {"net.ipv4.tcp_congestion_control", Scope::network_namespace, Applies::never, false,
       "How fast a sender sends. cubic and bbr both serve; it matters for what few connections move much.",
       "bbr without fq: timers. Unknown names are refused by the kernel.", "none", kIpSysctl,
       judge_congestion},
      {"interrupts and queues", Scope::host, Applies::never, false,
       "Whether packets are taken by all cores: receive queues with interrupts of their own, or RPS, which "
       "passes "
       "packets on; XPS is the same for sending.",
       "One queue on one core: that core is full while the others sleep, and netdev_max_backlog overflows.",
       "RPS costs an interrupt between cores for each packet", "kernel Documentation/networking/scaling.rst",
       judge_spread},
      {"net.core.rps_sock_flow_entries", Scope::host, Applies::never, false,
       "Size of the table that lets RPS follow the reading thread (RFS).",
       "0: RPS spreads by hash, which is well "
       "where shards are many.",
       "8 B an entry", "kernel Documentation/networking/scaling.rst", judge_flow_table},
      {"net.core.busy_poll", Scope::host, Applies::on_request, false,
       "Microseconds poll(2), select(2) and epoll spin on the card's queue before they sleep.",
       "Set for latency on a server that uses io_uring: no gain, other programs spin.",
       "a core, while spinning", kNetSysctl, judge_busy_poll},
  };
}

}  // namespace holdfast::tune
