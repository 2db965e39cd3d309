// Service: the HTTP side of a shard: the API on its listeners, and on those of clients the page and the
// streams. It joins what is pure (Conversation, routes) to connections, and keeps the bounds.
//
// Owns the state of each HTTP connection until that ends or becomes a session of the gateway. Answers may
// come after a connection has gone: they are dropped. Shard thread only.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "admin/api_routes.h"
#include "admin/client_routes.h"
#include "admin/conversation.h"
#include "admin/node.h"
#include "gateway/gateway.h"
#include "gateway/http_side.h"

namespace holdfast::admin {

class Service final : public gateway::HttpSide {
 public:
  // `node` must outlive it.
  Service(gateway::Gateway& gateway, Node& node);
  ~Service() override;

  void on_start() override;
  Admission on_request(const Request& request) override;
  std::optional<Admission> on_plain_request(const Request& request) override;
  void on_open(Connection connection) override;
  void on_message(Connection connection, Message message) override;
  void on_drained(Connection connection) override;
  void on_close(Connection connection, Close close) override;
  void on_timer() override;

  // Requests that arrive in pieces, all connections of the shard together: who would make it more is told to
  // come back. One body of the largest size always fits.
  static constexpr std::size_t kHeldBytesMaximum = 64u << 20;
  static std::size_t held_bytes_maximum(std::size_t body_bytes) {
    return std::max(kHeldBytesMaximum, 2 * body_bytes) + kHeldBytesMaximum;
  }

 private:
  struct State {
    State(Connection of, const http::RequestLimits* limits, bool is_api)
        : connection(of), conversation(limits), api(is_api) {}
    Connection connection;
    Conversation conversation;
    bool api;           // of the API's listeners
    bool busy = false;  // its requests are being read: an answer need not see to what follows
    bool paused = false;
    bool revisit = false;                // is in revisit_
    std::unique_ptr<ClientRoute> route;  // becomes this stream when what is being read has been read
    std::uint64_t deadline_ns = 0;       // of the request under way; 0: none is
    std::uint64_t deadline_request = 0;
    std::size_t held_bytes = 0;  // counted in held_bytes_
  };

  State* find(ConnectionId id);
  ApiCounters& counters() { return node_.counters[gateway_.shard()]; }
  void read(State& state, std::string_view bytes);
  void serve(State& state, const http::ReceivedRequest& request, std::uint64_t number);
  void serve_client(State& state, const http::ReceivedRequest& request, std::uint64_t number);
  void emulate(const ClientRoute& route, const Respond& respond);
  Respond respond_to(State& state, std::uint64_t number);
  void answered(ConnectionId id, std::uint64_t number, const Response& response);
  // After anything has changed: sends, reads on, ends, pauses. The state may be gone afterwards.
  void go_on(State& state);
  bool send_output(State& state);
  void become_session(State& state);
  bool over_budget(const State& state) const;
  void watch_deadline(State& state);
  void forget(State& state);
  void arm();
  std::string metrics() const;

  gateway::Gateway& gateway_;
  Node& node_;
  std::unique_ptr<ApiRoutes> api_;  // from on_start
  http::RequestLimits api_limits_;
  http::RequestLimits client_limits_;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<State>> states_;  // by ConnectionId
  std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;        // when, ConnectionId
  std::vector<ConnectionId> revisit_;                                  // have more to send
  std::uint64_t revisit_ns_ = 0;                                       // when; 0: never
  std::uint64_t armed_ns_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t unsent_bytes_maximum_ = 0;
  std::size_t unsent_messages_maximum_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace holdfast::admin
