// Phases as they are written, and what is refused; addresses that the swarm may go to.
#include "phase.h"

#include <gtest/gtest.h>

#include "addresses.h"

namespace holdfast::swarm {
namespace {

TEST(Phase, IsReadWithItsSettings) {
  const auto ramp = parse_phase("ramp:connections=1000,rate=50.5,outstanding=7");
  ASSERT_TRUE(ramp.ok()) << ramp.status();
  EXPECT_EQ(ramp->kind, Phase::Kind::ramp);
  EXPECT_EQ(ramp->connections, 1000u);
  EXPECT_EQ(ramp->rate, 50.5);
  EXPECT_EQ(ramp->outstanding, 7u);
  EXPECT_EQ(ramp->name(), "ramp");
  const auto echo = parse_phase("echo:closed,rounds=3,bytes=10-200");
  ASSERT_TRUE(echo.ok()) << echo.status();
  EXPECT_TRUE(echo->closed_loop);
  EXPECT_EQ(echo->bytes.smallest, 10u);
  EXPECT_EQ(echo->bytes.largest, 200u);
  EXPECT_TRUE(parse_phase("ping").ok());
  EXPECT_TRUE(parse_phase("close").ok());
}

TEST(Phase, ThatMakesNoSenseIsRefused) {
  for (const char* text : {"",
                           "dance",
                           "ramp",
                           "ramp:",
                           "ramp:connections=0",
                           "ramp:connections=5000000",
                           "ramp:connections=x",
                           "ramp:connections=1,rate=-1",
                           "ramp:connections=1,rate=nan",
                           "ramp:connections=1,rounds=2",
                           "idle",
                           "idle:seconds=-1",
                           "echo:bytes=64",
                           "echo:closed,bytes=8",
                           "echo:closed,bytes=20-10",
                           "echo:closed=yes,bytes=64",
                           "echo:rate=5,bytes=64",
                           "fanout:rounds=2",
                           "fanout:rounds=2,bytes=9-10",
                           "fanout:rounds=0,bytes=9",
                           "storm",
                           "churn:seconds=1",
                           "half_open:seconds=1",
                           "ping:bytes=9"}) {
    EXPECT_FALSE(parse_phase(text).ok()) << text;
  }
}

TEST(Scenario, NeedsConnectionsBeforeTheyAreUsed) {
  EXPECT_FALSE(check_scenario({}).ok());
  EXPECT_FALSE(check_scenario({*parse_phase("ping")}).ok());
  const Phase ramp = *parse_phase("ramp:connections=1");
  EXPECT_TRUE(check_scenario({ramp, *parse_phase("ping")}).ok());
  EXPECT_FALSE(check_scenario({ramp, *parse_phase("close"), *parse_phase("ping")}).ok());
  EXPECT_TRUE(check_scenario({*parse_phase("half_open:count=3")}).ok());
}

TEST(Url, IsTakenApart) {
  const auto url = parse_url("ws://127.0.0.1:8000/chat?room=1");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->port, 8000);
  EXPECT_EQ(url->path, "/chat?room=1");
  EXPECT_EQ(url->authority, "127.0.0.1:8000");
  EXPECT_EQ(parse_url("ws://[::1]:1")->host, "::1");
  for (const char* text : {"", "http://127.0.0.1:1/", "ws://127.0.0.1/", "ws://localhost:1/",
                           "ws://127.0.0.1:0/", "ws://127.0.0.1:65536/", "ws://127.0.0.1:1/a b"}) {
    EXPECT_FALSE(parse_url(text).ok()) << text;
  }
}

TEST(Destinations, AreLoopbackOrNamedEveryOneOfThem) {
  const Url loopback = *parse_url("ws://127.0.0.255:80/");
  const auto two = destinations(loopback, 2, {});
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ((*two)[1].bytes[6], std::byte{1});  // 127.0.1.0
  EXPECT_EQ((*two)[1].bytes[7], std::byte{0});
  EXPECT_FALSE(destinations(*parse_url("ws://127.255.255.255:80/"), 2, {}).ok());
  const Url elsewhere = *parse_url("ws://192.0.2.1:80/");
  EXPECT_FALSE(destinations(elsewhere, 1, {}).ok());
  EXPECT_TRUE(destinations(elsewhere, 1, {"192.0.2.1"}).ok());
  EXPECT_FALSE(destinations(elsewhere, 2, {"192.0.2.1"}).ok());
  EXPECT_FALSE(destinations(*parse_url("ws://[2001:db8::1]:80/"), 1, {}).ok());
}

}  // namespace
}  // namespace holdfast::swarm
