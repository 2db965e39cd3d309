// Clients of the Centrifugo protocol: what they say, and what must come back: replies to their commands,
// pings, and the publications of their channel, each once and in order.
#include <cstring>

#include "base/check.h"
#include "herd.h"

namespace holdfast::swarm {
namespace {

// How many neighbouring publications one is compared with that is not the expected one.
constexpr std::uint64_t kAround = 64;

}  // namespace

// Right after the handshake: connect and subscribe, in one frame.
void Herd::join(Index slot) {
  Connection& connection = connections_[slot];
  Client& client = clients_[slot];
  const bool subscribes = desk_->protocol->subscribes;
  connection.state = State::joining;
  client.command += subscribes ? 2 : 1;
  client.awaited = static_cast<std::uint8_t>(kAwaitsConnect | (subscribes ? kAwaitsSubscribe : 0));
  client.ping_s = 0;
  client.pongs = false;
  send(slot, kSendJoin);
}

void Herd::publish(Index slot) {
  ++clients_[slot].command;
  clients_[slot].awaited |= kAwaitsPublish;
  send(slot, kSendPublication);
}

// The same as often as it is asked for while it is on its way.
void Herd::write_commands(Index slot, std::string& frame) {
  const ClientProtocol& protocol = *desk_->protocol;
  const Connection& connection = connections_[slot];
  Client& client = clients_[slot];
  const std::uint32_t channel = channel_of(slot);
  if (connection.sending == kSendEmptyCommand) {
    frame = empty_message(protocol.encoding);
  } else if (connection.sending == kSendPublication) {
    std::string& text = desk_->expected;
    protocol.channels.write_text(channel, desk_->publication_round, desk_->sizes, text);
    text.insert(0, 1, '"').push_back('"');
    append_publish(protocol.encoding, frame, client.command, protocol.channels.name(channel), text);
  } else {
    CHECK(connection.sending == kSendJoin);
    const std::uint32_t first = client.command - (protocol.subscribes ? 1 : 0);
    append_connect(protocol.encoding, frame, first, protocol.tokens.of(number_of(slot)));
    if (protocol.subscribes) {
      SubscribeCommand command{protocol.channels.name(channel), protocol.recoverable};
      if (protocol.recoverable && client.joined) {
        command.recover = true;
        command.offset = client.position;
        command.epoch = protocol.channels.epoch(channel);
      }
      append_subscribe(protocol.encoding, frame, client.command, command);
    }
  }
  client.frame_bytes = static_cast<std::uint32_t>(frame.size());
}

// A frame that comes in pieces is put together first. False when the connection is nobody's any more.
bool Herd::client_frame(Index slot, const Piece& piece) {
  const Encoding encoding = desk_->protocol->encoding;
  std::string_view frame(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
  std::string whole;
  if (piece.bytes.size() != piece.length) {
    std::string& partial = partial_[slot];
    partial.append(frame);
    if (!piece.last()) return true;
    whole = std::move(partial);
    partial_.erase(slot);
    whole.reserve(whole.size() + MessageReader::kPaddingBytes);
    frame = whole;
  }
  const bool well_formed =
      piece.opcode == opcode_of(encoding) &&
      desk_->messages.read(encoding, frame, [&](const ServerMessage& message) {
        return client_message(slot, message) && live(slot) && connections_[slot].state != State::closing;
      });
  if (!well_formed && live(slot)) end(slot, Fault::bad_message);
  return live(slot);
}

bool Herd::client_message(Index slot, const ServerMessage& message) {
  using Kind = ServerMessage::Kind;
  Client& client = clients_[slot];
  switch (message.kind) {
    case Kind::ping:
      if (client.ping_s == 0) desk_->tally.add(Fault::unexpected_message);
      if (client.pongs) send(slot, kSendEmptyCommand);
      return true;
    case Kind::connect:
      return connect_reply(slot, message);
    case Kind::subscribe:
      return subscribe_reply(slot, message);
    case Kind::publish:
      return await(slot, kAwaitsPublish, message.id);
    case Kind::error:
      return error_reply(slot, message);
    case Kind::publication:
      if (message.channel == desk_->protocol->channels.name(channel_of(slot)) &&
          desk_->protocol->subscribes && (client.awaited & kAwaitsSubscribe) == 0) {
        channel_publication(slot, message.publication);
        return true;
      }
      break;
    case Kind::other:
      break;
  }
  desk_->tally.add(Fault::unexpected_message);
  return true;
}

// Takes a reply for the one that is awaited, when it is.
bool Herd::await(Index slot, std::uint8_t reply, std::uint32_t id) {
  Client& client = clients_[slot];
  const bool first_of_two = reply == kAwaitsConnect && desk_->protocol->subscribes;
  if ((client.awaited & reply) == 0 || id != client.command - (first_of_two ? 1 : 0)) {
    end(slot, Fault::reply_differs);
    return false;
  }
  client.awaited &= static_cast<std::uint8_t>(~reply);
  if (client.awaited == 0 && connections_[slot].state == State::joining) {
    desk_->tally.add(Count::joined);
    if (client.joined && desk_->protocol->recoverable) desk_->tally.add(Count::recovered);
    client.joined = true;
    opened(slot);
  }
  return live(slot);
}

bool Herd::connect_reply(Index slot, const ServerMessage& message) {
  Client& client = clients_[slot];
  if (message.client.empty()) {
    end(slot, Fault::reply_differs);
    return false;
  }
  client.ping_s = static_cast<std::uint16_t>(message.ping_s < 0xffff ? message.ping_s : 0xffff);
  client.pongs = message.pong;
  return await(slot, kAwaitsConnect, message.id);
}

bool Herd::subscribe_reply(Index slot, const ServerMessage& message) {
  ClientProtocol& protocol = *desk_->protocol;
  Client& client = clients_[slot];
  const std::uint32_t channel = channel_of(slot);
  const bool recovers = protocol.recoverable && client.joined;
  Fault fault = Fault::none;
  if ((client.awaited & (kAwaitsConnect | kAwaitsSubscribe)) != kAwaitsSubscribe) {
    fault = Fault::reply_differs;  // not asked for, or before that to connect
  } else if (protocol.recoverable && (!message.recoverable || message.epoch.empty())) {
    fault = Fault::not_recoverable;
  } else if (recovers && (!message.was_recovering || !message.recovered)) {
    fault = Fault::not_recovered;
  } else if (recovers) {
    const bool same = message.epoch == protocol.channels.epoch(channel) && message.offset == client.position;
    if (!same) fault = Fault::position_differs;
  } else if (!message.publications.empty()) {
    fault = Fault::reply_differs;
  } else {
    const bool right =
        !protocol.recoverable || protocol.channels.is_top(channel, message.epoch, message.offset);
    if (!right) fault = Fault::position_differs;
    client.position = protocol.channels.top(channel);
  }
  if (fault != Fault::none) {
    end(slot, fault);
    return false;
  }
  for (const Publication& publication : message.publications) {
    desk_->tally.add(Count::publications_recovered);
    channel_publication(slot, publication);
  }
  return await(slot, kAwaitsSubscribe, message.id);
}

bool Herd::error_reply(Index slot, const ServerMessage& message) {
  if (desk_->tally.error_code.get() == 0) desk_->tally.error_code.set(message.code);
  Client& client = clients_[slot];
  client.awaited &= static_cast<std::uint8_t>(~kAwaitsPublish);
  if (connections_[slot].state == State::joining) {
    end(slot, Fault::command_refused);
    return false;
  }
  desk_->tally.add(Fault::command_refused);
  return true;
}

// What is wrong with the next publication to come, and by how many of them the position moves on.
Fault Herd::judge(Index slot, const Publication& publication, std::uint64_t* steps) {
  const ClientProtocol& protocol = *desk_->protocol;
  const std::uint32_t channel = channel_of(slot);
  const std::uint64_t position = clients_[slot].position;
  const std::uint64_t number = position - protocol.channels.base(channel);
  const auto is = [&](std::uint64_t other) {
    protocol.channels.write_text(channel, other, desk_->sizes, desk_->expected);
    return publication.is_text && publication.text == desk_->expected;
  };
  const bool right_offset = !protocol.recoverable || publication.offset == position + 1;
  *steps = 1;
  if (is(number)) return right_offset ? Fault::none : Fault::offset_differs;
  for (std::uint64_t i = 1; i <= kAround; ++i) {
    *steps = 0;
    if (number >= i && is(number - i)) return Fault::broadcast_twice;
    *steps = i + 1;
    if (is(number + i)) return Fault::broadcast_missing;
  }
  *steps = right_offset ? 1 : 0;
  return Fault::broadcast_differs;
}

void Herd::channel_publication(Index slot, const Publication& publication) {
  std::uint64_t steps = 0;
  const Fault fault = judge(slot, publication, &steps);
  clients_[slot].position += steps;
  connections_[slot].round = static_cast<std::uint16_t>(connections_[slot].round + steps);
  if (fault != Fault::none) {
    return desk_->tally.add(fault, fault == Fault::broadcast_missing ? steps - 1 : 1);
  }
  desk_->tally.add(Count::deliveries);
  if (events_ != nullptr) events_->delivered(*this, slot);
}

}  // namespace holdfast::swarm
