// What happens to clients that arrive: accept queue, SYN queue, packets queued for a core.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

std::uint64_t listening_shards(const Facts& facts, const Target& target) {
  return std::clamp<std::uint64_t>(shards_of(facts, target), 1, kShardsMaximum);
}

// Clients that arrive at one shard's listener while it is busy or held up.
std::uint64_t arrivals_in_a_stall(const Facts& facts, const Target& target) {
  return divide_up(arrivals_a_second(target) * target.profile.listener_stall_ms,
                   1'000 * listening_shards(facts, target));
}

std::string arrivals_in_words(const Facts& facts, const Target& target) {
  return grouped(target.connections) + " come back within " + grouped(target.profile.reconnect_window_s) +
         " s: " + grouped(arrivals_a_second(target)) + " a second over " +
         grouped(listening_shards(facts, target)) + " shards, " +
         grouped(arrivals_in_a_stall(facts, target)) + " at one of them in " +
         grouped(target.profile.listener_stall_ms) + " ms";
}

Judgement judge_somaxconn(const Facts& facts, const Target& target) {
  std::string why =
      arrivals_in_words(facts, target) + "; the server asks for a queue of " + grouped(kAcceptBacklog);
  if (arrivals_in_a_stall(facts, target) > kAcceptBacklog) why += ", so more shards would help";
  return at_least(facts, "net.core.somaxconn", kAcceptBacklog, std::move(why), Severity::slow);
}

Judgement judge_syn_backlog(const Facts& facts, const Target& target) {
  const std::uint64_t need =
      std::clamp<std::uint64_t>(power_of_two_from(arrivals_in_a_stall(facts, target)), 1'024, 65'536);
  return at_least(facts, "net.ipv4.tcp_max_syn_backlog", need,
                  arrivals_in_words(facts, target) + ", none of them answered yet", Severity::advice);
}

Judgement judge_syncookies(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_syncookies", 1, "an overflowing SYN queue answers instead of dropping",
                  Severity::slow);
}

Judgement judge_packet_backlog(const Facts& facts, const Target& target) {
  constexpr std::uint64_t kPingIntervalSeconds = 25;
  constexpr std::uint64_t kHeldUpMs = 50;
  // A handshake is about six packets each way of the three of TCP and the upgrade; a ping is two.
  const std::uint64_t packets = 6 * arrivals_a_second(target) + 2 * target.connections / kPingIntervalSeconds;
  const std::uint64_t at_a_core = divide_up(packets * kHeldUpMs, 1'000 * facts.cores);
  const std::uint64_t need = std::clamp<std::uint64_t>(power_of_two_from(at_a_core), 1'000, 65'536);
  return at_least(facts, "net.core.netdev_max_backlog", need,
                  "6 packets for each of " + grouped(arrivals_a_second(target)) +
                      " handshakes a second, 2 for each of " +
                      grouped(target.connections / kPingIntervalSeconds) + " pings, over " +
                      grouped(facts.cores) + " cores: " + grouped(at_a_core) + " in " + grouped(kHeldUpMs) +
                      " ms" + (target.loopback ? "; loopback goes through this queue" : ""),
                  target.loopback ? Severity::slow : Severity::advice);
}

Judgement judge_abort(const Facts& facts, const Target&) {
  return at_most(facts, "net.ipv4.tcp_abort_on_overflow", 0,
                 "1 answers a full accept queue with RST, and clients give up instead of trying again",
                 Severity::slow);
}

}  // namespace

std::vector<Knob> listen_knobs() {
  return {
      {"net.core.somaxconn", Scope::network_namespace, Applies::automatically, false,
       "The longest accept queue a listener may have. holdfast has one listener per shard and address, with "
       "a "
       "backlog of 1,024 each.",
       "128, the value of old kernels: a reconnect storm is taken 128 clients at a time, the others repeat "
       "their SYN "
       "after 1, 2, 4 seconds.",
       "about 320 B of kernel memory for each client that waits", kNetSysctl, judge_somaxconn},
      {"net.ipv4.tcp_max_syn_backlog", Scope::network_namespace, Applies::automatically, false,
       "Half-open handshakes remembered per listener when syncookies are off; with them on, the accept "
       "queue's limit "
       "holds for these as well.",
       "Too low without syncookies: a storm's SYNs are dropped.", "304 B for each half-open handshake",
       kIpSysctl, judge_syn_backlog},
      {"net.ipv4.tcp_syncookies", Scope::network_namespace, Applies::automatically, false,
       "Lets a listener whose SYN queue is full answer without remembering anything. A fallback, not a way "
       "to serve.",
       "0: a SYN flood shuts everybody out. 2: always, which costs connections their options.",
       "connections opened that way have coarser options", kIpSysctl, judge_syncookies},
      {"net.core.netdev_max_backlog", Scope::host, Applies::automatically, false,
       "Packets that wait for one core between the driver (or loopback, or RPS) and TCP.",
       "Too low: silent drops, seen in the second column of /proc/net/softnet_stat. Huge: packets that wait "
       "for long.",
       "memory of the packets that wait", kNetSysctl, judge_packet_backlog},
      {"net.ipv4.tcp_abort_on_overflow", Scope::network_namespace, Applies::automatically, false,
       "What a client is told when the accept queue is full: nothing (0), so it tries again, or RST (1).",
       "1: a storm that would have been over in seconds becomes errors at the clients.", "none", kIpSysctl,
       judge_abort},
  };
}

}  // namespace holdfast::tune
