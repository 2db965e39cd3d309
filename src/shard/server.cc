// Server: plans, opens sockets, builds the shards, runs their threads, and carries calls from other threads
// to them.
//
// Everything here happens before the shards start, after they have ended, or goes through a Neighbour.
#include "holdfast/server.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "base/standard_error.h"
#include "hub/homes.h"
#include "net/address_counts.h"
#include "net/listening_socket.h"
#include "ring/kernel_ring.h"
#include "shard/capacity.h"
#include "shard/neighbour.h"
#include "shard/shard.h"
#include "shard/watchdog.h"
#include "ws/close_code.h"

namespace holdfast {
namespace {

std::uint32_t shard_of(ConnectionId connection) {
  return static_cast<std::uint32_t>(connection.value >> 48);
}

}  // namespace

struct Server::Parts {
  Config config;
  base::SystemClock clock;
  base::SystemEntropy entropy;
  base::SipKey topic_key;
  shard::Neighbours neighbours;
  std::unique_ptr<net::AddressCounts> address_counts;  // nullptr where their connections are not limited
  std::vector<std::unique_ptr<Handler>> handlers;
  std::vector<std::unique_ptr<shard::Shard>> shards;
  std::vector<Endpoint> endpoints;
  std::vector<net::ListeningSockets> sockets;
  std::string description;
  std::atomic<bool> ran = false;

  // Whatever has not been handed to a shard is closed here; closing twice is avoided by forgetting what was.
  std::mutex descriptors_mutex;
  std::vector<int> descriptors;
  void close_listener(int descriptor) {
    const std::lock_guard lock(descriptors_mutex);
    if (std::erase(descriptors, descriptor) > 0) ::close(descriptor);
  }

  ~Parts() {
    shards.clear();  // rings first: armed accepts hold the sockets
    for (int descriptor : descriptors) ::close(descriptor);
    // Tasks nobody ran.
    for (auto& neighbour : neighbours) {
      neighbour->requests.drain([](const shard::Letter& letter) {
        if (letter.kind == shard::LetterKind::task) delete reinterpret_cast<Task*>(letter.first);
        return true;
      });
    }
  }

  absl::Status listen(std::uint32_t shard_count);
  absl::Status count_addresses(const shard::Capacity& capacity);
  absl::Status build_shard(std::uint32_t number, const shard::Capacity& capacity,
                           const HandlerFactory& make_handler);
  std::vector<const shard::Heartbeat*> heartbeats() const;
  // The shard of this server whose turn is running on this thread, or nullptr.
  shard::Shard* running_here() const;
  bool push(std::uint32_t shard, const shard::Letter& letter);
};

absl::Status Server::Parts::listen(std::uint32_t shard_count) {
  net::ListenOptions options;
  options.shards = shard_count;
  options.backlog = shard::Limits::accept_backlog_of(config, shard_count);
  options.user_timeout = config.stall_timeout + std::chrono::seconds(5);
  const auto open = [&](const std::vector<std::string>& addresses, Protocol protocol) {
    options.client_speaks_first = protocol != Protocol::length_prefixed;
    for (const std::string& address : addresses) {
      auto opened = net::open_listening_sockets(address, options);
      if (!opened.ok()) return opened.status();
      endpoints.push_back({protocol, net::format_listen_address(opened->bound)});
      descriptors.insert(descriptors.end(), opened->descriptors.begin(), opened->descriptors.end());
      sockets.push_back(*std::move(opened));
    }
    return absl::OkStatus();
  };
  if (absl::Status status = open(config.listen, Protocol::websocket); !status.ok()) return status;
  if (absl::Status status = open(config.listen_tcp, Protocol::length_prefixed); !status.ok()) return status;
  return open(config.listen_http, Protocol::http);
}

absl::Status Server::Parts::build_shard(std::uint32_t number, const shard::Capacity& capacity,
                                        const HandlerFactory& make_handler) {
  ring::KernelRingOptions ring_options;
  ring_options.submission_entries = config.tuning.submission_entries;
  ring_options.completion_entries = config.tuning.completion_entries;
  auto ring = ring::KernelRing::create(ring_options);
  if (!ring.ok()) return ring.status();
  if (number == 0) description = (*ring)->describe();
  neighbours[number]->ring_descriptor = (*ring)->descriptor();

  shard::ShardOptions options;
  options.number = number;
  options.shards = capacity.shards;
  options.sizes = capacity.sizes;
  options.topic_key = topic_key;
  options.neighbours = &neighbours;
  options.addresses = address_counts.get();
  options.close_listener = [this](int descriptor) { close_listener(descriptor); };
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    net::ListenerOptions listener;
    listener.descriptor = sockets[i].descriptors[number];
    listener.protocol = endpoints[i].protocol;
    listener.ipv6 = sockets[i].bound.is_ipv6();
    listener.one_shot = config.tuning.one_shot_accept;
    listener.backlog = shard::Limits::accept_backlog_of(config, capacity.shards);
    options.listeners.push_back(listener);
  }
  handlers.push_back(make_handler(number));
  auto shard =
      shard::Shard::create(options, config, *std::move(ring), &clock, &entropy, handlers.back().get());
  if (!shard.ok()) return shard.status();
  shards.push_back(*std::move(shard));
  return absl::OkStatus();
}

// Each connection is on one shard, but those of one address are on all of them.
absl::Status Server::Parts::count_addresses(const shard::Capacity& capacity) {
  if (config.max_connections_per_address == 0) return absl::OkStatus();
  auto counts =
      net::AddressCounts::create({entropy.next(), entropy.next()}, config.max_connections_per_address,
                                 std::uint64_t{capacity.shards} * capacity.sizes.slots);
  if (!counts.ok()) return counts.status();
  address_counts = *std::move(counts);
  return absl::OkStatus();
}

std::vector<const shard::Heartbeat*> Server::Parts::heartbeats() const {
  std::vector<const shard::Heartbeat*> heartbeats;
  for (const auto& shard : shards) heartbeats.push_back(&shard->heartbeat());
  return heartbeats;
}

shard::Shard* Server::Parts::running_here() const {
  shard::Shard* here = shard::Shard::current();
  const bool ours = here != nullptr && here->number() < shards.size() && shards[here->number()].get() == here;
  return ours ? here : nullptr;
}

// From a shard's thread the wake-up travels by its ring, with what the turn submits anyway.
bool Server::Parts::push(std::uint32_t shard, const shard::Letter& letter) {
  if (shard >= neighbours.size()) return false;
  if (shard::Shard* here = running_here(); here != nullptr) return here->push_request(shard, letter);
  if (!neighbours[shard]->requests.push(letter)) return false;
  neighbours[shard]->wake();
  return true;
}

Server::Server() : parts_(std::make_unique<Parts>()) {}
Server::~Server() = default;

void Server::attach(Handler& handler, Server* server) {
  handler.server_ = server;
}

absl::StatusOr<std::unique_ptr<Server>> Server::create(Config config, const HandlerFactory& make_handler) {
  const shard::Host host = shard::read_host();
  auto capacity = shard::plan_capacity(config, host);
  if (!capacity.ok()) return capacity.status();
  std::unique_ptr<Server> server(new Server());
  Parts& parts = *server->parts_;
  parts.config = std::move(config);
  if (!parts.config.log) parts.config.log = base::write_line;
  parts.topic_key = {parts.entropy.next(), parts.entropy.next()};
  const std::size_t mailbox_bytes = std::max(parts.config.tuning.mailbox_bytes,
                                             shard::Mailbox::capacity_for(parts.config.max_message_bytes));
  for (std::uint32_t number = 0; number < capacity->shards; ++number) {
    auto doorbell = std::make_unique<shard::EventDoorbell>();
    if (doorbell->descriptor() < 0) {
      return absl::ResourceExhaustedError(
          "cannot create an eventfd: too many open files; raise RLIMIT_NOFILE (ulimit -n) or use fewer "
          "shards");
    }
    parts.neighbours.push_back(std::make_unique<shard::Neighbour>(mailbox_bytes, std::move(doorbell)));
  }
  if (absl::Status status = parts.listen(capacity->shards); !status.ok()) return status;
  if (absl::Status status = parts.count_addresses(*capacity); !status.ok()) return status;
  for (std::uint32_t number = 0; number < capacity->shards; ++number) {
    if (absl::Status status = parts.build_shard(number, *capacity, make_handler); !status.ok()) return status;
    attach(*parts.handlers.back(), server.get());
  }
  parts.description = absl::StrCat(capacity->shards, capacity->shards == 1 ? " shard" : " shards", " of ",
                                   capacity->sizes.slots, " connections; ", parts.description);
  return server;
}

absl::Status Server::run() {
  Parts& parts = *parts_;
  if (parts.ran.exchange(true))
    return absl::FailedPreconditionError("Server::run was called before: it runs once");
  parts.config.log(absl::StrCat("holdfast: ", parts.description));
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t running = parts.shards.size();
  absl::Status first_error;
  std::vector<std::thread> threads;
  threads.reserve(parts.shards.size());
  for (auto& shard : parts.shards) {
    threads.emplace_back([&, shard = shard.get()] {
      char name[16];
      std::snprintf(name, sizeof name, "shard-%u", shard->number());
      pthread_setname_np(pthread_self(), name);
      const absl::Status status = shard->start();
      if (!status.ok()) stop();
      while (status.ok() && shard->turn()) {
      }
      const std::lock_guard lock(mutex);
      if (first_error.ok()) first_error = status;
      if (--running == 0) ended.notify_one();
    });
  }
  // This thread has nothing else to do: it watches the others.
  shard::Watchdog watchdog(parts.heartbeats(), parts.config.log);
  for (std::unique_lock lock(mutex);
       !ended.wait_for(lock, shard::Watchdog::kInterval, [&] { return running == 0; });) {
    watchdog.look(parts.clock.monotonic_ns());
  }
  for (std::thread& thread : threads) thread.join();
  parts.config.log(absl::StrCat("holdfast: stopped ", counters()));
  return first_error;
}

void Server::drain() {
  for (auto& neighbour : parts_->neighbours) {
    neighbour->drain_wanted.store(true);
    neighbour->wake();
  }
}

void Server::stop() {
  for (auto& neighbour : parts_->neighbours) {
    neighbour->stop_wanted.store(true);
    neighbour->wake();
  }
}

bool Server::publish(std::string_view topic, const Message& message) {
  if (!hub::valid_topic_name(topic) || message.bytes.size() > parts_->config.max_message_bytes) return false;
  if (shard::Shard* here = parts_->running_here(); here != nullptr) return here->publish(topic, message);
  const auto home = hub::home_of(parts_->topic_key, topic, shards());
  return parts_->push(home, shard::publish_letter(topic, message));
}

bool Server::send(ConnectionId connection, const Message& message) {
  if (shard_of(connection) == 0 || message.bytes.size() > parts_->config.max_message_bytes) return false;
  shard::Letter letter;
  letter.kind = shard::LetterKind::send;
  letter.message_type = static_cast<std::uint8_t>(message.type);
  letter.first = connection.value;
  letter.payload = message.bytes;
  return parts_->push(shard_of(connection) - 1, letter);
}

bool Server::close(ConnectionId connection, std::uint16_t code, std::string_view reason) {
  if (shard_of(connection) == 0) return false;
  shard::Letter letter;
  letter.kind = shard::LetterKind::close;
  letter.first = connection.value;
  letter.second = code;
  letter.payload = std::as_bytes(std::span(reason.substr(0, 4 * ws::kCloseReasonMaximumBytes)));
  return parts_->push(shard_of(connection) - 1, letter);
}

bool Server::post(std::uint32_t shard, Task&& task) {
  auto owned = std::make_unique<Task>(std::move(task));
  shard::Letter letter;
  letter.kind = shard::LetterKind::task;
  letter.first = reinterpret_cast<std::uintptr_t>(owned.get());
  if (!parts_->push(shard, letter)) {
    task = std::move(*owned);
    return false;
  }
  owned.release();
  return true;
}

std::uint32_t Server::shards() const {
  return static_cast<std::uint32_t>(parts_->neighbours.size());
}

const std::vector<Endpoint>& Server::endpoints() const {
  return parts_->endpoints;
}

std::string Server::describe() const {
  return parts_->description;
}

std::string Server::counters() const {
  std::string text;
  const auto add = [&](const char* name, auto field) {
    std::uint64_t sum = 0;
    for (const auto& shard : parts_->shards) sum += (shard->counters().*field).get();
    absl::StrAppend(&text, text.empty() ? "" : " ", name, "=", sum);
  };
#define HOLDFAST_ADD_COUNTER(name) add(#name, &shard::Counters::name);
  HOLDFAST_COUNTERS(HOLDFAST_ADD_COUNTER)
#undef HOLDFAST_ADD_COUNTER
  const auto add_greatest = [&](const char* name, auto field) {
    std::uint64_t greatest = 0;
    for (const auto& shard : parts_->shards) greatest = std::max(greatest, (shard->counters().*field).get());
    absl::StrAppend(&text, " ", name, "=", greatest);
  };
#define HOLDFAST_ADD_MAXIMUM(name) add_greatest(#name, &shard::Counters::name);
  HOLDFAST_MAXIMA(HOLDFAST_ADD_MAXIMUM)
#undef HOLDFAST_ADD_MAXIMUM
  return text;
}

}  // namespace holdfast
