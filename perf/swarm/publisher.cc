// The thread's loop, and its two kinds of request.
#include "publisher.h"

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace holdfast::swarm {
namespace {

constexpr std::uint64_t kUsersAtOnce = 500;  // of one batch: publications go on between batches
constexpr double kSecondNs = 1e9;

// What {"result":{...}} or {"replies":[...]} of an answer says; false when it is something else.
bool read_position(const std::string& answer, std::uint64_t* offset, std::string* epoch) {
  simdjson::dom::parser parser;
  simdjson::dom::object result;
  if (parser.parse(answer)["result"].get(result) != simdjson::SUCCESS) return false;
  std::string_view text;
  if (result["offset"].get(*offset) != simdjson::SUCCESS) *offset = 0;
  if (result["epoch"].get(text) == simdjson::SUCCESS) *epoch = text;
  return true;
}

bool all_replied(const std::string& answer, std::uint64_t count) {
  simdjson::dom::parser parser;
  simdjson::dom::array replies;
  if (parser.parse(answer)["replies"].get(replies) != simdjson::SUCCESS || replies.size() != count)
    return false;
  return std::all_of(replies.begin(), replies.end(), [](const simdjson::dom::element& reply) {
    return reply["error"].error() != simdjson::SUCCESS;
  });
}

}  // namespace

Publisher::Publisher(ApiAddress api, ClientProtocol* protocol) : api_(std::move(api)), protocol_(protocol) {}

Publisher::~Publisher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    quit_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

absl::Status Publisher::begin() {
  if (absl::Status status = api_.connect(); !status.ok()) return status;
  thread_ = std::thread([this] { run(); });
  return absl::OkStatus();
}

void Publisher::add(const Task& task) {
  pending_.fetch_add(1);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(task);
  }
  changed_.notify_one();
}

void Publisher::publish_round(Sizes sizes) {
  add({.kind = Task::Kind::round, .sizes = sizes});
}

void Publisher::disconnect(std::uint64_t end, std::uint16_t code) {
  const std::uint64_t users = protocol_->tokens.one_user() ? std::min<std::uint64_t>(end, 1) : end;
  for (std::uint64_t first = 0; first < users; first += kUsersAtOnce) {
    add({.kind = Task::Kind::disconnect,
         .first = first,
         .end = std::min(first + kUsersAtOnce, users),
         .code = code});
  }
}

void Publisher::publish_at(double rate, double seconds, Sizes sizes) {
  pending_.fetch_add(1);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto total = static_cast<std::uint64_t>(std::max(rate * seconds, 1.0));
    flow_ = {.rate = rate, .total = total, .begun_ns = clock_.monotonic_ns(), .sizes = sizes};
  }
  changed_.notify_one();
}

std::uint64_t Publisher::Flow::due_ns() const {
  return begun_ns + static_cast<std::uint64_t>(static_cast<double>(done) / rate * kSecondNs);
}

// Waits for what is to be done next. True: the flow's next publication; otherwise `task`, or the end.
bool Publisher::take(Task* task, Flow* flow) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!quit_) {
    const bool flows = flow_.done < flow_.total;
    const std::uint64_t now_ns = clock_.monotonic_ns();
    if (flows && flow_.due_ns() <= now_ns) {
      *flow = flow_;
      ++flow_.done;
      return true;
    }
    if (!tasks_.empty()) {
      *task = tasks_.front();
      tasks_.pop_front();
      return false;
    }
    if (flows) {
      changed_.wait_for(lock, std::chrono::nanoseconds(flow_.due_ns() - now_ns));
    } else {
      changed_.wait(lock);
    }
  }
  return false;
}

void Publisher::run() {
  while (true) {
    Task task;
    Flow flow;
    const bool flows = take(&task, &flow);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (quit_) return;
    }
    if (flows) {
      publish(static_cast<std::uint32_t>(flow.done % protocol_->channels.count()), flow.sizes);
      if (flow.done + 1 == flow.total) pending_.fetch_sub(1);
      continue;
    }
    if (task.kind == Task::Kind::disconnect) {
      disconnect(task);
    } else {
      for (std::uint32_t i = 0; i < protocol_->channels.count(); ++i) publish(i, task.sizes);
    }
    pending_.fetch_sub(1);
  }
}

void Publisher::publish(std::uint32_t channel, Sizes sizes) {
  Channels& channels = protocol_->channels;
  const std::uint64_t number = channels.take_next(channel);
  channels.write_text(channel, number, sizes, text_);
  body_ = "{\"channel\":\"";
  body_.append(channels.name(channel)).append("\",\"data\":\"").append(text_).append("\"}");
  const absl::StatusOr<std::string> answer = api_.call("publish", body_);
  if (!answer.ok()) return failed(answer.status());
  std::uint64_t offset = 0;
  std::string epoch;
  if (!read_position(*answer, &offset, &epoch)) {
    return failed(absl::InternalError("publish was answered " + answer->substr(0, 200)));
  }
  if (protocol_->recoverable &&
      (offset != channels.base(channel) + number + 1 || epoch != channels.epoch(channel))) {
    return tally_.add(Fault::position_differs);
  }
  tally_.add(Count::published);
}

void Publisher::disconnect(const Task& task) {
  body_ = "{\"commands\":[";
  for (std::uint64_t number = task.first; number < task.end; ++number) {
    if (number != task.first) body_.push_back(',');
    body_.append("{\"disconnect\":{\"user\":\"").append(protocol_->tokens.user_of(number));
    body_.append("\",\"disconnect\":{\"code\":").append(std::to_string(task.code));
    body_.append(",\"reason\":\"shutdown\"}}}");
  }
  body_.append("]}");
  const absl::StatusOr<std::string> answer = api_.call("batch", body_);
  if (!answer.ok()) return failed(answer.status());
  if (!all_replied(*answer, task.end - task.first)) {
    failed(absl::InternalError("disconnect was answered " + answer->substr(0, 200)));
  }
}

void Publisher::failed(const absl::Status& status) {
  tally_.add(Fault::api_failed);
  if (tally_.faults[static_cast<std::size_t>(Fault::api_failed)].get() == 1) {
    std::fprintf(stderr, "holdfast-swarm: %s\n", std::string(status.message()).c_str());
  }
}

}  // namespace holdfast::swarm
