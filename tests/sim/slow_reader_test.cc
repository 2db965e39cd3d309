// A subscriber that does not read is told to go at the first message that its bound has no room for, not one
// earlier and not one later; what it has heard is a beginning, and who reads hears everything.
//
// Its socket takes exactly kSocketBytes, so that what fits can be counted: so many bytes there, and the bound
// here.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "holdfast/server.h"
#include "machine.h"
#include "run_for.h"
#include "small_machine.h"
#include "websocket_peer.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kSocketBytes = 2'048;
constexpr std::uint16_t kSlowCode = 3008;
constexpr std::uint32_t kPlaces = 1'024;

enum class Pace { one_a_turn, all_in_one };

struct Bound {
  std::uint32_t bytes;
  std::uint32_t messages;  // 0: only the bytes count
};

// Everybody hears the news.
class News final : public Handler {
 public:
  std::vector<std::uint16_t> closed;  // what on_close said

 private:
  void on_open(Connection connection) override { ASSERT_TRUE(connection.subscribe("news")); }
  void on_message(Connection, Message) override {}
  void on_close(Connection, Close close) override { closed.push_back(close.code); }
};

class SlowReader : public testing::TestWithParam<std::tuple<Bound, std::size_t, std::uint16_t, Pace>> {
 protected:
  SlowReader() {
    world_.set_latency_maximum_ns(1);
    world_.set_buffers(kSocketBytes, 1u << 20);  // whatever a turn publishes fits into the healthy one's
    Config config;
    config.ping_interval = {};
    config.stall_timeout = std::chrono::hours(1);
    config.max_outbox_bytes = bound().bytes;
    config.max_outbox_messages = bound().messages;
    config.overflow_close_code = code();
    auto server = Server::create(config, [this](std::uint32_t) {
      auto news = std::make_unique<News>();
      handler_ = news.get();
      return news;
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
    healthy_ = connect();
    world_.set_buffers(kSocketBytes, kSocketBytes);
    slow_ = connect();
    slow_->reads = false;
    EXPECT_EQ(machine_.counted("subscriptions"), 2u);
  }
  ~SlowReader() override { EXPECT_TRUE(machine_.stop_within(10'000)); }

  static Bound bound() { return std::get<0>(GetParam()); }
  static std::size_t payload_bytes() { return std::get<1>(GetParam()); }
  static std::uint16_t code() { return std::get<2>(GetParam()); }
  static bool all_in_one_turn() { return std::get<3>(GetParam()) == Pace::all_in_one; }
  static std::size_t frame_bytes() { return payload_bytes() + (payload_bytes() < 126 ? 2 : 4); }

  // How many of them its socket and its outbox hold together, when of earlier ones its client has read so
  // many bytes.
  static std::size_t room(std::size_t read_bytes = 0) {
    const std::size_t left = kSocketBytes + read_bytes;
    const std::size_t by_bytes = (left + bound().bytes) / frame_bytes();
    if (bound().messages == 0) return by_bytes;
    return std::min(by_bytes, left / frame_bytes() + bound().messages);
  }

  std::unique_ptr<WebSocketPeer> connect() {
    auto peer = std::make_unique<WebSocketPeer>(world_, machine_.parts()[0]->listeners[0]);
    run_for(world_, machine_, kSecondNs / 10);
    EXPECT_TRUE(peer->heard.starts_with("HTTP/1.1 101 "));
    peer->heard.clear();
    return peer;
  }
  static std::string payload(std::size_t number) {
    std::string text = std::to_string(number);
    return text.append(payload_bytes() - text.size(), '.');
  }
  void publish_one() { ASSERT_TRUE(server_->publish("news", Message::text(payload(published_++)))); }
  void publish(std::size_t count) {
    if (all_in_one_turn()) {
      ASSERT_TRUE(server_->post(0, [this, count](Handler&) {
        for (std::size_t i = 0; i < count; ++i) publish_one();
      }));
      return run_for(world_, machine_, kSecondNs / 100);
    }
    for (std::size_t i = 0; i < count; ++i) {
      publish_one();
      run_for(world_, machine_, kSecondNs / 100);
    }
  }
  // The frames that are whole, in order from the first, and what is behind them.
  static std::size_t take_publications(std::string_view& heard) {
    std::size_t count = 0;
    for (; heard.size() >= frame_bytes() && heard[0] == '\x81'; ++count) {
      EXPECT_EQ(heard.substr(frame_bytes() - payload_bytes(), payload_bytes()), payload(count));
      heard.remove_prefix(frame_bytes());
    }
    return count;
  }
  // Its client has read so many bytes before.
  void expect_told_to_go(std::size_t read_bytes = 0) {
    EXPECT_EQ(machine_.counted("outbox_overflows"), 1u);
    EXPECT_EQ(machine_.counted("memory_refusals"), 0u);
    slow_->reads = true;
    slow_->read();
    run_for(world_, machine_, 10 * kSecondNs);
    EXPECT_EQ(handler_->closed, std::vector<std::uint16_t>{code() != 0 ? code() : std::uint16_t{1008}});
    // A beginning, and after it nothing, or why there is no more.
    std::string_view rest = slow_->heard;
    const std::size_t heard = take_publications(rest);
    EXPECT_LT(heard, published_);
    if (code() == 0) {
      EXPECT_TRUE(slow_->was_reset());
      EXPECT_LT(rest.size(), frame_bytes());
    } else {
      const std::string close = {'\x88', '\x06', '\x0b', '\xc0', 's', 'l', 'o', 'w'};
      EXPECT_EQ(rest, close);
      EXPECT_EQ(heard, (kSocketBytes + read_bytes + frame_bytes() - 1) / frame_bytes())
          << "what had begun to leave";
    }
  }
  void expect_the_healthy_one_has_everything() {
    std::string_view rest = healthy_->heard;
    EXPECT_EQ(take_publications(rest), published_);
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(machine_.counted("connections_open"), 1u);
  }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Machine machine_{&world_, small_machine(Protocol::websocket, kPlaces), &entropy_};
  News* handler_ = nullptr;
  std::unique_ptr<Server> server_;
  std::unique_ptr<WebSocketPeer> healthy_, slow_;
  std::size_t published_ = 0;
};

TEST_P(SlowReader, IsToldToGoAtTheFirstMessageThatDoesNotFit) {
  publish(room());
  EXPECT_EQ(machine_.counted("outbox_overflows"), 0u) << "a message too early";
  EXPECT_EQ(machine_.counted("connections_open"), 2u);
  publish(1);
  expect_told_to_go();
  publish(3);
  expect_the_healthy_one_has_everything();
}

TEST_P(SlowReader, HasRoomForWhatItReadsInBetween) {
  const std::size_t first = room();
  publish(first);
  slow_->read();
  run_for(world_, machine_, kSecondNs / 10);
  publish(room(kSocketBytes) - first);
  EXPECT_EQ(machine_.counted("outbox_overflows"), 0u) << "a message too early";
  publish(1);
  expect_told_to_go(kSocketBytes);
  expect_the_healthy_one_has_everything();
}

TEST_P(SlowReader, HearsEverythingIfItReadsBeforeTheOneThatDoesNotFit) {
  publish(room());
  slow_->reads = true;
  slow_->read();
  run_for(world_, machine_, kSecondNs / 10);
  for (int later = 0; later < 3; ++later) publish(1);
  std::string_view rest = slow_->heard;
  EXPECT_EQ(take_publications(rest), published_);
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(machine_.counted("outbox_overflows"), 0u);
}

// Bounds that a number of messages fills exactly, one byte less and one byte more; messages that fill the
// socket exactly, that are larger than it, and that are as large as the bound.
INSTANTIATE_TEST_SUITE_P(Bounds, SlowReader,
                         testing::Combine(testing::Values(Bound{8'192, 0}, Bound{8'191, 0}, Bound{8'193, 0},
                                                          Bound{8'192, 16}, Bound{65'536, 20}),
                                          testing::Values(std::size_t{60}, std::size_t{1'020},
                                                          std::size_t{1'000}, std::size_t{3'000},
                                                          std::size_t{8'187}),
                                          testing::Values(std::uint16_t{0}, kSlowCode),
                                          testing::Values(Pace::one_a_turn, Pace::all_in_one)));

}  // namespace
}  // namespace holdfast::sim
