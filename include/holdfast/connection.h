// Connection: a small value that names one live connection, and what can be done with it from its shard's
// thread.
//
// Copy it, keep it, compare it. It stays valid for ever in the sense that using one whose connection has
// ended does nothing and says so; it never reaches a newer connection (the generation in it differs). All
// methods must be called on the thread of the connection's shard, that is from a Handler's methods or from a
// task posted there; other threads use Server::send, Server::close and Server::publish with the ConnectionId.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/message.h"

namespace holdfast {

namespace shard {
class Shard;
}

// Names a connection across threads: shard, generation and slot in 64 bits. 0 names none.
struct ConnectionId {
  std::uint64_t value = 0;
  friend bool operator==(ConnectionId, ConnectionId) = default;
};

// The peer's address and port. An IPv4 peer is kept as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2).
struct PeerAddress {
  std::array<std::uint8_t, 16> ip = {};
  std::uint16_t port = 0;
  // "127.0.0.1:40000" or "[::1]:40000".
  std::string to_string() const;
};

enum class Protocol : std::uint8_t {
  websocket,
  length_prefixed,  // u32 big-endian length, payload
  http,             // bytes as they come and go: no framing here. What they mean is the handler's business.
};

enum class SendResult : std::uint8_t {
  queued,      // goes out at the end of this turn
  backlogged,  // queued behind bytes the peer has not taken yet; on_drained follows when it has caught up
  closed,      // the connection is closing or gone: nothing was queued
  overflowed,  // the outbox is at its bound, or memory is used up: the connection is being ended (a gap is
               // never delivered), see Config::overflow_close_code
  refused,     // an empty SharedMessage, or no memory to encode it for this protocol: nothing was queued,
               // the connection is as before, and whether it can live with the gap is for the caller to say
};

class SharedMessage;

class Connection {
 public:
  Connection() = default;

  ConnectionId id() const;
  // True while messages can be sent.
  bool is_open() const;

  // Queues a copy of the message; never calls the handler. Messages leave in the order of the calls.
  SendResult send(const Message& message);
  // Queues a reference to what Handler::share has encoded. No copy, no allocation.
  SendResult send(const SharedMessage& message);
  // Asks for the memory that a send to this connection will touch. Whoever sends to thousands calls it for
  // the next connection before sending to this one, because waiting for memory is most of what that costs.
  void prefetch() const;

  // Starts the closing handshake: what was queued before leaves first, then a close frame with `code` (1000,
  // 1001, 1008, 1011-1014 or 3000-4999; anything else is sent as 1000) and `reason` (UTF-8, cut at 123
  // bytes). on_close follows later in this or another turn, never inside this call.
  // Length-prefixed and HTTP connections are ended (FIN) after their outbox. On HTTP connections another code
  // than 1000 says that the peer may still be sending what nobody wants to read: it is discarded for up to a
  // second, so that a reset does not destroy the answer on its way.
  void close(std::uint16_t code = 1000, std::string_view reason = {});

  // WebSocket only, without effect on others: asks the peer for a sign of life with a ping frame, whatever
  // Config::ping_interval says. The connection is dropped when nothing has come within `pong_timeout`; none:
  // Config::pong_timeout; 0: never. While a ping is waited for in this way it is not repeated; 0 ends that.
  void ping(std::optional<std::chrono::milliseconds> pong_timeout = std::nullopt);

  // Protocol::http only, without effect on others: from the end of this turn on, nothing is read from the
  // peer until resume_input, and TCP makes it wait. What has been received already still arrives. A peer that
  // finishes meanwhile is noticed after resume_input, one that resets at once.
  void pause_input();
  void resume_input();

  // Protocol::http only, without effect on others: a request is being answered, for as long as that takes.
  // Until end_request the connection is not idle (Config::http_idle_timeout) even when no byte moves, from
  // then on that time counts anew; and a peer that finishes (FIN) meanwhile gets what is sent to it by then,
  // and is ended at end_request. They are not counted: one end_request ends what several begin_request said.
  void begin_request();
  // The same when the answer is a stream, which has no end: a peer that finishes does not want more of it,
  // and is ended as others are.
  void begin_stream();
  void end_request();

  // A word of the application's own; 0 when the connection opens. Costs no allocation.
  std::uint64_t word() const;
  void set_word(std::uint64_t word);

  // Adds the connection to a topic (1 to 255 bytes of any content) or removes it. subscribe returns false
  // when the connection is not open, was already subscribed, or a bound was reached
  // (Config::max_subscriptions).
  bool subscribe(std::string_view topic);
  bool unsubscribe(std::string_view topic);

  // Bytes queued and not yet taken by the kernel.
  std::size_t outbox_bytes() const;
  // Messages queued and not yet taken whole by the kernel.
  std::size_t outbox_messages() const;
  PeerAddress peer() const;
  Protocol protocol() const;

  friend bool operator==(const Connection&, const Connection&) = default;

 private:
  friend class shard::Shard;
  Connection(shard::Shard* shard, std::uint32_t slot, std::uint32_t generation)
      : shard_(shard), slot_(slot), generation_(generation) {}

  shard::Shard* shard_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
};

}  // namespace holdfast
