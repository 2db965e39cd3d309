// The children, and the one-byte conversation with them.
#include "tune/crowd.h"

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "tune/text.h"

namespace holdfast::tune {
namespace {

constexpr std::uint64_t kPairsPerChildMaximum = 16'000;  // below the ports of one destination
constexpr std::uint64_t kOtherDescriptors = 64;
constexpr int kAnswerTimeoutMs = 120'000;
constexpr char kDone = '.';

absl::Status failed(const char* what) {
  return absl::ResourceExhaustedError(std::string(what) + ": " + std::strerror(errno));
}

// Raised to the hard limit, which the children inherit.
std::uint64_t descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// Runs in a child: never returns to the program.
class Pairs {
 public:
  explicit Pairs(std::uint64_t count) : count_(count) {}

  const char* open() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr name{};
    socklen_t length = sizeof name;
    static_assert(sizeof name == sizeof address);
    std::memcpy(&name, &address, sizeof name);
    if (listener < 0 || bind(listener, &name, sizeof name) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, &name, &length) != 0)
      return "listening on 127.0.0.1";
    accepted_.reserve(count_);
    for (std::uint64_t index = 0; index < count_; ++index) {
      const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (client < 0) return "socket";
      const linger reset{1, 0};
      setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      if (connect(client, &name, sizeof name) != 0) return "connecting to 127.0.0.1";
      const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) return "accept";
      accepted_.push_back(accepted);
    }
    return nullptr;
  }

  const char* watch() {
    constexpr unsigned kBatch = 1024;
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE;
    params.cq_entries = 16'384;
    int result = io_uring_queue_init_params(kBatch, &ring_, &params);
    if (result == 0)
      result = io_uring_register_files(&ring_, accepted_.data(), static_cast<unsigned>(count_));
    if (result < 0) {
      errno = -result;
      return "a ring with its file table";
    }
    for (std::uint64_t index = 0; index < count_; ++index) {
      io_uring_sqe* entry = io_uring_get_sqe(&ring_);
      if (entry == nullptr) {
        if (io_uring_submit(&ring_) < 0) return "arming polls";
        entry = io_uring_get_sqe(&ring_);
      }
      io_uring_prep_poll_multishot(entry, static_cast<int>(index), POLLIN | POLLRDHUP);
      entry->flags |= IOSQE_FIXED_FILE;
      entry->user_data = index;
    }
    return io_uring_submit(&ring_) < 0 ? "arming polls" : nullptr;
  }

 private:
  std::uint64_t count_;
  std::vector<int> accepted_;
  io_uring ring_{};
};

void answer(int descriptor, const char* problem) {
  const std::string text =
      problem == nullptr ? std::string(1, kDone) : std::string(problem) + ": " + std::strerror(errno);
  if (write(descriptor, text.data(), text.size()) < 0) _exit(1);
}

[[noreturn]] void be_child(std::uint64_t connections, int orders, int answers) {
  Pairs pairs(connections);
  answer(answers, pairs.open());
  char order = 0;
  while (read(orders, &order, 1) == 1) answer(answers, pairs.watch());
  _exit(0);
}

}  // namespace

absl::Status Crowd::add_child(std::uint64_t connections) {
  int orders[2], answers[2];
  if (pipe(orders) != 0) return failed("pipe");
  if (pipe(answers) != 0) return failed("pipe");
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) return failed("fork");
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(orders[1]);
    close(answers[0]);
    be_child(connections, orders[0], answers[1]);
  }
  close(orders[0]);
  close(answers[1]);
  children_.push_back({process, orders[1], answers[0]});
  return absl::OkStatus();
}

absl::Status Crowd::wait_for_answers() {
  for (const Child& child : children_) {
    pollfd waited{child.answers, POLLIN, 0};
    if (poll(&waited, 1, kAnswerTimeoutMs) != 1)
      return absl::DeadlineExceededError("a child that opens connections did not answer within 120 s");
    char text[256];
    const ssize_t count = read(child.answers, text, sizeof text);
    if (count <= 0) return absl::AbortedError("a child that opens connections died: out of memory?");
    if (count != 1 || text[0] != kDone)
      return absl::ResourceExhaustedError(std::string(text, static_cast<std::size_t>(count)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Crowd> Crowd::open(std::uint64_t connections) {
  const std::uint64_t allowed = descriptors();
  if (allowed < kOtherDescriptors + 2)
    return absl::ResourceExhaustedError("RLIMIT_NOFILE is " + grouped(allowed) + ": raise it with ulimit -n");
  const std::uint64_t each = std::min((allowed - kOtherDescriptors) / 2, kPairsPerChildMaximum);
  Crowd crowd;
  for (std::uint64_t opened = 0; opened < connections; opened += each) {
    if (absl::Status status = crowd.add_child(std::min(each, connections - opened)); !status.ok())
      return status;
  }
  if (absl::Status status = crowd.wait_for_answers(); !status.ok()) return status;
  return crowd;
}

absl::Status Crowd::watch() {
  for (const Child& child : children_) {
    if (write(child.orders, "w", 1) != 1) return failed("a child that opens connections");
  }
  return wait_for_answers();
}

Crowd::Crowd(Crowd&& other) noexcept : children_(std::exchange(other.children_, {})) {}

Crowd::~Crowd() {
  for (const Child& child : children_) {
    close(child.orders);
    close(child.answers);
    kill(child.process, SIGKILL);
  }
  for (const Child& child : children_) waitpid(child.process, nullptr, 0);
}

}  // namespace holdfast::tune
