// Handler: the application's side of a shard. Each shard has its own instance and calls it from its own
// thread only, so a handler needs no locks for what it keeps itself.
//
// Every method is called between system calls, never from inside send, close or publish. A handler must not
// block: all connections of its shard wait while it runs. Exceptions must not leave it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "holdfast/connection.h"
#include "holdfast/message.h"
#include "holdfast/request.h"
#include "holdfast/shared_message.h"

namespace holdfast {

class Server;

// How a connection ended. `code` is the close code received from the peer or sent by us; 1005 when the peer's
// close frame had none, 1006 when there was no close frame at all (vanished, reset, timeout, or a TCP
// connection ended).
struct Close {
  std::uint16_t code = 1006;
  std::string_view reason;  // dies when on_close returns
  bool by_peer = false;     // the peer spoke first
};

class Handler {
 public:
  virtual ~Handler() = default;

  // Once, before the first connection, on the shard's thread. server() works from here on.
  virtual void on_start() {}
  // Once, after the last connection, on the shard's thread; the last call. What is left of SharedMessages is
  // dropped here.
  virtual void on_stop() {}
  // Decides about a client before it costs anything beyond its handshake. For Protocol::http that is when its
  // first bytes have arrived.
  virtual Admission on_request(const Request& request) {
    static_cast<void>(request);
    return Admission::accept();
  }
  // Decides about a plain HTTP request that came to a WebSocket listener: a complete, valid head, any method,
  // HTTP/1.1 or 1.0, without Upgrade: websocket. Nothing: not taken, the server answers by itself (426 for a
  // GET). Origin is not looked at. Accepted: the connection becomes one of Protocol::http, whose first
  // on_message begins with the first byte of this request. Not called while draining: the answer is 503 then.
  virtual std::optional<Admission> on_plain_request(const Request& request) {
    static_cast<void>(request);
    return std::nullopt;
  }
  virtual void on_open(Connection connection) { static_cast<void>(connection); }
  // A whole message; with Protocol::http whatever bytes have arrived, in any split, as binary.
  virtual void on_message(Connection connection, Message message) = 0;
  // The outbox, backlogged before, is empty again.
  virtual void on_drained(Connection connection) { static_cast<void>(connection); }
  // The server drains and ends this connection now: the moment for a last message. It may be closed here;
  // otherwise it is when this returns, with Config::drain_close_code.
  virtual void on_drain(Connection connection) { static_cast<void>(connection); }
  // Exactly once for each on_open. The connection can no longer send; id(), word() and peer() still answer.
  virtual void on_close(Connection connection, Close close) {
    static_cast<void>(connection);
    static_cast<void>(close);
  }
  // The time given to wake_at has come.
  virtual void on_timer() {}

  // The rest is for the shard's thread, from on_start to on_stop.

  // Monotonic time in nanoseconds since some start, read once per turn and the same until the turn ends.
  // Leaves out gaps in which the process did not run (stopped, suspended), so that nothing expires in one.
  // This shard's: not to be compared with that of another.
  std::uint64_t now_ns() const;
  // Wall clock: seconds since 1970-01-01 UTC. May jump in both directions; for what outlives the process.
  std::int64_t unix_time_s() const;
  // Has on_timer called once, in the first turn at or after that moment of now_ns(). There is one such time:
  // a later call replaces it, 0 cancels it.
  void wake_at(std::uint64_t time_ns);
  // Encodes a message for many connections of this shard. Empty when message memory is used up (counted as
  // memory_refusals).
  SharedMessage share(const Message& message) const;

  // The server this handler works for. Valid from on_start until the handler is destroyed.
  Server& server() const { return *server_; }

 private:
  friend class Server;
  Server* server_ = nullptr;
};

}  // namespace holdfast
