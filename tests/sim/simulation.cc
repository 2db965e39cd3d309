// Simulation: building the world, the phases of a run, and the last look round.
#include "simulation.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "application.h"
#include "base/check.h"
#include "http_client.h"
#include "length_prefixed_client.h"
#include "websocket_client.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSecond_ns = 1'000'000'000;

// Rings a bell that the simulated ring watches.
class SimulatedDoorbell final : public shard::Doorbell {
 public:
  explicit SimulatedDoorbell(ring::SimulatedWorld* world) : world_(world), event_(world->add_event()) {}
  void ring() override { world_->signal_event(event_); }
  int descriptor() const override { return event_; }

 private:
  ring::SimulatedWorld* world_;
  int event_;
};

}  // namespace

struct Simulation::Member {
  int websocket_listener = -1;
  int length_prefixed_listener = -1;
  int http_listener = -1;
  bool refused = false;  // a publish or subscription, for want of room
  bool running = true;
  std::unique_ptr<Application> application;
  ring::SimulatedRing* ring = nullptr;  // the shard's
  std::unique_ptr<shard::Shard> shard;
};

Simulation::Simulation(std::uint64_t seed, std::uint64_t turns_maximum)
    : seed_(seed),
      turns_maximum_(turns_maximum),
      world_(seed),
      scenario_(Scenario::drawn(world_.random())),
      audit_(scenario_.mode),
      entropy_(world_.random().next()),
      topic_key_{entropy_.next(), entropy_.next()} {
  base::set_check_context(&Simulation::describe_run, this);
  world_.set_buffers(scenario_.receive_buffer_bytes, scenario_.send_buffer_bytes);
  world_.set_user_timeout_ns(scenario_.user_timeout_ns);
  std::size_t mailbox_bytes =
      std::max(scenario_.mailbox_bytes, shard::Mailbox::capacity_for(scenario_.config.max_message_bytes));
  for (std::uint32_t number = 0; number < scenario_.shards; ++number) {
    neighbours_.push_back(
        std::make_unique<shard::Neighbour>(mailbox_bytes, std::make_unique<SimulatedDoorbell>(&world_)));
  }
  for (std::uint32_t number = 0; number < scenario_.shards; ++number) build_shard(number);
}

Simulation::~Simulation() {
  base::set_check_context(nullptr, nullptr);
}

void Simulation::build_shard(std::uint32_t number) {
  auto member = std::make_unique<Member>();
  auto ring = std::make_unique<ring::SimulatedRing>(&world_, scenario_.ring);
  member->ring = ring.get();
  neighbours_[number]->ring_descriptor = ring->descriptor();
  shard::ShardOptions options;
  options.number = number;
  options.shards = scenario_.shards;
  options.sizes = {scenario_.slots, scenario_.outbox_nodes, scenario_.config.max_subscriptions,
                   scenario_.arena_bytes, scenario_.config.tuning.receive_buffers};
  options.topic_key = topic_key_;
  options.neighbours = &neighbours_;
  options.close_listener = [this](int listener) { world_.close_listener(listener); };
  auto listen = [&](Protocol protocol) {
    net::ListenerOptions listener;
    listener.descriptor = world_.listen(scenario_.backlog);
    listener.protocol = protocol;
    listener.one_shot = scenario_.config.tuning.one_shot_accept;
    // One enter brings in what waits, and what arrives while it waits for a batch.
    listener.backlog = 2 * scenario_.backlog;
    options.listeners.push_back(listener);
    return listener.descriptor;
  };
  member->websocket_listener = listen(Protocol::websocket);
  if (scenario_.length_prefixed) member->length_prefixed_listener = listen(Protocol::length_prefixed);
  if (scenario_.http) member->http_listener = listen(Protocol::http);
  member->application = std::make_unique<Application>(&audit_, &world_, &member->refused);
  auto shard = shard::Shard::create(options, scenario_.config, std::move(ring), &world_.clock(), &entropy_,
                                    member->application.get());
  CHECK(shard.ok());
  member->shard = *std::move(shard);
  CHECK(member->shard->start().ok());
  members_.push_back(std::move(member));
  base::set_check_context(&Simulation::describe_run, this);
}

void Simulation::add_client() {
  Member& member = *members_[world_.random().below(members_.size())];
  Plan plan = Plan::drawn(world_.random(), scenario_.calm, scenario_.config.max_message_bytes);
  std::uint32_t number = static_cast<std::uint32_t>(clients_.size());
  if (member.length_prefixed_listener >= 0 && world_.random().below(3) == 0) {
    clients_.push_back(std::make_unique<LengthPrefixedClient>(&world_, &audit_, number,
                                                              member.length_prefixed_listener, plan));
  } else if (scenario_.http && world_.random().below(3) == 0) {
    // To their own port, or to that of the WebSocket clients.
    const bool own = world_.random().below(2) == 0;
    clients_.push_back(std::make_unique<HttpClient>(
        &world_, &audit_, number, own ? member.http_listener : member.websocket_listener, plan));
  } else {
    clients_.push_back(
        std::make_unique<WebSocketClient>(&world_, &audit_, number, member.websocket_listener, plan));
  }
  clients_.back()->start();
}

// One turn of one shard: of those the world has something for, or, when there are none, of any: its wait
// passes time.
bool Simulation::turn() {
  std::vector<Member*> running, ready;
  for (auto& member : members_) {
    if (!member->running) continue;
    running.push_back(member.get());
    if (member->ring->ready()) ready.push_back(member.get());
  }
  if (running.empty()) return false;
  std::vector<Member*>& eligible = ready.empty() ? running : ready;
  Member& member = *eligible[world_.random().below(eligible.size())];
  ++turns_;
  if (world_.random().below(100) == 0) write_to_parted();
  if (!member.shard->turn()) {
    member.running = false;
    member.ring->retire();
  } else if (turns_ % 16 == 0 && member.ring->receives() == 0) {
    // A receive that the kernel refused to take in holds its buffer from turn to turn; validate() knows only
    // calm.
    member.shard->validate();
  }
  return true;
}

// As Server::send and Server::close would, for a connection that has ended meanwhile: nobody may get it.
void Simulation::write_to_parted() {
  std::size_t number = world_.random().below(members_.size());
  ConnectionId parted = members_[number]->application->parted();
  if (parted.value == 0) return;
  constexpr std::string_view kNobody = "for nobody";
  shard::Letter letter;
  letter.kind = world_.random().below(2) == 0 ? shard::LetterKind::send : shard::LetterKind::close;
  letter.message_type = static_cast<std::uint8_t>(MessageType::text);
  letter.first = parted.value;
  letter.second = 4997;
  letter.payload = std::as_bytes(std::span(kNobody));
  if (neighbours_[number]->requests.push(letter)) neighbours_[number]->wake();
}

template <class Done>
bool Simulation::turn_until(std::uint64_t limit_ns, Done done) {
  std::uint64_t end_ns = world_.now_ns() + limit_ns;
  std::uint64_t turns_left = 200'000;  // a livelock that does not let time pass
  while (!failed() && !done()) {
    if (world_.now_ns() >= end_ns || --turns_left == 0) return false;
    if (!turn()) return done();
  }
  return true;
}

bool Simulation::failed() const {
  return !audit_.failures().empty() || !world_.violations().empty();
}

std::string Simulation::verdict() const {
  if (!world_.violations().empty()) return "violation: " + world_.violations().front();
  if (!audit_.failures().empty()) return audit_.failures().front();
  return {};
}

std::string Simulation::run() {
  traffic();
  if (!failed()) calm_down();
  if (!failed()) probe();
  if (!failed()) wind_down();
  if (!failed()) check_nothing_left();
  add_up();
  return verdict();
}

void Simulation::traffic() {
  phase_ = "traffic";
  world_.faults() = scenario_.faults;
  for (std::uint32_t count = 0; count < scenario_.clients; ++count) {
    // Half of them in a storm at the start.
    std::uint64_t delay_ns = world_.random().below(2) == 0 ? 0 : world_.random().below(scenario_.traffic_ns);
    world_.schedule(delay_ns, [this] { add_client(); });
  }
  std::uint64_t end_ns = world_.now_ns() + scenario_.traffic_ns;
  while (!failed() && world_.now_ns() < end_ns && turns_ < turns_maximum_) turn();
}

bool Simulation::expected_to_be_served(const Client& client) const {
  if (!client.plan().healthy() || client.parting()) return false;
  // In a full house it may still be waiting for somebody to leave.
  return !(scenario_.tight && client.waiting_in_backlog());
}

bool Simulation::settled(const Client& client) const {
  if (client.ended() || !expected_to_be_served(client)) return true;
  if (!client.established() || !client.sent_everything()) return false;
  return scenario_.mode == Mode::echo ? audit_.all_echoed(client.number())
                                      : audit_.up_to_date(client.number());
}

// From here on nothing goes wrong any more: who is connected and polite must get everything.
void Simulation::calm_down() {
  phase_ = "calming down";
  world_.faults() = ring::FaultRates{};
  auto everybody_settled = [this] {
    return clients_.size() == scenario_.clients &&
           std::all_of(clients_.begin(), clients_.end(),
                       [this](const auto& client) { return settled(*client); });
  };
  if (!turn_until(300 * kSecond_ns, everybody_settled)) {
    for (auto& client : clients_) {
      if (!settled(*client)) audit_.fail("never served: " + client->describe());
    }
    audit_.fail("time does not pass");
  }
  for (auto& client : clients_) excuse_for_ended(*client);
}

// Was it right to end the connection of a client that behaved?
void Simulation::excuse_for_ended(const Client& client) {
  if (!client.plan().healthy() || !client.ended_by_server()) return;
  bool refused =
      std::any_of(members_.begin(), members_.end(), [](const auto& member) { return member->refused; });
  if (refused || counted("memory_refusals") > 0 || counted("outbox_overflows") > 0) return;
  if (counted("http_idle_timeouts") > 0) return;  // nobody is pinged on HTTP connections
  if (scenario_.faults.arm_failure > 0) return;   // the kernel could not watch the socket
  audit_.fail("ended although it behaved: " + client.describe());
}

// Nobody has gone deaf or mute: everybody says one more thing.
void Simulation::probe() {
  phase_ = "probing";
  for (auto& client : clients_) {
    if (client->plan().healthy()) client->probe();
  }
  auto everybody_settled = [this] {
    return std::all_of(clients_.begin(), clients_.end(),
                       [this](const auto& client) { return settled(*client); });
  };
  if (turn_until(60 * kSecond_ns, everybody_settled)) return;
  for (auto& client : clients_) {
    if (!settled(*client)) audit_.fail("deaf or mute: " + client->describe());
  }
  audit_.fail("time does not pass");
}

void Simulation::wind_down() {
  phase_ = scenario_.drains ? "draining" : "stopping";
  for (auto& neighbour : neighbours_) {
    (scenario_.drains ? neighbour->drain_wanted : neighbour->stop_wanted).store(true);
    neighbour->wake();
  }
  std::uint64_t limit_ns =
      static_cast<std::uint64_t>(scenario_.config.drain_timeout.count()) * 1'000'000 + 30 * kSecond_ns;
  auto all_stopped = [this] {
    return std::none_of(members_.begin(), members_.end(), [](const auto& member) { return member->running; });
  };
  if (!turn_until(limit_ns, all_stopped)) audit_.fail("a shard does not stop");
}

void Simulation::check_nothing_left() {
  phase_ = "looking for leaks";
  audit_.expect_all_closed();
  if (audit_.connections_opened() != audit_.connections_closed())
    audit_.fail("on_open and on_close differ in number");
  if (world_.open_sockets() != 0) audit_.fail(std::to_string(world_.open_sockets()) + " sockets leaked");
  for (auto& member : members_) {
    if (member->ring->slots_used() != 0) audit_.fail("slots of the file table are still in use");
    if (member->ring->armed() > 1) audit_.fail("operations other than the doorbell's are still armed");
    if (member->ring->sockets_dropped() != 0) audit_.fail("a client was accepted into a full table and lost");
  }
  constexpr const char* kGauges[] = {"connections_open", "slots_in_use",      "buffers_out",
                                     "frames_live",      "assemblies_in_use", "bytes_queued",
                                     "subscriptions",    "wslay_contexts",    "message_memory_used"};
  for (const char* gauge : kGauges) {
    if (counted(gauge) != 0)
      audit_.fail(std::string(gauge) + " is " + std::to_string(counted(gauge)) + " at the end");
  }
}

std::uint64_t Simulation::counted(const char* name) const {
  std::uint64_t sum = 0;
  for (const auto& member : members_) {
    const shard::Counters& counters = member->shard->counters();
#define HOLDFAST_SIM_COUNTER(field) \
  if (std::string_view(name) == #field) sum += counters.field.get();
    HOLDFAST_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
  }
  return sum;
}

void Simulation::add_up() {
  totals_.turns = turns_;
  totals_.connections = audit_.connections_opened();
  totals_.messages_handled = audit_.messages_handled();
  totals_.messages_received = audit_.messages_received();
  totals_.simulated_ns = world_.now_ns();
#define HOLDFAST_SIM_COUNTER(field) totals_.counters[#field] = counted(#field);
  HOLDFAST_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
}

std::string Simulation::describe() const {
  return scenario_.describe() + ", " + phase_;
}

void Simulation::describe_run(void* simulation, char* buffer, unsigned capacity) {
  auto* self = static_cast<Simulation*>(simulation);
  std::snprintf(buffer, capacity, "simulating; repeat with: tools/sim --seed=%llu (%s, turn %llu)",
                static_cast<unsigned long long>(self->seed_), self->phase_,
                static_cast<unsigned long long>(self->turns_));
}

}  // namespace holdfast::sim
