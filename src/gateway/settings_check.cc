// What settings must fulfil together.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gateway/settings_reader.h"
#include "gateway/settings_value.h"
#include "http/origin.h"
#include "net/address.h"

namespace holdfast::gateway {
namespace {

class Checker {
 public:
  Checker(const WrittenKeys& written, const std::string& file, std::vector<Problem>& problems)
      : written_(written), file_(file), problems_(problems) {}

  // Reports unless `holds`, at the place of the key or, when it has its default, without one.
  void require(bool holds, const std::string& key, std::string reason, std::string next_step) {
    if (holds) return;
    const auto found = written_.find(key);
    const WrittenKey nowhere{{file_, 0, 0}, ""};
    const WrittenKey& written = found == written_.end() ? nowhere : found->second;
    problems_.push_back({written.place.file, written.place.line, written.place.column, key, written.spelled,
                         std::move(reason), std::move(next_step)});
  }

 private:
  const WrittenKeys& written_;
  const std::string& file_;
  std::vector<Problem>& problems_;
};

void check_listeners(const ServerSettings& server, Checker& checker) {
  checker.require(!server.listen.empty(), "listen", "nobody could connect", "name at least one address");
  std::vector<std::string> seen;
  const auto check = [&](const std::string& key, const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses) {
      const auto parsed = net::parse_listen_address(address);
      checker.require(parsed.ok(), key, std::string(parsed.status().message()),
                      "write ADDRESS:PORT with numbers: \"127.0.0.1:8000\" or \"[::1]:8000\"");
      const bool repeated = std::find(seen.begin(), seen.end(), address) != seen.end();
      checker.require(!repeated || address.ends_with(":0"), key, absl::StrCat(address, " is named twice"),
                      "give every listener its own address or port");
      seen.push_back(address);
    }
  };
  check("listen", server.listen);
  check("listen_api", server.listen_api);
}

void check_client(const Settings& settings, Checker& checker) {
  const ClientSettings& client = settings.client;
  for (const std::string& origin : settings.server.allowed_origins) {
    checker.require(http::valid_allowed_origin(origin), "allowed_origins",
                    absl::StrCat("\"", origin, "\" is no origin"),
                    "write scheme://host[:port] without a path, or \"*\" for any");
  }
  checker.require(
      client.ping_interval.count() == 0 || client.pong_timeout < client.ping_interval, "client.pong_timeout",
      absl::StrCat("must be shorter than client.ping_interval, ", format_duration(client.ping_interval)),
      "a pong is looked for before the next ping");
  checker.require(
      client.max_message_bytes <= client.max_outbox_bytes, "client.max_message_bytes",
      absl::StrCat("is more than client.max_outbox_bytes, ", format_bytes(client.max_outbox_bytes)),
      "a subscriber must be able to take the largest message");
  checker.require(
      settings.history.max_answer_bytes <= client.max_outbox_bytes, "history.max_answer_bytes",
      absl::StrCat("is more than client.max_outbox_bytes, ", format_bytes(client.max_outbox_bytes)),
      "an answer must fit into the outbox");
  if (!client.personal_channel) return;
  ChannelName name;
  std::uint32_t place = 0;
  const std::string example = settings.personal_channel_of("user");
  const bool known = settings.resolve(example, name, place) == Decision::allowed;
  checker.require(known, "client.personal_namespace",
                  absl::StrCat("there is no namespace \"", client.personal_namespace, "\""),
                  absl::StrCat("add [namespaces.", client.personal_namespace, "]"));
  checker.require(!known || settings.rules(place).user_limited, "client.personal_namespace",
                  "its channels are not user-limited",
                  "set user_limited = true there, or anybody may be let in");
}

void check_tokens(const Settings& settings, Checker& checker) {
  const TokenSettings& token = settings.token;
  checker.require(token.hmac_secret.is_set() || !token.hmac_previous_secret.is_set(),
                  "token.hmac_previous_secret", "there is no hmac_secret",
                  "the current secret goes there, the one before it here");
  checker.require(settings.api.key.is_set() || !settings.api.previous_key.is_set(), "api.previous_key",
                  "there is no key", "the current key goes there, the one before it here");
}

bool valid_space_name(std::string_view name) {
  const auto taken = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '-' || byte == '.';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), taken);
}

void check_rules(const ChannelRules& rules, const std::string& table, milliseconds meta_ttl,
                 Checker& checker) {
  const std::string add_history = "set history_size and history_ttl too";
  checker.require((rules.history_size > 0) == (rules.history_ttl.count() > 0),
                  table + (rules.history_size > 0 ? ".history_size" : ".history_ttl"),
                  "history needs both a size and a time", "set both, or neither");
  checker.require(rules.recovery == RecoveryMode::off || rules.keeps_history(), table + ".recovery",
                  "there is no history to recover from", add_history);
  checker.require(!rules.force_recovery || rules.recovery != RecoveryMode::off, table + ".force_recovery",
                  "recovery is off", "set recovery = \"stream\" or \"cache\"");
  checker.require(!rules.force_positioning || rules.keeps_history(), table + ".force_positioning",
                  "without history there are no positions", add_history);
  checker.require(!rules.force_push_join_leave || rules.join_leave, table + ".force_push_join_leave",
                  "join_leave is off", "set join_leave = true");
  checker.require(!rules.subscribe.subscribers, table + ".subscribe", "subscribers are subscribed already",
                  "write \"users\", \"anonymous\", \"anybody\" or \"nobody\"");
  checker.require(rules.history_ttl <= meta_ttl, table + ".history_ttl",
                  absl::StrCat("is longer than history.meta_ttl, ", format_duration(meta_ttl)),
                  "raise history.meta_ttl: without its epoch a history is useless");
}

}  // namespace

void check_settings(const Settings& settings, const WrittenKeys& written, const std::string& file,
                    std::vector<Problem>& problems) {
  Checker checker(written, file, problems);
  check_listeners(settings.server, checker);
  check_client(settings, checker);
  check_tokens(settings, checker);
  check_rules(settings.channels, "channels", settings.history.meta_ttl, checker);
  for (const Namespace& space : settings.namespaces) {
    const std::string table = dotted(kNamespaces, space.name);
    checker.require(valid_space_name(space.name), table, "is no name for a namespace",
                    "1 to 64 letters, digits, '_', '-' and '.'");
    check_rules(space.rules, table, settings.history.meta_ttl, checker);
  }
}

}  // namespace holdfast::gateway
