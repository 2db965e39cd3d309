// Simulation: building the world, the phases of a run, and the last look round.
#include "simulation.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "application_program.h"
#include "base/check.h"
#include "gateway_program.h"
#include "holdfast/server.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr std::uint32_t kTurnsOfAFailedRun = 20'000;
constexpr std::uint64_t kTurnsBetweenLooks = 32;
constexpr const char* kTraffic = "traffic";  // compared by address

MachineOptions machine_options(const Scenario& scenario, const Program& program) {
  MachineOptions options;
  options.shards = scenario.shards;
  const Config& config = program.config();
  const bool input_limited = config.max_messages_per_second > 0 || config.max_bytes_per_second > 0;
  options.sizes = {.slots = scenario.slots,
                   .outbox_nodes = scenario.outbox_nodes,
                   .subscriptions = scenario.config.max_subscriptions,
                   .arena_bytes = scenario.arena_bytes,
                   .receive_buffers = scenario.config.tuning.receive_buffers,
                   .slots_for_http = scenario.slots_for_http,
                   .input_accounts = input_limited ? scenario.slots : 0};
  options.ring = scenario.ring;
  options.listeners = program.listeners();
  options.backlog = scenario.backlog;
  options.mailbox_bytes = scenario.mailbox_bytes;
  return options;
}

std::string command_of(std::uint64_t seed, const Length& length) {
  std::string command = "tools/sim --seed=" + std::to_string(seed);
  if (length.minutes != 0) command += " --minutes=" + std::to_string(length.minutes);
  if (length.turns_maximum != Length{}.turns_maximum)
    command += " --steps=" + std::to_string(length.turns_maximum);
  return command;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, const Length& length, const Scenario* scenario)
    : seed_(seed),
      length_(length),
      world_(seed),
      scenario_(scenario != nullptr ? *scenario : Scenario::drawn(world_.random(), length.minutes)),
      audit_(scenario_.mode),
      entropy_(world_.random().next()),
      command_(command_of(seed, length)) {
  base::set_check_context(&Simulation::describe_run, this);
  world_.set_buffers(scenario_.receive_buffer_bytes, scenario_.send_buffer_bytes);
  world_.set_user_timeout_ns(scenario_.user_timeout_ns);
  world_.plan_failure(scenario_.planned_failure);
  if (scenario_.mode == Mode::gateway) {
    program_ = std::make_unique<GatewayProgram>(scenario_, &world_, &audit_, &entropy_);
  } else {
    program_ = std::make_unique<ApplicationProgram>(scenario_, &world_, &audit_);
  }
  MachineOptions options = machine_options(scenario_, *program_);
  if (const std::uint32_t most = program_->config().max_connections_per_address; most > 0) {
    const std::uint64_t connections = std::uint64_t{scenario_.shards} * scenario_.slots;
    auto counts = net::AddressCounts::create({entropy_.next(), entropy_.next()}, most, connections);
    CHECK(counts.ok());
    addresses_ = *std::move(counts);
    options.addresses = addresses_.get();
  }
  machine_ = std::make_unique<Machine>(&world_, options, &entropy_);
  auto server = Server::create(program_->config(),
                               [this](std::uint32_t shard) { return program_->make_handler(shard); });
  CHECK(server.ok());
  server_ = *std::move(server);
  watch_limits();
  base::set_check_context(&Simulation::describe_run, this);
}

Simulation::~Simulation() {
  // After a failure the shards are in the middle of something. What cannot be ended is left alone: taking it
  // apart would only be another failure.
  if (machine_->running() && !machine_->stop_within(kTurnsOfAFailedRun)) static_cast<void>(server_.release());
  base::set_check_context(nullptr, nullptr);
}

void Simulation::add_client() {
  const auto& parts = machine_->parts();
  const Machine::Part& part = *parts[world_.random().below(parts.size())];
  Plan plan = clients_.size() < scenario_.plans.size()
                  ? scenario_.plans[clients_.size()]
                  : Plan::drawn(world_.random(), scenario_.calm, scenario_.config.max_message_bytes);
  plan.addresses = scenario_.addresses;
  clients_.push_back(program_->make_client(part, static_cast<std::uint32_t>(clients_.size()), plan));
  clients_.back()->start();
}

bool Simulation::turn() {
  ++turns_;
  rates_->begin_turn();
  if (turns_ % kTurnsBetweenLooks == 0) {
    if (addresses_ != nullptr) check_addresses();
    program_->validate();
  }
  const bool scripted = scenario_.losses_allowed.has_value();
  if (!scripted && world_.random().below(100) == 0 && machine_->running()) program_->disturb(*server_);
  return machine_->turn();
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
  if (!failed() && scenario_.empties) leave();
  if (!failed()) wind_down();
  if (!failed()) check_nothing_left();
  add_up();
  return verdict();
}

// Clients come in bursts: half of them at once, the others in the seconds after; and who is there already has
// more to say then. Between bursts it is quiet, and time passes quickly.
void Simulation::plan_traffic() {
  const std::uint64_t span_ns = std::min(scenario_.burst_ns, scenario_.traffic_ns);
  std::vector<std::uint64_t> bursts_ns = {0};
  for (std::uint32_t burst = 1; burst < scenario_.bursts; ++burst)
    bursts_ns.push_back(world_.random().below(scenario_.traffic_ns - span_ns + 1));
  for (std::uint32_t count = 0; count < scenario_.clients; ++count) {
    const std::uint64_t burst_ns = bursts_ns[world_.random().below(bursts_ns.size())];
    const std::uint64_t delay_ns = world_.random().below(2) == 0 ? 0 : world_.random().below(span_ns);
    world_.schedule(burst_ns + delay_ns, [this] { add_client(); });
  }
  for (std::size_t number = 1; number < bursts_ns.size(); ++number)
    world_.schedule(bursts_ns[number], [this] { burst(); });
}

// One that a sleep of the machine has moved behind the traffic does not come any more.
void Simulation::burst() {
  if (phase_ != kTraffic) return;
  for (auto& client : clients_) client->speak_again(static_cast<std::uint32_t>(world_.random().below(10)));
}

void Simulation::traffic() {
  phase_ = kTraffic;
  world_.faults() = scenario_.faults;
  plan_traffic();
  const std::uint64_t end_ns = world_.now_ns() + scenario_.traffic_ns;
  while (!failed() && world_.now_ns() < end_ns && turns_ < length_.turns_maximum) turn();
}

bool Simulation::expected_to_be_served(const Client& client) const {
  if (!client.plan().healthy() || client.parting()) return false;
  // In a full house it may still be waiting for somebody to leave.
  return !(scenario_.tight && client.waiting_in_backlog());
}

bool Simulation::settled(const Client& client) const {
  if (client.ended()) return true;
  // Breaking the rules ends a connection.
  if (client.has_violated()) return scenario_.tight && client.waiting_in_backlog();
  return !expected_to_be_served(client) || client.served();
}

bool Simulation::everybody_settled() const {
  return clients_.size() == scenario_.clients && !program_->busy() &&
         std::all_of(clients_.begin(), clients_.end(),
                     [this](const auto& client) { return settled(*client); });
}

// From here on nothing goes wrong any more: who is connected and polite must get everything.
void Simulation::calm_down() {
  phase_ = "calming down";
  world_.faults() = ring::FaultRates{};
  if (!turn_until(300 * kSecond_ns + scenario_.traffic_ns, [this] { return everybody_settled(); })) {
    for (auto& client : clients_) {
      if (!settled(*client)) audit_.fail("never served: " + client->describe());
    }
    audit_.fail("time does not pass, or something was never answered");
  }
  for (auto& client : clients_) excuse_for_ended(*client);
}

// Was it right to end the connection of a client that behaved?
void Simulation::excuse_for_ended(const Client& client) {
  if (!client.plan().healthy() || !client.ended_by_server()) return;
  const bool ended_rightly = program_->may_have_ended(client) || may_have_been_refused(client);
  if (scenario_.losses_allowed.has_value()) {
    const bool planned = world_.victim().has_value() && client.connection_id() == world_.victim();
    if (scenario_.mode == Mode::gateway && ended_rightly) return;
    if (planned || ++losses_ <= *scenario_.losses_allowed) return;
    return audit_.fail("ended although nothing of it failed: " + client.describe());
  }
  if (ended_rightly) return;
  if (machine_->counted("memory_refusals") > 0 || machine_->counted("outbox_overflows") > 0) return;
  if (client.was_idle() && machine_->counted("http_idle_timeouts") > 0) return;
  if (scenario_.faults.arm_failure > 0) return;  // the kernel could not watch the socket
  audit_.fail("ended although it behaved: " + client.describe());
}

// Nobody has gone deaf or mute: everybody says one more thing.
void Simulation::probe() {
  phase_ = "probing";
  for (auto& client : clients_) {
    if (client->plan().healthy()) client->probe();
  }
  // Long enough for one who has waited in the backlog until now to say all it has to say.
  if (turn_until(300 * kSecond_ns, [this] { return everybody_settled(); })) return;
  for (auto& client : clients_) {
    if (!settled(*client)) audit_.fail("deaf or mute: " + client->describe());
  }
  audit_.fail("time does not pass");
}

// In a backlog, where also those who have gone wait until they are accepted.
bool Simulation::nobody_waits() const {
  return std::all_of(machine_->parts().begin(), machine_->parts().end(), [this](const auto& part) {
    return std::all_of(part->listeners.begin(), part->listeners.end(),
                       [this](int listener) { return world_.accept_queue(listener) == 0; });
  });
}

// All who are left give up, and when the server has noticed it must be as it was at the beginning.
void Simulation::leave() {
  phase_ = "leaving";
  for (auto& client : clients_) client->give_up();
  const auto nobody_left = [this] {
    return machine_->slots_used() == 0 && nobody_waits() && !program_->busy();
  };
  if (!turn_until(300 * kSecond_ns, nobody_left))
    audit_.fail("connections of clients that left are still open");
  // Counters are set once a second.
  static_cast<void>(turn_until(3 * kSecond_ns, [] { return false; }));
  if (!failed()) program_->check_empty();
  if (!failed()) check_no_address_counted();
}

void Simulation::wind_down() {
  phase_ = scenario_.drains ? "draining" : "stopping";
  scenario_.drains ? server_->drain() : server_->stop();
  const auto drain_ms = static_cast<std::uint64_t>(scenario_.config.drain_timeout.count());
  const auto stopped = [this] { return !machine_->running(); };
  if (!turn_until(drain_ms * 1'000'000 + 30 * kSecond_ns, stopped)) audit_.fail("a shard does not stop");
}

void Simulation::check_nothing_left() {
  phase_ = "looking for leaks";
  audit_.expect_all_closed();
  if (audit_.connections_opened() != audit_.connections_closed())
    audit_.fail("on_open and on_close differ in number");
  if (machine_->counted("accepted") != machine_->counted("closed"))
    audit_.fail("sockets were accepted and not closed once each");
  if (world_.open_sockets() != 0) audit_.fail(std::to_string(world_.open_sockets()) + " sockets leaked");
  for (auto& part : machine_->parts()) {
    if (part->ring->slots_used() != 0) audit_.fail("slots of the file table are still in use");
    if (part->ring->armed() > 1) audit_.fail("operations other than the doorbell's are still armed");
    if (part->ring->sockets_dropped() != 0) audit_.fail("a client was accepted into a full table and lost");
  }
  constexpr const char* kGauges[] = {"connections_open", "slots_in_use",      "buffers_out",
                                     "frames_live",      "assemblies_in_use", "bytes_queued",
                                     "subscriptions",    "wslay_contexts",    "message_memory_used"};
  for (const char* gauge : kGauges) {
    const std::uint64_t left = machine_->counted(gauge);
    if (left != 0) audit_.fail(std::string(gauge) + " is " + std::to_string(left) + " at the end");
  }
  check_no_address_counted();
  add_up();
  server_.reset();
  program_->check_stopped();
}

void Simulation::add_up() {
  if (server_ == nullptr) return;  // has been done
  totals_.turns = turns_;
  totals_.connections = machine_->counted("handshakes_completed");
  totals_.messages_handled = machine_->counted("messages_in");
  totals_.messages_received = audit_.messages_received();
  totals_.simulated_ns = world_.now_ns();
#define HOLDFAST_SIM_COUNTER(field) totals_.counters[#field] = machine_->counted(#field);
  HOLDFAST_COUNTERS(HOLDFAST_SIM_COUNTER)
#undef HOLDFAST_SIM_COUNTER
  program_->add_counters(totals_.counters);
}

std::string Simulation::describe() const {
  return scenario_.describe() + ", " + phase_;
}

std::string Simulation::command() const {
  return command_;
}

void Simulation::describe_run(void* simulation, char* buffer, unsigned capacity) {
  auto* self = static_cast<Simulation*>(simulation);
  std::snprintf(buffer, capacity, "simulating; repeat with: %s (%s, turn %llu)", self->command_.c_str(),
                self->phase_, static_cast<unsigned long long>(self->turns_));
}

}  // namespace holdfast::sim
