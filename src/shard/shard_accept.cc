// How a client comes in: accepted into a slot, its address learnt, its socket watched.
#include <algorithm>

#include "base/check.h"
#include "shard/shard.h"

namespace holdfast::shard {

using memory::Index;
using memory::kNoIndex;
using net::State;
using ring::Completion;
using ring::Op;

namespace {

std::uint32_t less(std::uint32_t value, std::uint32_t by) {
  return value > by ? value - by : 0;
}

}  // namespace

// Armed one-shot accepts count as taken. Listeners for HTTP are the operator's: what bounds clients does not
// keep him out.
void Shard::adjust_listeners() {
  if (draining_ || stopping_) {
    accepts_paused_ = false;
    for (net::Listener& listener : listeners_) {
      listener.stop(*ring_);
      if (listener.idle()) listener.close(options_.close_listener);
    }
    return;
  }
  const std::uint32_t listeners = static_cast<std::uint32_t>(listeners_.size());
  // All but the spare slots of the further listeners.
  const std::uint32_t free_slots = less(table_.count(State::free), listeners - 1);
  const std::uint32_t clients = clients_admitted(free_slots);
  const auto share_of = [&](std::uint32_t admitted) {
    return admitted == 0 ? 0 : std::max(1u, admitted / listeners);
  };
  std::uint32_t exposure = 0;
  for (const net::Listener& listener : listeners_) exposure += listener.exposure();
  for (net::Listener& listener : listeners_) {
    const std::uint32_t before = listener.exposure();
    const std::uint32_t share = share_of(listener.for_clients() ? clients : free_slots);
    listener.adjust(*ring_, share, less(table_.count(State::free), exposure), now_);
    exposure = exposure - before + listener.exposure();
  }
}

// The bound is whatever is scarcest: free slots, room for another handshake, or what their rate allows.
std::uint32_t Shard::clients_admitted(std::uint32_t free_slots) {
  const std::uint32_t slots = less(free_slots, less(options_.sizes.slots_for_http, slots_of_http_));
  const std::uint32_t room = less(limits_.max_handshakes, table_.count(State::handshaking));
  const std::uint32_t admitted = std::min(slots, room);
  if (!limits_.accept_rate.limits()) return admitted;
  const std::uint64_t allowance = limits_.accept_rate.allowance(accepts_ns_, wheel_ns());
  const bool paused = allowance == 0;
  if (paused && !accepts_paused_) counters_.accept_pauses.add();
  accepts_paused_ = paused;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(admitted, allowance));
}

bool Shard::listeners_idle() const {
  return std::all_of(listeners_.begin(), listeners_.end(),
                     [](const net::Listener& listener) { return listener.idle(); });
}

void Shard::accept_done(const Completion& completion) {
  CHECK(completion.tag().slot < listeners_.size());
  net::Listener& listener = listeners_[completion.tag().slot];
  const std::uint64_t errors = listener.errors();
  const net::Listener::Accepted accepted = listener.completed(completion, now_);
  counters_.accept_errors.add(listener.errors() - errors);
  if (!accepted.accepted) return;

  const auto index = static_cast<Index>(completion.result);
  table_.claim(index, listener.number());
  net::Slot& slot = table_[index];
  counters_.accepted.add();
  ++accepted_this_turn_;
  if (listener.for_clients()) {
    limits_.accept_rate.charge(accepts_ns_, 1, wheel_ns());
  } else {
    ++slots_of_http_;
  }
  ++events_this_turn_;
  slot.set_protocol(listener.options().protocol);
  slot.last_activity = now_;
  wheel_.schedule(index, now_ + limits_.handshake_timeout);
  if (draining_ || stopping_) return end(index);
  if (accepted.address != nullptr) return arrived(index, slot, *accepted.address);

  // A multishot accept cannot say who came: its address buffer would be shared. Asked for apart, 0.28 us.
  const Index query = peer_queries_.claim();
  CHECK(query != kNoIndex);  // one per slot
  CHECK(query <= 0xffff);
  table_.detail(index).peer_port = static_cast<std::uint16_t>(query);
  ring::SocketAddress& address = peer_queries_[query];
  address = ring::SocketAddress{};
  address.length = listener.options().ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  slot.enter_kernel(net::kQueryingPeer);
  ring_->peer_address(index, &address, table_.tag(Op::peer_address, index));
  // Armed in the same submit: nothing is read before the address is known (see queue_receive).
  watch(index, slot);
}

void Shard::peer_address_done(Index index, net::Slot& slot, const Completion& completion) {
  slot.leave_kernel(net::kQueryingPeer);
  const Index query = table_.detail(index).peer_port;
  const ring::SocketAddress address = peer_queries_[query];
  peer_queries_.release(query);
  table_.detail(index).peer_port = 0;
  if (net::is_ending(slot.state())) return;
  if (completion.result < 0) return end(index);  // ENOTCONN: reset before we looked
  arrived(index, slot, address);
}

// The peer's address is known: the client may ask for something.
void Shard::arrived(Index index, net::Slot& slot, const ring::SocketAddress& address) {
  const PeerAddress peer = net::parse_peer(address);
  net::SlotDetail& detail = table_.detail(index);
  std::copy(peer.ip.begin(), peer.ip.end(), detail.peer_ip);
  detail.peer_port = peer.port;
  if (!address_admitted(index, slot, peer)) return;
  if (!slot.in_kernel(net::kReadableArmed)) watch(index, slot);
  if (slot.protocol() == Protocol::length_prefixed) admit_unasked(index);
}

// False when its address has as many connections as it may: it ends at once, unread, so that a refusal costs
// less than what is refused.
bool Shard::address_admitted(Index index, net::Slot& slot, const PeerAddress& peer) {
  if (options_.addresses == nullptr || !listeners_[slot.listener].for_clients()) return true;
  if (options_.addresses->add(peer)) {
    slot.address_counted = 1;
    return true;
  }
  counters_.address_refusals.add();
  slot.set(net::kReset);
  end(index);
  return false;
}

void Shard::watch(Index index, net::Slot& slot) {
  CHECK(net::reads_input(slot.state()));
  slot.enter_kernel(net::kReadableArmed);
  ring_->arm_readable(index, table_.tag(Op::readable, index));
}

PeerAddress Shard::peer(Index index) {
  PeerAddress peer;
  const net::SlotDetail& detail = table_.detail(index);
  std::copy(std::begin(detail.peer_ip), std::end(detail.peer_ip), peer.ip.begin());
  peer.port = table_[index].in_kernel(net::kQueryingPeer) ? 0 : detail.peer_port;
  return peer;
}

}  // namespace holdfast::shard
