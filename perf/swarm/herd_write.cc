// What connections send: made in the desk's memory when it can leave, and made again from where it stopped
// when the socket took only a part. One send per socket at a time.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "herd.h"

namespace holdfast::swarm {
namespace {

constexpr std::array<std::byte, 2> kNormalClosure = {std::byte{0x03}, std::byte{0xe8}};
constexpr std::array<std::byte, 1> kCollect = {std::byte{kCollectFirst}};
constexpr std::array<std::byte, 1> kLeave = {std::byte{kLeaveFirst}};

// Copies into `into` what lies at and behind `offset` of `part`, which begins at `*at` of the frame; moves
// *at to its end. Returns how much was copied.
std::size_t copy_from(std::span<const std::byte> part, std::size_t* at, std::size_t offset,
                      std::span<std::byte> into) {
  const std::size_t skip = offset > *at ? std::min(offset - *at, part.size()) : 0;
  *at += part.size();
  const std::size_t count = std::min(part.size() - skip, into.size());
  std::copy_n(part.begin() + static_cast<std::ptrdiff_t>(skip), count, into.begin());
  return count;
}

std::uint8_t lowest(std::uint8_t bits) {
  return static_cast<std::uint8_t>(bits & -bits);
}

}  // namespace

void Herd::send(Index slot, std::uint8_t wanted) {
  Connection& connection = connections_[slot];
  connection.wanted |= wanted;
  if ((connection.flags & kQueuedSend) != 0) return;
  connection.flags |= kQueuedSend;
  sends_.push_back(slot);
}

void Herd::write_pending() {
  if (sends_.empty()) return;
  desk_->send.resize(Desk::kSendBytes);
  sending_.swap(sends_);
  for (const Index slot : sending_) {
    Connection& connection = connections_[slot];
    if ((connection.flags & kQueuedSend) == 0) continue;  // an earlier tenant of the slot was meant
    connection.flags &= static_cast<std::uint16_t>(~kQueuedSend);
    if (!live(slot)) continue;
    if (!queue_send(slot)) {
      settle();
      queue_send(slot);
    }
  }
  sending_.clear();
  settle();
}

// False when the desk has no room: to be tried again after settle().
bool Herd::queue_send(Index slot) {
  Connection& connection = connections_[slot];
  if ((connection.in_kernel & (kSending | kWritable)) != 0) return true;
  if (connection.sending == 0) {
    if (connection.wanted == 0) return true;
    connection.sending = lowest(connection.wanted);
    connection.wanted &= static_cast<std::uint8_t>(~connection.sending);
    connection.send_offset = 0;
  }
  if (Desk::kSendBytes - desk_used_ < Handshake::kHeadMaximumBytes) return false;
  const std::span<const std::byte> bytes = encode(slot, Desk::kSendBytes - desk_used_);
  desk_used_ += bytes.size();
  connection.in_kernel |= kSending;
  ring_->send(slot, bytes, tag(Step::send, slot));
  ++inline_left_;
  return true;
}

bool Herd::sends_commands(Index slot) const {
  const std::uint8_t sending = connections_[slot].sending;
  return desk_->protocol != nullptr &&
         (sending == kSendJoin || sending == kSendEmptyCommand || sending == kSendPublication);
}

// What the frame on its way says.
Herd::Outgoing Herd::outgoing(Index slot) {
  const Connection& connection = connections_[slot];
  const std::uint64_t run = desk_->run;
  if (sends_commands(slot)) {
    desk_->commands.clear();
    write_commands(slot, desk_->commands);
    return {.opcode = opcode_of(desk_->protocol->encoding),
            .literal = std::as_bytes(std::span(desk_->commands))};
  }
  switch (connection.sending) {
    case kSendMessage:
      if (desk_->expect == Expect::gathered) {
        const Origin origin{static_cast<std::uint32_t>(number_of(slot)), connection.sequence_left,
                            connection.since_ns};
        return {.content = gathered_content(run, origin, desk_->sizes)};
      }
      return {.content = echo_content(run, identity(slot), connection.sequence_left, desk_->sizes)};
    case kSendPublication:
      return {.content = broadcast_content(run, desk_->publication_round, desk_->sizes, desk_->marker)};
    case kSendPing:
      return {.opcode = ws::Opcode::ping, .content = ping_content(run, identity(slot), connection.pings)};
    case kSendPong:
      return {.opcode = ws::Opcode::pong, .literal = std::as_bytes(std::span(pongs_[slot]))};
    case kSendCollect:
      return {.literal = kCollect};
    case kSendLeave:
      return {.literal = kLeave};
    default:
      CHECK(connection.sending == kSendClose);
      return {.opcode = ws::Opcode::close, .literal = kNormalClosure};
  }
}

// The rest of what is on its way, as far as there is room for it.
std::span<const std::byte> Herd::encode(Index slot, std::size_t room) {
  Connection& connection = connections_[slot];
  const std::span<std::byte> into = std::span(desk_->send).subspan(desk_used_, room);
  if (connection.sending == kSendRequest) {
    std::string_view request = desk_->handshake.request(identity(slot));
    if (connection.state == State::half_open) request = request.substr(0, request.size() / 2);
    std::size_t at = 0;
    const auto bytes = std::as_bytes(std::span(request.data(), request.size()));
    return into.first(copy_from(bytes, &at, connection.send_offset, into));
  }
  const Outgoing frame = outgoing(slot);
  const auto& [opcode, content, literal] = frame;
  const std::uint32_t payload_bytes = frame.payload_bytes();
  const auto mask = static_cast<std::uint32_t>(mixed(identity(slot)));
  std::array<std::byte, ws::kClientHeaderMaximumBytes> header;
  const std::size_t header_bytes = write_client_header(header, opcode, payload_bytes, mask);
  std::size_t at = 0;
  std::size_t used = copy_from(std::span(header).first(header_bytes), &at, connection.send_offset, into);
  if (content.bytes == 0) {
    const std::span<std::byte> rest = into.subspan(used);
    std::size_t place = connection.send_offset - std::min<std::size_t>(connection.send_offset, at);
    const std::size_t count = copy_from(literal, &at, connection.send_offset, rest);
    for (std::size_t i = 0; i < count; ++i, ++place) {
      rest[i] ^= static_cast<std::byte>(mask >> (place % 4 * 8));
    }
    return into.first(used + count);
  }
  const std::uint32_t offset = connection.send_offset > header_bytes
                                   ? connection.send_offset - static_cast<std::uint32_t>(header_bytes)
                                   : 0;
  const std::size_t count = std::min<std::size_t>(payload_bytes - offset, into.size() - used);
  write_content(content, offset, into.subspan(used, count), mask);
  return into.first(used + count);
}

void Herd::send_done(Index slot, int result) {
  Connection& connection = connections_[slot];
  connection.in_kernel &= static_cast<std::uint8_t>(~kSending);
  --inline_left_;
  if (!live(slot)) return;
  if (result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM || result == -EINTR) {
    connection.in_kernel |= kWritable;
    ring_->arm_writable(slot, tag(Step::writable, slot));
    queued_ = true;
    return;
  }
  if (result < 0) {
    // The poll tells how it ended, behind whatever the server sent before.
    connection.sending = connection.wanted = 0;
    return;
  }
  desk_->tally.add(Count::bytes_out, static_cast<std::uint64_t>(result));
  connection.send_offset += static_cast<std::uint32_t>(result);
  std::uint32_t total = static_cast<std::uint32_t>(desk_->handshake.request_bytes());
  if (connection.state == State::half_open) total /= 2;
  if (connection.sending != kSendRequest) {
    const std::uint32_t payload =
        sends_commands(slot) ? clients_[slot].frame_bytes : outgoing(slot).payload_bytes();
    total = static_cast<std::uint32_t>(client_header_bytes(payload)) + payload;
  }
  if (connection.send_offset < total) return send(slot, 0);
  if (connection.sending == kSendMessage || connection.sending == kSendPublication) {
    desk_->tally.add(Count::messages_out);
    if (connection.sending == kSendMessage && ++connection.sequence_left != connection.sequence_sent) {
      connection.wanted |= kSendMessage;
    }
  } else if (connection.sending == kSendPong) {
    pongs_.erase(slot);
    desk_->tally.add(Count::pings_answered);
  } else if (desk_->protocol != nullptr && connection.sending == kSendEmptyCommand) {
    desk_->tally.add(Count::pings_answered);
  }
  connection.sending = 0;
  if (connection.wanted != 0) send(slot, 0);
}

}  // namespace holdfast::swarm
