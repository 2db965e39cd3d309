// Clocks that do what clocks do: a wall clock that is set by hours and days in either direction, a machine
// that sleeps for a minute. Nobody is disconnected for it but those whose token is over by the wall clock,
// whatever the other clock says.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/auth/signer.h"
#include "gateway_fixture.h"
#include "gateway_peer.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t kMinuteS = 60, kHourS = 3'600, kDayS = 86'400;
constexpr std::int64_t kGraceS = 25;
// How far ahead the server plans, and a little more.
constexpr std::int64_t kNoticeS = 62;
constexpr std::uint64_t kIntervalNs = 25 * kSecondNs;
constexpr std::string_view kSecret = "a secret that is long enough for HS256";

class WallClock : public GatewayTest {
 protected:
  static constexpr std::uint32_t kClients = 64;

  WallClock()
      : GatewayTest(kClients, [](gateway::Settings& settings) {
          settings.client.ping_interval = std::chrono::milliseconds(kIntervalNs / 1'000'000);
          settings.client.expired_grace = std::chrono::seconds(kGraceS);
          settings.token.hmac_secret.text = kSecret;
        }) {}
  ~WallClock() override { stop(); }

  std::int64_t wall_s() { return static_cast<std::int64_t>(world_.clock().wall_ns() / kSecondNs); }
  void move_wall_clock_s(std::int64_t by_s) {
    world_.move_wall_clock(by_s * static_cast<std::int64_t>(kSecondNs));
  }
  // Many, with tokens for so long; 0: for ever.
  void connect(std::int64_t for_s) {
    for (std::uint32_t count = 0; count < kClients / 4; ++count) {
      const std::string end = for_s != 0 ? ",\"exp\":" + std::to_string(wall_s() + for_s) : "";
      peers_.push_back(std::make_unique<GatewayPeer>(&world_, listener(),
                                                     signer_.token("{\"sub\":\"somebody\"" + end + "}")));
    }
    run_for_s(1);
    for (const auto& peer : peers_) ASSERT_TRUE(peer->connected);
  }
  void run_for_s(std::int64_t seconds) { run_for(static_cast<std::uint64_t>(seconds) * kSecondNs); }
  std::int64_t closed_with(int code) {
    return std::count_if(peers_.begin(), peers_.end(),
                         [code](const auto& peer) { return peer->close_code == code; });
  }
  // All are connected, and were pinged as they were told.
  void expect_all_live(std::int64_t seconds) {
    for (const auto& peer : peers_) peer->pings = 0;
    run_for_s(seconds);
    const auto intervals = static_cast<int>(static_cast<std::uint64_t>(seconds) * kSecondNs / kIntervalNs);
    for (const auto& peer : peers_) {
      EXPECT_EQ(peer->close_code, 0);
      EXPECT_GE(peer->pings, intervals - 1);
      EXPECT_LE(peer->pings, intervals + 1);
    }
  }

  auth::Signer signer_ = auth::Signer::hmac(std::string(kSecret));
  std::vector<std::unique_ptr<GatewayPeer>> peers_;
};

TEST_F(WallClock, MayBeSetByHoursAndDaysWithoutDisconnectingAnybody) {
  connect(0);
  for (const std::int64_t by_s : {kHourS, -kHourS, kDayS, -kDayS, -2 * kDayS, std::int64_t{1}}) {
    SCOPED_TRACE(by_s);
    move_wall_clock_s(by_s);
    expect_all_live(2 * kMinuteS);
  }
}

TEST_F(WallClock, AMinuteInWhichNothingRanDisconnectsNobody) {
  connect(0);
  // At different moments between two pings.
  for (std::int64_t before_s = 3; before_s < 30; before_s += 3) {
    run_for_s(before_s);
    world_.stall(60 * kSecondNs);
    expect_all_live(kMinuteS);
    world_.sleep(60 * kSecondNs);
    expect_all_live(kMinuteS);
  }
}

TEST_F(WallClock, EndsTokensWhenItIsSetBeyondTheirEnd) {
  connect(kHourS);
  connect(3 * kHourS);
  move_wall_clock_s(kHourS);
  run_for_s(kGraceS - 2);
  EXPECT_EQ(closed_with(0), 2 * kClients / 4) << "before the grace was over";
  run_for_s(kNoticeS + 2);
  EXPECT_EQ(closed_with(3005), kClients / 4);
  EXPECT_EQ(closed_with(0), kClients / 4);
}

TEST_F(WallClock, KeepsTokensThatAreNotOverByItWhateverTheOtherClockSays) {
  connect(kHourS);
  move_wall_clock_s(-kDayS);
  expect_all_live(2 * kHourS);
  // Now it is set right.
  move_wall_clock_s(kDayS);
  run_for_s(kNoticeS);
  EXPECT_EQ(closed_with(3005), kClients / 4);
}

TEST_F(WallClock, ASleepOverTheEndOfATokenEndsIt) {
  connect(30);
  connect(kHourS);
  const std::int64_t before_s = wall_s();
  world_.sleep(60 * kSecondNs);
  move_wall_clock_s(before_s + 60 - wall_s());
  run_for_s(kNoticeS);
  EXPECT_EQ(closed_with(3005), kClients / 4);
  EXPECT_EQ(closed_with(0), kClients / 4);
}

}  // namespace
}  // namespace holdfast::sim
