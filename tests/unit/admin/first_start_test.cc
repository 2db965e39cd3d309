// The start without settings: what it allows, which secrets it draws, and that flags can change it.
#include <gtest/gtest.h>

#include "admin/first_start.h"
#include "gateway/settings.h"

namespace holdfast::admin {
namespace {

gateway::LoadedSettings load_demonstration(std::vector<gateway::Override> more = {}) {
  std::vector<gateway::Override> overrides = demonstration_overrides();
  overrides.insert(overrides.end(), more.begin(), more.end());
  return gateway::load_settings("", overrides, gateway::Surroundings::system());
}

TEST(FirstStart, LetsAnybodyTryOnThisMachineOnly) {
  const gateway::LoadedSettings loaded = load_demonstration();
  ASSERT_NE(loaded.settings, nullptr);
  EXPECT_TRUE(loaded.settings->client.allow_anonymous);
  EXPECT_GT(loaded.settings->channels.history_size, 0u);
  EXPECT_EQ(loaded.settings->server.listen, std::vector<std::string>{"127.0.0.1:8000"});
  EXPECT_EQ(loaded.settings->server.listen_api, std::vector<std::string>{"127.0.0.1:9000"});
}

TEST(FirstStart, FlagsWinOverIt) {
  const gateway::LoadedSettings loaded = load_demonstration({{"client.allow_anonymous", "false", "--x"}});
  ASSERT_NE(loaded.settings, nullptr);
  EXPECT_FALSE(loaded.settings->client.allow_anonymous);
}

TEST(FirstStart, DrawsOnlyTheSecretsThatAreMissing) {
  gateway::Settings settings;
  const DrawnSecrets all = draw_secrets(settings, true);
  EXPECT_EQ(all.api_key.size(), 32u);
  EXPECT_EQ(all.hmac_secret.size(), 32u);
  EXPECT_NE(all.api_key, all.hmac_secret);
  EXPECT_EQ(with_secrets(settings, all)->api.key.text, all.api_key);
  EXPECT_EQ(with_secrets(settings, all)->token.hmac_secret.text, all.hmac_secret);

  const DrawnSecrets configured = draw_secrets(settings, false);
  EXPECT_EQ(configured.api_key.size(), 32u);
  EXPECT_EQ(configured.hmac_secret, "");

  settings.api.key.text = "given";
  EXPECT_EQ(draw_secrets(settings, false).api_key, "");
  EXPECT_EQ(with_secrets(settings, all)->api.key.text, "given");
  settings.api.key.text = "";
  settings.server.listen_api.clear();
  EXPECT_EQ(draw_secrets(settings, false).api_key, "");
}

}  // namespace
}  // namespace holdfast::admin
