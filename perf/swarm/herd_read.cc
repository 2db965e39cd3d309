// From readiness to verified messages. As in a shard: polls tell who is ready, one receive is queued for
// each, all of them complete inside one submit.
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "herd.h"

namespace holdfast::swarm {
namespace {

constexpr std::uint16_t kNormalClosure = 1000;
// How many neighbouring rounds a publication is compared with that is not the expected one.
constexpr std::uint32_t kRoundsAround = 64;

std::string_view characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void unset(std::uint16_t& flags, std::uint16_t flag) {
  flags &= static_cast<std::uint16_t>(~flag);
}

}  // namespace

void Herd::queue_ready(Index slot) {
  Connection& connection = connections_[slot];
  if ((connection.flags & kQueuedReady) != 0) return;
  connection.flags |= kQueuedReady;
  ready_.push_back(slot);
}

void Herd::readable_done(Index slot, const ring::Completion& completion) {
  Connection& connection = connections_[slot];
  if (!completion.more()) connection.in_kernel &= static_cast<std::uint8_t>(~kReadable);
  if (!live(slot)) return;
  if (completion.result < 0 && !completion.more()) return input_ended(slot, true);
  const bool at_end = (completion.result & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  if (at_end) connection.flags |= kReceiveMore;
  if ((connection.flags & kDeaf) != 0) {
    if (!completion.more()) arm(slot);
    if (at_end) listen(slot);  // what lies before the end is looked at, too
    return;
  }
  queue_ready(slot);
}

void Herd::read_ready() {
  if (ready_.empty()) return;
  reading_.swap(ready_);
  for (const Index slot : reading_) {
    Connection& connection = connections_[slot];
    if ((connection.flags & kQueuedReady) == 0) continue;  // an earlier tenant of the slot was meant
    unset(connection.flags, kQueuedReady);
    if (connection.state == State::ending) {
      release_when_joined(slot);
      continue;
    }
    if (!live(slot) || (connection.in_kernel & kReceiving) != 0) continue;
    const bool deaf = (connection.flags & kDeaf) != 0;
    if (deaf && (connection.flags & kSip) == 0) continue;
    unset(connection.flags, kSip);
    connection.in_kernel |= kReceiving;
    connection.buffer = static_cast<std::uint8_t>(inline_left_);
    ring_->receive(slot,
                   std::span(desk_->receive)
                       .subspan(inline_left_ * Desk::kReceiveBytes, deaf ? sip_bytes_ : Desk::kReceiveBytes),
                   tag(Step::receive, slot));
    if (++inline_left_ == Desk::kReceives) settle();
  }
  reading_.clear();
  settle();
}

// Until every receive and send that was queued has completed: the desk's memory is free again then.
void Herd::settle() {
  if (inline_left_ == 0) return;
  ring_->submit();
  desk_->read_clock();
  reap();
  while (inline_left_ > 0) {
    ring_->submit_and_wait({.events = 1, .timeout_ns = 1'000'000});
    reap();
  }
  desk_used_ = 0;
}

void Herd::receive_done(Index slot, const ring::Completion& completion) {
  Connection& connection = connections_[slot];
  connection.in_kernel &= static_cast<std::uint8_t>(~kReceiving);
  --inline_left_;
  if (!live(slot)) return;
  if ((connection.in_kernel & kReadable) == 0) arm(slot);
  const int result = completion.result;
  if (result == 0) return input_ended(slot, false);
  if (result < 0) {
    if (result == -EAGAIN || result == -EINTR) return unset(connection.flags, kReceiveMore);
    if (result == -ENOBUFS || result == -ENOMEM) return queue_ready(slot);
    return input_ended(slot, true);
  }
  const auto count = static_cast<std::size_t>(result);
  if (count == Desk::kReceiveBytes || completion.nonempty() || (connection.flags & kReceiveMore) != 0) {
    queue_ready(slot);
  }
  desk_->tally.add(Count::bytes_in, count);
  input(slot, std::span<const std::byte>(desk_->receive)
                  .subspan(std::size_t{connection.buffer} * Desk::kReceiveBytes, count));
}

void Herd::input(Index slot, std::span<const std::byte> bytes) {
  Connection& connection = connections_[slot];
  if (connection.state == State::half_open) return;
  if (connection.state == State::upgrading) {
    const std::size_t taken = answer(slot, bytes);
    if (taken == 0) return;
    bytes = bytes.subspan(taken);
  }
  const bool valid =
      read_frames(connection.frame, bytes, [&](const Piece& found) { return piece(slot, found); });
  if (!valid && live(slot)) end(slot, Fault::bad_frame);
}

// Judges the answer to the upgrade. Returns how many of `bytes` belong to it, 0 when no frames follow.
std::size_t Herd::answer(Index slot, std::span<const std::byte> bytes) {
  std::string_view received = characters(bytes);
  std::size_t before = 0;
  if (const auto found = partial_.find(slot); found != partial_.end()) {
    before = found->second.size();
    received = found->second.append(received);
  }
  std::size_t head_bytes = 0;
  switch (desk_->handshake.check(received, identity(slot), &head_bytes)) {
    case Answer::incomplete:
      if (before == 0) partial_.emplace(slot, received);
      return 0;
    case Answer::refused:
      end(slot, Fault::not_upgraded);
      return 0;
    case Answer::wrong_key:
      end(slot, Fault::wrong_accept_key);
      return 0;
    case Answer::no_upgrade:
    case Answer::malformed:
      end(slot, Fault::bad_handshake);
      return 0;
    case Answer::accepted:
      break;
  }
  partial_.erase(slot);
  desk_->tally.add(Count::upgraded);
  if (desk_->protocol != nullptr) {
    join(slot);
  } else {
    opened(slot);
  }
  return live(slot) ? head_bytes - before : 0;
}

void Herd::opened(Index slot) {
  connections_[slot].state = State::open;
  ++open_;
  desk_->tally.open.set(desk_->tally.open.get() + 1);
  if (events_ != nullptr) events_->upgraded(*this, slot);
}

// False when the rest of the input is nobody's any more.
bool Herd::piece(Index slot, const Piece& piece) {
  switch (piece.opcode) {
    case ws::Opcode::text:
    case ws::Opcode::binary:
      return message(slot, piece);
    case ws::Opcode::ping:
    case ws::Opcode::pong:
    case ws::Opcode::close:
      return control(slot, piece);
    case ws::Opcode::continuation:
      break;
  }
  CHECK(false);
  return false;
}

bool Herd::message(Index slot, const Piece& piece) {
  Connection& connection = connections_[slot];
  if (piece.last()) desk_->tally.add(Count::messages_in);
  // Sent before the server had our close, or held back while we were gone.
  if (connection.state == State::closing || connection.state == State::vanished) return true;
  if (desk_->protocol != nullptr) return client_frame(slot, piece);
  if (desk_->expect == Expect::publications) {
    publication(slot, piece);
  } else if (desk_->expect == Expect::echoes && connection.sequence_echoed != connection.sequence_left) {
    echo(slot, piece);
  } else if (desk_->expect == Expect::gathered && (connection.flags & kCollector) != 0) {
    if (events_ != nullptr) events_->gathered(*this, slot, piece);
  } else if (piece.last()) {
    desk_->tally.add(Fault::unexpected_message);
  }
  return live(slot);
}

void Herd::echo(Index slot, const Piece& piece) {
  Connection& connection = connections_[slot];
  const Content expected = echo_content(desk_->run, identity(slot), connection.sequence_echoed, desk_->sizes);
  if (piece.opcode != ws::Opcode::binary || piece.length != expected.bytes ||
      !matches(expected, piece.offset, piece.bytes)) {
    return end(slot, Fault::echo_differs);
  }
  if (!piece.last()) return;
  ++connection.sequence_echoed;
  desk_->tally.add(Count::echoes);
  if (events_ != nullptr) events_->echoed(*this, slot);
}

void Herd::publication(Index slot, const Piece& piece) {
  Connection& connection = connections_[slot];
  const auto is_round = [&](std::uint32_t round) {
    const Content content = broadcast_content(desk_->run, round, desk_->sizes, desk_->marker);
    return piece.length == content.bytes && matches(content, piece.offset, piece.bytes);
  };
  if ((connection.flags & kDiffers) == 0 && !is_round(connection.round)) {
    connection.flags |= kDiffers;
    Fault fault = Fault::broadcast_differs;
    for (std::uint32_t i = 1; i <= kRoundsAround && fault == Fault::broadcast_differs; ++i) {
      if (connection.round >= i && is_round(connection.round - i)) fault = Fault::broadcast_twice;
      if (is_round(connection.round + i)) fault = Fault::broadcast_out_of_order;
    }
    desk_->tally.add(fault);
  }
  if (!piece.last()) return;
  const bool right = (connection.flags & kDiffers) == 0;
  unset(connection.flags, kDiffers);
  if (!right) return;
  ++connection.round;
  desk_->tally.add(Count::deliveries);
  if (events_ != nullptr) events_->delivered(*this, slot);
}

// Control frames are short; the rare one that comes in pieces is put together first.
bool Herd::control(Index slot, const Piece& piece) {
  Connection& connection = connections_[slot];
  std::span<const std::byte> payload = piece.bytes;
  std::string whole;
  if (piece.bytes.size() != piece.length) {
    std::string& partial = partial_[slot];
    partial.append(characters(piece.bytes));
    if (!piece.last()) return true;
    whole = std::move(partial);
    partial_.erase(slot);
    payload = bytes_of(whole);
  }
  if (piece.opcode == ws::Opcode::close) {
    peer_closed(slot, payload);
  } else if (piece.opcode == ws::Opcode::ping) {
    // One pong is on its way already: it answers this ping too, as good as.
    if (connection.state != State::open || connection.sending == kSendPong) return true;
    pongs_[slot].assign(characters(payload));
    send(slot, kSendPong);
  } else {
    const Content expected = ping_content(desk_->run, identity(slot), connection.pings);
    if ((connection.flags & kPingPending) == 0 || payload.size() != expected.bytes ||
        !matches(expected, 0, payload)) {
      desk_->tally.add(Fault::pong_differs);
      return true;
    }
    unset(connection.flags, kPingPending);
    desk_->tally.add(Count::pongs);
    if (events_ != nullptr) events_->ponged(*this, slot);
  }
  return live(slot);
}

void Herd::peer_closed(Index slot, std::span<const std::byte> payload) {
  Connection& connection = connections_[slot];
  std::uint32_t code = 0;
  if (payload.size() >= 2) {
    code = std::to_integer<std::uint32_t>(payload[0]) << 8 | std::to_integer<std::uint32_t>(payload[1]);
  }
  if (connection.state == State::open && code != 0 && code == desk_->awaited_close) {
    connection.flags |= kCloseSeen;
    desk_->tally.add(Count::disconnected);
    return end(slot, Fault::none);
  }
  if (connection.state != State::closing) {
    if (desk_->tally.close_code.get() == 0) desk_->tally.close_code.set(code);
    return input_ended(slot, false);
  }
  if (code != kNormalClosure) return end(slot, Fault::close_differs);
  connection.flags |= kCloseSeen;
}

void Herd::input_ended(Index slot, bool reset) {
  Connection& connection = connections_[slot];
  switch (connection.state) {
    case State::upgrading:
      return end(slot, Fault::handshake_ended);
    case State::joining:
      return end(slot, Fault::join_ended);
    case State::half_open:
      desk_->tally.add(Count::half_open_ended);
      return end(slot, Fault::none);
    case State::open:
      if ((connection.flags & kSlow) != 0) return end(slot, Fault::none);
      return end(slot, reset ? Fault::unexpected_reset : Fault::unexpected_close);
    case State::vanished:
      connection.flags |= kCloseSeen;
      desk_->tally.add(Count::vanished_ended);
      return end(slot, Fault::none);
    case State::closing:
      if ((connection.flags & kCloseSeen) == 0) return end(slot, Fault::close_differs);
      desk_->tally.add(Count::closed);
      return end(slot, Fault::none);
    case State::free:
    case State::waiting:
    case State::connecting:
    case State::ending:
      return;
  }
}

}  // namespace holdfast::swarm
