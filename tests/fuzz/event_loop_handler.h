// Obedient: the application under the event_loop target. What a message begins with decides what becomes of
// it, so that the input reaches everything a handler can ask for; what a request's path says decides about
// the client.
//
// One per shard; the Roll belongs to all shards of a world. Invariant, CHECKed: on_close comes exactly once
// for each on_open, and a connection that has ended takes nothing more.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "holdfast/handler.h"
#include "holdfast/server.h"

namespace holdfast {

// Who was ever there, and who is.
struct Roll {
  std::vector<ConnectionId> ever;
  std::unordered_set<std::uint64_t> open;
  ConnectionId any(std::uint8_t choice) const {
    return ever.empty() ? ConnectionId{} : ever[choice % ever.size()];
  }
};

// Bytes of a message, from the front; zeros behind its end.
class Words {
 public:
  explicit Words(std::string_view rest) : rest_(rest) {}
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::uint16_t code() {
    const std::uint8_t high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

class Obedient final : public Handler {
 public:
  explicit Obedient(Roll* roll) : roll_(roll) {}

 private:
  static constexpr int kMany = 40;
  static constexpr std::size_t kKeptMaximum = 8;
  static constexpr std::uint64_t kStepNs = 10'000'000;

  Admission on_request(const Request& request) override {
    if (refusing_) return Admission::reject(503);
    const std::string_view path = request.path();
    if (path.size() == 4 && path[1] >= '0' && path[1] <= '9') return Admission::reject(status_of(path));
    Admission admission = Admission::accept(request.query().size());
    if (path == "/subprotocol") admission.subprotocol = "b";
    if (path == "/fields") admission.response_fields = "X-One: 1\r\nno field\r\nX-Two: 2\r\nX-Cut: of";
    if (path == "/long") admission.response_fields = "X-Long: " + std::string(9000, 'x') + "\r\n";
    CHECK(request.protocol() != Protocol::websocket || request.field("Upgrade").has_value());
    return admission;
  }

  std::optional<Admission> on_plain_request(const Request& request) override {
    if (request.path() == "/plain") return Admission::accept();
    if (request.path() == "/refused") return Admission::reject(404);
    return std::nullopt;
  }

  static std::uint16_t status_of(std::string_view path) {
    unsigned status = 0;
    for (const char digit : path.substr(1)) status = status * 10 + static_cast<unsigned>(digit & 0xf);
    return static_cast<std::uint16_t>(std::max(status, 1u));
  }

  void on_open(Connection connection) override {
    CHECK(connection.is_open() && roll_->open.insert(connection.id().value).second);
    roll_->ever.push_back(connection.id());
    here_.push_back(connection);
  }

  void on_close(Connection connection, Close close) override {
    CHECK(!connection.is_open() && roll_->open.erase(connection.id().value) == 1);
    CHECK(connection.send(Message::text("too late")) == SendResult::closed);
    std::erase(here_, connection);
    ended_ = connection;
    server().publish("gone", Message::text(close.reason));
  }

  void on_drained(Connection connection) override { connection.send(Message::text("drained")); }

  void on_drain(Connection connection) override {
    if (connection.id().value % 3 == 0) connection.send(Message::text("goodbye"));
    if (connection.id().value % 3 == 1) connection.close(4000, "by the handler");
  }

  void on_timer() override {
    for (Connection connection : std::exchange(paused_, {})) connection.resume_input();
    for (Connection connection : std::exchange(asked_, {})) {
      connection.send(Message::text("answer"));
      connection.end_request();
    }
    server().publish("tick", Message::text("tick"));
  }

  void on_stop() override { kept_.clear(); }

  void on_message(Connection connection, Message message) override {
    CHECK(connection.is_open());
    CHECK(connection.outbox_messages() <= connection.outbox_bytes());
    Words words(message.characters());
    const char verb = static_cast<char>(words.byte());
    if (hub(verb, connection, words.rest(), message)) return;
    if (others(verb, words, message)) return;
    own(verb, connection, words, message);
  }

  // Topics, and what is encoded once for many.
  bool hub(char verb, Connection connection, std::string_view rest, const Message& message) {
    switch (verb) {
      case 's':
        connection.subscribe(rest);
        return true;
      case 'u':
        connection.unsubscribe(rest);
        return true;
      case 'p':
        server().publish("a", message);
        return true;
      case 'P':
        server().publish(rest, message);
        return true;
      case 'f':
        for (int i = 0; i < kMany; ++i) server().publish("a", message);
        return true;
      case 'h':
        share_with_all(message);
        return true;
      case 'H':
        for (const SharedMessage& shared : kept_) connection.send(shared);
        CHECK(!connection.is_open() || connection.send(SharedMessage()) == SendResult::refused);
        return true;
      default:
        return false;
    }
  }

  void share_with_all(const Message& message) {
    const SharedMessage shared = share(message);
    if (!shared) return;
    for (const Connection& each : here_) {
      each.prefetch();
      Connection(each).send(shared);
    }
    if (kept_.size() == kKeptMaximum) kept_.erase(kept_.begin());
    kept_.push_back(shared);
  }

  // Through the server, to whatever shard.
  bool others(char verb, Words& words, const Message& message) {
    switch (verb) {
      case 'i':
        server().send(roll_->any(words.byte()), message);
        return true;
      case 'k': {
        const ConnectionId whom = roll_->any(words.byte());
        const std::uint16_t code = words.code();
        server().close(whom, code, words.rest());
        return true;
      }
      case 't':
        server().post(words.byte() % server().shards(), [](Handler& handler) {
          static_cast<Obedient&>(handler).kept_.clear();
          handler.server().publish("task", Message::text("done"));
        });
        return true;
      case 'w':
        wake_at(words.byte() == 0 ? 0 : now_ns() + words.byte() * kStepNs);
        CHECK(unix_time_s() > 0);
        return true;
      case 'o':
        use_ended(message);
        return true;
      case '!':
        refusing_ = !refusing_;
        return true;
      default:
        return false;
    }
  }

  void own(char verb, Connection connection, Words& words, const Message& message) {
    switch (verb) {
      case 'c': {
        const std::uint16_t code = words.code();
        return connection.close(code, words.rest());
      }
      case 'l':
        return connection.close(1000, std::string(122, 'x') + "\xc3\xa4\xc3\xa4");
      case 'm':
        for (int i = 0; i < kMany; ++i) connection.send(message);
        return;
      case 'b':
        connection.send(Message::text(std::string(16u * words.code(), 'b')));
        return;
      case 'e':
        connection.send(Message{});
        connection.send(share(Message{}));
        return;
      case 'q':
        return connection.ping(std::chrono::milliseconds(words.byte()));
      case 'z':
        connection.pause_input();
        paused_.push_back(connection);
        return wake_at(now_ns() + 1 + words.byte() * kStepNs);
      case 'Z':
        connection.pause_input();
        return connection.resume_input();
      case 'r':
        return connection.begin_request();
      case 'R':
        return connection.end_request();
      case 'a':
        connection.begin_request();
        asked_.push_back(connection);
        return wake_at(now_ns() + 1 + words.byte() * kStepNs);
      case 'v':
        return connection.begin_stream();
      default:
        connection.send(message);
    }
  }

  // Kept and used when its connection has ended and its slot may have another tenant.
  void use_ended(const Message& message) {
    CHECK(!ended_.is_open());
    CHECK(ended_.send(message) == SendResult::closed && ended_.send(SharedMessage()) == SendResult::closed);
    CHECK(!ended_.subscribe("a"));
    ended_.pause_input();
    ended_.resume_input();
    ended_.begin_request();
    ended_.begin_stream();
    ended_.end_request();
    ended_.ping();
    ended_.set_word(ended_.word() + ended_.outbox_messages() + ended_.outbox_bytes());
    ended_.close(1000);
    CHECK(ended_.protocol() != Protocol::http || ended_.peer().port != 1);
  }

  Roll* roll_;
  std::vector<Connection> here_;
  std::vector<Connection> paused_;
  std::vector<Connection> asked_;
  std::vector<SharedMessage> kept_;
  Connection ended_;
  bool refusing_ = false;
};

}  // namespace holdfast
