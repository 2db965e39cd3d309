// Channel names and who may do what with them, as tables.
#include "gateway/permissions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::gateway {
namespace {

constexpr Groups kNobody;
constexpr Groups kUsers{.users = true};
constexpr Groups kAnonymous{.anonymous = true};
constexpr Groups kAnybody{.users = true, .anonymous = true};
constexpr Groups kSubscribers{.subscribers = true};

TEST(ChannelName, FindsNamespaceUsersAndThePrivatePrefix) {
  struct Case {
    std::string_view name, space, users;
    bool has_space, is_private, names_users;
  };
  const std::vector<Case> cases = {
      {"news", "", "", false, false, false},
      {"chat:room", "chat", "", true, false, false},
      {"chat:a:b", "chat", "", true, false, false},
      {":room", "", "", true, false, false},
      {"$secret", "", "", false, true, false},
      {"$chat:secret", "chat", "", true, true, false},
      {"dialog#42,43", "", "42,43", false, false, true},
      {"personal:#42", "personal", "42", true, false, true},
      {"a#1#2", "", "2", false, false, true},
      {"a#b:c", "a#b", "b:c", true, false, true},
      {"$", "", "", false, true, false},
      {"#", "", "", false, false, true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const ChannelName name = ChannelName::parse(one.name);
    EXPECT_EQ(name.space, one.space);
    EXPECT_EQ(name.users, one.users);
    EXPECT_EQ(name.has_space, one.has_space);
    EXPECT_EQ(name.is_private, one.is_private);
    EXPECT_EQ(name.names_users, one.names_users);
  }
}

TEST(ChannelName, NamesExactlyTheListedUsersAndNeverAnonymousOnes) {
  const auto names = [](std::string_view channel, std::string_view user) {
    return ChannelName::parse(channel).names(user);
  };
  EXPECT_TRUE(names("dialog#42,43", "42"));
  EXPECT_TRUE(names("dialog#42,43", "43"));
  EXPECT_FALSE(names("dialog#42,43", "4"));
  EXPECT_FALSE(names("dialog#42,43", "42,43"));
  EXPECT_FALSE(names("dialog#1#2", "1"));
  EXPECT_FALSE(names("dialog", "dialog"));
  for (const std::string_view channel : {"dialog#", "dialog#,", "dialog#42,", "dialog#,42", "dialog"}) {
    EXPECT_FALSE(names(channel, "")) << channel;
  }
}

TEST(ChannelName, RefusesEmptyLongAndReservedNames) {
  using Fault = ChannelName::Fault;
  const auto check = [](std::string_view name) { return ChannelName::check(name, 255); };
  EXPECT_EQ(check(""), Fault::empty);
  EXPECT_EQ(check(std::string(255, 'a')), Fault::none);
  EXPECT_EQ(check(std::string(256, 'a')), Fault::too_long);
  EXPECT_EQ(ChannelName::check("abcd", 3), Fault::too_long);
  for (const std::string_view name : {"/a", "a*", "*", "a&b", "a\nb", "a\x7f", "\xc3\xa4", "a\tb"}) {
    EXPECT_EQ(check(name), Fault::reserved) << name;
  }
  EXPECT_EQ(check(std::string_view("a\0b", 3)), Fault::reserved);
  for (const std::string_view name : {"a/b", "a b", "a:b#c,d", "$x", "!\"%'()+,-.;<=>?@[\\]^_`{|}~"}) {
    EXPECT_EQ(check(name), Fault::none) << name;
  }
}

TEST(Permissions, SubscribingFollowsTheProtocolsOrderOfDecisions) {
  struct Case {
    std::string_view channel;
    Groups groups;
    bool user_limited;
    std::string_view user;
    SubscribeToken token;
    Decision expected;
  };
  using enum Decision;
  using enum SubscribeToken;
  const std::vector<Case> cases = {
      // The rule of the namespace.
      {"news", kNobody, true, "42", absent, denied},
      {"news", kUsers, true, "42", absent, allowed},
      {"news", kUsers, true, "", absent, denied},
      {"news", kAnonymous, true, "", absent, allowed},
      {"news", kAnonymous, true, "42", absent, denied},
      {"news", kAnybody, true, "", absent, allowed},
      {"news", kSubscribers, true, "42", absent, denied},
      // A token stands above it.
      {"news", kNobody, true, "42", accepted, allowed},
      {"news", kNobody, true, "", accepted, allowed},
      // `$` only with a token.
      {"$news", kAnybody, true, "42", absent, denied},
      {"$news", kNobody, true, "42", accepted, allowed},
      {"$dialog#42", kAnybody, true, "42", absent, denied},
      // `#` opens to those it names and to nobody else, whatever the rule.
      {"dialog#42,43", kNobody, true, "42", absent, allowed},
      {"dialog#42,43", kAnybody, true, "44", absent, denied},
      {"dialog#42,43", kAnybody, true, "", absent, denied},
      {"dialog#", kAnybody, true, "", absent, denied},
      {"dialog#42,43", kNobody, true, "44", accepted, allowed},
      // Unless the namespace does not know such channels.
      {"dialog#42,43", kUsers, false, "44", absent, allowed},
      {"dialog#42,43", kNobody, false, "42", absent, denied},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(testing::Message() << one.channel << " by \"" << one.user << "\"");
    ChannelRules rules;
    rules.subscribe = one.groups;
    rules.user_limited = one.user_limited;
    EXPECT_EQ(may_subscribe(ChannelName::parse(one.channel), rules, one.user, one.token), one.expected);
  }
}

TEST(Permissions, EverythingElseNeedsTheGroupAndForClosedChannelsAPlaceInside) {
  struct Case {
    std::string_view channel;
    Groups groups;
    Caller caller;
    Decision expected;
  };
  using enum Decision;
  const std::vector<Case> cases = {
      {"news", kNobody, {"42", true}, denied},
      {"news", kUsers, {"42", false}, allowed},
      {"news", kUsers, {"", true}, denied},
      {"news", kAnonymous, {"", false}, allowed},
      {"news", kSubscribers, {"42", false}, denied},
      {"news", kSubscribers, {"42", true}, allowed},
      {"news", kSubscribers, {"", true}, allowed},
      {"$news", kAnybody, {"42", false}, denied},
      {"$news", kAnybody, {"42", true}, allowed},
      {"$news", kSubscribers, {"42", true}, allowed},
      {"$dialog#42", kAnybody, {"42", false}, denied},
      {"dialog#42", kAnybody, {"43", false}, denied},
      {"dialog#42", kAnybody, {"42", false}, allowed},
      {"dialog#42", kSubscribers, {"42", false}, denied},
      {"dialog#42", kUsers, {"43", true}, allowed},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(testing::Message() << one.channel << " by \"" << one.caller.user << "\"");
    const ChannelName name = ChannelName::parse(one.channel);
    ChannelRules rules;
    rules.publish = rules.read_presence = rules.read_history = one.groups;
    rules.presence = true;
    rules.history_size = 1;
    rules.history_ttl = std::chrono::seconds(1);
    EXPECT_EQ(may_publish(name, rules, one.caller), one.expected);
    EXPECT_EQ(may_read_presence(name, rules, one.caller), one.expected);
    EXPECT_EQ(may_read_history(name, rules, one.caller), one.expected);
    rules.presence = false;
    rules.history_size = 0;
    EXPECT_EQ(may_read_presence(name, rules, one.caller), unavailable);
    EXPECT_EQ(may_read_history(name, rules, one.caller), unavailable);
  }
}

class GrantedFeatures : public testing::Test {
 protected:
  SubscribeFeatures granted(const SubscribeFeatures& asked) {
    return granted_features(ChannelName::parse("news"), rules_, "42", asked);
  }
  static constexpr SubscribeFeatures kNothing = {};
  static constexpr SubscribeFeatures kAll = {.recoverable = true, .positioned = true, .join_leave = true};
  ChannelRules rules_ = {.history_size = 1,
                         .history_ttl = std::chrono::seconds(1),
                         .recovery = RecoveryMode::stream,
                         .presence = true,
                         .join_leave = true};
};

TEST_F(GrantedFeatures, AreNoneWithoutThePermissionToReadWhatTheyShow) {
  EXPECT_EQ(granted(kAll), kNothing);
  rules_.read_history = kSubscribers;
  EXPECT_EQ(granted(kAll), (SubscribeFeatures{true, true, false}));
  EXPECT_EQ(granted(kNothing), kNothing);
  rules_.read_presence = kUsers;
  EXPECT_EQ(granted(kAll), kAll);
}

TEST_F(GrantedFeatures, AreGivenToAllWhenForced) {
  rules_.force_positioning = true;
  EXPECT_EQ(granted(kNothing), (SubscribeFeatures{false, true, false}));
  rules_.force_recovery = rules_.force_push_join_leave = true;
  EXPECT_EQ(granted(kNothing), kAll);
}

TEST_F(GrantedFeatures, NeedTheFeatureItself) {
  rules_.read_history = rules_.read_presence = kAnybody;
  rules_.recovery = RecoveryMode::off;
  rules_.join_leave = false;
  rules_.force_push_join_leave = true;
  EXPECT_EQ(granted(kAll), (SubscribeFeatures{false, true, false}));
  rules_.history_ttl = std::chrono::seconds(0);
  rules_.force_positioning = true;
  EXPECT_EQ(granted(kAll), kNothing);
}

}  // namespace
}  // namespace holdfast::gateway
