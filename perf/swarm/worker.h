// Worker: a thread with its herds. It waits for all their rings at once, gives each its turn, and plays the
// phase that the controller has put on the stage.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "herd.h"
#include "phase.h"
#include "play.h"

namespace holdfast::swarm {

struct WorkerPlan {
  Share share;
  Route route;
  std::string host;
  std::string path;
  std::uint64_t run = 0;
  std::uint8_t marker = '!';
  ClientProtocol* protocol = nullptr;  // null: plain WebSocket messages
  std::vector<std::uint32_t> herds;    // capacity of each
  std::uint64_t first_number = 0;
  std::vector<Phase> phases;
};

class Worker {
 public:
  Worker(WorkerPlan plan, Stage* stage);
  ~Worker();
  // Makes the herds; on the caller's thread.
  absl::Status prepare();
  void begin() {
    thread_ = std::thread([this] { run(); });
  }
  void join() { thread_.join(); }

  const Tally& tally() const { return desk_.tally; }
  // CPU time of its thread so far; while the thread lives, that is until join.
  std::uint64_t cpu_ns() const;
  // How late this phase's turns began, in ns; to be read like result().
  const Histogram& turns_late() const { return turns_late_; }
  // The last phase this worker has finished, from 1. When it is the stage's, its result may be read.
  std::uint32_t done() const { return done_.load(std::memory_order_acquire); }
  const Result& result() const { return play_->result(); }
  const absl::Status& status() const { return status_; }  // after done() or join()
  bool can_set_options() const { return !herds_.empty() && herds_.front()->can_set_options(); }
  std::string describe() const { return herds_.empty() ? "" : herds_.front()->describe(); }

 private:
  void run();
  absl::Status start();
  void enter_phase();
  void turn();
  void wait();

  WorkerPlan plan_;
  Stage* stage_;
  Desk desk_;
  std::vector<std::unique_ptr<Herd>> herds_;
  std::vector<char> woken_;  // by place of the herd
  std::unique_ptr<Play> play_;
  std::uint32_t phase_ = 0;
  std::uint64_t wanted_ns_ = 0;  // when the play wants its next turn
  Histogram turns_late_;
  std::atomic<std::uint32_t> done_{0};
  absl::Status status_;
  int epoll_ = -1;
  std::thread thread_;
};

}  // namespace holdfast::swarm
