// A program for the wire tests of HTTP connections: WebSocket clients are echoed, plain requests and those to
// --listen_http are answered with the server's own request reader and response writer. What each path does
// stands at answer(). Not installed.
#include <holdfast/server.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "apps/program_flags.h"
#include "http/request_reader.h"
#include "http/response_writer.h"

namespace {

using holdfast::Connection;
using holdfast::Message;
using holdfast::SharedMessage;
using holdfast::http::ReceivedRequest;
using holdfast::http::RequestReader;
using holdfast::http::ResponseWriter;

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint16_t kNothingLost = 1000;
constexpr std::uint16_t kTooBig = 1009;  // any code but 1000: there may be input on its way

const holdfast::http::RequestLimits kLimits{.body_bytes = 100'000};

Message message_of(const std::string& text) {
  return Message::binary(std::as_bytes(std::span(text)));
}

class HttpFixture : public holdfast::Handler {
 private:
  struct Client {
    RequestReader reader{&kLimits};
    std::string unread;              // what came behind a request that is not answered yet
    std::uint64_t answer_at_ns = 0;  // when that is due; 0: none is
    bool keep_alive = false;
    bool streaming = false;
  };

  std::optional<holdfast::Admission> on_plain_request(const holdfast::Request& request) override {
    if (request.path() == "/untaken") return std::nullopt;
    if (request.path() == "/rejected") return holdfast::Admission::reject(403);
    return holdfast::Admission::accept();
  }

  holdfast::Admission on_request(const holdfast::Request& request) override {
    const bool rejected = request.path() == "/rejected";
    return rejected ? holdfast::Admission::reject(401) : holdfast::Admission::accept();
  }

  void on_open(Connection connection) override {
    if (connection.protocol() == holdfast::Protocol::http) clients_.try_emplace(connection.id().value);
    open_.push_back(connection);
  }

  void on_message(Connection connection, Message message) override {
    if (connection.protocol() != holdfast::Protocol::http) return publish(message);
    Client& client = clients_.at(connection.id().value);
    if (client.answer_at_ns != 0 || client.streaming) {
      client.unread.append(message.characters());
      return;
    }
    read(connection, client, message.characters());
  }

  void on_close(Connection connection, holdfast::Close) override {
    clients_.erase(connection.id().value);
    std::erase(open_, connection);
  }

  void on_stop() override { last_news_ = SharedMessage(); }

  // What a WebSocket client says goes to every WebSocket client as it is, and to every stream as a chunk.
  void publish(const Message& message) {
    last_news_ = share(message);
    std::string chunk;
    holdfast::http::append_chunk(chunk, message.characters());
    const SharedMessage news_as_chunk = share(message_of(chunk));
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (i + 1 < open_.size()) open_[i + 1].prefetch();
      const bool http = open_[i].protocol() == holdfast::Protocol::http;
      if (!http) open_[i].send(last_news_);
      if (http && clients_.at(open_[i].id().value).streaming) open_[i].send(news_as_chunk);
    }
  }

  void read(Connection connection, Client& client, std::string_view bytes) {
    while (connection.is_open()) {
      ReceivedRequest request;
      switch (client.reader.read(bytes, request)) {
        case RequestReader::Outcome::incomplete:
          if (client.reader.take_continue()) {
            connection.send(message_of(std::string(holdfast::http::kContinueResponse)));
          }
          return;
        case RequestReader::Outcome::refused:
          return refuse(connection, client);
        case RequestReader::Outcome::request:
          answer(connection, client, request);
          if (client.answer_at_ns == 0 && !client.streaming) break;
          client.streaming ? connection.begin_stream() : connection.begin_request();
          client.unread.assign(bytes);
          connection.pause_input();
          return;
      }
    }
  }

  void refuse(Connection connection, const Client& client) {
    const auto status = static_cast<std::uint16_t>(client.reader.refusal());
    respond(connection, status, false, holdfast::http::reason_phrase(client.reader.refusal()));
    connection.close(kTooBig, "refused");
  }

  void respond(Connection connection, std::uint16_t status, bool keep_alive, std::string_view body,
               holdfast::http::Version version = holdfast::http::Version::http_1_1) {
    std::string out;
    ResponseWriter response(&out, status, keep_alive, version);
    response.date(unix_time_s());
    response.body(body);
    connection.send(message_of(out));
  }

  void answer(Connection connection, Client& client, const ReceivedRequest& request) {
    const std::string_view path = request.head.path;
    const bool keep_alive = request.keep_alive;
    const auto number = std::strtoull(std::string(request.head.query).c_str(), nullptr, 10);
    if (path == "/hello") {
      respond(connection, 200, keep_alive, "hello\n", request.head.version);
    } else if (path == "/echo") {
      respond(connection, 200, keep_alive, request.body, request.head.version);
    } else if (path == "/bytes") {  // ?COUNT of them
      respond(connection, 200, keep_alive, std::string(number, 'x'), request.head.version);
    } else if (path == "/later") {  // ?MILLISECONDS later; what follows waits that long too
      client.answer_at_ns = now_ns() + number * kMillisecondNs + 1;
      client.keep_alive = keep_alive;
      wake_for_next();
      return;
    } else if (path == "/events") {  // what WebSocket clients say from now on
      std::string out;
      ResponseWriter response(&out, 200, keep_alive);
      response.begin_stream();
      connection.send(message_of(out));
      client.streaming = true;
      return;
    } else {
      respond(connection, 404, keep_alive, "nothing here\n", request.head.version);
    }
    if (!keep_alive) connection.close(kNothingLost);
  }

  void on_timer() override {
    const std::uint64_t now = now_ns();
    for (Connection connection : std::vector<Connection>(open_)) {
      if (connection.protocol() != holdfast::Protocol::http) continue;
      Client& client = clients_.at(connection.id().value);
      if (client.answer_at_ns == 0 || client.answer_at_ns > now) continue;
      client.answer_at_ns = 0;
      respond(connection, 200, client.keep_alive, "later\n");
      if (!client.keep_alive) {
        connection.close(kNothingLost);
        continue;
      }
      connection.end_request();
      connection.resume_input();
      const std::string unread = std::exchange(client.unread, {});
      read(connection, client, unread);
    }
    wake_for_next();
  }

  void wake_for_next() {
    std::uint64_t next_ns = 0;
    for (const auto& [id, client] : clients_) {
      const std::uint64_t due_ns = client.answer_at_ns;
      if (due_ns != 0 && (next_ns == 0 || due_ns < next_ns)) next_ns = due_ns;
    }
    wake_at(next_ns);
  }

  std::map<std::uint64_t, Client> clients_;
  std::vector<Connection> open_;
  SharedMessage last_news_;
};

}  // namespace

int main(int argc, char** argv) {
  return holdfast::run<HttpFixture>(holdfast::apps::parse_flags(argc, argv, "for the wire tests of HTTP"));
}
