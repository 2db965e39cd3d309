// When the gateway's clients are pinged, on a simulated clock: once in every interval they were told,
// neighbours together, nobody twice and nobody never while others come and go; and what becomes of those who
// do not answer.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/clients.h"
#include "gateway_fixture.h"
#include "net/ping_moments.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kIntervalNs = 25 * kSecondNs;
constexpr std::uint64_t kPongTimeoutNs = 8 * kSecondNs;
constexpr std::uint64_t kTickNs = gateway::kTickNs;
constexpr std::uint32_t kBlock = net::PingMoments::kBlock;

// Messages of the protocol, or frames of WebSocket itself.
enum class PingKind { message, frame };

// A client of the protocol that answers pings, or does not, and remembers when they came.
class Peer final : public ring::ClientObserver {
 public:
  Peer(ring::SimulatedWorld* world, int listener, bool answers, PingKind kind)
      : world_(world),
        answers_(answers),
        kind_(kind),
        connection_(world->connect(listener, this, 0x7f000001)) {
    EXPECT_NE(connection_, nullptr);
    const std::string query = kind == PingKind::frame ? "?cf_ws_frame_ping_pong=true" : "";
    connection_->client_send(bytes_of("GET /connection/websocket" + query +
                                      " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
    send(R"({"id":1,"connect":{}})");
  }

  void on_network() override {
    std::array<std::byte, 4096> bytes;
    const std::size_t count = connection_->client_receive(bytes);
    unread_.append(reinterpret_cast<const char*>(bytes.data()), count);
    if (const std::size_t end = unread_.find("\r\n\r\n"); end != std::string::npos) unread_.erase(0, end + 4);
    if (unread_.starts_with("HTTP")) return;
    while (unread_.size() >= 2 && take_frame()) continue;
    const bool open = connection_->server_end() == ring::SimulatedConnection::ServerEnd::open;
    if (!open && ended_ns == 0) ended_ns = world_->now_ns();
  }

  // Of the protocol, as a frame with a mask of zeros.
  void send(std::string_view message) {
    const std::string head = {'\x81', static_cast<char>(0x80 | message.size()), 0, 0, 0, 0};
    connection_->client_send(bytes_of(head + std::string(message)));
  }
  void leave() { connection_->client_reset(), left = true; }

  std::uint64_t connected_ns = 0;
  bool asked_for_pongs = false;
  std::vector<std::uint64_t> pings_ns;
  std::uint64_t closed_ns = 0;
  std::string closed;  // the close frame's payload
  std::uint64_t ended_ns = 0;
  bool left = false;

 private:
  static std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

  // Short frames and those with 16 bits of length. False when it is not all there.
  bool take_frame() {
    std::size_t head = 2, length = static_cast<unsigned char>(unread_[1]);
    if (length == 126) {
      head = 4;
      if (unread_.size() < head) return false;
      length = static_cast<std::size_t>(static_cast<unsigned char>(unread_[2]) << 8 |
                                        static_cast<unsigned char>(unread_[3]));
    }
    if (unread_.size() < head + length) return false;
    took(unread_[0], unread_.substr(head, length));
    unread_.erase(0, head + length);
    return true;
  }

  void took(char first, const std::string& payload) {
    if (first == '\x88') {
      closed_ns = world_->now_ns();
      closed = payload;
    } else if (first == '\x89') {
      pings_ns.push_back(world_->now_ns());
    } else if (payload == "{}") {
      pings_ns.push_back(world_->now_ns());
      if (answers_) send("{}");
    } else if (payload.find(R"("connect":{)") != std::string::npos) {
      const bool told = payload.find(R"("ping":25)") != std::string::npos;
      EXPECT_EQ(told, kind_ == PingKind::message) << payload;
      asked_for_pongs = payload.find(R"("pong":true)") != std::string::npos;
      connected_ns = world_->now_ns();
    } else {
      EXPECT_TRUE(payload.starts_with(R"({"id":2,)")) << payload;
    }
  }

  ring::SimulatedWorld* world_;
  bool answers_;
  PingKind kind_;
  ring::SimulatedConnection* connection_;
  std::string unread_;
};

class GatewayPing : public GatewayTest {
 protected:
  static constexpr std::uint32_t kClients = 4 * kBlock;

  GatewayPing()
      : GatewayTest(kClients, [](gateway::Settings& settings) {
          settings.client.allow_anonymous = true;
          settings.client.ping_interval = std::chrono::milliseconds(kIntervalNs / 1'000'000);
          settings.client.pong_timeout = std::chrono::milliseconds(kPongTimeoutNs / 1'000'000);
        }) {
    world_.set_latency_maximum_ns(1);
  }
  ~GatewayPing() override { stop(); }

  Peer& connect(bool answers = true, PingKind kind = PingKind::message) {
    peers_.push_back(std::make_unique<Peer>(&world_, listener(), answers, kind));
    return *peers_.back();
  }
  void set_pong_timeout(std::uint64_t timeout_ns) {
    settings_.client.pong_timeout = std::chrono::milliseconds(timeout_ns / 1'000'000);
    reload();
    run_for(kTickNs);
  }
  // Two who do not answer, of both kinds, with a ping on its way to each.
  void leave_pings_unanswered() {
    for (const PingKind kind : {PingKind::message, PingKind::frame}) connect(false, kind);
    for (int ticks = 0; peers_.back()->pings_ns.empty() && ticks < 300; ++ticks) run_for(kTickNs);
    for (const auto& peer : peers_) ASSERT_EQ(peer->pings_ns.size(), 1u);
  }
  // Once in every interval since it connected, and at no other time.
  void expect_regular(const Peer& peer, std::uint64_t until_ns) {
    std::uint64_t before_ns = peer.connected_ns;
    ASSERT_GT(before_ns, 0u);
    for (std::size_t i = 0; i < peer.pings_ns.size(); ++i) {
      const std::uint64_t apart_ns = peer.pings_ns[i] - before_ns;
      if (i > 0) {
        ASSERT_GE(apart_ns, kIntervalNs - 2 * kTickNs);
      }
      ASSERT_LE(apart_ns, kIntervalNs + 2 * kTickNs);
      before_ns = peer.pings_ns[i];
    }
    ASSERT_LE(until_ns - before_ns, kIntervalNs + 2 * kTickNs) << "not pinged any more";
  }

  std::vector<std::unique_ptr<Peer>> peers_;
};

TEST_F(GatewayPing, EveryClientIsPingedOnceInEachInterval) {
  for (std::uint32_t i = 0; i < kClients; ++i) connect();
  run_for(6 * kIntervalNs);
  for (const auto& peer : peers_) {
    ASSERT_GE(peer->pings_ns.size(), 5u);
    ASSERT_NO_FATAL_FAILURE(expect_regular(*peer, world_.now_ns()));
  }
}

TEST_F(GatewayPing, NeighboursArePingedTogetherAndBlocksApart) {
  for (std::uint32_t i = 0; i < kClients; ++i) connect();
  run_for(2 * kIntervalNs);
  std::map<std::uint64_t, std::uint32_t> moments;
  for (const auto& peer : peers_) {
    ASSERT_FALSE(peer->pings_ns.empty());
    ++moments[(peer->pings_ns[0] - 1) / kTickNs];
  }
  ASSERT_EQ(moments.size(), kClients / kBlock);
  std::uint64_t before = 0;
  for (const auto& [moment, count] : moments) {
    EXPECT_EQ(count, kBlock);
    EXPECT_GE(moment - before, kIntervalNs / kTickNs / 16) << "they would answer together";
    before = moment;
  }
}

TEST_F(GatewayPing, AClientThatSpeaksIsPingedNevertheless) {
  Peer& peer = connect();
  for (int i = 0; i < 40; ++i) {
    run_for(kIntervalNs / 10);
    peer.send(R"({"id":2,"rpc":{"method":"nothing"}})");
  }
  EXPECT_GE(peer.pings_ns.size(), 3u) << "it goes by its own clock, and would give up the server";
}

TEST_F(GatewayPing, NobodyIsMissedOrPingedTwiceWhileOthersComeAndGo) {
  base::Random random(7);
  std::map<const Peer*, std::uint64_t> left_ns;
  for (std::uint32_t i = 0; i < kClients / 2; ++i) connect();
  for (int step = 0; step < 120; ++step) {
    run_for(kSecondNs + random.below(kSecondNs / 2));
    for (int i = 0; i < 8; ++i) {
      Peer& peer = *peers_[random.below(peers_.size())];
      if (!peer.left && peer.connected_ns != 0) {
        left_ns[&peer] = world_.now_ns();
        peer.leave();
      }
      if (peers_.size() - left_ns.size() < kClients * 3 / 4) connect();
    }
  }
  run_for(kSecondNs);
  EXPECT_GT(left_ns.size(), 100u);
  for (const auto& peer : peers_) {
    const auto left = left_ns.find(peer.get());
    const std::uint64_t until_ns = left == left_ns.end() ? world_.now_ns() : left->second;
    ASSERT_NO_FATAL_FAILURE(expect_regular(*peer, until_ns));
    EXPECT_TRUE(peer->closed.empty()) << peer->closed;
  }
}

TEST_F(GatewayPing, WhoDoesNotAnswerIsClosedAtTheEndOfThePongTimeoutAndNobodyElseIs) {
  for (std::uint32_t i = 0; i < 2 * kBlock; ++i) connect(i % 5 != 0);
  run_for(3 * kIntervalNs);
  for (std::uint32_t i = 0; i < 2 * kBlock; ++i) {
    const Peer& peer = *peers_[i];
    if (i % 5 != 0) {
      EXPECT_TRUE(peer.closed.empty());
      EXPECT_GE(peer.pings_ns.size(), 2u);
      continue;
    }
    ASSERT_EQ(peer.pings_ns.size(), 1u) << "the second ping waits for the pong to the first";
    EXPECT_EQ(peer.closed, "\x0b\xc4no pong");
    const std::uint64_t waited_ns = peer.closed_ns - peer.pings_ns[0];
    EXPECT_GE(waited_ns, kPongTimeoutNs);
    EXPECT_LE(waited_ns, kPongTimeoutNs + 2 * kTickNs);
  }
}

// Those of WebSocket itself are the core's to watch, by what it was told at the start.
TEST_F(GatewayPing, ALongerPongTimeoutIsTakenOverByAReloadForPingsOfBothKinds) {
  set_pong_timeout(20 * kSecondNs);
  for (const PingKind kind : {PingKind::message, PingKind::frame}) {
    const Peer& peer = connect(false, kind);
    run_for(3 * kIntervalNs);
    ASSERT_EQ(peer.pings_ns.size(), 1u);
    const std::uint64_t waited_ns =
        (kind == PingKind::frame ? peer.ended_ns : peer.closed_ns) - peer.pings_ns[0];
    EXPECT_GE(waited_ns, 20 * kSecondNs);
    EXPECT_LE(waited_ns, 20 * kSecondNs + 2 * kTickNs);
  }
}

TEST_F(GatewayPing, WithoutAPongTimeoutWhoDoesNotAnswerStaysAndIsPinged) {
  set_pong_timeout(0);
  for (const PingKind kind : {PingKind::message, PingKind::frame}) connect(false, kind);
  run_for(20 * kIntervalNs);
  for (const auto& peer : peers_) {
    EXPECT_FALSE(peer->asked_for_pongs);
    EXPECT_EQ(peer->ended_ns, 0u) << peer->closed;
    ASSERT_NO_FATAL_FAILURE(expect_regular(*peer, world_.now_ns()));
  }
}

TEST_F(GatewayPing, AReloadThatForgoesPongsForgoesThoseThatAreDueToo) {
  ASSERT_NO_FATAL_FAILURE(leave_pings_unanswered());
  set_pong_timeout(0);
  run_for(20 * kIntervalNs);
  for (const auto& peer : peers_) EXPECT_EQ(peer->ended_ns, 0u) << peer->closed;
  EXPECT_EQ(peers_[0]->pings_ns.size(), 1u) << "the second ping waits for the pong to the first";
  ASSERT_NO_FATAL_FAILURE(expect_regular(*peers_[1], world_.now_ns()));
}

TEST_F(GatewayPing, AReloadThatWantsPongsAgainClosesWhoStillOwesOne) {
  ASSERT_NO_FATAL_FAILURE(leave_pings_unanswered());
  set_pong_timeout(0);
  run_for(20 * kIntervalNs);
  const std::uint64_t wanted_ns = world_.now_ns();
  set_pong_timeout(kPongTimeoutNs);
  run_for(2 * kIntervalNs);
  EXPECT_EQ(peers_[0]->closed, "\x0b\xc4no pong");
  EXPECT_LE(peers_[0]->closed_ns, wanted_ns + 3 * kTickNs);
  EXPECT_GT(peers_[1]->ended_ns, wanted_ns + kPongTimeoutNs) << "it has the time for the next ping";
}

TEST_F(GatewayPing, AShorterPongTimeoutIsTakenOverForAPingThatIsOnItsWay) {
  set_pong_timeout(20 * kSecondNs);
  const Peer& peer = connect(false);
  for (int ticks = 0; peer.pings_ns.empty() && ticks < 300; ++ticks) run_for(kTickNs);
  set_pong_timeout(kPongTimeoutNs);
  run_for(kPongTimeoutNs + kSecondNs);
  EXPECT_EQ(peer.closed, "\x0b\xc4no pong");
}

TEST_F(GatewayPing, ASleepOfTheMachineExpiresNobody) {
  for (std::uint32_t i = 0; i < 2 * kBlock; ++i) connect();
  run_for(kIntervalNs + kSecondNs);
  world_.sleep(20 * kIntervalNs);
  run_for(2 * kIntervalNs);
  for (const auto& peer : peers_) {
    EXPECT_TRUE(peer->closed.empty()) << peer->closed;
    EXPECT_GE(peer->pings_ns.size(), 2u);
  }
}

}  // namespace
}  // namespace holdfast::sim
