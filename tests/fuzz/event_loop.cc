// event_loop: the input drives a whole server of one to three real shards on simulated rings: how it is
// configured and what its kernel can do, who connects, what bytes they send and in which pieces, who leaves
// how, what fails, what other threads ask of the server, when time passes, when it drains.
//
// The application (event_loop_handler.h) does what messages tell it, so that input reaches the hub, shared
// messages and the other shards too. Besides every CHECK of the server and of that application these must
// hold for any input: it stops when told to, every accepted socket was closed and every on_open had its
// on_close, nothing is left in slots, frames, buffers and assemblies, and the ring was never misused.
//
// Input: 13 bytes of sizes, choices and fault rates, then commands: an operation byte, an argument byte, and
// what they ask for. make_corpus_event_loop.py writes both.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../sim/machine.h"
#include "base/check.h"
#include "event_loop_handler.h"
#include "holdfast/server.h"
#include "net/address_counts.h"
#include "ring/simulated_world.h"

namespace holdfast {
namespace {

constexpr std::size_t kClientsMaximum = 24;
constexpr std::uint32_t kTurnsMaximum = 20'000;
constexpr std::size_t kCommandsMaximum = 512;
constexpr std::uint32_t kFewSlots = 6;  // fewer than clients: a full table is part of many inputs
constexpr std::uint32_t kManySlots = 64;
constexpr std::uint64_t kStopTurns = 50'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size) : rest_(bytes, size) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  std::span<const std::byte> bytes(std::size_t count) {
    const auto taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return std::as_bytes(taken);
  }
  std::string_view text(std::size_t count) {
    const auto taken = bytes(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// Takes what arrives, or does not; sends what the input says, as its socket has room for it.
class Client final : public ring::ClientObserver {
 public:
  Client(ring::SimulatedWorld* world, int listener, bool reads, std::uint32_t address)
      : reads_(reads), connection_(world->connect(listener, this, address)) {}
  void on_network() override {
    if (connection_ == nullptr) return;
    std::array<std::byte, 4096> taken;
    while (reads_ && connection_->client_receive(taken) > 0) continue;
    push();
  }
  void send(std::span<const std::byte> bytes) {
    if (connection_ == nullptr || finished_) return;
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
    push();
  }
  void send(std::string_view text) { send(std::as_bytes(std::span(text))); }
  // By one of SimulatedConnection's ways to end; nothing is sent after it.
  void leave(void (ring::SimulatedConnection::*way)()) {
    finished_ = true;
    (connection_->*way)();
  }
  void break_off() {
    finished_ = true;
    connection_->break_off(ETIMEDOUT);
  }
  ring::SimulatedConnection* connection() { return connection_; }
  void read_on() {
    reads_ = true;
    on_network();
  }

 private:
  void push() {
    if (finished_ || unsent_.empty()) return;
    const std::size_t taken = connection_->client_send(unsent_);
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(taken));
  }

  bool reads_;
  bool finished_ = false;
  std::vector<std::byte> unsent_;
  ring::SimulatedConnection* connection_;
};

#define UPGRADE                                                                           \
  "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
constexpr std::string_view kHeads[] = {
    "GET / HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /?word HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Protocol: z, b, a\r\nOrigin: http://a\r\n\r\n",
    "GET /subprotocol HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Protocol: a, b\r\n\r\n",
    "GET / HTTP/1.1\r\n" UPGRADE "Origin: http://elsewhere\r\n\r\n",
    "GET /fields HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /long HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /400 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /401 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /403 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /404 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /429 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /500 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /503 HTTP/1.1\r\n" UPGRADE "\r\n",
    "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /plain HTTP/1.0\r\n\r\nstopic",
    "POST /refused HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
};
#undef UPGRADE

// What the input chooses besides sizes: a bit each.
struct Choices {
  std::uint8_t bits;
  bool operator()(int bit) const { return (bits >> bit & 1) != 0; }
};

class World {
 public:
  explicit World(Input* input) : input_(input), world_(input->byte()), entropy_(input->byte()) {
    sim::MachineOptions options;
    options.shards = 1 + input->byte() % 3;
    options.ring.completion_capacity = 16u << input->byte() % 8;
    options.ring.submission_capacity = 4u << input->byte() % 6;
    options.listeners = {Protocol::websocket, Protocol::length_prefixed, Protocol::http};
    world_.set_buffers(1024u << input->byte() % 6, 1024u << input->byte() % 6);
    world_.set_user_timeout_ns(20 * kSecondNs);
    choose_machine({input->byte()}, options);
    choose_limits({input->byte()}, options);
    machine_ = std::make_unique<sim::Machine>(&world_, options, &entropy_);
    auto server =
        Server::create(config_, [this](std::uint32_t) { return std::make_unique<Obedient>(&roll_); });
    CHECK(server.ok());
    server_ = *std::move(server);
    draw_faults();
  }

  void obey() {
    for (std::size_t count = 0; !input_->empty() && count < kCommandsMaximum; ++count) {
      const std::uint8_t operation = input_->byte();
      const std::uint8_t argument = input_->byte();
      command(operation % 18, argument);
    }
  }

  void check_the_end() {
    world_.faults() = ring::FaultRates{};
    for (auto& client : clients_) client->read_on();
    turns(64);
    server_->stop();
    for (std::uint64_t left = kStopTurns; machine_->running(); --left) {
      CHECK(left > 0);
      machine_->turn();
    }
    CHECK(world_.violations().empty());
    CHECK(world_.open_sockets() == 0);
    CHECK(machine_->slots_used() == 0);
    CHECK(roll_.open.empty());
    CHECK(machine_->counted("accepted") == machine_->counted("closed"));
    for (const char* gauge : {"frames_live", "buffers_out", "assemblies_in_use", "bytes_queued",
                              "subscriptions", "wslay_contexts", "message_memory_used", "connections_open"})
      CHECK(machine_->counted(gauge) == 0);
  }

 private:
  void choose_machine(Choices chosen, sim::MachineOptions& options) {
    const bool big = chosen(0);
    options.sizes = {.slots = chosen(1) ? kManySlots : kFewSlots,
                     .outbox_nodes = 64,
                     .subscriptions = 8,
                     .arena_bytes = big ? 4u << 20 : 1u << 20,
                     .receive_buffers = 4};
    options.backlog = chosen(1) ? 4 : 8;
    options.mailbox_bytes = 4096;
    options.ring.peer_address = !chosen(2);
    options.ring.reset_on_close = !chosen(3);
    config_.tuning.one_shot_accept = chosen(2);
    config_.tuning.batch_waits = !chosen(4);
    if (chosen(5)) options.sizes.arena_bytes = 4 * 64 * 1024;
    if (chosen(6)) options.sizes.slots_for_http = 2;
    if (chosen(7)) world_.set_latency_maximum_ns(200'000'000);
    config_.tuning.large_receive_buffers = 2;
    config_.max_message_bytes = big ? 64 * 1024 : 4096;
    config_.max_outbox_bytes = big ? 256 * 1024 : 16'384;
  }

  void choose_limits(Choices chosen, sim::MachineOptions& options) {
    config_.listen = {"127.0.0.1:0"};
    config_.max_fragments = 8;
    config_.subprotocols = {"a", "b"};
    config_.ping_interval = std::chrono::seconds(chosen(0) ? 0 : 5);
    config_.http_idle_timeout = std::chrono::seconds(chosen(0) ? 0 : 10);
    config_.drain_timeout = std::chrono::seconds(5);
    if (chosen(1)) config_.max_messages_per_second = 4;
    if (chosen(2)) config_.max_bytes_per_second = 1024;
    if (chosen(1) || chosen(2)) options.sizes.input_accounts = options.sizes.slots;
    if (chosen(3)) config_.max_accepts_per_second = 4;
    if (chosen(4)) config_.overflow_close_code = 4008;
    if (chosen(5)) config_.max_outbox_messages = 16;
    if (chosen(6)) config_.max_handshakes = 2;
    if (!chosen(7)) return;
    auto addresses = net::AddressCounts::create({1, 2}, 2, kManySlots * options.shards);
    CHECK(addresses.ok());
    addresses_ = *std::move(addresses);
    options.addresses = addresses_.get();
  }

  void draw_faults() {
    const std::uint8_t which = input_->byte();
    const std::uint8_t others = input_->byte();
    const std::uint8_t late = input_->byte();
    const std::uint32_t rate = input_->byte() * 8u;
    const auto of = [rate](std::uint8_t bits, int bit) { return (bits >> bit & 1) != 0 ? rate : 0; };
    ring::FaultRates& faults = world_.faults();
    faults.partial_receive = of(which, 0);
    faults.partial_send = of(which, 1);
    faults.receive_again = of(which, 2);
    faults.send_again = of(which, 3);
    faults.receive_failure = of(which, 4);
    faults.send_failure = of(which, 5);
    faults.accept_failure = of(which, 6);
    faults.arm_failure = of(which, 7);
    faults.poll_end = of(others, 0);
    faults.poll_spurious = of(others, 1);
    faults.cancel_late = of(others, 2);
    faults.cancel_race = of(others, 3);
    faults.wake_failure = of(others, 4);
    faults.reorder = of(others, 5);
    faults.submit_busy = of(others, 6);
    faults.stray_wake = of(others, 7);
    faults.poll_late = of(late, 0);
    faults.clock_jump = of(late, 1) / 16;
  }

  // As many turns, or fewer when nothing is going on: a shard without work lets a second pass in one.
  void turns(std::uint32_t count) {
    const std::uint64_t until_ns = world_.now_ns() + 50'000'000;
    for (; count > 0 && world_.now_ns() < until_ns && turns_ < kTurnsMaximum; --count, ++turns_) {
      if (!machine_->turn()) return;
    }
  }

  void pass(std::uint64_t seconds) {
    const std::uint64_t until_ns = world_.now_ns() + seconds * kSecondNs;
    for (; world_.now_ns() < until_ns && turns_ < kTurnsMaximum; ++turns_) {
      if (!machine_->turn()) return;
    }
  }

  void connect(std::uint8_t argument) {
    if (clients_.size() == kClientsMaximum || !machine_->running()) return;
    const auto& part = *machine_->parts()[(argument & 3) % machine_->parts().size()];
    const int listener = part.listeners[(argument >> 2 & 3) % part.listeners.size()];
    const std::uint32_t address = 0x0a000001 + (argument >> 6 & 1);
    clients_.push_back(std::make_unique<Client>(&world_, listener, (argument & 16) == 0, address));
    if ((argument & 32) == 0) clients_.back()->send(kHeads[0]);
  }

  // A masked frame with a key of zeros, so that the input's own bytes are the payload.
  void send_frame(Client& client) {
    const std::uint8_t first = input_->byte();
    const std::uint8_t length = input_->byte() % 126;
    const std::array<std::byte, 6> head = {std::byte{first}, std::byte(0x80 | length)};
    client.send(head);
    client.send(input_->bytes(length));
  }

  // With the length-prefixed protocol's length in front.
  void send_record(Client& client) {
    const std::uint8_t length = input_->byte();
    const std::array<std::byte, 4> head = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{length}};
    client.send(head);
    client.send(input_->bytes(length));
  }

  // A message that takes several reads: its size, what it begins with, and how much of it comes now. 0 as the
  // frame's first byte: a length-prefixed one.
  void send_big(Client& client) {
    const std::uint8_t first = input_->byte();
    const std::size_t size = input_->byte() * 256u + 200;
    const std::size_t now = size * (1u + input_->byte()) / 256;
    const auto high = std::byte(size >> 8), low = std::byte(size & 0xff);
    const std::array<std::byte, 4> prefix = {std::byte{0}, std::byte{0}, high, low};
    const std::array<std::byte, 8> head = {std::byte{first}, std::byte{0x80 | 126}, high, low};
    client.send(first == 0 ? std::span<const std::byte>(prefix) : std::span<const std::byte>(head));
    std::string payload(now, 'x');
    if (now > 0) payload[0] = static_cast<char>(input_->byte());
    client.send(payload);
  }

  // What other threads ask of the server.
  void ask_server(std::uint8_t argument) {
    const ConnectionId whom = roll_.any(input_->byte());
    const std::string_view text = input_->text(input_->byte());
    switch (argument % 6) {
      case 0:
        server_->publish(argument < 128 ? "a" : text, Message::text(text));
        return;
      case 1:
        server_->send(whom, Message::text(text));
        return;
      case 2:
        server_->close(whom, static_cast<std::uint16_t>(argument * 20), text);
        return;
      case 3:
        server_->post(argument % server_->shards(), [whom](Handler& handler) {
          handler.server().close(whom, 1001, "by a task");
          handler.wake_at(handler.now_ns());
        });
        return;
      case 4:
        for (int i = 0; i < 64; ++i) server_->publish("a", Message::text(text));
        return;
      default:
        CHECK(!server_->publish("", Message::text(text)));
        CHECK(!server_->publish("a", Message::text(std::string(config_.max_message_bytes + 1, 'x'))));
        CHECK(!server_->send(ConnectionId{}, Message::text(text)));
        CHECK(!server_->close(ConnectionId{std::uint64_t{9} << 48}));
    }
  }

  void command(int operation, std::uint8_t argument) {
    switch (operation) {
      case 0:
        return connect(argument);
      case 1:
        return turns(1 + argument % 32u);
      case 2:
        return argument < 128 ? pass(argument) : world_.sleep(argument * kSecondNs);
      case 3:
        return draw_faults();
      case 4:
        return argument < 16 ? server_->drain() : void();
      case 5:
        return ask_server(argument);
      default:
        break;
    }
    if (clients_.empty()) return;
    Client& client = *clients_[argument % clients_.size()];
    if (client.connection() != nullptr) client_command(operation, client);
  }

  void client_command(int operation, Client& client) {
    switch (operation) {
      case 6:
        return send_frame(client);
      case 7:
        return client.send(input_->bytes(input_->byte()));
      case 8:
        return send_record(client);
      case 9:
        return send_big(client);
      case 10:
        return client.send(kHeads[input_->byte() % std::size(kHeads)]);
      case 11:
        return client.leave(&ring::SimulatedConnection::client_finish);
      case 12:
        return client.leave(&ring::SimulatedConnection::client_reset);
      case 13:
        return client.leave(&ring::SimulatedConnection::client_vanish);
      case 14:
        return client.leave(&ring::SimulatedConnection::client_close);
      case 15:
        return client.break_off();
      default:
        return client.read_on();
    }
  }

  Input* input_;
  ring::SimulatedWorld world_;
  base::Random entropy_;
  Config config_;
  Roll roll_;
  std::unique_ptr<net::AddressCounts> addresses_;
  std::unique_ptr<sim::Machine> machine_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::uint32_t turns_ = 0;
};

}  // namespace
}  // namespace holdfast

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  holdfast::Input input(bytes, size);
  holdfast::World world(&input);
  world.obey();
  world.check_the_end();
  return 0;
}
