// Publisher: a thread that publishes through the server's HTTP API, one round when it is asked or at a rate
// by the clock, and has clients disconnected. Everything is answered before the next is asked.
//
// Controlled by the first worker. Its tally is its own; what it published it says in Channels.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "api_client.h"
#include "base/clock.h"
#include "client_protocol.h"
#include "tally.h"

namespace holdfast::swarm {

class Publisher {
 public:
  Publisher(ApiAddress api, ClientProtocol* protocol);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Connects and begins; on the main thread.
  absl::Status begin();

  // One publication to every channel.
  void publish_round(Sizes sizes);
  // So many a second for so long, the channels in turn.
  void publish_at(double rate, double seconds, Sizes sizes);
  // Has the connections with numbers below `end` closed with `code`.
  void disconnect(std::uint64_t end, std::uint16_t code);
  // Everything has been done and answered.
  bool idle() const { return pending_.load() == 0; }

  const Tally& tally() const { return tally_; }

 private:
  struct Task {
    enum class Kind : std::uint8_t { round, disconnect };
    Kind kind = Kind::round;
    Sizes sizes;
    std::uint64_t first = 0, end = 0;  // of disconnect
    std::uint16_t code = 0;
  };
  struct Flow {
    double rate = 0;
    std::uint64_t total = 0, done = 0;
    std::uint64_t begun_ns = 0;
    Sizes sizes;
    std::uint64_t due_ns() const;
  };

  void run();
  bool take(Task* task, Flow* flow);
  void add(const Task& task);
  void publish(std::uint32_t channel, Sizes sizes);
  void disconnect(const Task& task);
  void failed(const absl::Status& status);

  ApiClient api_;
  ClientProtocol* protocol_;
  base::SystemClock clock_;
  Tally tally_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  Flow flow_;
  bool quit_ = false;
  std::atomic<std::uint64_t> pending_{0};  // tasks, and the flow while it lasts
  std::string body_, text_;
  std::thread thread_;
};

}  // namespace holdfast::swarm
