// HttpSide: whatever serves the connections of Protocol::http on a shard: the HTTP API, health, metrics,
// pages, and the requests that begin event streams and HTTP streams. The gateway itself knows no HTTP.
//
// One per shard, made with its Gateway and called on the shard's thread only. Calls are those of
// holdfast::Handler, for connections of Protocol::http that have not become a session
// (Gateway::open_session); of those it is told nothing more but on_close.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "holdfast/handler.h"

namespace holdfast::gateway {

class Gateway;

class HttpSide {
 public:
  virtual ~HttpSide() = default;
  virtual void on_start() {}
  virtual void on_stop() {}
  // A connection on Config::listen_http.
  virtual Admission on_request(const Request& request) = 0;
  // A plain request on a listener for clients.
  virtual std::optional<Admission> on_plain_request(const Request& request) = 0;
  // Connection::word() is free for use but for its highest bit, which stays 0.
  virtual void on_open(Connection connection) = 0;
  virtual void on_message(Connection connection, Message message) = 0;
  virtual void on_drained(Connection connection) = 0;
  virtual void on_close(Connection connection, Close close) = 0;
  // The time given to Gateway::wake_http_side_at has come.
  virtual void on_timer() {}
};

// Called once for each shard, before the server runs.
using HttpSideFactory = std::function<std::unique_ptr<HttpSide>(Gateway& gateway)>;

}  // namespace holdfast::gateway
