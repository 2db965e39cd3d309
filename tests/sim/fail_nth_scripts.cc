// The scripts: what servers and clients do with each other, each in a few messages, with bystanders.
#include <array>
#include <chrono>
#include <utility>

#include "fail_nth.h"

namespace holdfast::sim {
namespace {

using std::chrono::milliseconds;

Plan polite(Protocol protocol = Protocol::websocket) {
  Plan plan;
  plan.messages = 3;
  plan.message_bytes_maximum = 200;
  plan.gap_maximum_ns = 20'000'000;
  plan.protocol = protocol;
  plan.dialect = Dialect::json;
  return plan;
}

Plan ending_by(Ending ending) {
  Plan plan = polite();
  plan.ending = ending;
  return plan;
}

// Two polite clients, of whom nobody may notice anything, and whoever the script is about.
Scenario with(Mode mode, std::vector<Plan> actors) {
  Scenario scenario;
  scenario.mode = mode;
  scenario.calm = true;
  scenario.plans = std::move(actors);
  scenario.plans.push_back(polite());
  scenario.plans.push_back(polite());
  scenario.clients = static_cast<std::uint32_t>(scenario.plans.size());
  scenario.slots = 16;
  scenario.outbox_nodes = 1'024;
  scenario.arena_bytes = 4u << 20;
  scenario.traffic_ns = scenario.burst_ns = 1'000'000'000;
  scenario.losses_allowed = 0;
  Config& config = scenario.config;
  config.ping_interval = milliseconds(0);
  config.drain_timeout = milliseconds(1'000);
  config.http_idle_timeout = std::chrono::hours(1);
  config.max_message_bytes = 100'000;
  config.max_outbox_bytes = 1u << 20;
  config.max_subscriptions = 64;
  config.tuning.receive_buffers = 2;
  config.tuning.large_receive_buffers = 1;
  return scenario;
}

Scenario echo(std::vector<Plan> actors = {}) {
  return with(Mode::echo, std::move(actors));
}

Scenario large_messages() {
  Plan plan = polite();
  plan.message_bytes_maximum = 60'000;
  return echo({plan});
}

Scenario fragments() {
  Plan plan = polite();
  plan.fragments = true;
  plan.sends_pings = true;
  return echo({plan});
}

Scenario small_writes() {
  Plan plan = polite();
  plan.write_maximum_bytes = 40;
  return echo({plan});
}

Scenario length_prefixed() {
  Scenario scenario = echo({polite(Protocol::length_prefixed), polite(Protocol::length_prefixed)});
  scenario.length_prefixed = true;
  return scenario;
}

Scenario http() {
  Scenario scenario = echo({polite(Protocol::http), polite(Protocol::http)});
  scenario.http = true;
  return scenario;
}

Scenario broadcast_on(std::uint32_t shards) {
  Scenario scenario = with(Mode::broadcast, {polite()});
  scenario.shards = shards;
  return scenario;
}

Scenario slow_reader() {
  Plan plan = polite();
  plan.read_gap_maximum_ns = 50'000'000;
  plan.read_maximum_bytes = 1'000;
  plan.message_bytes_maximum = 4'000;
  Scenario scenario = with(Mode::broadcast, {plan});
  scenario.send_buffer_bytes = 4'096;
  return scenario;
}

Scenario server_closes() {
  Plan plan = polite();
  plan.close_requests = 100;
  return echo({plan});
}

Scenario unfinished_handshake() {
  Plan plan = polite();
  plan.finishes_handshake = false;
  return echo({plan});
}

Scenario pings() {
  Scenario scenario = echo({ending_by(Ending::vanish)});
  scenario.config.ping_interval = milliseconds(500);
  scenario.config.pong_timeout = milliseconds(1'000);
  return scenario;
}

Scenario table_full() {
  Scenario scenario = echo({ending_by(Ending::close), ending_by(Ending::finish), ending_by(Ending::reset)});
  scenario.slots = 2;
  scenario.tight = true;
  return scenario;
}

Scenario single_accepts() {
  Scenario scenario = echo({ending_by(Ending::close)});
  scenario.config.tuning.one_shot_accept = true;
  return scenario;
}

Scenario without_peer_query() {
  Scenario scenario = echo({ending_by(Ending::close)});
  scenario.ring.peer_address = false;
  return scenario;
}

Scenario stop() {
  Scenario scenario = echo({polite()});
  scenario.drains = scenario.empties = false;
  return scenario;
}

Scenario drain() {
  Scenario scenario = echo({polite()});
  scenario.empties = false;
  return scenario;
}

Scenario gateway_on(std::uint32_t shards) {
  Plan plan = polite();
  plan.messages = 12;
  Scenario scenario = with(Mode::gateway, {plan, plan});
  scenario.shards = shards;
  return scenario;
}

// Two of a dialect, and one in JSON who talks with them.
Scenario gateway_with(Dialect dialect) {
  Plan plan = polite();
  plan.messages = 12;
  plan.dialect = dialect;
  Plan other = plan;
  other.dialect = Dialect::json;
  Scenario scenario = with(Mode::gateway, {plan, plan, other});
  scenario.http = dialect == Dialect::api;
  scenario.shards = 2;
  return scenario;
}

// Those of the second burst come back to what those of the first left off.
Scenario gateway_recovery() {
  Plan leaving = ending_by(Ending::reset);
  leaving.messages = 15;
  Plan coming = polite();
  coming.messages = 15;
  Scenario scenario = with(Mode::gateway, {leaving, leaving, leaving, coming, coming});
  scenario.traffic_ns = 8'000'000'000;
  scenario.bursts = 3;
  return scenario;
}

constexpr std::array kScripts = {
    Script{"echo", [] { return echo({polite()}); }},
    Script{"large_messages", large_messages},
    Script{"fragments", fragments},
    Script{"small_writes", small_writes},
    Script{"length_prefixed", length_prefixed},
    Script{"http", http},
    Script{"broadcast", [] { return broadcast_on(1); }},
    Script{"broadcast_across_shards", [] { return broadcast_on(3); }},
    Script{"slow_reader", slow_reader},
    Script{"client_closes", [] { return echo({ending_by(Ending::close)}); }},
    Script{"server_closes", server_closes},
    Script{"client_finishes", [] { return echo({ending_by(Ending::finish)}); }},
    Script{"message_cut_off", [] { return echo({ending_by(Ending::cut)}); }},
    Script{"client_resets", [] { return echo({ending_by(Ending::reset)}); }},
    Script{"client_violates", [] { return echo({ending_by(Ending::violate)}); }},
    Script{"client_stalls", [] { return echo({ending_by(Ending::stall)}); }},
    Script{"unfinished_handshake", unfinished_handshake},
    Script{"pings", pings},
    Script{"table_full", table_full},
    Script{"single_accepts", single_accepts},
    Script{"without_peer_query", without_peer_query},
    Script{"stop", stop},
    Script{"drain", drain},
    Script{"gateway", [] { return gateway_on(1); }},
    Script{"gateway_across_shards", [] { return gateway_on(3); }},
    Script{"gateway_recovery", gateway_recovery},
    Script{"gateway_protobuf", [] { return gateway_with(Dialect::protobuf); }},
    Script{"gateway_streams", [] { return gateway_with(Dialect::stream); }},
    Script{"gateway_api", [] { return gateway_with(Dialect::api); }},
};

}  // namespace

std::span<const Script> scripts() {
  return kScripts;
}

}  // namespace holdfast::sim
