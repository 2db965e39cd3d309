// Gateway: what the core calls, and the letters, each to the part that does the work.
#include "gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gateway/fan_out.h"
#include "gateway/home_desk.h"
#include "gateway/operations_desk.h"
#include "gateway/session.h"
#include "gateway/shard_state.h"
#include "holdfast/server.h"
#include "http/query.h"

namespace holdfast::gateway {

using memory::Index;
using memory::kNoIndex;

namespace {

// Connection::word() of a session: this bit and its client. Between the request and on_open of a WebSocket:
// its transport.
constexpr std::uint64_t kSessionBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kHousekeepingNs = 1'000'000'000;

constexpr std::string_view kBidirectionalPath = "/connection/websocket";
constexpr std::string_view kUnidirectionalPath = "/connection/uni_websocket";
constexpr std::string_view kProtobufSubprotocol = "centrifuge-protobuf";

Index client_of(Connection connection) {
  return static_cast<Index>(connection.word() & 0xffff'ffffu);
}

}  // namespace

struct Gateway::Parts {
  Parts(Gateway& gateway, SharedState& shared, std::uint32_t number)
      : state(
            gateway, shared, number, [this](Letter&& letter) { take(std::move(letter)); },
            [&gateway](std::uint32_t shard, std::shared_ptr<std::vector<Letter>> letters) {
              return gateway.server().post(shard, [letters = std::move(letters)](Handler& handler) {
                static_cast<Gateway&>(handler).take(*letters);
              });
            }) {}

  void take(Letter&& letter) {
    std::visit([this](auto&& content) { route(std::move(content)); }, std::move(letter));
  }
  // Answers are for a client's command or for an operation.
  template <class Answer>
  void answer(Answer&& letter) {
    if (letter.asker.client.client != kNoIndex) {
      sessions.take(std::move(letter));
    } else {
      operations.take(std::move(letter));
    }
  }
  void route(SubscribeLetter&& letter) { home.take(std::move(letter)); }
  void route(UnsubscribeLetter&& letter) { home.take(std::move(letter)); }
  void route(PublishLetter&& letter) { home.take(std::move(letter)); }
  void route(PresenceLetter&& letter) { home.take(std::move(letter)); }
  void route(PresenceStatsLetter&& letter) { home.take(std::move(letter)); }
  void route(HistoryLetter&& letter) { home.take(std::move(letter)); }
  void route(RemoveHistoryLetter&& letter) { home.take(std::move(letter)); }
  void route(PositionLetter&& letter) { home.take(std::move(letter)); }
  void route(CountUserLetter&& letter) { home.take(std::move(letter)); }
  void route(SubscribeAnswerLetter&& letter) { sessions.take(std::move(letter)); }
  void route(CountUserAnswerLetter&& letter) { sessions.take(std::move(letter)); }
  void route(PublishAnswerLetter&& letter) { answer(std::move(letter)); }
  void route(PresenceAnswerLetter&& letter) { answer(std::move(letter)); }
  void route(PresenceStatsAnswerLetter&& letter) { answer(std::move(letter)); }
  void route(HistoryAnswerLetter&& letter) { answer(std::move(letter)); }
  void route(DeliverLetter&& letter) { fan_out.take(std::move(letter)); }
  void route(MembershipLetter&& letter) { fan_out.take(std::move(letter)); }
  void route(PositionAnswerLetter&& letter) { fan_out.take(std::move(letter)); }
  void route(GapLetter&& letter) { fan_out.take(std::move(letter)); }
  void route(RemoveHistoryAnswerLetter&& letter) { operations.take(std::move(letter)); }
  void route(std::shared_ptr<const TargetLetter>&& letter) { operations.take(std::move(letter)); }
  void route(TargetAnswerLetter&& letter) { operations.take(std::move(letter)); }
  void route(ListChannelsLetter&& letter) { operations.take(std::move(letter)); }
  void route(ListChannelsAnswerLetter&& letter) { operations.take(std::move(letter)); }
  void route(ListUsersLetter&& letter) { operations.take(std::move(letter)); }
  void route(ListUsersAnswerLetter&& letter) { operations.take(std::move(letter)); }
  void route(EmulateLetter&& letter) { operations.take(std::move(letter)); }
  void route(EmulateAnswerLetter&& letter) { operations.take(std::move(letter)); }

  // Once a second.
  void keep_house() {
    home.read_clock();
    fan_out.check_positions();
  }
  void count() {
    Counters& counters = state.counters();
    counters.clients.set(sessions.connected());
    counters.users.set(state.clients.users().size());
    counters.subscriptions.set(state.subscribers.subscriptions());
    counters.local_channels.set(state.subscribers.channels());
    counters.letters_waiting.set(state.post.waiting());
    counters.overruns.set(state.post.overruns());
    counters.subscriptions_refused.set(state.subscribers.refusals());
    home.count();
  }

  ShardState state;
  HomeDesk home{state};
  Sessions sessions{state, fan_out};
  FanOut fan_out{state, sessions};
  OperationsDesk operations{state, sessions};
  std::uint64_t next_housekeeping_ns = 0;
};

Gateway::Gateway(std::shared_ptr<SharedState> shared, std::uint32_t shard)
    : shared_(std::move(shared)), shard_(shard) {
  if (shared_->make_http_side) http_side_ = shared_->make_http_side(*this);
}

Gateway::~Gateway() = default;

void Gateway::take(std::vector<Letter>& letters) {
  for (Letter& letter : letters) parts_->take(std::move(letter));
  letters.clear();
}

Operations& Gateway::operations() {
  return parts_->operations;
}

const Snapshot& Gateway::snapshot() const {
  return parts_->state.snapshot;
}

void Gateway::reload(const Snapshot& snapshot) {
  ShardState& state = parts_->state;
  const Snapshot before = std::exchange(state.snapshot, snapshot);
  const Settings& settings = state.settings();
  state.home.set_times({settings.history.meta_ttl, settings.history.idempotency_window});
  shared_->publication_budget.set_bound(settings.memory.publication_memory_bytes);
  parts_->sessions.settings_changed(*before.settings);
}

void Gateway::validate() const {
  if (parts_) parts_->sessions.validate();
}

void Gateway::on_start() {
  CHECK(server().shards() == shared_->shards);
  parts_ = std::make_unique<Parts>(*this, *shared_, shard_);
  parts_->state.wake_no_later(now_ns() + kHousekeepingNs);
  if (http_side_) http_side_->on_start();
}

void Gateway::on_stop() {
  if (http_side_) http_side_->on_stop();
  parts_->sessions.drop_shared_messages();
  parts_->count();
  http_side_.reset();
  parts_.reset();
}

Admission Gateway::on_request(const Request& request) {
  if (request.protocol() == Protocol::http) {
    return http_side_ ? http_side_->on_request(request) : Admission::reject(404);
  }
  if (request.protocol() != Protocol::websocket) return Admission::reject(403);
  const bool unidirectional = request.path() == kUnidirectionalPath;
  if (!unidirectional && request.path() != kBidirectionalPath) return Admission::reject(404);
  Transport transport;
  transport.unidirectional = unidirectional;
  const std::string_view query = request.query();
  const bool protobuf = request.subprotocol() == kProtobufSubprotocol ||
                        http::find_parameter(query, "cf_protocol") == "protobuf" ||
                        http::find_parameter(query, "format") == "protobuf";
  if (protobuf) transport.encoding = Encoding::protobuf;
  transport.frame_pings = http::find_parameter(query, "cf_ws_frame_ping_pong") == "true";
  return Admission::accept(transport.packed());
}

std::optional<Admission> Gateway::on_plain_request(const Request& request) {
  return http_side_ ? http_side_->on_plain_request(request) : std::nullopt;
}

bool Gateway::is_session(Connection connection) const {
  return (connection.word() & kSessionBit) != 0;
}

void Gateway::on_open(Connection connection) {
  if (connection.protocol() == Protocol::http) return http_side_->on_open(connection);
  const auto transport = Transport::unpack(static_cast<std::uint8_t>(connection.word()));
  const Index client = parts_->sessions.open(connection, transport);
  CHECK(client != kNoIndex);  // there are as many records as connections
  connection.set_word(kSessionBit | client);
}

void Gateway::open_session(Connection connection, const Transport& transport, std::string_view first) {
  const Index client = parts_->sessions.open(connection, transport);
  CHECK(client != kNoIndex);
  connection.set_word(kSessionBit | client);
  connection.begin_stream();
  parts_->sessions.frame(client, first);
}

void Gateway::on_message(Connection connection, Message message) {
  if (is_session(connection)) {
    // Whoever reads a stream has nothing more to say on it.
    if (connection.protocol() == Protocol::http) return;
    return parts_->sessions.frame(client_of(connection), message.characters());
  }
  http_side_->on_message(connection, message);
}

void Gateway::on_drained(Connection connection) {
  if (!is_session(connection)) http_side_->on_drained(connection);
}

void Gateway::on_drain(Connection connection) {
  if (is_session(connection)) parts_->sessions.disconnect(client_of(connection), DisconnectCode::shutdown);
}

void Gateway::on_close(Connection connection, Close close) {
  if (connection.protocol() == Protocol::http) http_side_->on_close(connection, close);
  if (is_session(connection)) parts_->sessions.closed(client_of(connection));
}

void Gateway::wake_http_side_at(std::uint64_t time_ns) {
  http_side_wake_ns_ = time_ns;
  if (time_ns != 0) parts_->state.wake_no_later(std::max(time_ns, now_ns()));
}

// Also the end of a turn in which something was written: replies and letters go out last.
void Gateway::on_timer() {
  ShardState& state = parts_->state;
  state.wake_ns = 0;
  if (http_side_wake_ns_ != 0 && http_side_wake_ns_ <= now_ns()) {
    http_side_wake_ns_ = 0;
    http_side_->on_timer();
  }
  parts_->sessions.on_timer();
  if (now_ns() >= parts_->next_housekeeping_ns) {
    parts_->next_housekeeping_ns = now_ns() + kHousekeepingNs;
    parts_->keep_house();
  }
  state.wake_no_later(parts_->next_housekeeping_ns);
  if (http_side_wake_ns_ != 0) state.wake_no_later(http_side_wake_ns_);
  state.outgoing.flush();
  constexpr std::uint64_t kRetryNs = 1'000'000;
  if (!state.post.flush()) state.wake_no_later(now_ns() + kRetryNs);
  parts_->count();
}

}  // namespace holdfast::gateway
