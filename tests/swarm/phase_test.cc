// Phases and scenarios as they are written, and what is refused; addresses that the swarm may go to.
#include "phase.h"

#include <gtest/gtest.h>

#include <string>

#include "addresses.h"
#include "scenario.h"

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
  const auto slow = parse_phase("slow:percent=2.5,rounds=10,bytes=64..4096,read_rate=1000,expect=kept");
  ASSERT_TRUE(slow.ok()) << slow.status();
  EXPECT_EQ(slow->percent, 2.5);
  EXPECT_EQ(slow->read_rate, 1000);
  EXPECT_EQ(slow->bytes.largest, 4096u);
  EXPECT_EQ(slow->expected, Phase::Expected::kept);
  EXPECT_EQ(parse_phase("fanin:collectors=3")->collectors, 3u);
  EXPECT_EQ(parse_phase("vanish:percent=10,seconds=5")->seconds, 5);
  const auto recover = parse_phase("recover:rate=100,seconds=20,backoff_ms=200,jitter_ms=5000,bytes=64");
  ASSERT_TRUE(recover.ok()) << recover.status();
  EXPECT_EQ(recover->backoff_ms, 200u);
  EXPECT_EQ(recover->jitter_ms, 5000u);
  EXPECT_TRUE(parse_phase("drop").ok());
}

TEST(Phase, TakesTheSizesOfTheRunWhenItNamesNone) {
  const Sizes sizes{100, 200};
  EXPECT_EQ(parse_phase("echo:closed", sizes)->bytes.largest, 200u);
  EXPECT_EQ(parse_phase("echo:closed,bytes=64", sizes)->bytes.largest, 64u);
}

TEST(Phase, OfFaninPutsNoMoreUnderWayThanAConnectionCanBeExpectedToQueue) {
  EXPECT_EQ(parse_phase("fanin:bytes=64")->outstanding, 1000u);
  EXPECT_EQ(parse_phase("fanin:bytes=64-65536")->outstanding, 4u);
  EXPECT_EQ(parse_phase("fanin:bytes=1000000")->outstanding, 1u);
  EXPECT_EQ(parse_phase("fanin:bytes=65536,outstanding=7")->outstanding, 7u);
}

TEST(Phase, ThatMakesNoSenseIsRefused) {
  for (const char* text : {"",
                           "dance",
                           "ramp",
                           "ramp:",
                           "ramp:connections=0",
                           "ramp:connections=5000000",
                           "ramp:connections=x",
                           "recover:rate=100",
                           "recover:rate=100,seconds=3,backoff_ms=1000,jitter_ms=1001",
                           "drop:outstanding=3",
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
                           "echo:rate=5,seconds=1,rounds=2",
                           "echo:rate=0.5,seconds=1",
                           "echo:closed,rate=0.5",
                           "echo:closed,bytes=64.128",
                           "echo:closed,bytes=64..",
                           "fanout",
                           "fanout:rounds=0,bytes=9",
                           "fanin:bytes=23",
                           "fanin:collectors=0",
                           "fanin:collectors=17",
                           "slow",
                           "slow:percent=0",
                           "slow:percent=101",
                           "slow:percent=5,read_rate=0",
                           "slow:percent=5,expect=dropped",
                           "vanish:percent=5",
                           "vanish:percent=5,seconds=0",
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

TEST(Scenario, ThatCannotBePlayedIsRefused) {
  const Phase ten = *parse_phase("ramp:connections=10");
  EXPECT_TRUE(check_scenario({ten, *parse_phase("slow:percent=90")}).ok());
  EXPECT_FALSE(check_scenario({ten, *parse_phase("slow:percent=100")}).ok());
  EXPECT_FALSE(check_scenario({*parse_phase("ramp:connections=1"), *parse_phase("slow:percent=1")}).ok());
  EXPECT_TRUE(check_scenario({ten, *parse_phase("fanin:collectors=10")}).ok());
  EXPECT_FALSE(check_scenario({ten, *parse_phase("fanin:collectors=11")}).ok());
  EXPECT_FALSE(check_scenario({ten, *parse_phase("vanish:percent=100,seconds=1"), ten, ten,
                               *parse_phase("vanish:percent=100,seconds=1"), *parse_phase("ping")})
                   .ok());
  EXPECT_FALSE(check_scenario({ten, *parse_phase("idle:seconds=11")}, 10).ok());
  EXPECT_TRUE(check_scenario({ten, *parse_phase("idle:seconds=9")}, 10).ok());
  EXPECT_FALSE(
      check_scenario({ten, *parse_phase("fanout:rounds=6000"), *parse_phase("fanout:rounds=6000")}).ok());
}

TEST(Scenario, IsReadFromAFileWithCommentsInEitherWayOfWriting) {
  const auto phases = parse_scenario(
      "# a morning\n"
      "ramp connections=100 rate=50   # slowly\r\n"
      "\n"
      "   \t  \n"
      "  echo: closed, rounds=2\tbytes=64-128\n"
      "fanout:rounds=3,bytes=9\n"
      "close",
      "morning.txt");
  ASSERT_TRUE(phases.ok()) << phases.status();
  ASSERT_EQ(phases->size(), 4u);
  EXPECT_EQ((*phases)[0].text, "ramp:connections=100,rate=50");
  EXPECT_EQ((*phases)[1].text, "echo:closed,rounds=2,bytes=64-128");
  EXPECT_EQ((*phases)[2].rounds, 3u);
  EXPECT_EQ((*phases)[3].name(), "close");
}

TEST(Scenario, SaysInWhichLineOfTheFileItIsWrong) {
  const auto phases = parse_scenario("ramp connections=1\n# fine\nclose now\n", "bad.txt");
  ASSERT_FALSE(phases.ok());
  EXPECT_EQ(phases.status().message().find("bad.txt:3: "), 0u) << phases.status();
}

TEST(Scenario, KnowsHowManyAreOpenAtOnce) {
  EXPECT_EQ(most_open({*parse_phase("ramp:connections=10"), *parse_phase("half_open:count=5"),
                       *parse_phase("close"), *parse_phase("ramp:connections=12")}),
            15u);
  EXPECT_EQ(part_of(1000, 2.5), 25u);
  EXPECT_EQ(part_of(10, 0.1), 1u);
  EXPECT_EQ(part_of(0, 50), 0u);
  EXPECT_EQ(part_of(7, 100), 7u);
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
