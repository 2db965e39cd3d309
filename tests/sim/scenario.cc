// Scenario: the draw. Small bounds are as likely as large ones, because bugs live where a bound is hit.
#include "scenario.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace holdfast::sim {
namespace {

template <class T, std::size_t count>
T one_of(base::Random& random, const T (&choices)[count]) {
  return choices[random.below(count)];
}

std::chrono::milliseconds between(base::Random& random, std::uint64_t least_ms, std::uint64_t most_ms) {
  return std::chrono::milliseconds(least_ms + random.below(most_ms - least_ms + 1));
}

}  // namespace

Scenario Scenario::drawn(base::Random& random, std::uint64_t minutes) {
  Scenario drawn;
  drawn.calm = random.below(5) == 0;
  drawn.mode = one_of(random, {Mode::echo, Mode::broadcast, Mode::gateway, Mode::gateway});
  drawn.drains = random.below(4) != 0;
  drawn.empties = random.below(2) == 0;
  drawn.shards = one_of(random, {1u, 1u, 2u, 3u});
  drawn.clients = static_cast<std::uint32_t>(4 + random.below(drawn.mode == Mode::echo ? 40 : 16));
  drawn.tight = !drawn.calm && random.below(4) == 0;
  // Spare slots for the second and the third listener are included, and of the gateway's clients some have
  // another connection for what they say.
  const std::uint32_t connections = drawn.mode == Mode::gateway ? 2 * drawn.clients : drawn.clients;
  drawn.slots = drawn.tight ? static_cast<std::uint32_t>(3 + random.below(5)) : connections + 3;
  if (random.below(3) == 0) drawn.slots *= 3;
  drawn.length_prefixed = random.below(2) == 0;
  drawn.http = random.below(2) == 0;
  drawn.backlog = one_of(random, {4u, 8u, 32u});
  drawn.burst_ns = drawn.traffic_ns = 2'000'000'000 + random.below(30'000'000'000u);
  if (minutes > 0) {
    drawn.traffic_ns = minutes * 60'000'000'000u;
    drawn.bursts = static_cast<std::uint32_t>(4 + random.below(12));
    drawn.clients *= 3;
    drawn.slots *= drawn.tight ? 1 : 3;
  }
  drawn.user_timeout_ns = random.below(2) == 0 ? 0 : 20'000'000'000u;
  drawn.receive_buffer_bytes = one_of<std::size_t>(random, {2'048, 16'384, 262'144});
  drawn.send_buffer_bytes = one_of<std::size_t>(random, {2'048, 16'384, 262'144});
  drawn.ring.peer_address = random.below(4) != 0;
  drawn.ring.reset_on_close = random.below(4) != 0;
  drawn.ring.submission_capacity = one_of(random, {4u, 64u, 1024u});

  Config& config = drawn.config;
  config.max_message_bytes = one_of(random, {512u, 16'384u, 100'000u});
  // Two kilobytes a round trip: with large messages a ping would wait behind a backlog for longer than a pong
  // may take.
  if (drawn.send_buffer_bytes == 2'048) config.max_message_bytes = std::min(config.max_message_bytes, 4'096u);
  config.max_outbox_bytes = drawn.calm ? 16u << 20 : one_of(random, {131'072u, 1u << 20});
  config.max_subscriptions = drawn.slots * 4;
  config.handshake_timeout = between(random, 2'000, 10'000);
  config.ping_interval = random.below(5) == 0 ? std::chrono::milliseconds(0) : between(random, 1'000, 25'000);
  config.pong_timeout = between(random, 1'000, 10'000);
  config.message_timeout = between(random, 5'000, 30'000);
  config.close_timeout = between(random, 500, 5'000);
  config.stall_timeout = between(random, 3'000, 30'000);
  config.drain_timeout = between(random, 500, 10'000);
  config.http_idle_timeout = random.below(4) == 0 ? between(random, 2'000, 20'000) : std::chrono::hours(1);
  config.overflow_close_code = random.below(2) == 0 ? 3008 : 0;
  drawn.draw_limits(random);
  config.tuning.receive_buffers = one_of(random, {1u, 4u, 32u});
  config.tuning.large_receive_buffers = one_of(random, {1u, 4u});
  config.tuning.batch_waits = random.below(2) == 0;
  config.tuning.one_shot_accept = random.below(4) == 0;
  drawn.outbox_nodes = std::max(drawn.slots * 64, 1024u);
  drawn.arena_bytes = 32u << 20;
  // An hour of pings every second would be an hour of nothing else.
  if (minutes > 0) config.ping_interval *= 4;
  if (drawn.calm) return drawn;

  drawn.faults = ring::FaultRates::drawn(random);
  if (minutes > 0) {
    drawn.faults.clock_jump = (drawn.faults.clock_jump + 9) / 10;
    drawn.faults.wall_jump = (drawn.faults.wall_jump + 9) / 10;
  }
  drawn.ring.completion_capacity = one_of(random, {4u, 32u, 8'192u, 8'192u});
  if (random.below(4) == 0) config.max_handshakes = static_cast<std::uint32_t>(1 + random.below(4));
  if (random.below(6) == 0) drawn.arena_bytes = 1u << 20;
  if (random.below(6) == 0) drawn.outbox_nodes = 16;
  if (random.below(4) == 0) drawn.mailbox_bytes = 4'096;  // raised to what holds one message
  return drawn;
}

// What comes in per second, from one address, and waits for one client.
void Scenario::draw_limits(base::Random& random) {
  const auto drawn = [&random] { return random.below(6) == 0; };
  if (drawn()) config.max_accepts_per_second = one_of(random, {1u, 5u, 50u, 500u});
  if (drawn()) config.max_messages_per_second = one_of(random, {5u, 20u, 200u});
  if (drawn())
    config.max_bytes_per_second = std::max(one_of(random, {20'000u, 500'000u}), config.max_message_bytes);
  if (drawn()) {
    addresses = static_cast<std::uint32_t>(1 + random.below(6));
    config.max_connections_per_address = static_cast<std::uint32_t>(1 + random.below(clients));
  }
  if (!calm && drawn()) config.max_outbox_messages = one_of(random, {16u, 64u});
  if (http && drawn()) {
    slots_for_http = static_cast<std::uint32_t>(1 + random.below(3));
    slots += slots_for_http;
  }
}

std::string Scenario::describe() const {
  constexpr const char* kModes[] = {"echo", "broadcast", "gateway"};
  return std::string(kModes[static_cast<int>(mode)]) + (calm ? ", calm" : "") + (tight ? ", tight" : "") +
         (drains ? ", drains" : ", stops") + ", shards " + std::to_string(shards) + " x slots " +
         std::to_string(slots) + ", clients " + std::to_string(clients) + ", completions " +
         std::to_string(ring.completion_capacity) + describe_limits();
}

// Those that are drawn.
std::string Scenario::describe_limits() const {
  std::string text;
  const auto add = [&text](const char* name, std::uint64_t value) {
    if (value > 0) text += std::string(", ") + name + " " + std::to_string(value);
  };
  add("accepts per second", config.max_accepts_per_second);
  add("messages per second", config.max_messages_per_second);
  add("bytes per second", config.max_bytes_per_second);
  add("addresses", addresses);
  add("connections per address", config.max_connections_per_address);
  add("outbox messages", config.max_outbox_messages);
  add("handshakes", config.max_handshakes < 100 ? config.max_handshakes : 0);
  add("slots for HTTP", slots_for_http);
  return text;
}

}  // namespace holdfast::sim
