// Simulation: do the limits hold that are counted over all connections: clients taken in per second, and from
// one address?
#include <algorithm>
#include <map>
#include <utility>

#include "simulation.h"

namespace holdfast::sim {
namespace {

PeerAddress peer_of(std::uint32_t ipv4) {
  PeerAddress peer;
  peer.ip[10] = peer.ip[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) peer.ip[12 + i] = static_cast<std::uint8_t>(ipv4 >> (24 - 8 * i));
  return peer;
}

}  // namespace

void Simulation::watch_limits() {
  std::uint32_t for_clients = 0;
  for (const Protocol protocol : program_->listeners()) for_clients += protocol != Protocol::http ? 1u : 0u;
  rates_ = std::make_unique<RateAudit>(program_->config(), scenario_.shards, for_clients,
                                       [this](std::string what) { audit_.fail(std::move(what)); });
  audit_.set_rates(rates_.get());
  std::map<int, std::uint32_t> shards;  // by listener
  const std::vector<Protocol> protocols = program_->listeners();
  for (std::uint32_t shard = 0; shard < scenario_.shards; ++shard) {
    for (std::size_t i = 0; i < protocols.size(); ++i) {
      const int listener = machine_->parts()[shard]->listeners[i];
      if (protocols[i] == Protocol::http) {
        operators_listeners_.insert(listener);
      } else {
        shards[listener] = shard;
      }
    }
  }
  world_.set_accept_observer([this, shards](int listener) {
    const auto shard = shards.find(listener);
    if (shard != shards.end()) rates_->accepted(shard->second, world_.now_ns());
  });
}

// Never more from one address than may be. Who came by the operator's listener is not counted.
void Simulation::check_addresses() {
  std::map<std::uint32_t, std::uint32_t> held;
  for (const auto& client : clients_) {
    if (operators_listeners_.contains(client->listener()) || !client->held_by_server()) continue;
    if (++held[client->address()] > program_->config().max_connections_per_address)
      return audit_.fail("more connections from one address than may be: " + client->describe());
  }
}

// Reset as it came: right only where there are more of its address than may be.
bool Simulation::may_have_been_refused(const Client& client) const {
  // Of one with several any may be refused.
  if (addresses_ == nullptr || (client.admitted() && client.connections() == 1)) return false;
  std::uint32_t same = 0;
  for (const auto& other : clients_) same += other->address() == client.address() ? other->connections() : 0u;
  return same > program_->config().max_connections_per_address;
}

void Simulation::check_no_address_counted() {
  if (addresses_ == nullptr) return;
  for (const auto& client : clients_) {
    const PeerAddress peer = peer_of(client->address());
    if (addresses_->count(peer) != 0)
      audit_.fail("an address is counted that nobody comes from: " + client->describe());
  }
}

}  // namespace holdfast::sim
