// From frames to commands: several in one frame, in order, up to the first that ends the client.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "gateway/connecting.h"
#include "gateway/session.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;
using protocol::Command;
using protocol::CommandKind;

namespace {

CommandLimits command_limits(const Settings& settings) {
  CommandLimits limits;
  limits.frame_bytes = settings.client.max_message_bytes;
  limits.subs = settings.client.max_channels;
  return limits;
}

}  // namespace

Sessions::Sessions(ShardState& shard, FanOut& fan_out)
    : shard_(shard),
      fan_out_(fan_out),
      clients_(shard.clients),
      subscribers_(shard.subscribers),
      outgoing_(shard.outgoing),
      reader_(command_limits(shard.settings())),
      rpc_reader_(shard.settings().client.max_message_bytes) {}

Sessions::~Sessions() = default;

Index Sessions::open(Connection connection, const Transport& transport) {
  const Index index = clients_.open(connection, transport);
  if (index == kNoIndex) return kNoIndex;
  const time::Tick deadline = shard_.now() + ShardState::ticks(shard_.settings().client.connect_timeout);
  clients_.wheel().schedule(index, deadline);
  shard_.wake_in(deadline - shard_.now());
  return index;
}

void Sessions::frame(Index index, std::string_view bytes) {
  const Client& client = clients_[index];
  if (client.state == Client::State::ended) return;
  const Transport transport = client.transport();
  if (!transport.unidirectional) {
    commands(index, transport.encoding, bytes);
  } else if (client.state == Client::State::waiting) {
    begin_unidirectional(index, bytes);
  }  // after that nothing is expected of it
  outgoing_.flush();
}

void Sessions::begin_unidirectional(Index index, std::string_view request) {
  if (!reader_.read_connect(clients_[index].encoding(), request, command_)) {
    return disconnect(index, DisconnectCode::bad_request);
  }
  shard_.counters().commands.add();
  connect(index, 0, command_.connect);
}

void Sessions::commands(Index index, Encoding encoding, std::string_view frame) {
  Client& client = clients_[index];
  if (client.state == Client::State::connecting) return hold_input(index, encoding, frame);
  reader_.start(encoding, frame);
  while (client.state != Client::State::ended) {
    switch (reader_.next(command_)) {
      case CommandReader::Outcome::end:
        return;
      case CommandReader::Outcome::malformed:
        return disconnect(index, DisconnectCode::bad_request);
      case CommandReader::Outcome::command:
        break;
    }
    shard_.counters().commands.add();
    execute(index, command_);
    if (client.state != Client::State::connecting) continue;
    // What follows has to wait for the reply to connect.
    if (!reader_.rest().empty()) hold_input(index, encoding, reader_.rest());
    return;
  }
}

void Sessions::hold_input(Index index, Encoding encoding, std::string_view bytes) {
  std::string& held = connecting_.at(index)->held_input;
  const bool too_much = held.size() + bytes.size() > shard_.settings().client.max_message_bytes;
  if (bytes.empty() || too_much) return disconnect(index, DisconnectCode::bad_request);
  if (held_bytes_ + bytes.size() + 1 > kHeldInputMaximum)
    return disconnect(index, DisconnectCode::too_many_requests);
  const std::size_t before = held.size();
  if (encoding == Encoding::json && !held.empty() && held.back() != '\n') held.push_back('\n');
  held.append(bytes);
  held_bytes_ += held.size() - before;
}

void Sessions::execute(Index index, const Command& command) {
  if (is_pong(command)) return pong(index);
  switch (clients_[index].state) {
    case Client::State::waiting:
      if (command.kind != CommandKind::connect) break;
      return connect(index, command.id, command.connect);
    case Client::State::connected:
      if (command.kind == CommandKind::connect) break;
      return execute_connected(index, command);
    case Client::State::refused:
    case Client::State::connecting:
    case Client::State::ended:
    case Client::State::free:
      break;
  }
  disconnect(index, DisconnectCode::bad_request);
}

void Sessions::execute_connected(Index index, const Command& command) {
  const std::uint32_t id = command.id;
  switch (command.kind) {
    case CommandKind::subscribe:
      return subscribe(index, id, command.subscribe);
    case CommandKind::unsubscribe:
      return unsubscribe_command(index, id, command.unsubscribe.channel);
    case CommandKind::publish:
      return publish(index, id, command.publish);
    case CommandKind::presence:
      return presence(index, id, command.presence.channel);
    case CommandKind::presence_stats:
      return presence_stats(index, id, command.presence_stats.channel);
    case CommandKind::history:
      return history(index, id, command.history);
    case CommandKind::ping:
      return error(index, id, ErrorCode::not_available);
    case CommandKind::send:
      return send(index);
    case CommandKind::rpc:
      return rpc(index, id, command.rpc);
    case CommandKind::refresh:
      return refresh(index, id, command.refresh.token);
    case CommandKind::sub_refresh:
      return sub_refresh(index, id, command.sub_refresh);
    case CommandKind::none:  // a request that is not known here
      return error(index, id, ErrorCode::method_not_found);
    case CommandKind::connect:
      break;
  }
  CHECK(false);
}

// Exactly one for each ping.
void Sessions::pong(Index index) {
  Client& client = clients_[index];
  if (!client.is(Client::kPongDue)) return disconnect(index, DisconnectCode::bad_request);
  client.flags &= static_cast<std::uint16_t>(~Client::kPongDue);
  schedule(index);  // while it is at hand: its deadline was that of the pong
}

// "<connection>-<client>-<proof>", sixteen hexadecimal digits each. Nobody without the key finds the proof
// for a connection, and nothing is looked up without it.
std::string Sessions::session_of(const ClientReference& reference) const {
  const std::array<std::uint64_t, 2> named = {reference.connection.value, reference.client};
  const std::uint64_t proof = base::siphash(shard_.shared.sessions_key, std::as_bytes(std::span(named)));
  std::string session;
  for (const std::uint64_t word : {named[0], named[1], proof}) {
    if (!session.empty()) session.push_back('-');
    for (int shift = 60; shift >= 0; shift -= 4) session.push_back("0123456789abcdef"[(word >> shift) & 15]);
  }
  return session;
}

ClientReference Sessions::find_session(std::string_view session) const {
  constexpr std::size_t kDigits = 16;
  if (session.size() != 3 * kDigits + 2) return {};
  std::array<std::uint64_t, 2> named = {};
  for (std::size_t i = 0; i < named.size(); ++i) {
    const char* begin = session.data() + i * (kDigits + 1);
    if (std::from_chars(begin, begin + kDigits, named[i], 16).ptr != begin + kDigits) return {};
  }
  if (named[1] >= kNoIndex) return {};
  const ClientReference reference{static_cast<Index>(named[1]), {named[0]}};
  return session_of(reference) == session ? reference : ClientReference{};
}

void Sessions::error(Index index, std::uint32_t id, ErrorCode code) {
  shard_.counters().errors.add();
  outgoing_.error(index, id, code);
}

ErrorCode error_for(Decision decision) {
  switch (decision) {
    case Decision::bad_name:
      return ErrorCode::bad_request;
    case Decision::unknown_channel:
      return ErrorCode::unknown_channel;
    case Decision::denied:
      return ErrorCode::permission_denied;
    case Decision::unavailable:
      return ErrorCode::not_available;
    case Decision::empty_name:
      return ErrorCode::bad_request;
    case Decision::allowed:
      break;
  }
  CHECK(false);
  return ErrorCode::internal;
}

bool Sessions::allowed(Index index, std::uint32_t id, Decision decision) {
  if (decision == Decision::allowed) return true;
  if (decision == Decision::empty_name) {
    disconnect(index, DisconnectCode::bad_request);
  } else {
    error(index, id, error_for(decision));
  }
  return false;
}

Asker Sessions::asker(Index index, std::uint32_t id, bool is_rpc) const {
  return {shard_.number, clients_.reference(index), id, is_rpc};
}

// For what is not over.
std::uint32_t Sessions::ttl_s(std::int64_t expires_at_s) const {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(expires_at_s - shard_.unix_time_s(), 0));
}

}  // namespace holdfast::gateway
