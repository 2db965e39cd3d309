// Which phases there are, what they can be told, and what is refused.
#include "phase.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint32_t kCollectorsMaximum = 16;
constexpr std::uint32_t kGatheredBytes = 256 * 1024;
constexpr double kHalfOpenSeconds = 15;
constexpr std::uint32_t kOutstandingDefault = 1'000;
constexpr double kSecondsMaximum = 24 * 3600;
constexpr double kRateMaximum = 10'000'000;
constexpr double kReadRateMaximum = 1e9;
constexpr double kBeforeDisconnectMs = 1000;

struct Known {
  Phase::Kind kind;
  std::string_view name;
  std::string_view required;  // separated by spaces, as in optional
  std::string_view optional;
  std::string_view explained;
};

constexpr Known kKnown[] = {
    {Phase::Kind::ramp, "ramp", "connections", "rate outstanding",
     "ramp:connections=N[,rate=R][,outstanding=K]  opens N more connections, R a second, K at once"},
    {Phase::Kind::idle, "idle", "seconds", "", "idle:seconds=S  answers pings and counts them"},
    {Phase::Kind::echo, "echo", "", "closed rounds outstanding rate seconds bytes",
     "echo:closed[,rounds=K][,bytes=B|B1-B2][,outstanding=N]  every connection K times, N at once\n"
     "  echo:rate=R,seconds=S[,bytes=B|B1-B2]  R messages a second by the clock, whatever comes back"},
    {Phase::Kind::fanout, "fanout", "rounds", "bytes",
     "fanout:rounds=K[,bytes=B|B1-B2]  one publishes, all must receive it once and in order"},
    {Phase::Kind::fanin, "fanin", "", "rounds bytes collectors outstanding",
     "fanin[:rounds=K][,bytes=B|B1-B2][,collectors=C][,outstanding=N]  everybody sends K messages, N under\n"
     "    way; the C collectors must receive each once, in its sender's order (holdfast-target, from 24 B)"},
    {Phase::Kind::ping, "ping", "", "outstanding", "ping[:outstanding=N]  pings every connection"},
    {Phase::Kind::close, "close", "", "outstanding",
     "close[:outstanding=N]  closes every connection by the closing handshake"},
    {Phase::Kind::storm, "storm", "jitter_ms", "",
     "storm:jitter_ms=J  drops everything and comes back within J milliseconds"},
    {Phase::Kind::churn, "churn", "percent_per_minute seconds", "",
     "churn:percent_per_minute=P,seconds=S  closes and opens again P % of the connections a minute"},
    {Phase::Kind::half_open, "half_open", "count", "seconds",
     "half_open:count=N[,seconds=S]  sends half of N requests; the server has to end them within S"},
    {Phase::Kind::slow, "slow", "percent", "rounds bytes read_rate seconds expect",
     "slow:percent=P[,rounds=K][,bytes=B|B1-B2][,read_rate=R][,seconds=S][,expect=kept|closed]\n"
     "    a fanout in which P % read R bytes a second, or nothing, until S seconds after its end: the "
     "others\n"
     "    must not notice, and these receive everything in the end or are closed, without a gap"},
    {Phase::Kind::vanish, "vanish", "percent seconds", "",
     "vanish:percent=P,seconds=S  P % cease to answer, without FIN; the server has to end them within S"},
    {Phase::Kind::recover, "recover", "rate seconds", "jitter_ms backoff_ms bytes",
     "recover:rate=R,seconds=S[,backoff_ms=B][,jitter_ms=J][,bytes=B|B1-B2]\n"
     "    R publications a second for S seconds, the channels in turn; after one second the server is told "
     "to\n"
     "    disconnect everybody (3001); all come back after B to B+J ms and recover: nothing lost, nothing "
     "twice\n"
     "    (centrifugo-*, with --api)"},
    {Phase::Kind::drop, "drop", "", "", "drop  ends every connection by RST"},
};

bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

std::string in_quotes(std::string_view text) {
  return std::string(1, '"').append(text).append(1, '"');
}

bool parse_number(std::string_view text, double least, double most, double* value) {
  return absl::SimpleAtod(absl::string_view(text.data(), text.size()), value) && std::isfinite(*value) &&
         *value >= least && *value <= most;
}

bool parse_count(std::string_view text, std::uint32_t most, std::uint32_t* value) {
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), value) && *value >= 1 &&
         *value <= most;
}

// Takes one setting over; empty when it is right, else what would be.
std::string set(std::string_view key, std::string_view value, Phase* phase) {
  if (key == "closed") {
    phase->closed_loop = true;
    return value.empty() ? "" : "no value";
  }
  if (key == "connections" || key == "count") {
    return parse_count(value, kConnectionsMaximum, &phase->connections) ? "" : "1 to 4,000,000";
  }
  if (key == "rate")
    return parse_number(value, 0.001, kRateMaximum, &phase->rate) ? "" : "0.001 to 10,000,000";
  if (key == "seconds") return parse_number(value, 0, kSecondsMaximum, &phase->seconds) ? "" : "0 to 86,400";
  if (key == "percent_per_minute") {
    return parse_number(value, 0.001, 6000, &phase->percent_per_minute) ? "" : "0.001 to 6,000";
  }
  if (key == "percent") return parse_number(value, 0.001, 100, &phase->percent) ? "" : "0.001 to 100";
  if (key == "read_rate") {
    return parse_number(value, 1, kReadRateMaximum, &phase->read_rate) ? "" : "1 to 1,000,000,000";
  }
  if (key == "collectors") {
    return parse_count(value, kCollectorsMaximum, &phase->collectors) ? "" : "1 to 16";
  }
  if (key == "expect") {
    phase->expected = value == "kept" ? Phase::Expected::kept : Phase::Expected::closed;
    return value == "kept" || value == "closed" ? "" : "kept or closed";
  }
  if (key == "outstanding") {
    return parse_count(value, kConnectionsMaximum, &phase->outstanding) ? "" : "1 to 4,000,000";
  }
  if (key == "rounds") return parse_count(value, kRoundsMaximum, &phase->rounds) ? "" : "1 to 10,000";
  if (key == "bytes") return parse_sizes(value, &phase->bytes) ? "" : "B or B1-B2, each 9 to 1,048,576";
  double milliseconds = 0;
  if (!parse_number(value, 0, 3'600'000, &milliseconds)) return "0 to 3,600,000";
  (key == "backoff_ms" ? phase->backoff_ms : phase->jitter_ms) = static_cast<std::uint32_t>(milliseconds);
  return "";
}

// Empty when the settings, each of them right, are so together.
std::string contradiction(const Phase& phase, std::string_view seen) {
  if (phase.kind == Phase::Kind::echo) {
    if (phase.closed_loop && (has_word(seen, "rate") || has_word(seen, "seconds"))) {
      return "a closed loop has rounds, not a rate and seconds";
    }
    if (!phase.closed_loop && (phase.rate == 0 || phase.seconds == 0)) {
      return "needs either closed, or a rate and seconds";
    }
    if (!phase.closed_loop && (has_word(seen, "rounds") || has_word(seen, "outstanding"))) {
      return "by the clock there are no rounds and nothing bounds what is under way: leave them out, or say "
             "closed";
    }
    if (!phase.closed_loop && phase.rate * phase.seconds < 1) {
      return "that is less than one message: raise the rate or the seconds";
    }
  }
  if (phase.kind == Phase::Kind::fanin && phase.bytes.smallest < kGatheredMinimumBytes) {
    return "messages that say who sent them have 24 bytes at least: raise bytes";
  }
  if (phase.kind == Phase::Kind::recover &&
      phase.seconds * 1e3 < kBeforeDisconnectMs + phase.backoff_ms + phase.jitter_ms) {
    return "publications have to go on until all are back: seconds is at least 1 and what backoff_ms and "
           "jitter_ms take";
  }
  if (phase.kind == Phase::Kind::vanish && phase.seconds == 0) {
    return "no server ends a vanished peer at once: seconds is its ping interval and pong timeout, and some";
  }
  return "";
}

absl::Status refuse(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(std::string("--phase=").append(text).append(": ").append(why));
}

}  // namespace

std::string list_of_phases() {
  std::string list;
  for (const Known& known : kKnown) list.append("  ").append(known.explained).append("\n");
  return list;
}

bool parse_sizes(std::string_view text, Sizes* sizes) {
  const std::size_t end = text.find_first_of("-.");
  if (!parse_count(text.substr(0, end), kMessageMaximumBytes, &sizes->smallest)) return false;
  sizes->largest = sizes->smallest;
  if (end != std::string_view::npos) {
    const std::size_t between = text[end] == '-' ? 1 : 2;
    if (between == 2 && text.substr(end, between) != "..") return false;
    if (!parse_count(text.substr(end + between), kMessageMaximumBytes, &sizes->largest)) return false;
  }
  return sizes->smallest >= kMessageMinimumBytes && sizes->largest >= sizes->smallest;
}

double quiet_seconds(const Phase& phase) {
  switch (phase.kind) {
    case Phase::Kind::idle:
    case Phase::Kind::slow:
    case Phase::Kind::vanish:
    case Phase::Kind::churn:
    case Phase::Kind::half_open:
    case Phase::Kind::recover:
      return phase.seconds;
    case Phase::Kind::storm:
      return phase.jitter_ms / 1e3;
    case Phase::Kind::ramp:
    case Phase::Kind::echo:
      return phase.rate > 0 ? 1 / phase.rate : 0;
    case Phase::Kind::fanout:
    case Phase::Kind::fanin:
    case Phase::Kind::ping:
    case Phase::Kind::close:
    case Phase::Kind::drop:
      return 0;
  }
  return 0;
}

absl::StatusOr<Phase> parse_phase(std::string_view text, Sizes otherwise) {
  Phase phase;
  phase.text = text;
  phase.bytes = otherwise;
  const Known* known = nullptr;
  for (const Known& candidate : kKnown) {
    if (candidate.name == phase.name()) known = &candidate;
  }
  if (known == nullptr) return refuse(text, "no such phase; there are:\n" + list_of_phases());
  phase.kind = known->kind;
  std::string seen;
  std::string_view rest = text.substr(std::min(text.size(), known->name.size() + 1));
  while (!rest.empty()) {
    const std::string_view setting = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), setting.size() + 1));
    const std::size_t equals = setting.find('=');
    const std::string_view key = setting.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : setting.substr(equals + 1);
    if (!has_word(known->required, key) && !has_word(known->optional, key)) {
      return refuse(text, in_quotes(key) + " is no setting of it:\n  " + std::string(known->explained));
    }
    if (has_word(seen, key)) return refuse(text, in_quotes(key) + " is given twice");
    seen.append(key).append(" ");
    const std::string right = set(key, value, &phase);
    if (!right.empty()) return refuse(text, in_quotes(setting) + ": right is " + right);
  }
  for (std::string_view needed = known->required; !needed.empty();) {
    const std::string_view word = needed.substr(0, needed.find(' '));
    needed.remove_prefix(std::min(needed.size(), word.size() + 1));
    if (!has_word(seen, word))
      return refuse(text, in_quotes(word) + " is missing:\n  " + std::string(known->explained));
  }
  if (const std::string wrong = contradiction(phase, seen); !wrong.empty()) return refuse(text, wrong);
  if (phase.kind == Phase::Kind::half_open) {
    phase.outstanding = phase.connections;
    if (phase.seconds == 0) phase.seconds = kHalfOpenSeconds;
  }
  if (phase.outstanding == 0 && phase.kind == Phase::Kind::fanin) {
    // All of it is on its way to one connection, for which no server queues without a bound.
    phase.outstanding = std::clamp(kGatheredBytes / phase.bytes.largest, 1u, kOutstandingDefault);
  }
  if (phase.outstanding == 0) phase.outstanding = kOutstandingDefault;
  return phase;
}

}  // namespace holdfast::swarm
