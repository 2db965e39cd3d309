// How long HTTP connections stay, on a simulated clock. One that waits for its client's next request is idle,
// and ended in time; one whose client waits for an answer, or reads a stream, is not, however long nothing
// moves. Who sends no more still gets his answer, and no more of a stream.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway_fixture.h"
#include "gateway_peer.h"
#include "holdfast/handler.h"
#include "small_machine.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kIdleNs = 75 * kSecondNs;
constexpr std::uint64_t kHourNs = 3'600 * kSecondNs;

// Keeps what it is sent, and the moment when the server has ended it.
class HttpPeer final : public ring::ClientObserver {
 public:
  HttpPeer(ring::SimulatedWorld* world, int listener)
      : world_(world), connection_(world->connect(listener, this, 0x7f000001)) {
    EXPECT_NE(connection_, nullptr);
  }
  void on_network() override {
    std::array<char, 4096> bytes;
    const std::size_t count = connection_->client_receive(std::as_writable_bytes(std::span(bytes)));
    received.append(bytes.data(), count);
    const bool open = connection_->server_end() == ring::SimulatedConnection::ServerEnd::open;
    if (!open && ended_ns == 0) ended_ns = world_->now_ns();
  }
  // `fields`: whole lines, each with CRLF.
  void post(std::string_view path, std::string_view body, std::string_view fields = {}) {
    const std::string request =
        absl::StrCat("POST ", std::string(path), " HTTP/1.1\r\nHost: a\r\n", std::string(fields),
                     "Content-Length: ", body.size(), "\r\n\r\n", std::string(body));
    connection_->client_send(std::as_bytes(std::span(request)));
  }
  void finish() { connection_->client_finish(); }
  void reset() { connection_->client_reset(); }
  bool has(std::string_view text) const { return received.find(text) != std::string::npos; }

  std::string received;
  std::uint64_t ended_ns = 0;  // 0: it has not been

 private:
  ring::SimulatedWorld* world_;
  ring::SimulatedConnection* connection_;
};

class StreamTime : public GatewayTest {
 protected:
  StreamTime()
      : GatewayTest(16, [](gateway::Settings& settings) {
          settings.client.allow_anonymous = true;
          settings.client.ping_interval = std::chrono::milliseconds(0);
          settings.channels.subscribe = settings.channels.publish = {true, true, true};
        }) {}
  ~StreamTime() override { stop(); }

  HttpPeer& connect() { return *peers_.emplace_back(std::make_unique<HttpPeer>(&world_, listener())); }
  // Of every kind there is.
  void begin_streams() {
    for (const char* path : {"/connection/uni_sse", "/connection/uni_http_stream"})
      connect().post(path, R"({"subs":{"news":{}}})");
    for (const char* path : {"/connection/sse", "/connection/http_stream"})
      connect().post(path, "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}");
    run_for(kSecondNs);
    for (const auto& peer : peers_) {
      ASSERT_TRUE(peer->has("HTTP/1.1 200")) << peer->received;
      peer->received.clear();
    }
  }

  std::vector<std::unique_ptr<HttpPeer>> peers_;
};

TEST_F(StreamTime, AStreamWithoutPingsStaysHoweverLittleComes) {
  begin_streams();
  run_for(3 * kHourNs);
  GatewayPeer publisher(&world_, listener(), "");
  publisher.send(R"({"id":2,"publish":{"channel":"news","data":"at last"}})");
  run_for(kSecondNs);
  for (const auto& peer : peers_) {
    EXPECT_EQ(peer->ended_ns, 0u);
    EXPECT_TRUE(peer->has("at last")) << peer->received;
  }
  EXPECT_EQ(machine_.counted("http_idle_timeouts"), 0u);
}

TEST_F(StreamTime, AConnectionWhoseRequestHasBeenAnsweredIsIdle) {
  HttpPeer& peer = connect();
  peer.post("/emulation", R"({"session":"nobody","node":"1","data":"{}"})");
  run_for(kSecondNs);
  const std::uint64_t answered_ns = world_.now_ns();
  ASSERT_TRUE(peer.has("HTTP/1.1 404")) << peer.received;
  run_for(2 * kIdleNs);
  EXPECT_GE(peer.ended_ns, answered_ns + kIdleNs - kSecondNs);
  EXPECT_LE(peer.ended_ns, answered_ns + kIdleNs + kSecondNs);
}

TEST_F(StreamTime, ALongerPingIntervalIsTakenOverByAReload) {
  constexpr std::uint64_t kIntervalNs = 4 * kIdleNs;
  settings_.client.ping_interval = std::chrono::milliseconds(kIntervalNs / 1'000'000);
  reload();
  run_for(kSecondNs);
  HttpPeer& stream = connect();
  stream.post("/connection/uni_http_stream", "{}");
  run_for(kSecondNs);
  ASSERT_TRUE(stream.has(R"("ping":300)")) << stream.received;
  stream.received.clear();
  run_for(3 * kIntervalNs);
  EXPECT_EQ(stream.ended_ns, 0u);
  EXPECT_TRUE(stream.has("{}")) << "not pinged";
}

TEST_F(StreamTime, AStreamEndsWhenItsReaderSendsNoMore) {
  begin_streams();
  for (const auto& peer : peers_) peer->finish();
  run_for(kSecondNs);
  for (const auto& peer : peers_) EXPECT_NE(peer->ended_ns, 0u);
  EXPECT_EQ(machine_.slots_used(), 0u);
}

// Two shards, of which the second gets stuck: who needs an answer of it waits.
class AnswerTime : public GatewayTest {
 protected:
  static constexpr std::uint32_t kStuck = 1;

  AnswerTime()
      : GatewayTest(16,
                    [](gateway::Settings& settings) {
                      settings.client.allow_anonymous = true;
                      settings.client.ping_interval = std::chrono::milliseconds(0);
                      settings.api.key.text = "the key of the API";
                    },
                    2, {Protocol::websocket, Protocol::http}) {}
  ~AnswerTime() override {
    machine_.let_go(kStuck);
    stop();
  }

  // The peer has asked for something. It gets it when the shard goes on, and is idle from then on.
  void expect_an_answer_however_late(const HttpPeer& peer, std::string_view answer) {
    run_for(3 * kIdleNs);
    EXPECT_EQ(peer.received, "");
    ASSERT_EQ(peer.ended_ns, 0u);
    machine_.let_go(kStuck);
    run_for(kSecondNs);
    EXPECT_TRUE(peer.received.starts_with(answer)) << peer.received;
    const std::uint64_t answered_ns = world_.now_ns();
    run_for(2 * kIdleNs);
    EXPECT_GE(peer.ended_ns, answered_ns + kIdleNs - 2 * kSecondNs);
    EXPECT_LE(peer.ended_ns, answered_ns + kIdleNs + kSecondNs);
  }
};

TEST_F(AnswerTime, OfTheApiIsNotIdleTime) {
  HttpPeer application(&world_, machine_.parts()[0]->listeners[1]);
  machine_.hold(kStuck);
  application.post("/api/info", "{}", "X-API-Key: the key of the API\r\n");
  expect_an_answer_however_late(application, "HTTP/1.1 200 OK\r\n");
}

// Answered by this shard, and behind that by the other: both come, then the end.
TEST_F(AnswerTime, IsGivenToWhoHasFinished) {
  HttpPeer application(&world_, machine_.parts()[0]->listeners[1]);
  machine_.hold(kStuck);
  application.post("/api/info", "{}", "X-API-Key: the key of the API\r\n");
  application.post("/api/nothing", "{}", "X-API-Key: the key of the API\r\n");
  application.finish();
  run_for(3 * kIdleNs);
  EXPECT_EQ(application.received, "");
  ASSERT_EQ(application.ended_ns, 0u);
  machine_.let_go(kStuck);
  run_for(kSecondNs);
  EXPECT_TRUE(application.received.starts_with("HTTP/1.1 200 OK\r\n")) << application.received;
  EXPECT_TRUE(application.has("HTTP/1.1 404 ")) << application.received;
  EXPECT_NE(application.ended_ns, 0u);
  EXPECT_EQ(machine_.slots_used(), 0u);
}

TEST_F(AnswerTime, OfAStreamsCommandsIsNotIdleTime) {
  HttpPeer stream(&world_, machine_.parts()[kStuck]->listeners[0]);
  stream.post("/connection/http_stream", "{\"id\":1,\"connect\":{}}");
  run_for(kSecondNs);
  const std::size_t session = stream.received.find("\"session\":");
  ASSERT_NE(session, std::string::npos) << stream.received;
  HttpPeer sender(&world_, listener());
  machine_.hold(kStuck);
  sender.post("/emulation",
              absl::StrCat("{", stream.received.substr(session, stream.received.find(',', session) - session),
                           R"(,"node":"1","data":"{\"id\":2,\"rpc\":{}}"})"));
  expect_an_answer_however_late(sender, "HTTP/1.1 204 No Content\r\n");
}

// Answers after a time that its test chooses.
class Slow final : public Handler {
 public:
  std::uint64_t answers_after_ns = 0;

 private:
  void on_message(Connection connection, Message) override {
    asked_ = connection;
    connection.begin_request();
    wake_at(now_ns() + answers_after_ns);
  }
  void on_timer() override {
    asked_.send(Message::text("answer"));
    asked_.end_request();
  }
  Connection asked_;
};

class RequestTime : public testing::Test {
 protected:
  RequestTime() {
    auto handler = std::make_unique<Slow>();
    handler_ = handler.get();
    handlers_.push_back(std::move(handler));
    machine_.build_shards({}, handlers_);
  }
  ~RequestTime() override { EXPECT_TRUE(machine_.stop_within(10'000)); }

  ring::SimulatedWorld world_{1};
  base::Random entropy_{1};
  Slow* handler_ = nullptr;
  std::vector<std::unique_ptr<Handler>> handlers_;
  Machine machine_{&world_, small_machine(Protocol::http), &entropy_};
};

TEST_F(RequestTime, IsNotIdleTimeAndWhatFollowsTheAnswerIs) {
  handler_->answers_after_ns = 5 * kIdleNs;
  HttpPeer peer(&world_, machine_.parts()[0]->listeners[0]);
  peer.post("/", "");
  run_for(world_, machine_, 5 * kIdleNs + kSecondNs);
  ASSERT_TRUE(peer.has("answer"));
  ASSERT_EQ(peer.ended_ns, 0u);
  machine_.parts()[0]->shard->validate();
  const std::uint64_t answered_ns = world_.now_ns();
  run_for(world_, machine_, 2 * kIdleNs);
  EXPECT_GE(peer.ended_ns, answered_ns + kIdleNs - 2 * kSecondNs);
  EXPECT_LE(peer.ended_ns, answered_ns + kIdleNs + kSecondNs);
}

TEST_F(RequestTime, EndsTheConnectionOfWhoHasFinished) {
  handler_->answers_after_ns = 2 * kIdleNs;
  HttpPeer peer(&world_, machine_.parts()[0]->listeners[0]);
  peer.post("/", "");
  peer.finish();
  run_for(world_, machine_, 2 * kIdleNs - kSecondNs);
  machine_.parts()[0]->shard->validate();
  ASSERT_EQ(peer.ended_ns, 0u);
  run_for(world_, machine_, 2 * kSecondNs);
  EXPECT_TRUE(peer.has("answer"));
  EXPECT_NE(peer.ended_ns, 0u);
  EXPECT_EQ(machine_.slots_used(), 0u);
}

TEST_F(RequestTime, IsOverWhenWhoHasFinishedResets) {
  handler_->answers_after_ns = 2 * kIdleNs;
  HttpPeer peer(&world_, machine_.parts()[0]->listeners[0]);
  peer.post("/", "");
  peer.finish();
  run_for(world_, machine_, kSecondNs);
  EXPECT_EQ(machine_.slots_used(), 1u);
  peer.reset();
  run_for(world_, machine_, kSecondNs);
  EXPECT_EQ(machine_.slots_used(), 0u);
  run_for(world_, machine_, 2 * kIdleNs);  // the answer is for nobody
}

TEST_F(RequestTime, ThatHasEndedBeginsAnewWithTheNextRequest) {
  handler_->answers_after_ns = 2 * kIdleNs;
  HttpPeer peer(&world_, machine_.parts()[0]->listeners[0]);
  for (int request = 0; request < 3; ++request) {
    peer.received.clear();
    peer.post("/", "");
    run_for(world_, machine_, 2 * kIdleNs + kIdleNs / 2);
    ASSERT_TRUE(peer.has("answer"));
    ASSERT_EQ(peer.ended_ns, 0u);
  }
}

}  // namespace
}  // namespace holdfast::sim
