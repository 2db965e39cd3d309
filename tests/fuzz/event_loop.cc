// event_loop: the input drives a whole server of one or two real shards on simulated rings: who connects,
// what bytes they send and in which pieces, who leaves how, what fails, when time passes, when it drains.
//
// The handler echoes, subscribes and publishes, so that input reaches the hub too. Besides every CHECK of the
// server these must hold for any input: it stops when told to, every accepted socket was closed, nothing is
// left in slots, frames, buffers and assemblies, and the ring was never misused.
//
// Input: 10 bytes of sizes and fault rates, then commands: an operation byte, an argument byte, and what they
// ask for. make_corpus_event_loop.py writes both.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../sim/machine.h"
#include "base/check.h"
#include "holdfast/handler.h"
#include "holdfast/server.h"
#include "ring/simulated_world.h"

namespace holdfast {
namespace {

constexpr std::size_t kClientsMaximum = 12;
constexpr std::uint32_t kTurnsMaximum = 20'000;
constexpr std::size_t kCommandsMaximum = 512;
constexpr std::uint32_t kSlots = 6;  // fewer than clients: a full table is part of every longer input
constexpr std::uint64_t kStopTurns = 50'000;

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

 private:
  std::span<const std::uint8_t> rest_;
};

// What a message begins with decides what becomes of it.
class Obedient final : public Handler {
  void on_message(Connection connection, Message message) override {
    const std::string_view text(reinterpret_cast<const char*>(message.bytes.data()), message.bytes.size());
    switch (text.empty() ? '\0' : text.front()) {
      case 's':
        connection.subscribe(text.substr(1));
        break;
      case 'u':
        connection.unsubscribe(text.substr(1));
        break;
      case 'p':
        server().publish("a", message);
        break;
      case 'c':
        connection.close(1000, "as you wish");
        break;
      case 'm':
        for (int i = 0; i < 40; ++i) connection.send(message);
        break;
      default:
        connection.send(message);
    }
  }
};

// Takes what arrives, or does not; sends what the input says.
class Client final : public ring::ClientObserver {
 public:
  Client(ring::SimulatedWorld* world, int listener, bool reads)
      : reads_(reads), connection_(world->connect(listener, this, 0x0a000001)) {}
  void on_network() override {
    std::array<std::byte, 4096> taken;
    while (reads_ && connection_ != nullptr && connection_->client_receive(taken) > 0) continue;
  }
  void send(std::span<const std::byte> bytes) {
    if (connection_ != nullptr) connection_->client_send(bytes);
  }
  void send(std::string_view text) { send(std::as_bytes(std::span(text))); }
  ring::SimulatedConnection* connection() { return connection_; }
  void read_on() {
    reads_ = true;
    on_network();
  }

 private:
  bool reads_;
  ring::SimulatedConnection* connection_;
};

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

class World {
 public:
  explicit World(Input* input) : input_(input), world_(input->byte()), entropy_(input->byte()) {
    sim::MachineOptions options;
    options.shards = 1 + input->byte() % 2;
    options.sizes = {.slots = kSlots,
                     .outbox_nodes = 64,
                     .subscriptions = 8,
                     .arena_bytes = 1u << 20,
                     .receive_buffers = 4};
    options.ring.completion_capacity = 16u << input->byte() % 8;
    options.ring.submission_capacity = 4u << input->byte() % 6;
    options.listeners = {Protocol::websocket, Protocol::length_prefixed};
    config_.listen = {"127.0.0.1:0"};
    config_.max_message_bytes = 4096;
    config_.max_fragments = 8;
    config_.max_outbox_bytes = 16'384;
    config_.ping_interval = std::chrono::seconds(5);
    config_.drain_timeout = std::chrono::seconds(5);
    world_.set_buffers(1024u << input->byte() % 6, 1024u << input->byte() % 6);
    machine_ = std::make_unique<sim::Machine>(&world_, options, &entropy_);
    auto server = Server::create(config_, [](std::uint32_t) { return std::make_unique<Obedient>(); });
    CHECK(server.ok());
    server_ = *std::move(server);
    draw_faults();
  }

  void obey() {
    for (std::size_t count = 0; !input_->empty() && count < kCommandsMaximum; ++count) {
      const std::uint8_t operation = input_->byte();
      const std::uint8_t argument = input_->byte();
      command(operation % 12, argument);
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
    CHECK(machine_->counted("accepted") == machine_->counted("closed"));
    for (const char* gauge : {"frames_live", "buffers_out", "assemblies_in_use", "bytes_queued",
                              "subscriptions", "wslay_contexts", "message_memory_used"})
      CHECK(machine_->counted(gauge) == 0);
  }

 private:
  void draw_faults() {
    const std::uint8_t which = input_->byte();
    const std::uint8_t others = input_->byte();
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
  }

  // As many turns, or fewer when nothing is going on: a shard without work lets a second pass in one.
  void turns(std::uint32_t count) {
    const std::uint64_t until_ns = world_.now_ns() + 50'000'000;
    for (; count > 0 && world_.now_ns() < until_ns && turns_ < kTurnsMaximum; --count, ++turns_) {
      if (!machine_->turn()) return;
    }
  }

  void pass(std::uint64_t seconds) {
    const std::uint64_t until_ns = world_.now_ns() + seconds * 1'000'000'000;
    for (; world_.now_ns() < until_ns && turns_ < kTurnsMaximum; ++turns_) {
      if (!machine_->turn()) return;
    }
  }

  void connect(std::uint8_t argument) {
    if (clients_.size() == kClientsMaximum || !machine_->running()) return;
    const auto& part = *machine_->parts()[argument % machine_->parts().size()];
    const int listener = part.listeners[argument >> 1 & 1];
    clients_.push_back(std::make_unique<Client>(&world_, listener, (argument & 4) == 0));
    if ((argument & 8) == 0) clients_.back()->send(kUpgrade);
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

  void command(int operation, std::uint8_t argument) {
    if (operation == 0) return connect(argument);
    if (operation == 1) return turns(1 + argument % 32u);
    if (operation == 2 && argument < 128) return pass(argument);
    if (operation == 2) return world_.sleep(std::uint64_t{argument} * 1'000'000'000);
    if (operation == 3) return draw_faults();
    if (operation == 4 && argument < 16) return server_->drain();
    if (clients_.empty()) return;
    Client& client = *clients_[argument % clients_.size()];
    ring::SimulatedConnection* connection = client.connection();
    if (connection == nullptr) return;
    switch (operation) {
      case 5:
        return send_frame(client);
      case 6:
        return client.send(input_->bytes(input_->byte()));
      case 7:
        return send_record(client);
      case 8:
        return connection->client_finish();
      case 9:
        return connection->client_reset();
      case 10:
        return connection->client_vanish();
      default:
        return client.read_on();
    }
  }

  Input* input_;
  ring::SimulatedWorld world_;
  base::Random entropy_;
  Config config_;
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
