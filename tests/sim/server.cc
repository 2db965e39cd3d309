// holdfast::Server as it is in a simulation: linked in place of src/shard/server.cc, it builds its shards on
// the Machine of this thread and starts no threads. What handlers ask of it is what they ask in production.
#include "holdfast/server.h"

#include "base/check.h"
#include "hub/homes.h"
#include "machine.h"
#include "shard/mailbox.h"

namespace holdfast {

struct Server::Parts {
  sim::Machine* machine = nullptr;
  std::size_t message_bytes_maximum = 0;
  std::vector<std::unique_ptr<Handler>> handlers;
  std::vector<Endpoint> endpoints;

  ~Parts() {
    // Tasks nobody ran.
    for (std::uint32_t shard = 0; shard < machine->shards(); ++shard) {
      machine->neighbour(shard).requests.drain([](const shard::Letter& letter) {
        if (letter.kind == shard::LetterKind::task) delete reinterpret_cast<Task*>(letter.first);
        return true;
      });
    }
  }
};

Server::Server() : parts_(std::make_unique<Parts>()) {}
Server::~Server() = default;

void Server::attach(Handler& handler, Server* server) {
  handler.server_ = server;
}

absl::StatusOr<std::unique_ptr<Server>> Server::create(Config config, const HandlerFactory& make_handler) {
  std::unique_ptr<Server> server(new Server());
  Parts& parts = *server->parts_;
  parts.machine = sim::Machine::here();
  CHECK(parts.machine != nullptr);
  parts.message_bytes_maximum = config.max_message_bytes;
  for (std::uint32_t number = 0; number < parts.machine->shards(); ++number) {
    parts.handlers.push_back(make_handler(number));
    attach(*parts.handlers.back(), server.get());
  }
  parts.machine->build_shards(config, parts.handlers);
  return server;
}

// The simulation lets the shards take their turns itself.
absl::Status Server::run() {
  return absl::FailedPreconditionError("a simulated server is run by its simulation");
}

void Server::drain() {
  for (std::uint32_t shard = 0; shard < shards(); ++shard) {
    parts_->machine->neighbour(shard).drain_wanted.store(true);
    parts_->machine->neighbour(shard).wake();
  }
}

void Server::stop() {
  for (std::uint32_t shard = 0; shard < shards(); ++shard) {
    parts_->machine->neighbour(shard).stop_wanted.store(true);
    parts_->machine->neighbour(shard).wake();
  }
}

bool Server::publish(std::string_view topic, const Message& message) {
  if (!hub::valid_topic_name(topic) || message.bytes.size() > parts_->message_bytes_maximum) return false;
  if (shard::Shard* here = shard::Shard::current(); here != nullptr) return here->publish(topic, message);
  const auto home = hub::home_of(parts_->machine->topic_key(), topic, shards());
  return parts_->machine->push(home, shard::publish_letter(topic, message));
}

bool Server::send(ConnectionId connection, const Message& message) {
  shard::Letter letter;
  letter.kind = shard::LetterKind::send;
  letter.message_type = static_cast<std::uint8_t>(message.type);
  letter.first = connection.value;
  letter.payload = message.bytes;
  return parts_->machine->push(static_cast<std::uint32_t>(connection.value >> 48) - 1, letter);
}

bool Server::close(ConnectionId connection, std::uint16_t code, std::string_view reason) {
  shard::Letter letter;
  letter.kind = shard::LetterKind::close;
  letter.first = connection.value;
  letter.second = code;
  letter.payload = std::as_bytes(std::span(reason));
  return parts_->machine->push(static_cast<std::uint32_t>(connection.value >> 48) - 1, letter);
}

bool Server::post(std::uint32_t shard, Task&& task) {
  auto owned = std::make_unique<Task>(std::move(task));
  shard::Letter letter;
  letter.kind = shard::LetterKind::task;
  letter.first = reinterpret_cast<std::uintptr_t>(owned.get());
  if (!parts_->machine->push(shard, letter)) {
    task = std::move(*owned);
    return false;
  }
  static_cast<void>(owned.release());
  return true;
}

std::uint32_t Server::shards() const {
  return parts_->machine->shards();
}

const std::vector<Endpoint>& Server::endpoints() const {
  return parts_->endpoints;
}

std::string Server::describe() const {
  return "simulated";
}

std::string Server::counters() const {
  return {};
}

}  // namespace holdfast
