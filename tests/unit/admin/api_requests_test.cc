// The methods of the API: what each asks of the gateway, what it answers, and what it refuses.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "admin/api.h"
#include "fake_operations.h"

namespace holdfast::admin {
namespace {

using tests::FakeOperations;

NodeFacts some_facts() {
  NodeFacts facts;
  facts.uid = "u";
  facts.name = "n\"";
  facts.version = "v";
  facts.uptime_s = 9;
  facts.cpu_percent = 12.345;
  facts.resident_bytes = 4096;
  return facts;
}

class ApiRequests : public testing::Test {
 protected:
  // The answer as it goes over the wire; "" while there is none.
  std::string ask(std::string_view method, std::string_view body) {
    std::string answer;
    api.run(method, std::string(body), [&answer, this](const ApiReply& reply) {
      answer = envelope(reply);
      last = answer;
    });
    return answer;
  }
  void expect(std::string_view method, std::string_view body, std::string_view said,
              std::string_view answer = R"({"result":{}})") {
    operations.said.clear();
    EXPECT_EQ(ask(method, body), answer) << method << " " << body;
    EXPECT_EQ(operations.said, std::string(said) + "\n") << method << " " << body;
  }
  void expect_refused(std::string_view method, std::string_view body) {
    operations.said.clear();
    EXPECT_EQ(ask(method, body), R"({"error":{"code":107,"message":"bad request"}})")
        << method << " " << body;
    EXPECT_EQ(operations.said, "") << method << " " << body;
  }

  FakeOperations operations;
  Api api{operations, some_facts};
  std::string last;
};

constexpr std::string_view kPublished = R"({"result":{"offset":7,"epoch":"EpochEpo"}})";

TEST_F(ApiRequests, PublishPassesOnEverythingItWasGiven) {
  expect("publish", R"({"channel":"c","data":{"a":1}})", R"(publish c payload={"a":1})", kPublished);
  expect("publish", R"({"data":"x","channel":"c"})", R"(publish c payload="x")", kPublished);
  expect("publish", R"({"channel":"c","data":null})", "publish c payload=null", kPublished);
  expect("publish",
         R"({"channel":"c","data":[1,
 2],"skip_history":true,"tags":{"k":"v","l":"w","k":"x"},"idempotency_key":"i","delta":true,)"
         R"("version":18446744073709551615,"version_epoch":"e","unknown":{"deep":[1,{"x":null}]}})",
         "publish c payload=[1, 2] k:x l:w skip_history delta key=i version_epoch=e "
         "version=18446744073709551615",
         kPublished);
}

TEST_F(ApiRequests, Base64DataIsDecodedAndWinsOverData) {
  expect("publish", R"({"channel":"c","b64data":"aGkA"})", std::string("publish c binary=hi\0", 20),
         kPublished);
  expect("publish", R"({"channel":"c","data":1,"b64data":"aGk="})", "publish c binary=hi", kPublished);
  expect("publish", R"({"channel":"c","data":1,"b64data":null})", "publish c payload=1", kPublished);
}

TEST_F(ApiRequests, APublishOutsideOfAnyHistoryHasAnEmptyResult) {
  operations.published.position = {};
  expect("publish", R"({"channel":"c","data":1})", "publish c payload=1");
}

TEST_F(ApiRequests, BroadcastAnswersForEachChannelInItsOrder) {
  expect("broadcast", R"({"channels":["a","b"],"data":1})", "broadcast a+b+ payload=1",
         R"({"result":{"responses":[{"result":{"offset":7,"epoch":"EpochEpo"}},)"
         R"({"error":{"code":102,"message":"unknown channel"}}]}})");
}

TEST_F(ApiRequests, SubscribePassesOnTargetPayloadsPositionAndOverrides) {
  expect("subscribe", R"({"user":"u","channel":"c"})", "subscribe u channel=c");
  expect("subscribe",
         R"({"user":"u","channel":"c","client":"i","session":"s","info":{"n":1},"data":[2],"expire_at":99,)"
         R"("recover_since":{"offset":3,"epoch":"EpochEpo"},"override":{"presence":{"value":true},)"
         R"("join_leave":{"value":false},"force_recovery":null,"force_positioning":{"value":true}}})",
         R"(subscribe u client=i session=s channel=c info={"n":1} data=[2] expires=99 since=3@EpochEpo)"
         " presence=yes join_leave=no force_positioning=yes");
  expect("subscribe", R"({"user":"u","channel":"c","b64info":"eyJhIjoKMX0=","b64data":"MQ=="})",
         R"(subscribe u channel=c info={"a":1} data=1)");
  expect("subscribe", R"({"user":"u","channel":"c","info":null,"data":null,"recover_since":null})",
         "subscribe u channel=c");
}

TEST_F(ApiRequests, UnsubscribeDisconnectAndRefreshNameTheirTarget) {
  expect("unsubscribe", R"({"user":"u","channel":"c","client":"i"})", "unsubscribe u client=i channel=c");
  expect("disconnect", R"({"user":"u"})", "disconnect u code=3503 reason=force disconnect");
  expect("disconnect", R"({"user":"u","session":"s","whitelist":["x","y"],"disconnect":{"code":4501}})",
         "disconnect u session=s code=4501 keep=x keep=y reason=disconnected");
  expect("disconnect", R"({"user":"u","disconnect":{"code":3000,"reason":"go away"}})",
         "disconnect u code=3000 reason=go away");
  expect("disconnect", R"({"user":"u","disconnect":null})", "disconnect u code=3503 reason=force disconnect");
  expect("refresh", R"({"user":"u","client":"i","expired":true,"expire_at":5})",
         "refresh u client=i expired expires=5");
}

TEST_F(ApiRequests, RefreshDoesNotPretendToChangeTheInfo) {
  EXPECT_EQ(ask("refresh", R"({"user":"u","info":{"a":1}})"),
            R"({"error":{"code":108,"message":"not available"}})");
  EXPECT_EQ(operations.said, "");
}

TEST_F(ApiRequests, PresenceListsMembersByTheirClient) {
  operations.members = {{"42", "c1", R"({"n":1})", ""}, {"", "c2", "", "not json"}};
  expect("presence", R"({"channel":"c"})", "presence c",
         R"({"result":{"presence":{"c1":{"user":"42","client":"c1","conn_info":{"n":1}},)"
         R"("c2":{"user":"","client":"c2","b64chan_info":"bm90IGpzb24="}}}})");
  expect("presence_stats", R"({"channel":"c"})", "presence_stats c",
         R"({"result":{"num_clients":3,"num_users":2}})");
}

TEST_F(ApiRequests, HistoryAnswersPublicationsAndPosition) {
  gateway::PublicationBudget budget(1 << 20);
  const gateway::Member publisher{"42", "c1", R"({"n":1})", ""};
  const gateway::Tag tag{"k", "\"v\""};
  const gateway::Position position{7, gateway::Epoch::from_client("EpochEpo")};
  auto add = [&](const gateway::PublicationContent& content) {
    auto publication = gateway::Publication::make(budget, content);
    gateway::Publication::number(publication, position, 0, 0);
    operations.publications.push_back(std::move(publication));
  };
  add({.payload = "{\"a\":\n1}", .publisher = &publisher, .tags = {&tag, 1}, .json = true});
  add({.payload = "\xff"});
  expect(
      "history", R"({"channel":"c","limit":-1,"since":{"offset":2,"epoch":"other"},"reverse":true})",
      "history c limit=-1 since=2@???????? reverse",
      R"({"result":{"publications":[{"data":{"a":1},"info":{"user":"42","client":"c1","conn_info":{"n":1}},)"
      R"("offset":7,"tags":{"k":"\"v\""}},{"b64data":"/w==","offset":7}],"offset":7,"epoch":"EpochEpo"}})");
  operations.publications.clear();
  expect("history", R"({"channel":"c"})", "history c limit=0",
         R"({"result":{"publications":[],"offset":7,"epoch":"EpochEpo"}})");
  expect("history_remove", R"({"channel":"c"})", "remove_history c");
}

TEST_F(ApiRequests, ChannelsAndInfoDescribeTheServer) {
  operations.listed = {{"a\"b", 3}, {"c", 0}};
  expect("channels", R"({"pattern":"a*"})", "channels a*",
         R"({"result":{"channels":{"a\"b":{"num_clients":3},"c":{"num_clients":0}}}})");
  expect("info", "", "info ",
         R"({"result":{"nodes":[{"uid":"u","name":"n\"","version":"v","num_clients":5,"num_users":4,)"
         R"("num_channels":3,"num_subs":2,"uptime":9,"process":{"cpu":12.35,"rss":4096}}]}})");
}

TEST_F(ApiRequests, APartOfTheChannelsIsNotPassedOffAsAll) {
  operations.complete = false;
  expect("channels", "{}", "channels ", R"({"error":{"code":106,"message":"limit exceeded"}})");
}

TEST_F(ApiRequests, FailuresOfTheGatewayAreAnsweredAsTheyAre) {
  operations.failure = gateway::ErrorCode::unknown_channel;
  constexpr std::string_view kError = R"({"error":{"code":102,"message":"unknown channel"}})";
  expect("publish", R"({"channel":"c","data":1})", "publish c payload=1", kError);
  expect("presence", R"({"channel":"c"})", "presence c", kError);
  expect("history", R"({"channel":"c"})", "history c limit=0", kError);
  expect("disconnect", R"({"user":"u"})", "disconnect u code=3503 reason=force disconnect", kError);
}

TEST_F(ApiRequests, AnUnknownMethodIsAnErrorOfItsOwn) {
  EXPECT_EQ(ask("rpc", "{}"), R"({"error":{"code":104,"message":"method not found"}})");
  EXPECT_EQ(ask("", "{}"), R"({"error":{"code":104,"message":"method not found"}})");
}

TEST_F(ApiRequests, WhatIsRequiredIsMissed) {
  for (const std::string_view body : {"", "{}", R"({"data":1})", R"({"channel":"c"})",
                                      R"({"channel":"","data":1})", R"({"channel":"c","b64data":""})"}) {
    expect_refused("publish", body);
  }
  for (const std::string_view body :
       {R"({"data":1})", R"({"channels":[],"data":1})", R"({"channels":["c"]})"}) {
    expect_refused("broadcast", body);
  }
  for (const std::string_view method : {"subscribe", "unsubscribe"}) {
    expect_refused(method, R"({"user":"u"})");
    expect_refused(method, R"({"channel":"c"})");
    expect_refused(method, R"({"user":"","channel":"c"})");
  }
  for (const std::string_view method : {"disconnect", "refresh"}) expect_refused(method, R"({"client":"c"})");
  for (const std::string_view method : {"presence", "presence_stats", "history", "history_remove"}) {
    expect_refused(method, "{}");
    expect_refused(method, R"({"channel":null})");
  }
}

TEST_F(ApiRequests, AMemberOfTheWrongTypeIsRefused) {
  for (const std::string_view body :
       {R"({"channel":1,"data":1})", R"({"channel":["c"],"data":1})", R"({"channel":"c","data":1,"tags":[]})",
        R"({"channel":"c","data":1,"tags":{"k":1}})", R"({"channel":"c","data":1,"skip_history":"yes"})",
        R"({"channel":"c","data":1,"version":-1})", R"({"channel":"c","data":1,"version":1.5})",
        R"({"channel":"c","data":1,"version":18446744073709551616})", R"({"channel":"c","b64data":"a"})",
        R"({"channel":"c","b64data":"aGk"})", R"({"channel":"c","b64data":1})",
        R"({"channel":"c","data":1,"delta":1})", R"({"channel":"c","data":1,"idempotency_key":{}})"}) {
    expect_refused("publish", body);
  }
  expect_refused("broadcast", R"({"channels":"c","data":1})");
  expect_refused("broadcast", R"({"channels":["c",1],"data":1})");
  for (const std::string_view body :
       {R"({"user":"u","channel":"c","expire_at":"1"})", R"({"user":"u","channel":"c","expire_at":-1})",
        R"({"user":"u","channel":"c","recover_since":5})", R"({"user":"u","channel":"c","override":true})",
        R"({"user":"u","channel":"c","override":{"presence":true}})",
        R"({"user":"u","channel":"c","recover_since":{"offset":-1}})",
        R"({"user":"u","channel":"c","b64info":"//8="})", R"({"user":1,"channel":"c"})"}) {
    expect_refused("subscribe", body);
  }
  for (const std::string_view body :
       {R"({"user":"u","whitelist":"x"})", R"({"user":"u","disconnect":3000})",
        R"({"user":"u","disconnect":{"code":2999}})", R"({"user":"u","disconnect":{"code":5000}})",
        R"({"user":"u","disconnect":{"code":70000}})", R"({"user":"u","disconnect":{"reason":"42"}})",
        R"({"user":"u","disconnect":{"reason":"a\nb"}})", R"({"user":"u","disconnect":{"code":"3000"}})"}) {
    expect_refused("disconnect", body);
  }
  expect_refused("history", R"({"channel":"c","limit":2147483648})");
  expect_refused("history", R"({"channel":"c","limit":"10"})");
  expect_refused("history", R"({"channel":"c","since":"x"})");
  expect_refused("channels", R"({"pattern":5})");
}

TEST_F(ApiRequests, WhatIsNoJsonIsRefused) {
  const std::string_view bodies[] = {"null",
                                     "[]",
                                     "1",
                                     "\"x\"",
                                     "{",
                                     "{}{}",
                                     "{} x",
                                     R"({"channel":"c","data":1)",
                                     R"({"channel":"c","data":})",
                                     R"({"channel":"c","data":01})",
                                     R"({"channel":"c","data":1,})",
                                     R"({"channel":"c" "data":1})",
                                     R"({"channel":"c","data":"\x"})",
                                     R"({"channel":"c","data":tru})",
                                     "{\"channel\":\"c\",\"data\":\"\xff\"}",
                                     R"({"channel":"c","data":1,"unknown":[1,})",
                                     R"({channel:"c","data":1})",
                                     " ",
                                     std::string_view("{\"channel\":\"c\",\"data\":\"\0\"}", 26)};
  for (const std::string_view body : bodies) {
    expect_refused("publish", body);
  }
}

TEST_F(ApiRequests, NestingIsBounded) {
  const auto nested = [](std::size_t depth) {
    return R"({"channel":"c","data":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(ask("publish", nested(100)), kPublished);
  expect_refused("publish", nested(200));
  expect_refused("publish", nested(1'000'000));
  expect_refused("publish", std::string(1'000'000, '{'));
}

TEST_F(ApiRequests, TagsAreBounded) {
  const auto tagged = [](int count) {
    std::string tags;
    for (int i = 0; i < count; ++i) tags += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
    return R"({"channel":"c","data":1,"tags":{)" + tags + "}}";
  };
  EXPECT_EQ(ask("publish", tagged(64)), kPublished);
  expect_refused("publish", tagged(65));
}

TEST_F(ApiRequests, LargeBodiesAreReadAndNotRemembered) {
  const std::string text(3'000'000, 'x');
  for (int round = 0; round < 3; ++round) {
    operations.said.clear();
    EXPECT_EQ(ask("publish", R"({"channel":"c","data":")" + text + "\"}"), kPublished);
    EXPECT_EQ(operations.said, "publish c payload=\"" + text + "\"\n");
    expect("publish", R"({"channel":"c","data":1})", "publish c payload=1", kPublished);
  }
}

TEST_F(ApiRequests, TheMethodMayStandInTheBody) {
  std::string answer;
  const auto keep = [&answer](const ApiReply& reply) { answer = envelope(reply); };
  api.run_legacy(R"({"method":"publish","params":{"channel":"c","data":1}})", keep);
  EXPECT_EQ(answer, kPublished);
  api.run_legacy(R"({"params":{},"method":"info"})", keep);
  EXPECT_EQ(answer.substr(0, 20), R"({"result":{"nodes":[)");
  api.run_legacy(R"({"method":"nosuch"})", keep);
  EXPECT_EQ(answer, R"({"error":{"code":104,"message":"method not found"}})");
  for (const std::string_view body : {"", "[]", R"({"method":1})", R"({"method":"info"} {})"}) {
    api.run_legacy(body, keep);
    EXPECT_EQ(answer, R"({"error":{"code":107,"message":"bad request"}})") << body;
  }
}

constexpr std::string_view kTwoCommands =
    R"({"commands":[{"publish":{"channel":"a","data":1}},{"presence_stats":{"channel":"b"}}])";

TEST_F(ApiRequests, ABatchAnswersEachCommandUnderItsName) {
  expect("batch", std::string(kTwoCommands) + "}", "publish a payload=1\npresence_stats b",
         R"({"replies":[{"publish":{"offset":7,"epoch":"EpochEpo"}},)"
         R"({"presence_stats":{"num_clients":3,"num_users":2}}]})");
  expect("batch", R"({"commands":[{"nosuch":{}},{"publish":{}},{},{"batch":{}},{"info":{}}]})", "info ",
         R"({"replies":[{"error":{"code":104,"message":"method not found"}},)"
         R"({"error":{"code":107,"message":"bad request"}},)"
         R"({"error":{"code":104,"message":"method not found"}},)"
         R"({"error":{"code":104,"message":"method not found"}},)"
         R"({"info":{"nodes":[{"uid":"u","name":"n\"","version":"v","num_clients":5,"num_users":4,)"
         R"("num_channels":3,"num_subs":2,"uptime":9,"process":{"cpu":12.35,"rss":4096}}]}}]})");
  EXPECT_EQ(ask("batch", R"({"commands":[]})"), R"({"replies":[]})");
  EXPECT_EQ(ask("batch", "{}"), R"({"replies":[]})");
  expect_refused("batch", R"({"commands":{}})");
  expect_refused("batch", R"({"commands":[1]})");
  expect_refused("batch", R"({"commands":[{"publish":}]})");
}

TEST_F(ApiRequests, ABatchStartsACommandWhenTheOneBeforeItIsAnswered) {
  operations.later = true;
  EXPECT_EQ(ask("batch", std::string(kTwoCommands) + "}"), "");
  EXPECT_EQ(operations.said, "publish a payload=1\n");
  operations.answer();
  EXPECT_EQ(operations.said, "publish a payload=1\npresence_stats b\n");
  EXPECT_EQ(last, "");
}

TEST_F(ApiRequests, AParallelBatchStartsAllAtOnceAndKeepsTheOrderOfReplies) {
  operations.later = true;
  std::string answer;
  api.run("batch", std::string(kTwoCommands) + R"(,"parallel":true})",
          [&answer](const ApiReply& reply) { answer = envelope(reply); });
  EXPECT_EQ(operations.waiting(), 2u);
  operations.answer(1);
  EXPECT_EQ(answer, "");
  operations.answer(0);
  EXPECT_EQ(answer, R"({"replies":[{"publish":{"offset":7,"epoch":"EpochEpo"}},)"
                    R"({"presence_stats":{"num_clients":3,"num_users":2}}]})");
}

TEST_F(ApiRequests, ALongBatchIsNoDeepStackAndHasABound) {
  const auto batch = [](int count) {
    std::string body = R"({"commands":[)";
    for (int i = 0; i < count; ++i)
      body += (i ? "," : "") + std::string(R"({"history_remove":{"channel":"c"}})");
    return body + "]}";
  };
  const std::string answer = ask("batch", batch(10'000));
  const std::string_view empty = R"({"replies":[]})";
  const std::string_view reply = R"({"history_remove":{}},)";
  EXPECT_EQ(answer.size(), empty.size() + 10'000 * reply.size() - 1);
  expect_refused("batch", batch(10'001));
}

}  // namespace
}  // namespace holdfast::admin
