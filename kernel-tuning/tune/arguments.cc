// One table of flags: each with the commands that take it and what it sets.
#include "tune/arguments.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"

namespace holdfast::tune {
namespace {

constexpr struct {
  std::string_view name, text;
} kCommands[] = {
    {"check", "what this host lacks for a target, how many it holds, and its first wall"},
    {"plan", "what apply would change, as a diff; --script prints a shell script"},
    {"apply", "changes it, with a journal of what was there before; all or nothing"},
    {"verify", "what has drifted since apply, and who else sets it"},
    {"revert", "puts back what was there before"},
    {"recover", "undoes an apply that was interrupted, finishes such a revert (the others do it as well)"},
    {"prove", "opens real connections on loopback and measures what they take"},
    {"explain", "explain KEY: what a setting does; without KEY, the list"},
};

using Words = std::vector<std::string>;

absl::Status out_of_range(std::string_view flag, std::string_view value, std::string_view range) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", std::string(flag), "=", std::string(value), ": ", std::string(range)));
}

absl::Status set_count(std::string_view flag, std::string_view value, std::uint64_t least, std::uint64_t most,
                       std::uint64_t* count) {
  const auto parsed = parse_count(value);
  if (!parsed || *parsed < least || *parsed > most)
    return out_of_range(flag, value, "choose a number from " + grouped(least) + " to " + grouped(most));
  *count = *parsed;
  return absl::OkStatus();
}

absl::Status set_keys(std::string_view flag, std::string_view value, Words* keys) {
  for (const std::string& key : split(value, ',')) {
    const auto& knobs = all_knobs();
    if (std::none_of(knobs.begin(), knobs.end(), [&](const Knob& knob) { return knob.key == key; }))
      return out_of_range(flag, value, "\"" + key + "\" is not a key; holdfast-tune explain lists them");
    keys->push_back(key);
  }
  return absl::OkStatus();
}

absl::Status set_ports(std::string_view value, std::vector<std::uint16_t>* ports) {
  ports->clear();
  for (const std::string& text : split(value, ',')) {
    std::uint64_t port = 0;
    if (absl::Status status = set_count("ports", text, 1, 65'535, &port); !status.ok()) return status;
    ports->push_back(static_cast<std::uint16_t>(port));
  }
  return ports->empty() || ports->size() > 64 ? out_of_range("ports", value, "name 1 to 64 ports")
                                              : absl::OkStatus();
}

absl::Status set_user(std::string_view value, std::string* user) {
  // It becomes a word of a line of limits.d: a name, @group, or *.
  const bool plain = std::all_of(value.begin(), value.end(), [](char character) {
    return std::isalnum(static_cast<unsigned char>(character)) != 0 ||
           std::string_view("_-.@*").find(character) != std::string_view::npos;
  });
  if (value.empty() || value.size() > 64 || !plain) return out_of_range("user", value, "name a user");
  *user = std::string(value);
  return absl::OkStatus();
}

absl::Status set_bytes(std::string_view flag, std::string_view value, std::uint64_t* bytes) {
  const auto parsed = parse_bytes(value);
  if (!parsed || *parsed < 1 || *parsed > 64u << 20)
    return out_of_range(flag, value, "choose from 1 to 64MiB");
  *bytes = *parsed;
  return absl::OkStatus();
}

absl::Status set_share(std::string_view flag, std::string_view value, std::uint64_t* share) {
  const auto parsed = parse_share(value);
  if (!parsed) return out_of_range(flag, value, "choose from 0% to 100%");
  *share = *parsed;
  return absl::OkStatus();
}

absl::Status set_choice(std::string_view flag, std::string_view value, bool* choice) {
  if (value != "yes" && value != "no") return out_of_range(flag, value, "yes or no");
  *choice = value == "yes";
  return absl::OkStatus();
}

absl::Status set_valued(const std::string& flag, const std::string& value, Arguments* arguments,
                        std::string* profile) {
  Target& target = arguments->target;
  if (flag == "connections") return set_count(flag, value, 1, kConnectionsMaximum, &target.connections);
  if (flag == "message-bytes") return set_bytes(flag, value, &target.message_bytes);
  if (flag == "active") return set_share(flag, value, &target.active_millionths);
  if (flag == "tls") return set_choice(flag, value, &target.tls);
  if (flag == "shards") return set_count(flag, value, 0, kShardsMaximum, &target.shards);
  if (flag == "neighbours") return set_count(flag, value, 0, 10'000'000, &target.neighbours);
  if (flag == "pid") return set_count(flag, value, 1, 1u << 22, &target.process);
  if (flag == "sockets") return set_count(flag, value, 1, 2'000'000, &arguments->sockets);
  if (flag == "ports") return set_ports(value, &target.ports);
  if (flag == "user") return set_user(value, &target.user);
  if (flag == "only") return set_keys(flag, value, &arguments->plan.only);
  if (flag == "with") return set_keys(flag, value, &arguments->plan.with);
  if (flag == "without") return set_keys(flag, value, &arguments->plan.without);
  if (flag == "profile") {
    *profile = value;
    return absl::OkStatus();
  }
  if (flag == "root") {
    if (value.empty() || value.front() != '/')
      return out_of_range(flag, value, "give the whole path of a folder");
    arguments->root = value;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no flag --", flag));
}

bool* bare_flag(const std::string& flag, Arguments* arguments) {
  if (flag == "json") return &arguments->json;
  if (flag == "all") return &arguments->every_reason;
  if (flag == "script") return &arguments->script;
  if (flag == "inverse") return &arguments->inverse;
  if (flag == "force") return &arguments->force;
  if (flag == "help") return &arguments->help;
  if (flag == "loopback") return &arguments->target.loopback;
  if (flag == "runtime-only") return &arguments->plan.runtime_only;
  if (flag == "override-pins") return &arguments->plan.override_pins;
  return nullptr;
}

absl::Status take_flag(const std::string& word, Arguments* arguments, std::string* profile) {
  const std::size_t equals = word.find('=');
  const std::string flag = word.substr(2, equals == std::string::npos ? equals : equals - 2);
  if (bool* bare = bare_flag(flag, arguments)) {
    if (equals != std::string::npos)
      return absl::InvalidArgumentError(absl::StrCat("--", flag, " takes no value"));
    *bare = true;
    return absl::OkStatus();
  }
  if (equals == std::string::npos)
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, ": no such flag, or its value is missing (--flag=value)"));
  return set_valued(flag, word.substr(equals + 1), arguments, profile);
}

}  // namespace

absl::StatusOr<Arguments> parse_arguments(const Words& words) {
  Arguments arguments;
  std::string profile = "density";
  for (const std::string& word : words) {
    if (word.compare(0, 2, "--") == 0) {
      if (absl::Status status = take_flag(word, &arguments, &profile); !status.ok()) return status;
    } else if (arguments.command.empty()) {
      arguments.command = word;
    } else if (arguments.command == "explain" && arguments.key.empty()) {
      arguments.key = word;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("\"", word, "\" is one word too many"));
    }
  }
  if (arguments.help || arguments.command == "help") {
    arguments.help = true;
    return arguments;
  }
  if (std::none_of(std::begin(kCommands), std::end(kCommands),
                   [&](const auto& command) { return command.name == arguments.command; })) {
    return absl::InvalidArgumentError(arguments.command.empty()
                                          ? std::string("say what to do")
                                          : absl::StrCat("\"", arguments.command, "\" is not a command"));
  }
  if (arguments.inverse && !arguments.script)
    return absl::InvalidArgumentError("--inverse goes with plan --script");
  auto loaded = load_profile(Host(arguments.root), profile);
  if (!loaded.ok()) return loaded.status();
  arguments.target.profile = *std::move(loaded);
  return arguments;
}

std::string usage() {
  std::string text =
      "holdfast-tune COMMAND [--flag=value]...: how many connections this host holds, and what to change\n\n";
  for (const auto& command : kCommands)
    text += absl::StrCat("  ", std::string(command.name), std::string(10 - command.name.size(), ' '),
                         std::string(command.text), "\n");
  return text + R"(
The target (check, plan, apply, prove, explain):
  --connections=1M        to hold; k, M and G are decimal
  --profile=density       density, balanced, latency, /etc/holdfast/profiles/NAME.profile, or a path
  --message-bytes=512     of a typical message; KiB, MiB
  --active=5%             of the connections have bytes queued at one moment
  --tls=no                yes: the memory TLS will take
  --ports=8000            that the server listens on, separated by commas
  --loopback              the clients are on this host too
  --shards=0              0: as the server chooses
  --neighbours=0          clients on this host's own links, which need an ARP entry each
  --pid=PID               judge the limits of that process, not of this one
  --user=holdfast         whose limits go into limits.d

  --json                  check, plan, verify, prove: for programs
  --all                   check: the reasons for what is right as well
  --script, --inverse     plan: as a POSIX sh script, and the one that undoes it
  --only=, --with=, --without=KEY,...   plan, apply: only these, also these, not these
  --runtime-only          plan, apply: nothing that outlives a reboot
  --override-pins         plan, apply: also what the administrator or tuned has set
  --force                 revert: also what somebody else has changed since
  --sockets=20000         prove: connections to open
  --root=DIR              a folder that stands in for / (an image, a test)

Exit status: 0 ready or done, 1 failed and nothing changed, 2 not understood, 3 not tuned or drifted,
4 cannot: not enough memory.
)";
}

}  // namespace holdfast::tune
