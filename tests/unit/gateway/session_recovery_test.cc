// Nobody misses a publication without being told: recovery after a reconnect, together with what is published
// meanwhile, gaps, positions, deltas; and one order for all.
#include <set>

#include "session_fixture.h"

namespace holdfast::gateway {
namespace {

constexpr const char* kSettings = R"(
allow_anonymous = true
ping_interval = "0s"
[namespaces.chat]
history_size = 100
history_ttl = "1m"
recovery = "stream"
force_recovery = true
delta = true
subscribe = ["anybody"]
publish = ["anybody"]
read_history = ["anybody"]
[namespaces.latest]
history_size = 1
history_ttl = "1m"
recovery = "cache"
force_recovery = true
subscribe = ["anybody"]
)";

class RecoveryOverTheWireTest : public SessionTest {
 protected:
  std::string recover(ProtocolClient& client, std::string_view channel, std::uint64_t offset,
                      const std::string& epoch, int flag = 0) {
    return client.ask(absl::StrCat("{\"subscribe\":{\"channel\":\"", std::string(channel),
                                   "\",\"recover\":true,\"offset\":", offset, ",\"epoch\":\"", epoch,
                                   "\",\"flag\":", flag, "},\"id\":9}"));
  }
};

TEST_F(RecoveryOverTheWireTest, GivesWhatWasMissed) {
  start(kSettings);
  auto first = connected();
  const std::string epoch = value_of(first->ask(R"({"subscribe":{"channel":"chat:a"},"id":2})"), "epoch");
  ASSERT_EQ(epoch.size(), 8u);
  for (int n = 1; n <= 3; ++n)
    publish("chat:a", absl::StrCat("{\"n\":", n, "}"), static_cast<std::uint32_t>(n % 2));
  auto second = connected();
  EXPECT_EQ(masked(recover(*second, "chat:a", 1, epoch)),
            R"({"id":9,"subscribe":{"recoverable":true,"positioned":true,"epoch":"?","offset":1,)"
            R"("was_recovering":true,)"
            R"("recovered":true,"publications":[{"data":{"n":2},"offset":2},{"data":{"n":3},"offset":3}]}})");
  publish("chat:a", "{\"n\":4}");
  EXPECT_EQ(second->message(), R"({"push":{"channel":"chat:a","pub":{"data":{"n":4},"offset":4}}})");
}

TEST_F(RecoveryOverTheWireTest, SaysWhenItCannotRecover) {
  start(kSettings);
  publish("chat:a", "1");
  EXPECT_EQ(masked(recover(*connected(), "chat:a", 1, "WrongWro")),
            R"({"id":9,"subscribe":{"recoverable":true,"positioned":true,"epoch":"?","offset":1,)"
            R"("was_recovering":true}})");
  EXPECT_EQ(recover(*connected(), "chat:a", 1, "WrongWro", 2),
            R"({"id":9,"error":{"code":112,"message":"unrecoverable position"}})");
  auto client = connected();
  recover(*client, "chat:a", 1, "WrongWro", 2);
  EXPECT_TRUE(
      client->ask(R"({"subscribe":{"channel":"chat:a"},"id":3})").starts_with(R"({"id":3,"subscribe")"));
}

TEST_F(RecoveryOverTheWireTest, CacheModeGivesTheNewest) {
  start(kSettings);
  publish("latest:a", "1");
  publish("latest:a", "2");
  EXPECT_EQ(masked(recover(*connected(), "latest:a", 0, "")),
            R"({"id":9,"subscribe":{"recoverable":true,"positioned":true,"epoch":"?",)"
            R"("was_recovering":true,"recovered":true,)"
            R"("publications":[{"data":2,"offset":2}]}})");
}

// A publisher never stops while clients come, leave, and come back with their position: it is never further
// ahead than the history holds.
TEST_F(RecoveryOverTheWireTest, MergesWithLivePublicationsWithoutLossOrRepeat) {
  start(kSettings, 3);
  constexpr std::uint64_t kPublications = 600;
  constexpr std::uint64_t kLeadMaximum = 90;  // the history holds 100
  std::atomic<std::uint64_t> position = 0;
  std::thread publisher([&] {
    auto client = connected();
    for (std::uint64_t n = 1; n <= kPublications; ++n) {
      if (!becomes_true([&] { return n <= position + kLeadMaximum; })) return;
      client->ask(
          absl::StrCat("{\"publish\":{\"channel\":\"chat:live\",\"data\":", n, "},\"id\":", n + 1, "}"));
    }
  });
  std::string epoch;
  int reconnects = 0;
  const auto read_all = [&] {
    while (position < kPublications) {
      auto client = connected();
      std::string reply = recover(*client, "chat:live", position, epoch);
      ASSERT_NE(reply.find("\"recovered\":true"), std::string::npos) << reply;
      epoch = value_of(reply, "epoch");
      // Each publication once, in order, in the answer and behind it.
      for (int message = 0; message < 20 && position < kPublications; ++message) {
        for (std::size_t at = reply.find("\"data\":"); at != std::string::npos;
             at = reply.find("\"data\":", at + 1)) {
          EXPECT_EQ(std::strtoull(reply.c_str() + at + 7, nullptr, 10), ++position) << reply;
        }
        if (position < kPublications) reply = client->message();
        ASSERT_NE(reply, "nothing");
      }
      // A message that was read and not counted will be recovered.
      client->end();
      ++reconnects;
    }
  };
  read_all();
  publisher.join();
  EXPECT_GT(reconnects, 3);
}

TEST_F(RecoveryOverTheWireTest, EverySubscriberOfEachEncodingSeesOneOrder) {
  start(kSettings, 3);
  std::vector<std::unique_ptr<ProtocolClient>> json, protobuf;
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    json.push_back(connected_to(shard));
    EXPECT_TRUE(
        json.back()->ask(R"({"subscribe":{"channel":"chat:a"},"id":2})").starts_with(R"({"id":2,"sub)"));
  }
  for (int i = 0; i < 4; ++i) {
    protobuf.push_back(open_protobuf());
    protobuf.back()->send(
        std::string_view("\x06\x08\x01\x22\x02\x32\x00\x0c\x08\x02\x2a\x08\x0a\x06"
                         "chat:a",
                         20));
    std::string answers = protobuf.back()->frame();
    if (answers.size() < 60) answers += protobuf.back()->frame();
  }
  // Two publishers at once, whose publications interleave as the home decides.
  constexpr int kEach = 50;
  std::vector<std::thread> publishers;
  for (int who = 0; who < 2; ++who) {
    publishers.emplace_back([&, who] {
      auto client = connected_to(static_cast<std::uint32_t>(who));
      for (int n = 0; n < kEach; ++n) {
        client->ask(absl::StrCat("{\"publish\":{\"channel\":\"chat:a\",\"data\":\"", who, "-", n,
                                 "\"},\"id\":", n + 2, "}"));
      }
    });
  }
  for (std::thread& thread : publishers) thread.join();
  const auto texts_of = [](ProtocolClient& client) {
    std::vector<std::string> texts;
    std::string bytes;
    while (texts.size() < 2 * kEach) {
      const std::string frame = client.frame();
      if (frame == "nothing") break;
      for (std::size_t at = frame.find('-'); at != std::string::npos; at = frame.find('-', at + 1)) {
        if (at == 0 || at + 1 >= frame.size() || !std::isdigit(static_cast<unsigned char>(frame[at - 1])))
          continue;
        const std::size_t quote = frame.rfind('"', at);
        const std::size_t end = frame.find('"', at);
        if (quote == std::string::npos || end == std::string::npos || end - quote > 6) continue;
        texts.push_back(frame.substr(quote + 1, end - quote - 1));
      }
    }
    return texts;
  };
  const std::vector<std::string> order = texts_of(*json[0]);
  ASSERT_EQ(order.size(), 2u * kEach);
  EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 2u * kEach);
  for (std::size_t i = 1; i < json.size(); ++i) EXPECT_EQ(texts_of(*json[i]), order);
  for (auto& client : protobuf) EXPECT_EQ(texts_of(*client), order);
}

TEST_F(RecoveryOverTheWireTest, AGapEndsTheSubscriptionWith2500) {
  start(kSettings, 2);
  auto client = connected();
  const std::string epoch = value_of(client->ask(R"({"subscribe":{"channel":"chat:a"},"id":2})"), "epoch");
  publish("chat:a", "1");
  client->message();
  // A publication that does not follow, as if one had been lost on the way.
  PublicationContent content;
  content.payload = "3";
  content.json = true;
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    PublicationReference lost = Publication::make(shared_->publication_budget, content);
    Publication::number(lost, {3, Epoch::from_client(epoch)}, 0, 0);
    on_shard(shard, [&](Gateway& gateway) {
      std::vector<Letter> letters;
      letters.push_back(DeliverLetter{"chat:a", lost});
      gateway.take(letters);
    });
  }
  EXPECT_EQ(client->message(),
            R"({"push":{"channel":"chat:a","unsubscribe":{"code":2500,"reason":"insufficient state"}}})");
  EXPECT_EQ(masked(recover(*client, "chat:a", 1, epoch)),
            R"({"id":9,"subscribe":{"recoverable":true,"positioned":true,"epoch":"?","offset":1,)"
            R"("was_recovering":true,"recovered":true}})");
}

TEST_F(RecoveryOverTheWireTest, ALaggingPositionIsFoundByAsking) {
  start(kSettings, 2);
  auto client = connected();
  const std::string epoch = value_of(client->ask(R"({"subscribe":{"channel":"chat:a"},"id":2})"), "epoch");
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    on_shard(shard, [&](Gateway& gateway) {
      std::vector<Letter> letters;
      letters.push_back(PositionAnswerLetter{"chat:a", {7, Epoch::from_client(epoch)}});
      gateway.take(letters);
    });
  }
  EXPECT_EQ(client->message(),
            R"({"push":{"channel":"chat:a","unsubscribe":{"code":2500,"reason":"insufficient state"}}})");
}

TEST_F(RecoveryOverTheWireTest, DeltasFollowAFullPayload) {
  start(kSettings);
  auto client = connected();
  const std::string reply = client->ask(R"({"subscribe":{"channel":"chat:d","delta":"fossil"},"id":2})");
  EXPECT_NE(reply.find("\"delta\":true"), std::string::npos) << reply;
  publish("chat:d", R"({"a":1,"text":"hello hello hello hello"})");
  publish("chat:d", R"({"a":2,"text":"hello hello hello hello"})");
  EXPECT_EQ(client->message(), R"({"push":{"channel":"chat:d","pub":{"data":"{\"a\":1,)"
                               R"(\"text\":\"hello hello hello hello\"}","offset":1}}})");
  const std::string delta = client->message();
  EXPECT_NE(delta.find("\"delta\":true"), std::string::npos) << delta;
  EXPECT_LT(delta.size(), 120u);
  auto plain = connected();
  plain->ask(R"({"subscribe":{"channel":"chat:d"},"id":2})");
  publish("chat:d", R"({"a":3})");
  EXPECT_EQ(plain->message(), R"({"push":{"channel":"chat:d","pub":{"data":{"a":3},"offset":3}}})");
}

TEST_F(RecoveryOverTheWireTest, NumbersStandForNamesWhereTheClientAgrees) {
  start(kSettings);
  auto client = connected();
  const std::string reply = client->ask(R"({"subscribe":{"channel":"chat:a","flag":1},"id":2})");
  const std::string number = reply.substr(reply.rfind(':') + 1, reply.find('}') - reply.rfind(':') - 1);
  publish("chat:a", "1");
  EXPECT_EQ(client->message(),
            absl::StrCat("{\"push\":{\"id\":", number, ",\"pub\":{\"data\":1,\"offset\":1}}}"));
}

TEST_F(RecoveryOverTheWireTest, AnIdempotentPublishIsPublishedOnce) {
  start(kSettings);
  auto client = connected();
  const std::string call =
      R"({"rpc":{"method":"publish","data":{"channel":"chat:a","data":{"x":1},"idempotency_key":"k"}},"id":)";
  EXPECT_EQ(masked(client->ask(call + "2}")),
            R"({"id":2,"rpc":{"data":{"offset":1,"epoch":"?","duplicate":false}}})");
  EXPECT_EQ(masked(client->ask(call + "3}")),
            R"({"id":3,"rpc":{"data":{"offset":1,"epoch":"?","duplicate":true}}})");
  EXPECT_EQ(client->ask(R"({"rpc":{"method":"publish","data":{"channel":"chat:a"}},"id":4})"),
            R"({"id":4,"error":{"code":107,"message":"bad request"}})");
}

}  // namespace
}  // namespace holdfast::gateway
