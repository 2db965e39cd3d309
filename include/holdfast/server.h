// Server: all shards of one process, and the two ways to run them.
//
// For a program that is nothing but a server: holdfast::run<MyHandler>(config). It prints where it listens,
// drains on SIGTERM or SIGINT, stops at once on the second, prints counters on SIGUSR1, and turns errors into
// a message and an exit code. For a program with its own main loop: Server::create, then run() on a thread of
// yours.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/config.h"
#include "holdfast/connection.h"
#include "holdfast/handler.h"
#include "holdfast/message.h"

namespace holdfast {

// An address the server really listens on, with the port the kernel chose when 0 was asked for.
struct Endpoint {
  Protocol protocol = Protocol::websocket;
  std::string address;  // "127.0.0.1:8000"
};

class Server {
 public:
  // Makes the handler of one shard; called on the thread that calls create, once per shard.
  using HandlerFactory = std::function<std::unique_ptr<Handler>(std::uint32_t shard)>;
  // Runs on a shard's thread with that shard's handler.
  using Task = std::function<void(Handler& handler)>;

  // Checks the configuration, reserves memory, sets up the rings and listens; nothing is accepted before
  // run(). Raises the soft RLIMIT_NOFILE to the hard one. Errors: InvalidArgument (the configuration),
  // ResourceExhausted or PermissionDenied (what the host refuses), each naming the thing, the value, the
  // reason and the next step.
  static absl::StatusOr<std::unique_ptr<Server>> create(Config config, const HandlerFactory& make_handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until stop() or until a drain has finished; returns when all shard threads have ended. Call once.
  absl::Status run();

  // The rest may be called from any thread, also before run() and after it.

  // Stops accepting, closes every connection with Config::drain_close_code at a random moment of the first
  // two thirds of Config::drain_timeout, and stops when the last is gone or the time is over.
  void drain();
  // Stops now: connections are dropped without a close frame.
  void stop();

  // Delivers the message to every subscriber of the topic on every shard, in one order for all of them. False
  // when the message is larger than max_message_bytes, the topic name is not 1 to 255 bytes, or the mailbox
  // on the way is full (try again later).
  bool publish(std::string_view topic, const Message& message);
  // Like Connection::send and Connection::close, for other threads. True means handed over, not delivered.
  bool send(ConnectionId connection, const Message& message);
  bool close(ConnectionId connection, std::uint16_t code = 1000, std::string_view reason = {});
  // Runs a task on a shard (0 .. shards()-1), this one included, in this turn of it or a later one, never
  // inside this call. Tasks from one thread to one shard run in the order of the calls. False when the
  // shard's mailbox is full: the task is untouched then and may be posted again. Tasks that have not run when
  // the server stops are dropped.
  bool post(std::uint32_t shard, Task&& task);

  std::uint32_t shards() const;
  const std::vector<Endpoint>& endpoints() const;
  // One line about rings and capacity, as logged at start-up.
  std::string describe() const;
  // Counters of all shards summed, as "name=value" pairs separated by spaces.
  std::string counters() const;

 private:
  Server();
  static void attach(Handler& handler, Server* server);
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Runs a server as the whole of a program; returns its exit code: 0 after a drain or stop, 1 after an error.
int run(Config config, const Server::HandlerFactory& make_handler);

template <class MyHandler>
int run(Config config) {
  return run(std::move(config), [](std::uint32_t) { return std::make_unique<MyHandler>(); });
}

}  // namespace holdfast
