// Handler: the application's side of a shard. Each shard has its own instance and calls it from its own
// thread only, so a handler needs no locks for what it keeps itself.
//
// Every method is called between system calls, never from inside send, close or publish. A handler must not
// block: all connections of its shard wait while it runs. Exceptions must not leave it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/connection.h"
#include "holdfast/message.h"

namespace holdfast {

class Server;

// What a client asked for when it connected. Views die when on_request returns.
class Request {
 public:
  virtual Protocol protocol() const = 0;
  virtual PeerAddress peer() const = 0;
  // Everything below is empty for length-prefixed connections, which ask for nothing.
  virtual std::string_view target() const = 0;  // path and query, as sent
  virtual std::string_view path() const = 0;
  virtual std::string_view query() const = 0;  // without the '?'
  // The value of the first field with this name (ASCII case-insensitive).
  virtual std::optional<std::string_view> field(std::string_view name) const = 0;
  // The subprotocol that will be answered unless the admission says otherwise: the first of
  // Config::subprotocols that the client offers, or empty.
  virtual std::string_view subprotocol() const = 0;

 protected:
  ~Request() = default;
};

// The answer to a request.
struct Admission {
  // 0 admits; otherwise the HTTP status to reject with (400, 401, 403, 404, 429, 500, 503; others are sent as
  // 403). A length-prefixed connection is simply ended.
  std::uint16_t reject_status = 0;
  // Initial value of Connection::word().
  std::uint64_t word = 0;
  // Replaces Request::subprotocol(); must be one the client offered.
  std::optional<std::string> subprotocol;
  // Complete extra response lines, each "Name: value\r\n". Malformed ones are left out and counted.
  std::string response_fields;

  static Admission accept(std::uint64_t word = 0) {
    Admission admission;
    admission.word = word;
    return admission;
  }
  static Admission reject(std::uint16_t status) {
    Admission admission;
    admission.reject_status = status;
    return admission;
  }
};

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
  // Decides about a client before it costs anything beyond its handshake.
  virtual Admission on_request(const Request& request) {
    static_cast<void>(request);
    return Admission::accept();
  }
  virtual void on_open(Connection connection) { static_cast<void>(connection); }
  virtual void on_message(Connection connection, Message message) = 0;
  // The outbox, backlogged before, is empty again.
  virtual void on_drained(Connection connection) { static_cast<void>(connection); }
  // Exactly once for each on_open. The connection can no longer send; id(), word() and peer() still answer.
  virtual void on_close(Connection connection, Close close) {
    static_cast<void>(connection);
    static_cast<void>(close);
  }

  // The server this handler works for. Valid from on_start until the handler is destroyed.
  Server& server() const { return *server_; }

 private:
  friend class Server;
  Server* server_ = nullptr;
};

}  // namespace holdfast
