// Settings from text: defaults, every kind of value, overrides, descriptions and differences.
#include "gateway/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "gateway/settings_keys.h"
#include "settings_fixture.h"

namespace holdfast::gateway {

extern const std::string_view kSampleSettings;

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::string all_problems(const LoadedSettings& loaded) {
  std::string text;
  for (const Problem& problem : loaded.problems) text += problem.to_string() + "\n";
  return text;
}

std::shared_ptr<const Settings> sound(std::string_view text, std::vector<Override> overrides = {}) {
  const FakeSurroundings nothing;
  LoadedSettings loaded = parse_settings(text, "/etc/holdfast.toml", overrides, nothing.surroundings());
  EXPECT_EQ(all_problems(loaded), "");
  return loaded.settings != nullptr ? loaded.settings : std::make_shared<const Settings>();
}

TEST(Settings, TheSampleFileSaysTheDefaults) {
  const std::shared_ptr<const Settings> sample = sound(kSampleSettings);
  EXPECT_EQ(describe(*sample), describe(Settings{}));
  const Differences none = differences(*sample, Settings{});
  EXPECT_EQ(none.reloadable, std::vector<std::string>{});
  EXPECT_EQ(none.need_restart, std::vector<std::string>{});
}

TEST(Settings, TheSampleFileNamesEveryKeyInItsTable) {
  std::map<std::string, std::string> tables;
  std::string table;
  std::string_view rest = kSampleSettings;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with('[')) table = line.substr(1, line.find(']') - 1);
    tables[table].append(line).append("\n");
  }
  Settings defaults;
  for_each_section(defaults, [&](std::string_view name, const auto& section) {
    using Section = std::decay_t<decltype(section)>;
    const std::string& text = tables[std::string(name)];
    for (const auto& key : keys_of(section)) {
      const std::string written = std::string(key.name) + " = ";
      EXPECT_NE(text.find("\n" + written), std::string::npos) << name << "." << key.name;
      if (!std::holds_alternative<Secret Section::*>(key.field)) continue;
      EXPECT_NE(text.find("#   " + std::string(key.name) + "_file = "), std::string::npos) << key.name;
      EXPECT_NE(text.find("#   " + std::string(key.name) + "_env = "), std::string::npos) << key.name;
    }
  });
}

TEST(Settings, AnEmptyFileMeansTheDefaults) {
  EXPECT_EQ(describe(*sound("")), describe(Settings{}));
  EXPECT_EQ(sound("")->client.ping_interval, seconds(25));
}

TEST(Settings, TakesEveryKindOfValue) {
  const auto settings = sound(R"(
listen = ["0.0.0.0:80", "[::]:80"]
shards = 4
allow_missing_origin = false
[client]
ping_interval = "1500ms"
pong_timeout = "0s"
position_check_interval = "1m"
max_message_bytes = 2048
max_outbox_bytes = "2MiB"
[history]
meta_ttl = "30d"
[channels]
history_size = 10
history_ttl = "1h"
recovery = "cache"
subscribe = "anybody"
publish = ["users", "subscribers"]
read_history = []
)");
  EXPECT_EQ(settings->server.listen, (std::vector<std::string>{"0.0.0.0:80", "[::]:80"}));
  EXPECT_EQ(settings->server.shards, 4u);
  EXPECT_FALSE(settings->server.allow_missing_origin);
  EXPECT_EQ(settings->client.ping_interval, milliseconds(1500));
  EXPECT_EQ(settings->client.pong_timeout, seconds(0));
  EXPECT_EQ(settings->client.position_check_interval, minutes(1));
  EXPECT_EQ(settings->client.max_message_bytes, 2048u);
  EXPECT_EQ(settings->client.max_outbox_bytes, 2u << 20);
  EXPECT_EQ(settings->history.meta_ttl, hours(720));
  EXPECT_EQ(settings->channels.recovery, RecoveryMode::cache);
  EXPECT_EQ(settings->channels.subscribe, (Groups{.users = true, .anonymous = true}));
  EXPECT_EQ(settings->channels.publish, (Groups{.users = true, .subscribers = true}));
  EXPECT_EQ(settings->channels.read_history, Groups{});
}

TEST(Settings, ResolvesChannelsToTheRulesOfTheirNamespace) {
  const auto settings = sound(R"(
[channels]
delta = true
[namespaces.zoo]
presence = true
[namespaces.chat]
publish = "users"
[namespaces."with.point"]
join_leave = true
)");
  ASSERT_EQ(settings->namespaces.size(), 3u);
  ChannelName name;
  std::uint32_t place = 0;
  const auto rules = [&](std::string_view channel) -> const ChannelRules& {
    EXPECT_EQ(settings->resolve(channel, name, place), Decision::allowed) << channel;
    return settings->rules(place);
  };
  EXPECT_TRUE(rules("news").delta);
  EXPECT_TRUE(rules("chat:room").publish.users);
  EXPECT_FALSE(rules("chat:room").delta) << "nothing is inherited";
  EXPECT_TRUE(rules("$zoo:secret").presence);
  EXPECT_TRUE(rules("zoo:#42").presence);
  EXPECT_TRUE(rules("with.point:x").join_leave);
  for (const std::string_view unknown : {"other:x", ":x", "cha:x", "chatt:x", "a#b:c"}) {
    EXPECT_EQ(settings->resolve(unknown, name, place), Decision::unknown_channel) << unknown;
  }
  EXPECT_EQ(settings->resolve("", name, place), Decision::empty_name);
  EXPECT_EQ(settings->resolve(std::string(256, 'x'), name, place), Decision::bad_name);
  EXPECT_EQ(settings->resolve("a*", name, place), Decision::bad_name);
}

TEST(Settings, ThePersonalChannelOfAUserNamesThatUserAlone) {
  const auto settings = sound("[client]\npersonal_channel = true\n[namespaces.personal]\n");
  EXPECT_EQ(settings->personal_channel_of("42"), "personal:#42");
  EXPECT_EQ(settings->personal_channel_of("a:b"), "personal:#a:b");
  EXPECT_EQ(settings->personal_channel_of(""), "") << "anonymous";
  EXPECT_EQ(settings->personal_channel_of("42,43"), "") << "would be for two others";
  EXPECT_EQ(settings->personal_channel_of("a#b"), "") << "would be for b";
  EXPECT_EQ(settings->personal_channel_of("\xc3\xa4"), "");
  EXPECT_EQ(settings->personal_channel_of(std::string(300, 'u')), "");
  EXPECT_EQ(sound("")->personal_channel_of("42"), "") << "switched off";
  const auto without = sound("[client]\npersonal_channel = true\npersonal_namespace = \"\"\n");
  EXPECT_EQ(without->personal_channel_of("42"), "#42");
  EXPECT_EQ(without->personal_channel_of("a:b"), "") << "would be in the namespace #a";
}

TEST(Settings, ReadsSecretsAndKeysFromFilesAndTheEnvironment) {
  FakeSurroundings fake;
  fake.files["/etc/secret"] = "a secret of at least thirty-two bytes\n";
  fake.files["/elsewhere/key.pem"] = "PEM";
  fake.files["/etc/keys.json"] = "{}";
  fake.environment["API_KEY"] = "0123456789abcdef";
  const LoadedSettings loaded = parse_settings(R"(
[token]
hmac_secret_file = "secret"
public_key_files = ["/elsewhere/key.pem"]
jwks_file = "keys.json"
[api]
key_env = "API_KEY"
)",
                                               "/etc/holdfast.toml", {}, fake.surroundings());
  ASSERT_EQ(all_problems(loaded), "");
  EXPECT_EQ(loaded.settings->token.hmac_secret.text, "a secret of at least thirty-two bytes");
  ASSERT_EQ(loaded.settings->token.public_key_files.size(), 1u);
  EXPECT_EQ(loaded.settings->token.public_key_files[0], (FileText{"/elsewhere/key.pem", "PEM"}));
  EXPECT_EQ(loaded.settings->token.jwks_file, (FileText{"keys.json", "{}"}));
  EXPECT_EQ(loaded.settings->api.key.text, "0123456789abcdef");
}

TEST(Settings, OverridesWinOverTheFile) {
  const std::string_view file = "listen = [\"127.0.0.1:1\"]\n[client]\nmax_channels = 5\n[namespaces.chat]\n";
  const auto settings = sound(file, {{"listen", "127.0.0.1:2,127.0.0.1:3", "--listen"},
                                     {"client.max_channels", "6", "--set"},
                                     {"client.allow_anonymous", "true", "--set"},
                                     {"client.ping_interval", "30s", "--set"},
                                     {"client.max_outbox_bytes", "4MiB", "--set"},
                                     {"channels.subscribe", "users,anonymous", "--set"},
                                     {"namespaces.chat.presence", "true", "--set"},
                                     {"namespaces.with.point.presence", "true", "--set"},
                                     {"token.audience", "42", "--set"}});
  EXPECT_EQ(settings->server.listen, (std::vector<std::string>{"127.0.0.1:2", "127.0.0.1:3"}));
  EXPECT_EQ(settings->client.max_channels, 6u);
  EXPECT_TRUE(settings->client.allow_anonymous);
  EXPECT_EQ(settings->client.ping_interval, seconds(30));
  EXPECT_EQ(settings->client.max_outbox_bytes, 4u << 20);
  EXPECT_EQ(settings->channels.subscribe, (Groups{.users = true, .anonymous = true}));
  ASSERT_EQ(settings->namespaces.size(), 2u);
  EXPECT_TRUE(settings->namespaces[0].rules.presence);
  EXPECT_EQ(settings->namespaces[1].name, "with.point");
  EXPECT_EQ(settings->token.audience, "42");
}

TEST(Settings, TheDescriptionIsAFileThatMeansTheSame) {
  const auto settings = sound(R"(
allowed_origins = ["https://example.com", "*"]
[client]
ping_interval = "9500ms"
[token]
audience = "a \"quoted\" word"
[channels]
subscribe = "anybody"
publish = ["users", "subscribers"]
[namespaces."with.point"]
history_size = 3
history_ttl = "90s"
)");
  const auto again = sound(describe(*settings));
  EXPECT_EQ(describe(*again), describe(*settings));
  EXPECT_EQ(again->token.audience, "a \"quoted\" word");
  EXPECT_EQ(again->namespaces, settings->namespaces);
}

TEST(Settings, TheDescriptionShowsNoSecret) {
  const auto settings = sound(
      "[token]\nhmac_secret = \"secret-that-nobody-may-see-in-a-log\"\n[api]\nkey = \"secret-api-key-00\"\n");
  EXPECT_EQ(describe(*settings).find("secret-"), std::string::npos);
  EXPECT_NE(describe(*settings).find("hmac_secret = (35 bytes, not shown)"), std::string::npos);
}

TEST(Settings, DifferencesSayWhatAReloadCanChange) {
  const auto before = sound(R"(
[client]
ping_interval = "30s"
[api]
key = "0123456789abcdef"
[namespaces.kept]
[namespaces.gone]
)");
  const auto after = sound(R"(
listen = ["127.0.0.1:8001"]
shards = 3
[client]
ping_interval = "40s"
max_message_bytes = "32KiB"
[api]
key = "fedcba9876543210"
[namespaces.kept]
presence = true
[namespaces.added]
)");
  Differences found = differences(*before, *after);
  std::sort(found.reloadable.begin(), found.reloadable.end());
  EXPECT_EQ(found.reloadable,
            (std::vector<std::string>{"api.key: new content", "client.ping_interval: \"40s\", was \"30s\"",
                                      "namespaces.added: new", "namespaces.gone: gone",
                                      "namespaces.kept.presence: true, was false"}));
  EXPECT_EQ(
      found.need_restart,
      (std::vector<std::string>{"listen: [\"127.0.0.1:8001\"], was [\"127.0.0.1:8000\"]", "shards: 3, was 0",
                                "client.max_message_bytes: \"32KiB\", was \"64KiB\""}));
}

// By the table of keys itself: whatever it says cannot be reloaded stays, and nothing else does.
TEST(Settings, WhatNeedsARestartIsKeptAndNothingElse) {
  const auto running = sound("[namespaces.kept]\nhistory_size = 3\nhistory_ttl = \"1m\"\n");
  const auto after = sound(R"(
listen = ["127.0.0.1:8001"]
listen_api = []
shards = 3
max_connections = 7
allow_missing_origin = false
allowed_origins = ["https://a.example"]
drain_timeout = "1m"
[client]
ping_interval = "40s"
max_message_bytes = "32KiB"
max_outbox_bytes = "2MiB"
max_outbox_messages = 100
stall_timeout = "1m"
max_channels = 5
[memory]
publication_memory_bytes = "1GiB"
presence_memory_bytes = "1GiB"
max_channels = 5
max_subscriptions = 5
max_idempotency_results = 5
[namespaces.kept]
presence = true
[namespaces.added]
)");
  Settings settings = *after;
  keep_what_needs_a_restart(*running, settings);
  const Differences wanted = differences(*running, *after), kept = differences(*running, settings);
  EXPECT_GT(wanted.need_restart.size(), 10u);
  EXPECT_EQ(kept.need_restart, std::vector<std::string>{});
  EXPECT_EQ(kept.reloadable, wanted.reloadable);
  EXPECT_EQ(differences(*after, settings).reloadable, std::vector<std::string>{});
  EXPECT_EQ(settings.client.max_outbox_messages, 0u);
  EXPECT_EQ(settings.client.max_channels, 5u);
}

TEST(Settings, AKeyFileWithNewContentIsADifference) {
  FakeSurroundings fake;
  fake.files["/etc/keys.json"] = "{}";
  const std::string_view text = "[token]\njwks_file = \"keys.json\"\n";
  const LoadedSettings before = parse_settings(text, "/etc/x", {}, fake.surroundings());
  fake.files["/etc/keys.json"] = "{\"keys\":[]}";
  const LoadedSettings after = parse_settings(text, "/etc/x", {}, fake.surroundings());
  EXPECT_EQ(differences(*before.settings, *after.settings).reloadable,
            std::vector<std::string>{"token.jwks_file: new content"});
}

}  // namespace
}  // namespace holdfast::gateway
