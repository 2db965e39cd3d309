// What sockets may hold: tcp_mem, tcp_rmem, tcp_wmem and those that people change beside them.
#include <algorithm>

#include "tune/knob.h"

namespace holdfast::tune {
namespace {

using Numbers = std::vector<std::int64_t>;

std::int64_t whole(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, 1ull << 62));
}

Judgement judge_tcp_mem(const Facts& facts, const Target& target) {
  const std::string_view key = "net.ipv4.tcp_mem";
  const std::uint64_t active = active_pages(target);
  const std::uint64_t need = active + broadcast_pages(target);
  const std::string why = "pages: " + grouped(share_of(sockets_of(target), target.active_millionths)) +
                          " sockets active (" + share_text(target.active_millionths) + ") x 2 directions x " +
                          grouped(pages_each(target)) + ", + " + grouped(broadcast_pages(target)) + " when " +
                          share_text(target.profile.broadcast_millionths) + " are owed a message";
  const auto values = facts.numbers(key);
  const Numbers floor = {whole(need / 2), whole(need / 4 * 3), whole(need)};
  if (!values || values->size() != 3) return not_known(facts, key, joined(floor), why);
  Numbers wanted;
  for (std::size_t place = 0; place < 3; ++place) wanted.push_back(std::max((*values)[place], floor[place]));
  Judgement judgement{joined(*values), joined(wanted), why};
  if ((*values)[2] < whole(active)) {
    judgement.severity = Severity::wall;
  } else if (wanted != *values) {
    judgement.severity = Severity::slow;
  }
  if (judgement.severity != Severity::ok) judgement.setting = Setting{sysctl_path(key), judgement.needed};
  return judgement;
}

struct Bounds {
  std::uint64_t default_maximum, limit_minimum, limit_maximum;
};

Judgement judge_buffers(const Facts& facts, std::string_view key, const Bounds& bounds, std::string why) {
  const auto values = facts.numbers(key);
  const std::string needed = "4096 " + std::to_string(bounds.default_maximum) + " " +
                             std::to_string(bounds.limit_maximum) + " at most";
  if (!values || values->size() != 3) return not_known(facts, key, needed, std::move(why));
  Numbers wanted = *values;
  // The kernel refuses less than a page; what is guaranteed to each socket under pressure is a page as well.
  wanted[0] = 4096;
  wanted[1] = std::clamp<std::int64_t>(wanted[1], 4096, whole(bounds.default_maximum));
  wanted[2] = std::clamp(wanted[2], whole(bounds.limit_minimum), whole(bounds.limit_maximum));
  Judgement judgement{joined(*values), joined(wanted), std::move(why)};
  if (wanted != *values) {
    const bool harmful = (*values)[1] >= (1 << 20) || (*values)[2] < 65'536 || (*values)[0] >= (1 << 16);
    judgement.severity = harmful ? Severity::slow : Severity::advice;
    judgement.setting = Setting{sysctl_path(key), judgement.needed};
  }
  return judgement;
}

Judgement judge_receive(const Facts& facts, const Target& target) {
  const Profile& profile = target.profile;
  return judge_buffers(
      facts, "net.ipv4.tcp_rmem",
      {profile.receive_default_maximum, profile.receive_limit_minimum, profile.receive_limit_maximum},
      "for other programs, holdfast's own sockets hold " + grouped(kUnreadBytes) +
          " bytes at most; what peers can make the kernel hold before anybody reads: " +
          grouped(target.connections) + " x " + bytes_text(profile.receive_default_maximum) + " = " +
          bytes_text(target.connections * profile.receive_default_maximum) + ", then tcp_mem");
}

Judgement judge_send(const Facts& facts, const Target& target) {
  const Profile& profile = target.profile;
  return judge_buffers(facts, "net.ipv4.tcp_wmem",
                       {profile.send_default_maximum, profile.send_limit_minimum, profile.send_limit_maximum},
                       "what a slow peer leaves in the kernel, " + bytes_text(profile.send_limit_maximum) +
                           " each at most; the server's outbox bounds the rest");
}

// Affects sockets that set SO_SNDBUF, or are not TCP: reported because every guide sets it.
Judgement not_ours(const Facts& facts, std::string_view key) {
  const auto value = facts.number(key);
  if (!value) return not_known(facts, key, "any", "");
  Judgement judgement{
      std::to_string(*value), "any",
      "TCP takes its sizes from tcp_rmem and tcp_wmem unless a program sets them, and holdfast does not"};
  if (key.find("default") != std::string_view::npos && *value > (1 << 20)) {
    judgement.severity = Severity::advice;
    judgement.why = "does nothing for TCP, and gives every UDP and Unix socket this much to fill";
    judgement.needed = "212992";
    judgement.setting = Setting{sysctl_path(key), judgement.needed};
  }
  return judgement;
}

Judgement judge_receive_maximum(const Facts& facts, const Target&) {
  return at_least(facts, "net.core.rmem_max", kUnreadBytes,
                  "holdfast keeps up to " + grouped(kUnreadBytes) +
                      " bytes of a client that nobody has read yet, and no more than this: a smaller window "
                      "slows down whoever sends much",
                  Severity::advice);
}
Judgement judge_send_maximum(const Facts& facts, const Target&) {
  return not_ours(facts, "net.core.wmem_max");
}
Judgement judge_receive_default(const Facts& facts, const Target&) {
  return not_ours(facts, "net.core.rmem_default");
}
Judgement judge_send_default(const Facts& facts, const Target&) {
  return not_ours(facts, "net.core.wmem_default");
}

Judgement judge_notsent(const Facts& facts, const Target& target) {
  return at_most(
      facts, "net.ipv4.tcp_notsent_lowat", target.profile.notsent_maximum,
      "unsent bytes belong into the outbox, where they are bounded and can be dropped; holdfast sets "
      "131,072 on its own sockets, this is for the other programs",
      Severity::advice);
}

Judgement judge_moderate(const Facts& facts, const Target&) {
  return at_least(facts, "net.ipv4.tcp_moderate_rcvbuf", 1,
                  "without it a busy connection stays at tcp_rmem's default", Severity::slow);
}

}  // namespace

std::vector<Knob> socket_memory_knobs() {
  return {
      {"net.ipv4.tcp_mem", Scope::host, Applies::automatically, true,
       "Pages that the queues of all TCP sockets may take: below the first nobody cares, from the second on "
       "buffers "
       "shrink, above the third nothing is queued. An idle socket takes none.",
       "Too low: a broadcast ends in \"TCP: out of memory\" and lost windows for everybody. Higher than the "
       "memory: "
       "the host dies instead. 1,638,400 pages three times, as one guide has it, means no pressure before "
       "6.7 GB.",
       "memory, while bytes are queued", kIpSysctl, judge_tcp_mem},
      {"net.ipv4.tcp_rmem", Scope::network_namespace, Applies::automatically, false,
       "A socket's receive buffer: what it keeps under pressure, what it starts with, what it may grow to "
       "while the "
       "program reads. Guides range from 1 kB to 16 MB for the default, because they do not say for how many "
       "sockets.",
       "Default of megabytes: a few thousand peers that send to a busy server fill tcp_mem. Limit below 64 "
       "KiB: no "
       "window scaling worth its name, and a throughput of window / round trip.",
       "a small default opens windows a round trip later on long, fast paths", kIpSysctl, judge_receive},
      {"net.ipv4.tcp_wmem", Scope::network_namespace, Applies::automatically, false,
       "A socket's send buffer, in the same three numbers.",
       "Large limits: a slow reader keeps megabytes in the kernel. Small: many wake-ups for a fast one.",
       "a small limit bounds the throughput of one connection to limit / round trip", kIpSysctl, judge_send},
      {"net.core.rmem_max", Scope::host, Applies::never, false, "The most SO_RCVBUF may ask for.",
       "Below 131,072 holdfast's sockets get less than they ask for. More does nothing for it.", "none",
       kNetSysctl, judge_receive_maximum},
      {"net.core.wmem_max", Scope::host, Applies::never, false, "The most SO_SNDBUF may ask for.",
       "None for holdfast.", "none", kNetSysctl, judge_send_maximum},
      {"net.core.rmem_default", Scope::host, Applies::automatically, false,
       "The receive buffer of sockets that are not TCP; tcp_rmem stands in its place for those that are.",
       "16 MB, as some guides have it: no effect on TCP, and each UDP socket may hold as much.", "none",
       kNetSysctl, judge_receive_default},
      {"net.core.wmem_default", Scope::host, Applies::automatically, false,
       "The send buffer of sockets that are not TCP.", "As net.core.rmem_default.", "none", kNetSysctl,
       judge_send_default},
      {"net.ipv4.tcp_notsent_lowat", Scope::network_namespace, Applies::automatically, false,
       "Bytes not yet sent above which a socket is not writable. What is below the server in the kernel can "
       "be "
       "neither dropped nor counted by it.",
       "No limit: a slow consumer holds tcp_wmem's limit in the kernel before the server notices. Tiny: "
       "wake-ups.",
       "more wake-ups of a sender that fills the pipe", kIpSysctl, judge_notsent},
      {"net.ipv4.tcp_moderate_rcvbuf", Scope::network_namespace, Applies::automatically, false,
       "Whether receive buffers grow with what the program reads.",
       "0, as recipes for density have it: every busy connection is held at the default window for ever. "
       "Idle ones "
       "do not grow anyway.",
       "memory of busy connections, up to tcp_rmem's limit", kIpSysctl, judge_moderate},
  };
}

}  // namespace holdfast::tune
