// Interest in a topic that ends and begins again while publications are under way: who subscribes in between
// gets all of what comes after some point, and never one publication without the next (rule R10).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/server.h"
#include "hub/homes.h"
#include "machine.h"

namespace holdfast::sim {
namespace {

// Obeys its clients: "+" subscribes, "-" unsubscribes.
class Obedient final : public Handler {
 public:
  explicit Obedient(std::string topic) : topic_(std::move(topic)) {}

 private:
  void on_message(Connection connection, Message message) override {
    if (message.characters() == "+") connection.subscribe(topic_);
    if (message.characters() == "-") connection.unsubscribe(topic_);
  }

  std::string topic_;
};

// A client of the length-prefixed protocol that reads what has come when it is asked.
class Listener final : public ring::ClientObserver {
 public:
  Listener(ring::SimulatedWorld& world, int listener) : connection_(world.connect(listener, this, 1)) {}
  void on_network() override {}
  void say(std::string_view text) {
    std::string bytes = {0, 0, 0, static_cast<char>(text.size())};
    bytes += text;
    EXPECT_EQ(connection_->client_send(std::as_bytes(std::span(bytes))), bytes.size());
  }
  std::string heard() {
    std::byte bytes[1024];
    const std::size_t count = connection_->client_receive(bytes);
    std::string texts;
    for (std::size_t place = 0; place + 4 <= count;) {
      const std::size_t length = std::to_integer<std::size_t>(bytes[place + 3]);
      texts.append(reinterpret_cast<const char*>(bytes) + place + 4, length);
      place += 4 + length;
    }
    return texts;
  }

 private:
  ring::SimulatedConnection* connection_;
};

class TopicRace : public testing::Test {
 protected:
  TopicRace() : world_(1), entropy_(1) {
    MachineOptions options;
    options.shards = 2;
    options.sizes = {
        .slots = 4, .outbox_nodes = 64, .subscriptions = 8, .arena_bytes = 1u << 20, .receive_buffers = 4};
    options.listeners = {Protocol::length_prefixed};
    machine_ = std::make_unique<Machine>(&world_, options, &entropy_);
    // At home on shard 0; its subscribers are on shard 1.
    while (hub::home_of(machine_->topic_key(), topic_, 2) != 0) topic_ += "x";
    auto server =
        Server::create(Config(), [this](std::uint32_t) { return std::make_unique<Obedient>(topic_); });
    EXPECT_TRUE(server.ok());
    server_ = *std::move(server);
  }
  ~TopicRace() override { EXPECT_TRUE(machine_->stop_within(10'000)); }

  // To shard 1. The world tells it of what happens until the machine has stopped.
  Listener& connect() {
    return *listeners_.emplace_back(std::make_unique<Listener>(world_, machine_->parts()[1]->listeners[0]));
  }
  void turn(std::uint32_t shard) { EXPECT_TRUE(machine_->parts()[shard]->shard->turn()); }
  void settle() {
    for (int turns = 0; turns < 200; ++turns) machine_->turn();
  }
  // Takes turns of shard 1 until it has heard it; shard 0 stands still.
  void say(Listener& listener, std::string_view text) {
    listener.say(text);
    for (int turns = 0; turns < 5; ++turns) turn(1);
  }
  void publish(std::string_view text) { EXPECT_TRUE(server_->publish(topic_, Message::text(text))); }

  ring::SimulatedWorld world_;
  base::Random entropy_;
  std::string topic_ = "topic";
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

TEST_F(TopicRace, WhoComesWhileTheHomeForgetsTheShardMissesNothingAfterTheFirst) {
  Listener& first = connect();
  Listener& second = connect();
  settle();
  first.say("+");
  settle();
  publish("1");
  settle();
  EXPECT_EQ(first.heard(), "1");

  publish("2");     // will be delivered: the home knows of the first
  say(first, "-");  // behind it in the home's mailbox
  publish("3");     // will not
  say(second, "+");
  settle();
  publish("4");
  settle();
  publish("5");
  settle();
  EXPECT_EQ(second.heard(), "45");
  EXPECT_EQ(first.heard(), "");
}

TEST_F(TopicRace, ComingAndGoingManyTimesEndsWithWhoeverIsThere) {
  Listener& first = connect();
  Listener& second = connect();
  settle();
  for (int times = 0; times < 20; ++times) {
    say(first, "+");
    publish("a");
    say(first, "-");
    publish("b");
  }
  say(second, "+");
  settle();
  publish("c");
  settle();
  EXPECT_EQ(first.heard(), "");
  EXPECT_EQ(second.heard(), "c");
}

}  // namespace
}  // namespace holdfast::sim
