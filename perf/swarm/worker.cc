// The loop of a worker.
#include "worker.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace holdfast::swarm {
namespace {

constexpr std::uint64_t kLongestWaitNs = 10'000'000;
constexpr std::uint64_t kTimerWaitNs = 1'000'000;
constexpr int kEvents = 256;

}  // namespace

Worker::Worker(WorkerPlan plan, Stage* stage)
    : plan_(std::move(plan)), stage_(stage), desk_(plan_.host, plan_.path, plan_.protocol) {
  desk_.run = plan_.run;
  desk_.marker = plan_.marker;
  desk_.read_clock();
}

Worker::~Worker() {
  if (epoll_ >= 0) ::close(epoll_);
}

std::uint64_t Worker::cpu_ns() const {
  clockid_t clock{};
  timespec used{};
  // native_handle() is not const, though asking for it changes nothing.
  const pthread_t thread = const_cast<std::thread&>(thread_).native_handle();
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

absl::Status Worker::prepare() {
  std::uint64_t number = plan_.first_number;
  for (const std::uint32_t capacity : plan_.herds) {
    absl::StatusOr<std::unique_ptr<Herd>> herd = Herd::create(&desk_, &plan_.route, capacity, number);
    if (!herd.ok()) return herd.status();
    herds_.push_back(*std::move(herd));
    number += capacity;
  }
  woken_.assign(herds_.size(), 1);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return absl::InternalError(std::string("epoll_create1: ") + std::strerror(errno));
  return absl::OkStatus();
}

absl::Status Worker::start() {
  for (std::size_t i = 0; i < herds_.size(); ++i) {
    if (absl::Status status = herds_[i]->start(); !status.ok()) return status;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, herds_[i]->descriptor(), &event) < 0) {
      return absl::InternalError(std::string("epoll_ctl: ") + std::strerror(errno));
    }
  }
  return absl::OkStatus();
}

void Worker::run() {
  status_ = start();
  while (status_.ok() && !stage_->quit.load()) turn();
  // Here and not in the destructor: the rings belong to this thread. The kernel ends what is open.
  if (play_ == nullptr || stage_->quit.load()) herds_.clear();
  done_.store(~0u, std::memory_order_release);
}

void Worker::turn() {
  desk_.read_clock();
  enter_phase();
  if (play_ != nullptr && done_.load(std::memory_order_relaxed) != phase_) {
    if (wanted_ns_ != 0) turns_late_.record(desk_.now_ns - std::min(desk_.now_ns, wanted_ns_));
    if (stage_->give_up.load() == phase_) {
      play_->give_up();
    } else {
      play_->turn();
    }
    if (play_->finished()) done_.store(phase_, std::memory_order_release);
  }
  for (std::size_t i = 0; i < herds_.size(); ++i) {
    if (woken_[i] != 0 || herds_[i]->has_work() || herds_[i]->has_timers()) herds_[i]->turn();
    woken_[i] = 0;
  }
  wait();
}

void Worker::enter_phase() {
  const std::uint32_t number = stage_->number.load(std::memory_order_acquire);
  if (number == phase_) return;
  phase_ = number;
  turns_late_ = Histogram();
  wanted_ns_ = 0;
  for (const std::unique_ptr<Herd>& herd : herds_) {
    for (Index slot = 0; slot < herd->touched(); ++slot) {
      (*herd)[slot].flags &= static_cast<std::uint16_t>(~(kInPlay | kReturns));
    }
  }
  play_ = Play::make(plan_.phases[number - 1], plan_.share, herds_, desk_, *stage_);
  for (const std::unique_ptr<Herd>& herd : herds_) herd->report_to(play_.get());
}

// Sleeps until a ring has something, or until the play wants its turn.
void Worker::wait() {
  std::uint64_t wait_ns = kLongestWaitNs;
  if (play_ != nullptr && done_.load(std::memory_order_relaxed) != phase_) {
    wanted_ns_ = play_->next_ns();
    const std::uint64_t now_ns = desk_.clock.monotonic_ns();
    wait_ns = std::min(wait_ns, wanted_ns_ > now_ns ? wanted_ns_ - now_ns : 0);
  }
  for (const std::unique_ptr<Herd>& herd : herds_) {
    if (herd->has_work()) wait_ns = 0;
    if (herd->has_timers()) wait_ns = std::min(wait_ns, kTimerWaitNs);
  }
  std::array<epoll_event, kEvents> events;
  const timespec timeout{0, static_cast<long>(wait_ns)};
  const int ready = epoll_pwait2(epoll_, events.data(), kEvents, &timeout, nullptr);
  for (int i = 0; i < ready; ++i) woken_[events[static_cast<std::size_t>(i)].data.u64] = 1;
}

}  // namespace holdfast::swarm
