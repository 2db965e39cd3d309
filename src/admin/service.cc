// Every way in ends in go_on(), which brings a connection as far as it gets in this turn.
#include "admin/service.h"

#include <algorithm>
#include <optional>
#include <string>

#include "admin/demonstration.h"
#include "admin/metrics.h"
#include "base/check.h"
#include "holdfast/server.h"

namespace holdfast::admin {
namespace {

// Connection::word(): where a connection came in.
constexpr std::uint64_t kApiListener = 1;
constexpr std::uint64_t kClientListener = 2;

// From the first byte of a request to its last.
constexpr std::uint64_t kRequestTimeoutNs = 30'000'000'000;
// What clients may post: as much as one message of theirs on a WebSocket.
constexpr std::size_t kEmulationOverheadBytes = 1024;
// A connection that holds no more of its request than this is not the first to be turned away.
constexpr std::size_t kFairBytes = 64 * 1024;
// Queued for one connection; further answers wait here, where reading stops for them, instead of overflowing
// its outbox.
constexpr std::size_t kUnsentBytesMaximum = 256 * 1024;
// Connection::close: there may be input nobody reads.
constexpr std::uint16_t kInputUnread = 1009;
constexpr std::uint16_t kNothingLost = 1000;
// How soon to look again at a connection that takes nothing, should nobody say that it does.
constexpr std::uint64_t kRevisitNs = 10'000'000;

Message bytes_of(std::string_view text) {
  return Message::binary(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

Service::Service(gateway::Gateway& gateway, Node& node) : gateway_(gateway), node_(node) {}
Service::~Service() = default;

void Service::on_start() {
  const gateway::Settings& settings = *gateway_.snapshot().settings;
  unsent_bytes_maximum_ = std::min<std::size_t>(
      kUnsentBytesMaximum, static_cast<std::size_t>(settings.client.max_outbox_bytes) / 2);
  const std::uint32_t messages_maximum = settings.client.max_outbox_messages;
  if (messages_maximum > 0) unsent_messages_maximum_ = messages_maximum / 2;
  client_limits_.body_bytes =
      static_cast<std::size_t>(settings.client.max_message_bytes) + kEmulationOverheadBytes;
  ApiRoutes::Sources sources;
  sources.settings = [this]() -> const gateway::ApiSettings& { return gateway_.snapshot().settings->api; };
  sources.metrics = [this] { return metrics(); };
  sources.node = &node_;
  sources.counters = &counters();
  api_ = std::make_unique<ApiRoutes>(gateway_.operations(), std::move(sources));
}

Admission Service::on_request(const Request&) {
  return Admission::accept(kApiListener);
}

std::optional<Admission> Service::on_plain_request(const Request& request) {
  if (!is_client_path(request.path(), node_.demonstration)) return std::nullopt;
  return Admission::accept(kClientListener);
}

void Service::on_open(Connection connection) {
  const bool api = connection.word() == kApiListener;
  states_[connection.id().value] =
      std::make_unique<State>(connection, api ? &api_limits_ : &client_limits_, api);
  counters().http_connections.set(states_.size());
}

Service::State* Service::find(ConnectionId id) {
  const auto found = states_.find(id.value);
  return found == states_.end() ? nullptr : found->second.get();
}

void Service::on_message(Connection connection, Message message) {
  State* state = find(connection.id());
  if (state == nullptr) return;
  api_limits_.body_bytes = static_cast<std::size_t>(gateway_.snapshot().settings->api.max_body_bytes);
  read(*state, message.characters());
  if (over_budget(*state)) {
    counters().http_refusals.add();
    state->conversation.refuse(http::Status::unavailable);
  }
  go_on(*state);
}

// Those that hold a lot themselves are turned away first; the others have as much again for themselves.
bool Service::over_budget(const State& state) const {
  const std::size_t held = state.conversation.held_bytes();
  const std::size_t maximum = std::max(kHeldBytesMaximum, 2 * api_limits_.body_bytes);
  const std::size_t of_all = held_bytes_ - state.held_bytes + held;
  return of_all > (held > kFairBytes ? maximum : maximum + kHeldBytesMaximum);
}

void Service::on_drained(Connection connection) {
  if (State* state = find(connection.id()); state != nullptr) go_on(*state);
}

void Service::on_close(Connection connection, Close) {
  if (State* state = find(connection.id()); state != nullptr) forget(*state);
}

void Service::read(State& state, std::string_view bytes) {
  const auto on_request = [this, &state](const http::ReceivedRequest& request, std::uint64_t number) {
    serve(state, request, number);
  };
  state.busy = true;
  if (bytes.empty()) {
    state.conversation.resume(on_request);
  } else {
    state.conversation.receive(bytes, on_request);
  }
  state.busy = false;
}

void Service::serve(State& state, const http::ReceivedRequest& request, std::uint64_t number) {
  if (!state.api) return serve_client(state, request, number);
  api_->serve(request, respond_to(state, number));
}

void Service::serve_client(State& state, const http::ReceivedRequest& request, std::uint64_t number) {
  const gateway::ServerSettings& server = gateway_.snapshot().settings->server;
  ClientRoute route =
      route_client(request, {server.allowed_origins, server.allow_missing_origin}, node_.demonstration);
  const Respond respond = respond_to(state, number);
  constexpr std::string_view kText = "text/plain; charset=utf-8";
  switch (route.kind) {
    case ClientRoute::Kind::response:
      return respond({route.status, kText, route.fields, route.text});
    case ClientRoute::Kind::page:
      return respond({200, "text/html; charset=utf-8", kDemonstrationFields, demonstration_page()});
    case ClientRoute::Kind::emulation:
      return emulate(route, respond);
    case ClientRoute::Kind::stream:
      if (!state.conversation.hand_over(number)) {
        return respond({400, kText, route.fields, "A stream has a connection of its own.\n"});
      }
      state.route = std::make_unique<ClientRoute>(std::move(route));
      return;
  }
}

void Service::emulate(const ClientRoute& route, const Respond& respond) {
  gateway::EmulationOperation operation;
  operation.session = route.session;
  operation.node = route.node;
  operation.encoding = route.stream.encoding;
  operation.commands = route.first;
  gateway_.operations().emulate(operation, [respond,
                                            fields = route.fields](const gateway::EmulationAnswer& answer) {
    const std::uint16_t status = answer.found ? 204 : 404;
    respond({status, "text/plain; charset=utf-8", fields, answer.found ? "" : "There is no such session.\n"});
  });
}

Respond Service::respond_to(State& state, std::uint64_t number) {
  return [this, id = state.connection.id(), number](const Response& response) {
    answered(id, number, response);
  };
}

void Service::answered(ConnectionId id, std::uint64_t number, const Response& response) {
  State* state = find(id);
  if (state == nullptr) return;
  state->conversation.answer(number, response, gateway_.unix_time_s());
  if (!state->busy) go_on(*state);
}

void Service::go_on(State& state) {
  Conversation& conversation = state.conversation;
  // Each round sends what is ready, and reads what had to wait for that.
  while (send_output(state) && !conversation.blocked() && conversation.has_unread()) read(state, {});
  if (conversation.output().empty()) {
    if (state.route != nullptr) return become_session(state);
    if (conversation.finished()) {
      state.connection.close(conversation.cut_short() ? kInputUnread : kNothingLost);
      return forget(state);
    }
  }
  const bool pause = conversation.blocked() && !conversation.ending();
  if (pause != state.paused) {
    state.paused = pause;
    pause ? state.connection.pause_input() : state.connection.resume_input();
  }
  held_bytes_ += conversation.held_bytes() - state.held_bytes;
  state.held_bytes = conversation.held_bytes();
  // Another shard may take longer to answer than a connection may be idle, and the client have finished.
  conversation.owes_answer() ? state.connection.begin_request() : state.connection.end_request();
  watch_deadline(state);
  arm();
}

// True when nothing is left.
bool Service::send_output(State& state) {
  std::string& output = state.conversation.output();
  const std::size_t piece_maximum = unsent_bytes_maximum_ / 2;
  std::size_t sent = 0;
  while (sent < output.size() && state.connection.outbox_bytes() < unsent_bytes_maximum_ &&
         state.connection.outbox_messages() < unsent_messages_maximum_) {
    const std::string_view piece = std::string_view(output).substr(sent, piece_maximum);
    const SendResult result = state.connection.send(bytes_of(piece));
    const bool taken = result == SendResult::queued || result == SendResult::backlogged;
    sent = taken ? sent + piece.size() : output.size();  // otherwise the connection is ending
  }
  output.erase(0, sent);
  if (output.empty()) {
    if (output.capacity() > Conversation::kOutputBytesMaximum) std::string().swap(output);
    return true;
  }
  // A peer that is behind is heard of by on_drained; one that takes everything by the end of this turn is
  // not.
  if (!state.revisit) {
    state.revisit = true;
    revisit_.push_back(state.connection.id());
    const std::uint64_t due_ns = gateway_.now_ns() + (sent > 0 ? 0 : kRevisitNs);
    revisit_ns_ = revisit_ns_ == 0 ? due_ns : std::min(revisit_ns_, due_ns);
  }
  return false;
}

void Service::become_session(State& state) {
  const ClientRoute route = std::move(*state.route);
  Connection connection = state.connection;
  forget(state);
  std::string head;
  http::ResponseWriter writer(&head, 200, false);  // the connection ends with the stream
  writer.date(gateway_.unix_time_s());
  writer.field("Content-Type", content_type_of(route.stream));
  // Proxies must pass on what comes as it comes.
  writer.field("Cache-Control", "no-store, no-transform");
  writer.field("X-Accel-Buffering", "no");
  head.append(route.fields);
  writer.begin_stream();
  connection.send(bytes_of(head));
  counters().streams_begun.add();
  gateway_.open_session(connection, route.stream, route.first);
}

void Service::watch_deadline(State& state) {
  const Conversation& conversation = state.conversation;
  const bool waits = conversation.request_under_way();
  if (waits && state.deadline_ns != 0 && state.deadline_request == conversation.requests()) return;
  if (state.deadline_ns != 0) deadlines_.erase({state.deadline_ns, state.connection.id().value});
  state.deadline_ns = waits ? gateway_.now_ns() + kRequestTimeoutNs : 0;
  state.deadline_request = conversation.requests();
  if (waits) deadlines_.insert({state.deadline_ns, state.connection.id().value});
}

void Service::on_timer() {
  armed_ns_ = 0;
  const std::uint64_t now_ns = gateway_.now_ns();
  if (revisit_ns_ != 0 && revisit_ns_ <= now_ns) {
    revisit_ns_ = 0;
    for (const ConnectionId id : std::exchange(revisit_, {})) {
      State* state = find(id);
      if (state == nullptr) continue;
      state->revisit = false;
      go_on(*state);
    }
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ns) {
    State* state = find({deadlines_.begin()->second});
    CHECK(state != nullptr);
    counters().http_timeouts.add();
    state->conversation.refuse(http::Status::request_timeout);
    go_on(*state);
  }
  arm();
}

void Service::arm() {
  std::uint64_t next_ns = revisit_ns_;
  if (!deadlines_.empty() && (next_ns == 0 || deadlines_.begin()->first < next_ns)) {
    next_ns = deadlines_.begin()->first;
  }
  if (next_ns == armed_ns_) return;
  armed_ns_ = next_ns;
  gateway_.wake_http_side_at(next_ns);
}

void Service::forget(State& state) {
  if (state.deadline_ns != 0) deadlines_.erase({state.deadline_ns, state.connection.id().value});
  held_bytes_ -= state.held_bytes;
  states_.erase(state.connection.id().value);
  counters().http_connections.set(states_.size());
}

std::string Service::metrics() const {
  return metrics_text({gateway_.server().counters(), gateway_.shared().counters,
                       gateway_.shared().publication_budget, node_});
}

}  // namespace holdfast::admin
