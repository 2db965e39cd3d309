// How connections are kept, found dead and forgotten: keepalive, closing, TIME_WAIT, orphans.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

constexpr std::string_view kOwnKeepalive =
    "holdfast sets its own on every connection (idle 60 s, interval 15 s); this is for other programs";

// Clamped to something nobody regrets: less than ten seconds wakes every phone and every NAT on the way.
Judgement judge_keepalive_time(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_keepalive_time", 10, std::string(kOwnKeepalive), Severity::advice);
}

Judgement judge_keepalive_interval(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_keepalive_intvl", 5, std::string(kOwnKeepalive), Severity::advice);
}

Judgement judge_keepalive_probes(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_keepalive_probes", 3,
                  std::string(kOwnKeepalive) + ", with TCP_USER_TIMEOUT in place of a number of probes",
                  Severity::advice);
}

Judgement judge_fin_timeout(const Facts& facts, const Target& target) {
  return at_most(facts, "net.ipv4.tcp_fin_timeout", target.profile.fin_timeout_maximum_s,
                 "a closed connection whose peer says nothing more is kept this long, 256 B each",
                 Severity::advice);
}

Judgement judge_time_wait(const Facts& facts, const Target& target) {
  // Whoever closes first keeps the TIME_WAIT, and in a drain that is the server, for all in 10 s.
  return at_least(
      facts, "net.ipv4.tcp_max_tw_buckets", divide_up(target.connections, 1'000) * 1'000,
      "a drain closes " + grouped(target.connections) + " connections within the 60 s a TIME_WAIT lasts",
      Severity::slow);
}

Judgement judge_time_wait_reuse(const Facts& facts, const Target& target) {
  const auto value = facts.number("net.ipv4.tcp_tw_reuse");
  if (!value) return not_known(facts, "net.ipv4.tcp_tw_reuse", "2", "");
  Judgement judgement{
      std::to_string(*value), target.loopback ? "1 or 2" : "any",
      "for outgoing connections only: a server's do not gain; 2 is the default, for loopback"};
  if (target.loopback && *value == 0) {
    judgement.severity = Severity::advice;
    judgement.setting = Setting{sysctl_path("net.ipv4.tcp_tw_reuse"), "2"};
  }
  return judgement;
}

Judgement judge_orphans(const Facts& facts, const Target& target) {
  // A drain spreads the closings over two thirds of its 10 s; each is an orphan until its FIN is answered.
  constexpr std::uint64_t kDrainMs = 6'667;
  constexpr std::uint64_t kAnswerMs = 500;
  const std::uint64_t need = divide_up(target.connections * kAnswerMs / kDrainMs, 1'000) * 1'000;
  return at_least(facts, "net.ipv4.tcp_max_orphans", need,
                  "a drain closes " + grouped(target.connections) +
                      " in 6.7 s, each an orphan for a round trip, taken as "
                      "500 ms",
                  Severity::slow);
}

Judgement judge_slow_start(const Facts& facts, const Target&) {
  return at_most(
      facts, "net.ipv4.tcp_slow_start_after_idle", 0,
      "a connection that speaks once a minute starts slowly every time: a message of more than 10 segments "
      "takes further round trips",
      Severity::advice);
}

Judgement judge_timestamps(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_timestamps", 1,
                  "TIME_WAIT reuse, protection against old segments, and syncookies with options need it",
                  Severity::advice);
}

Judgement judge_sack(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_sack", 1, "without it one lost packet has a whole window sent again",
                  Severity::slow);
}

Judgement judge_scaling(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_window_scaling", 1,
                  "without it no connection has a window above 64 KiB", Severity::slow);
}

}  // namespace

std::vector<Knob> lifetime_knobs() {
  return {
      {"net.ipv4.tcp_keepalive_time", Scope::network_namespace, Applies::automatically, false,
       "Silence before the first keepalive probe, for sockets that asked for keepalive and set no time of "
       "their own.",
       "1 second, as copied about: a packet a second on every idle connection. A million connections, a "
       "million "
       "packets a second.",
       "none", kIpSysctl, judge_keepalive_time},
      {"net.ipv4.tcp_keepalive_intvl", Scope::network_namespace, Applies::automatically, false,
       "Time between probes that stay unanswered.", "1 second: a mobile handover looks like a dead peer.",
       "none", kIpSysctl, judge_keepalive_interval},
      {"net.ipv4.tcp_keepalive_probes", Scope::network_namespace, Applies::automatically, false,
       "Unanswered probes before the connection is given up.", "1: a single lost packet ends a connection.",
       "none", kIpSysctl, judge_keepalive_probes},
      {"net.ipv4.tcp_fin_timeout", Scope::network_namespace, Applies::automatically, false,
       "How long a connection that we closed waits in FIN_WAIT_2 for its peer's FIN. It is not the length of "
       "TIME_WAIT, which is 60 s and fixed.",
       "Very low: slow peers see RST for what they still send.",
       "late data of slow peers is answered with RST", kIpSysctl, judge_fin_timeout},
      {"net.ipv4.tcp_max_tw_buckets", Scope::network_namespace, Applies::automatically, false,
       "TIME_WAIT sockets the host keeps. Beyond it they are dropped at once, with a warning.",
       "Too low: after a drain an old segment can reach a new connection, and clients that come back from "
       "the same "
       "port are answered wrongly.",
       "256 B each, for 60 s after a drain", kIpSysctl, judge_time_wait},
      {"net.ipv4.tcp_tw_reuse", Scope::network_namespace, Applies::on_request, false,
       "Whether an outgoing connection may take the port of one in TIME_WAIT.",
       "It never did anything for a server. It is not tcp_tw_recycle, which broke clients behind NAT and is "
       "gone.",
       "none", kIpSysctl, judge_time_wait_reuse},
      {"net.ipv4.tcp_max_orphans", Scope::host, Applies::automatically, false,
       "Sockets that no program holds any more and that still have something to send or to hear.",
       "Too low: closings in a drain become RST, and the last message, the one with the close code, is lost.",
       "up to 64 KiB each while they last", kIpSysctl, judge_orphans},
      {"net.ipv4.tcp_slow_start_after_idle", Scope::network_namespace, Applies::automatically, false,
       "Whether the congestion window is forgotten after an idle round-trip timeout.",
       "1: the first large message after a pause takes several round trips.",
       "a burst into a path that has become narrower", kIpSysctl, judge_slow_start},
      {"net.ipv4.tcp_timestamps", Scope::network_namespace, Applies::automatically, false,
       "A time in every segment.",
       "0: see why it is needed; guides switch it off to save 12 bytes a segment.", "12 B in each segment",
       kIpSysctl, judge_timestamps},
      {"net.ipv4.tcp_sack", Scope::network_namespace, Applies::automatically, false,
       "Telling the sender what arrived behind a hole.", "0: slow recovery from loss.", "none", kIpSysctl,
       judge_sack},
      {"net.ipv4.tcp_window_scaling", Scope::network_namespace, Applies::automatically, false,
       "Windows above 64 KiB.", "0: a throughput of 64 KiB a round trip.", "none", kIpSysctl, judge_scaling},
  };
}

}  // namespace holdfast::tune
