// What a reload may change: nothing that was computed at the start, and no value that contradicts one that
// needs a restart.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "gateway/settings.h"
#include "gateway/settings_keys.h"
#include "gateway/shared_state.h"

namespace holdfast::gateway {
namespace {

using std::chrono::seconds;

// Another value for a key that a reload may change; not a sound one.
struct Alter {
  void operator()(bool& value) const { value = !value; }
  void operator()(std::uint32_t& value) const { value += 77; }
  void operator()(std::uint64_t& value) const { value += 77'777; }
  void operator()(milliseconds& value) const { value += seconds(777); }
  void operator()(std::string& value) const { value += "x"; }
  void operator()(std::vector<std::string>& value) const { value.push_back("x"); }
  void operator()(Secret& value) const { value.text += "x"; }
  void operator()(FileText& value) const { value.path += "x"; }
  void operator()(std::vector<FileText>& value) const { value.push_back({"x", "x"}); }
  void operator()(Groups& value) const { value.users = !value.users; }
  void operator()(RecoveryMode& value) const { value = RecoveryMode::cache; }
};

// All that make_config sets, and what it leaves alone.
auto values_of(const Config& config) {
  return std::tuple(
      config.listen, config.listen_tcp, config.listen_http, config.shards, config.max_connections,
      config.max_message_bytes, config.max_fragments, config.max_handshakes, config.max_accepts_per_second,
      config.max_connections_per_address, config.max_messages_per_second, config.max_bytes_per_second,
      config.max_outbox_bytes, config.max_outbox_messages, config.overflow_close_code,
      config.message_memory_bytes, config.max_subscriptions, config.handshake_timeout, config.ping_interval,
      config.pong_timeout, config.message_timeout, config.close_timeout, config.stall_timeout,
      config.http_idle_timeout, config.drain_timeout, config.drain_close_code, config.drain_close_reason,
      config.allowed_origins, config.allow_missing_origin, config.subprotocols);
}

TEST(Reload, MayChangeNothingThatTheCoreWasToldAtTheStart) {
  Settings altered;
  int keys = 0;
  for_each_section(altered, [&keys](std::string_view, auto& section) {
    for (const auto& key : keys_of(section)) {
      if (key.change == Change::restart) continue;
      std::visit([&](auto field) { Alter()(section.*field); }, key.field);
      ++keys;
    }
  });
  EXPECT_GT(keys, 30);
  EXPECT_EQ(values_of(make_config(altered)), values_of(make_config(Settings())));
}

TEST(Reload, ChecksWhatIsTakenOverAgainstWhatNeedsARestart) {
  const Settings running;
  Settings settings;
  settings.client.max_outbox_bytes = 4u << 20;
  settings.history.max_answer_bytes = 2u << 20;
  EXPECT_TRUE(contradictions(settings).empty());
  keep_what_needs_a_restart(running, settings);
  const std::vector<Problem> problems = contradictions(settings);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].to_string(),
            "history.max_answer_bytes = \"2MiB\": is more than client.max_outbox_bytes, 1MiB; an answer must "
            "fit into the outbox");
}

}  // namespace
}  // namespace holdfast::gateway
