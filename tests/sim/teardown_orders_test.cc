// Endings that meet: five reasons to end one connection, in each of their 120 orders, in every state its
// operations can be in when the first one comes. Whatever the order, the handler hears of one end, the slot's
// generation rises by one, and everything is given back.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/handler.h"
#include "holdfast/server.h"
#include "machine.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {
namespace {

using std::chrono::milliseconds;

enum class Event {
  peer_goes,      // FIN, or RST: by turns
  server_closes,  // Connection::close
  time_is_up,     // for the message that is not whole, for a close that is not answered, for a stalled peer
  evicted,        // more is queued for it than may be
  drained,
};
constexpr std::size_t kEvents = 5;
constexpr const char* kEventNames[] = {"peer_goes", "server_closes", "time_is_up", "evicted", "drained"};

// When the first event comes.
enum class Sending { nothing, in_flight, partial };
struct Start {
  bool starved = false;  // input is there, and the kernel had no memory to hand it over
  Sending sending = Sending::nothing;
  bool close_wait = false;  // our close frame has left, the peer's is awaited
};

class Recorder final : public Handler {
 public:
  void on_open(Connection connection) override {
    ++opened;
    last = connection;
    id = connection.id();
  }
  void on_message(Connection, Message) override {}
  void on_close(Connection, Close) override { ++closed; }

  int opened = 0;
  int closed = 0;
  Connection last;
  ConnectionId id;
};

// A peer that does nothing by itself but read, as long as it is to.
class Peer final : public ring::ClientObserver {
 public:
  Peer(ring::SimulatedWorld* world, int listener) : connection_(world->connect(listener, this, 0x7f000001)) {
    send(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  }
  void on_network() override {
    std::array<char, 4096> bytes;
    while (reads) {
      const std::size_t count = connection_->client_receive(std::as_writable_bytes(std::span(bytes)));
      if (count == 0) return;
      received.append(bytes.data(), count);
    }
  }
  void send(std::string_view bytes) { connection_->client_send(std::as_bytes(std::span(bytes))); }
  void go(bool reset) { reset ? connection_->client_reset() : connection_->client_close(); }

  bool reads = true;
  std::string received;

 private:
  ring::SimulatedConnection* connection_;
};

constexpr std::uint32_t kSlots = 2;
// Much longer than a turn that finds nothing to do sleeps, so that each step is there for the next one.
constexpr milliseconds kTimeOut{10'000};
constexpr std::uint64_t kTimeNs = 11'000'000'000;
constexpr std::size_t kSocketBytes = 4096;

// One run: one connection, brought to where it is to be, and then the events.
class Run {
 public:
  Run(std::uint64_t seed, const Start& start) : world_(seed), seed_(seed), start_(start) {
    world_.set_latency_maximum_ns(100'000);
    world_.set_buffers(kSocketBytes, kSocketBytes);
    config_.max_outbox_bytes = 16'384;
    config_.max_message_bytes = 8'192;
    config_.ping_interval = milliseconds(0);
    config_.message_timeout = config_.close_timeout = config_.stall_timeout = kTimeOut;
    config_.drain_timeout = milliseconds(60'000);
    config_.overflow_close_code = seed % 2 == 0 ? 3008 : 0;
    auto server = Server::create(config_, [this](std::uint32_t) {
      auto recorder = std::make_unique<Recorder>();
      recorder_ = recorder.get();
      return recorder;
    });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
    peer_ = std::make_unique<Peer>(&world_, machine_.parts()[0]->listeners[0]);
    turn_until([this] { return recorder_->opened == 1; });
  }
  ~Run() {
    if (machine_.running() && !machine_.stop_within(10'000)) static_cast<void>(server_.release());
  }

  void begin() {
    constexpr std::string_view kBegun = "\x82\xe4rest";  // a message that never becomes whole
    if (!start_.starved) {
      peer_->send(kBegun);
      turn_until([this] { return machine_.counted("assemblies_in_use") == 1; });
    }
    if (start_.sending == Sending::partial) {
      peer_->reads = false;
      on_shard([this] { send(3 * kSocketBytes); });
      turn_until([this] { return machine_.counted("short_sends") > 0; });
    }
    const bool close_frame_in_flight = start_.close_wait && start_.sending == Sending::in_flight;
    if (start_.close_wait && !close_frame_in_flight) {
      on_shard([this] { recorder_->last.close(1000, "enough"); });
      if (start_.sending == Sending::partial) {
        turns(1);
      } else {
        turn_until([this] { return peer_->received.find('\x88') != std::string::npos; });
      }
    }
    if (start_.starved) {
      world_.plan_failure({ring::Op::receive, world_.operations(ring::Op::receive) + 1, ENOBUFS});
      peer_->send(kBegun);
      turn_until([this] { return world_.victim().has_value(); });
    }
    // What a turn sends completes for the next one: between the two it is in flight.
    if (start_.sending == Sending::in_flight) {
      on_shard([this, close_frame_in_flight] {
        close_frame_in_flight ? recorder_->last.close(1000, "enough") : send(100);
      });
      turns(1);
    }
    EXPECT_EQ(machine_.counted("slots_in_use"), 1u) << "it has ended before anything happened";
    // From here on cancels come late and cross what they cancel.
    world_.faults().cancel_late = 3'000;
    world_.faults().cancel_race = 3'000;
    world_.faults().reorder = 3'000;
  }

  void happen(Event event) {
    switch (event) {
      case Event::peer_goes:
        return peer_->go(seed_ % 3 == 0);
      case Event::server_closes:
        return on_shard([this] { recorder_->last.close(4000, "go"); });
      case Event::time_is_up: {
        const std::uint64_t until_ns = world_.now_ns() + kTimeNs;
        return turn_until([&] { return world_.now_ns() >= until_ns; });
      }
      case Event::evicted:
        return on_shard([this] { send(config_.max_outbox_bytes + 1); });
      case Event::drained:
        return server_->drain();
    }
  }

  void turns(int count) {
    while (count-- > 0 && machine_.turn()) {
    }
  }

  void end() {
    world_.faults() = {};
    turn_until([this] { return !machine_.running(); });
    EXPECT_FALSE(machine_.running()) << "it does not stop";
    EXPECT_EQ(recorder_->opened, 1);
    EXPECT_EQ(recorder_->closed, 1);
    const auto slot = static_cast<memory::Index>(recorder_->id.value & 0xff'ffff);
    const auto generation = static_cast<std::uint32_t>(recorder_->id.value >> 24 & 0xff'ffff);
    EXPECT_EQ(machine_.parts()[0]->shard->generation(slot), generation + 1);
    for (const char* gauge : {"connections_open", "slots_in_use", "buffers_out", "frames_live",
                              "assemblies_in_use", "bytes_queued", "wslay_contexts", "message_memory_used"}) {
      EXPECT_EQ(machine_.counted(gauge), 0u) << gauge;
    }
    EXPECT_EQ(machine_.counted("accepted"), 1u);
    EXPECT_EQ(machine_.counted("closed"), 1u);
    EXPECT_EQ(machine_.parts()[0]->ring->slots_used(), 0u);
    EXPECT_LE(machine_.parts()[0]->ring->armed(), 1u) << "more than the doorbell's";
    EXPECT_EQ(world_.open_sockets(), 0u);
    EXPECT_TRUE(world_.violations().empty()) << world_.violations().front();
  }

 private:
  template <class Done>
  void turn_until(Done done) {
    for (int turns = 0; !done() && machine_.turn(); ++turns) ASSERT_LT(turns, 20'000);
  }
  template <class Act>
  void on_shard(Act act) {
    EXPECT_TRUE(server_->post(0, [act](Handler&) { act(); }));
  }
  void send(std::size_t bytes) {
    const std::string text(4'000, 'x');
    for (std::size_t sent = 0; sent < bytes; sent += text.size())
      recorder_->last.send(Message::text(std::string_view(text).substr(0, bytes - sent)));
  }

  ring::SimulatedWorld world_;
  const std::uint64_t seed_;
  const Start start_;
  Config config_;
  base::Random entropy_{1};
  std::unique_ptr<Peer> peer_;  // the world speaks to it as long as it turns
  Machine machine_{&world_,
                   {.sizes = {.slots = kSlots,
                              .outbox_nodes = 64,
                              .subscriptions = 1,
                              .arena_bytes = 1u << 20,
                              .receive_buffers = 2},
                    .listeners = {Protocol::websocket}},
                   &entropy_};
  Recorder* recorder_ = nullptr;
  std::unique_ptr<Server> server_;
};

// In each of all orders, at once and one in a turn.
void in_all_orders(const Start& start) {
  std::array<Event, kEvents> order = {Event::peer_goes, Event::server_closes, Event::time_is_up,
                                      Event::evicted, Event::drained};
  std::uint64_t runs = 0;
  do {
    for (const int turns_between : {0, 1}) {
      std::string text;
      for (const Event event : order) text += std::string(kEventNames[static_cast<int>(event)]) + " ";
      SCOPED_TRACE(text + (turns_between == 0 ? "at once" : "one in a turn"));
      Run run(++runs, start);
      run.begin();
      for (const Event event : order) {
        run.happen(event);
        run.turns(turns_between);
      }
      run.end();
      if (testing::Test::HasFailure()) return;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(runs, 240u);
}

class TeardownOrders : public testing::TestWithParam<Start> {};

TEST_P(TeardownOrders, EndOneConnectionOnceAndGiveEverythingBack) {
  in_all_orders(GetParam());
}

std::vector<Start> starts() {
  std::vector<Start> all;
  for (const bool starved : {false, true}) {
    for (const Sending sending : {Sending::nothing, Sending::in_flight, Sending::partial}) {
      for (const bool close_wait : {false, true}) all.push_back({starved, sending, close_wait});
    }
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<Start>& start) {
  constexpr const char* kSendings[] = {"NothingSent", "ASendInFlight", "ASendInPart"};
  return std::string(start.param.starved ? "Starved" : "Armed") +
         kSendings[static_cast<int>(start.param.sending)] + (start.param.close_wait ? "CloseWait" : "Open");
}

INSTANTIATE_TEST_SUITE_P(States, TeardownOrders, testing::ValuesIn(starts()), name_of);

}  // namespace
}  // namespace holdfast::sim
