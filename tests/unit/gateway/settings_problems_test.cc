// What is wrong with settings: each fault is found, placed, explained, and followed by what to do.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "gateway/settings.h"
#include "gateway/settings_document.h"
#include "gateway/settings_value.h"
#include "settings_fixture.h"

namespace holdfast::gateway {
namespace {

std::vector<Problem> problems_of(std::string_view text, std::vector<Override> overrides = {}) {
  FakeSurroundings fake;
  fake.files["/etc/short"] = "short\n";
  fake.files["/etc/long"] = std::string(5000, 'x');
  const LoadedSettings loaded = parse_settings(text, "/etc/holdfast.toml", overrides, fake.surroundings());
  EXPECT_EQ(loaded.settings == nullptr, !loaded.problems.empty());
  return loaded.problems;
}

std::string first_problem(std::string_view text, std::vector<Override> overrides = {}) {
  const std::vector<Problem> problems = problems_of(text, std::move(overrides));
  return problems.empty() ? "" : problems.front().to_string();
}

TEST(SettingsProblems, TellFileLineColumnKeyValueReasonAndNextStep) {
  const std::vector<Problem> problems = problems_of("[client]\n  max_channels = 0\n");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].file, "/etc/holdfast.toml");
  EXPECT_EQ(problems[0].line, 2u);
  EXPECT_EQ(problems[0].column, 18u);
  EXPECT_EQ(problems[0].key, "client.max_channels");
  EXPECT_EQ(problems[0].value, "0");
  EXPECT_EQ(problems[0].to_string(),
            "/etc/holdfast.toml:2:18: client.max_channels = 0: is out of range; from 1 to 10000");
}

TEST(SettingsProblems, AreFoundAllAtOnce) {
  EXPECT_EQ(
      problems_of("shards = 1000\nmax_connections = 0\n[client]\nping_interval = 25\n[chanels]\n").size(),
      4u);
}

TEST(SettingsProblems, UnknownKeysComeWithTheNearestKnownOne) {
  const struct {
    std::string_view text, expected;
  } cases[] = {
      {"lisen = []", "lisen: there is no such key; did you mean listen?"},
      {"[client]\nping_intervall = \"25s\"",
       "client.ping_intervall: there is no such key; did you mean ping_interval?"},
      {"[clients]\n", "clients: there is no such key; did you mean client?"},
      {"ping_interval = \"25s\"", "ping_interval: there is no such key; it is called client.ping_interval"},
      {"[api]\nhmac_secret_file = \"x\"",
       "api.hmac_secret_file: there is no such key; it is called token.hmac_secret_file"},
      {"[namespaces.chat]\nhistory_sise = 3",
       "namespaces.chat.history_sise: there is no such key; did you mean history_size?"},
      {"[namespaces.chat.more]\n", "namespaces.chat.more: there is no such key; there are: history_size"},
      {"[history]\nxyz = 1", "history.xyz: there is no such key; there are: max_publications"},
  };
  for (const auto& one : cases)
    EXPECT_NE(first_problem(one.text).find(one.expected), std::string::npos) << first_problem(one.text);
}

TEST(SettingsProblems, NeverShowASecret) {
  for (const std::string_view text :
       {"[token]\nhmac_secrt = \"hidden-value\"", "[api]\nkey = \"hidden-value\"",
        "[api]\nkey = [\"hidden-value\"]", "[token]\nhmac_previous_secret = \"hidden-value\"",
        "[api]\nprevious_key = \"hidden-value-of-16\"",
        "[api]\nkey = \"0123456789abcdef\"\nkey_env = \"X\"\n[client]\nmax_channels = 0\n"}) {
    const std::vector<Problem> problems = problems_of(text);
    ASSERT_FALSE(problems.empty()) << text;
    for (const Problem& problem : problems) {
      EXPECT_EQ(problem.to_string().find("hidden"), std::string::npos) << problem.to_string();
      EXPECT_EQ(problem.to_string().find("0123456789abcdef"), std::string::npos) << problem.to_string();
    }
  }
}

TEST(SettingsProblems, EveryKindOfValueRefusesOthersAndItsRange) {
  const struct {
    std::string_view text, expected;
  } cases[] = {
      {"allow_missing_origin = 1", ":1:24: allow_missing_origin = 1: is neither true nor false"},
      {"allow_missing_origin = \"true\"", "is neither true nor false"},
      {"shards = \"4\"", "is not a whole number"},
      {"shards = 1.5", "shards = a number with a point: is not a whole number"},
      {"shards = 1979-05-27", "a date or time"},
      {"shards = -1", "is not a whole number"},
      {"shards = 257", "from 1 to 256, or 0"},
      {"shards = 99999999999999", "is out of range"},
      {"drain_timeout = 10", "is not a duration; write a whole number with a unit"},
      {"drain_timeout = \"10\"", "is not a duration"},
      {"drain_timeout = \"-10s\"", "is not a duration"},
      {"drain_timeout = \"1.5s\"", "is not a duration"},
      {"drain_timeout = \"99999999999999999999s\"", "is not a duration"},
      {"drain_timeout = \"999999999999999999d\"", "is not a duration"},
      {"drain_timeout = \"0s\"", "is out of range; from 1s to 1h"},
      {"[client]\nping_interval = \"2h\"", "from 1s to 1h, or 0s"},
      {"[client]\nmax_message_bytes = \"1KB\"", "is not an amount of memory"},
      {"[client]\nmax_message_bytes = -1", "is not an amount of memory"},
      {"[client]\nmax_message_bytes = \"65MiB\"", "from 1KiB to 64MiB"},
      {"listen = \"127.0.0.1:1\"", "is not a list"},
      {"listen = [1]", "listen = 1: is not a text"},
      {"[client]\npersonal_namespace = 3", "is not a text"},
      {"[token]\naudience = [\"a\"]", "is not a text"},
      {"[channels]\nrecovery = true", "is no way to recover"},
      {"[channels]\nrecovery = \"Stream\"", "is no way to recover"},
      {"[channels]\nsubscribe = \"everyone\"", "there is no group \"everyone\""},
      {"[channels]\nsubscribe = [1]", "is not a text"},
      {"[channels]\nsubscribe = true", "is not a list"},
      {"client = 1", "client = 1: is a table; write [client]"},
      {"namespaces = 1", "is a table of tables"},
      {"[namespaces]\nchat = 1", "namespaces.chat = 1: is a table of rules"},
      {"[token]\njwks_file = 1", "is not a path"},
      {"[token]\njwks_file = \"missing\"", "opening /etc/missing: no such file"},
      {"[token]\npublic_key_files = [\"missing\"]", "opening /etc/missing: no such file"},
      {"[api]\nkey_file = \"short\"", "the secret has 5 bytes; from 16 to 4096"},
      {"[api]\nkey_file = \"long\"", "the secret has 5000 bytes"},
      {"[api]\nkey_file = 1", "must be a text"},
      {"[api]\nkey_env = \"MISSING\"", "the environment has no such variable"},
      {"[api]\nkey = \"0123456789abcdef\"\nkey_file = \"short\"", "key is given more than once"},
  };
  for (const auto& one : cases) {
    EXPECT_NE(first_problem(one.text).find(one.expected), std::string::npos) << one.text << "\n"
                                                                             << first_problem(one.text);
  }
}

TEST(SettingsProblems, WhatDoesNotFitTogetherIsRefused) {
  const struct {
    std::string_view text, expected;
  } cases[] = {
      {"listen = []", ":1:10: listen = []: nobody could connect"},
      {"listen = [\"localhost:1\"]", "listen = [\"localhost:1\"]"},
      {"listen = [\"127.0.0.1:9000\"]", "127.0.0.1:9000 is named twice"},
      {"listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "is named twice"},
      {"allowed_origins = [\"example.com\"]", "\"example.com\" is no origin"},
      {"[client]\npong_timeout = \"25s\"", "must be shorter than client.ping_interval, 25s"},
      {"[client]\nping_interval = \"5s\"",
       "client.pong_timeout: must be shorter than client.ping_interval, 5s"},
      {"[client]\nmax_message_bytes = \"2MiB\"", "is more than client.max_outbox_bytes, 1MiB"},
      {"[history]\nmax_answer_bytes = \"2MiB\"", "is more than client.max_outbox_bytes, 1MiB"},
      {"[client]\npersonal_channel = true", "there is no namespace \"personal\"; add [namespaces.personal]"},
      {"[client]\npersonal_channel = true\n[namespaces.personal]\nuser_limited = false",
       "its channels are not user-limited"},
      {"[token]\nhmac_previous_secret = \"0123456789abcdef0123456789abcdef\"", "there is no hmac_secret"},
      {"[api]\nprevious_key = \"0123456789abcdef\"", "there is no key"},
      {"[channels]\nhistory_size = 1", ":2:16: channels.history_size = 1: history needs both"},
      {"[channels]\nhistory_ttl = \"1s\"", "channels.history_ttl = \"1s\": history needs both"},
      {"[channels]\nrecovery = \"stream\"", "there is no history to recover from"},
      {"[channels]\nforce_recovery = true", "recovery is off"},
      {"[channels]\nforce_positioning = true", "without history there are no positions"},
      {"[channels]\nforce_push_join_leave = true", "join_leave is off"},
      {"[channels]\nsubscribe = [\"subscribers\"]", "subscribers are subscribed already"},
      {"[history]\nmeta_ttl = \"1h\"\n[namespaces.chat]\nhistory_size = 1\nhistory_ttl = \"2h\"",
       "namespaces.chat.history_ttl = \"2h\": is longer than history.meta_ttl, 1h"},
      {"[namespaces.\"a b\"]", ":1:13: namespaces.a b: is no name for a namespace"},
      {"[namespaces.\"\"]", "is no name for a namespace"},
      {"[namespaces.\"a:b\"]", "is no name for a namespace"},
  };
  for (const auto& one : cases) {
    EXPECT_NE(first_problem(one.text).find(one.expected), std::string::npos) << one.text << "\n"
                                                                             << first_problem(one.text);
  }
}

TEST(SettingsProblems, WhatIsNoTomlIsPlaced) {
  for (const std::string_view text :
       {"a = ", "[client", "shards = 1\nshards = 2\n", "\xff\xfe", "a = \"\n\"", "= 1"}) {
    const std::vector<Problem> problems = problems_of(text);
    ASSERT_EQ(problems.size(), 1u) << text;
    EXPECT_GT(problems[0].line, 0u);
    EXPECT_FALSE(problems[0].reason.empty());
    EXPECT_NE(problems[0].next_step.find("TOML"), std::string::npos);
  }
}

TEST(SettingsProblems, AFileThatIsTooLargeOrTooDeepIsRefused) {
  EXPECT_NE(first_problem(std::string(kSettingsBytesMaximum + 1, '\n')).find("is it the right file?"),
            std::string::npos);
  std::string deep = "a";
  while (deep.size() < kSettingsLineBytesMaximum) deep += ".a";
  EXPECT_NE(first_problem("# fine\n" + deep + " = 1\n").find(":2:1: the line has"), std::string::npos);
  // As deep as a line allows: is a problem like any other.
  deep.resize(kSettingsLineBytesMaximum - 6);
  deep.back() = 'a';
  EXPECT_FALSE(problems_of(deep + " = 1\n").empty());
  EXPECT_FALSE(problems_of("a = " + std::string(10'000, '[')).empty());
}

TEST(SettingsProblems, OfOverridesNameTheirOrigin) {
  EXPECT_EQ(first_problem("", {{"shards", "many", "--shards"}}),
            "--shards: shards = many: is not a whole number; write a number from 1 to 256, without quotation "
            "marks");
  EXPECT_NE(first_problem("", {{"client.pin_interval", "3s", "--set"}}).find("did you mean ping_interval?"),
            std::string::npos);
  EXPECT_NE(first_problem("", {{"namespaces.x.presence", "maybe", "--set"}})
                .find("--set: namespaces.x.presence = maybe"),
            std::string::npos);
  EXPECT_NE(
      first_problem("client = 3", {{"client.max_channels", "0", "--set"}}).find("--set: client.max_channels"),
      std::string::npos);
}

TEST(SettingsProblems, AFileThatCannotBeReadIsOne) {
  const FakeSurroundings nothing;
  LoadedSettings loaded = load_settings("/etc/missing.toml", {}, nothing.surroundings());
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(
      loaded.problems[0].to_string(),
      "/etc/missing.toml: opening /etc/missing.toml: no such file; name a file that this user may read");
  loaded = load_settings("", {}, nothing.surroundings());
  EXPECT_NE(loaded.settings, nullptr) << "no file: the defaults";
  loaded = load_settings("/proc/self/no such file", {}, Surroundings::system());
  EXPECT_EQ(loaded.problems.size(), 1u);
}

TEST(SettingsFile, IsGivenTheVariablesOfThisProcess) {
  const std::string file = testing::TempDir() + "holdfast_environment_test.toml";
  std::ofstream(file) << "[api]\nkey_env = \"HOLDFAST_TEST_KEY\"\n";
  ASSERT_EQ(setenv("HOLDFAST_TEST_KEY", "0123456789abcdef", 1), 0);
  EXPECT_TRUE(load_settings(file, {}, Surroundings::system()).problems.empty());
  ASSERT_EQ(unsetenv("HOLDFAST_TEST_KEY"), 0);
  EXPECT_EQ(load_settings(file, {}, Surroundings::system()).problems.size(), 1u);
  std::remove(file.c_str());
}

TEST(SettingsProblems, OfARealFileAndItsFolder) {
  const std::string folder = testing::TempDir();
  const auto write = [&folder](const std::string& name, std::string_view text) {
    std::ofstream(folder + name, std::ios::binary) << text;
  };
  write("holdfast_test.toml", "[api]\nkey_file = \"holdfast_test.key\"\n");
  write("holdfast_test.key", "0123456789abcdef\r\n");
  const LoadedSettings loaded = load_settings(folder + "holdfast_test.toml", {}, Surroundings::system());
  ASSERT_NE(loaded.settings, nullptr) << loaded.problems.front().to_string();
  EXPECT_EQ(loaded.settings->api.key.text, "0123456789abcdef");
  write("holdfast_test.key", "short");
  EXPECT_EQ(load_settings(folder + "holdfast_test.toml", {}, Surroundings::system()).problems.size(), 1u);
  EXPECT_EQ(load_settings(folder, {}, Surroundings::system()).problems.size(), 1u) << "a folder is no file";
  std::remove((folder + "holdfast_test.toml").c_str());
  std::remove((folder + "holdfast_test.key").c_str());
}

TEST(SettingsValues, AreWrittenInTheLargestUnitThatFits) {
  for (const std::string_view text :
       {"0s", "1ms", "1500ms", "25s", "5m", "90s", "1h", "1d", "30d", "31d", "25h"}) {
    ASSERT_TRUE(parse_duration(text).has_value()) << text;
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
  EXPECT_EQ(format_duration(std::chrono::hours(720)), "30d");
  for (const std::string_view text : {"0", "1", "1000", "1KiB", "1536KiB", "1MiB", "3GiB"}) {
    ASSERT_TRUE(parse_bytes(text).has_value()) << text;
    EXPECT_EQ(format_bytes(*parse_bytes(text)), text);
  }
  for (const std::string_view text : {"", "s", "1", "1x", "1 s", " 1s", "1s ", "+1s", "1S"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(SettingsValues, ADurationOfNothingNeedsNoUnit) {
  EXPECT_EQ(parse_duration("0"), std::chrono::milliseconds(0));
  EXPECT_EQ(first_problem("[client]\nping_interval = 0\n"), "");
  EXPECT_EQ(first_problem("", {{"client.ping_interval", "0", "--ping_interval"}}), "");
  EXPECT_NE(first_problem("drain_timeout = 0\n").find("is out of range"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::gateway
