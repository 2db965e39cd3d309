// Pings when message memory is used up: one that cannot be said demands no pong.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway_fixture.h"
#include "gateway_peer.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kIntervalNs = 10 * kSecondNs;
constexpr std::uint64_t kPongTimeoutNs = 4 * kSecondNs;

class PingMemory : public GatewayTest {
 protected:
  PingMemory()
      : GatewayTest(4, [](gateway::Settings& settings) {
          settings.client.allow_anonymous = true;
          settings.client.ping_interval = std::chrono::milliseconds(kIntervalNs / 1'000'000);
          settings.client.pong_timeout = std::chrono::milliseconds(kPongTimeoutNs / 1'000'000);
        }) {}
  ~PingMemory() override {
    release();
    stop();
  }

  // On the shard: takes all memory there is, down to what would hold a single byte.
  void take_all() {
    ASSERT_TRUE(server_->post(0, [this](Handler& handler) {
      for (std::size_t bytes = 60'000; bytes > 0; bytes /= 2) {
        while (SharedMessage message = handler.share(Message::text(std::string(bytes, 'm'))))
          taken_.push_back(std::move(message));
      }
    }));
    run_for(kSecondNs / 10);
    ASSERT_FALSE(taken_.empty());
  }
  void release() {
    ASSERT_TRUE(server_->post(0, [this](Handler&) { taken_.clear(); }));
    run_for(kSecondNs / 10);
  }

  std::vector<SharedMessage> taken_;
};

TEST_F(PingMemory, APingThatFindsNoneDemandsNoPong) {
  GatewayPeer peer(&world_, listener(), "");
  run_for(kSecondNs);
  ASSERT_TRUE(peer.connected);
  take_all();
  run_for(2 * kIntervalNs + kPongTimeoutNs);
  EXPECT_EQ(peer.pings, 0) << "the test did not reach its subject";
  EXPECT_EQ(peer.close_code, 0) << "closed for a pong that it was never asked for";
  // And when there is memory again it is pinged as ever.
  release();
  run_for(2 * kIntervalNs);
  EXPECT_GE(peer.pings, 1);
  EXPECT_EQ(peer.close_code, 0);
}

}  // namespace
}  // namespace holdfast::sim
