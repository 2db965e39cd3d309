// Application: the rules it follows, and what it makes of bytes without framing.
#include "application.h"

#include <utility>

#include "shard/shard.h"

namespace holdfast::sim {
namespace {

constexpr std::string_view kEverybody = "everybody";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::uint64_t kTimerMaximumNs = 3'000'000'000;
constexpr std::size_t kKeptMaximum = 8;

}  // namespace

void Application::on_start() {
  started_ns_ = now_ns();
  plan_timer();
}

void Application::plan_timer() {
  due_ns_ = now_ns() + 1 + random_->below(kTimerMaximumNs);
  // The first is replaced by the second, or cancelled and set again.
  if (random_->below(2) == 0) wake_at(random_->below(2) * due_ns_ / 2);
  wake_at(due_ns_);
}

void Application::on_timer() {
  ++timers_;
  if (due_ns_ == 0 || now_ns() < due_ns_) audit_->fail("on_timer before its time");
  if (static_cast<std::uint64_t>(unix_time_s()) != world_->clock().wall_ns() / 1'000'000'000)
    audit_->fail("unix_time_s is not the wall clock's");
  for (Connection connection : std::exchange(paused_, {})) connection.resume_input();
  plan_timer();
}

void Application::on_stop() {
  kept_.clear();
  if (timers_ == 0 && now_ns() > started_ns_ + 2 * kTimerMaximumNs) audit_->fail("on_timer was never called");
}

std::optional<Admission> Application::on_plain_request(const Request& request) {
  if (request.protocol() != Protocol::http || request.method() != "POST" || request.path() != "/sim")
    audit_->fail("a plain request nobody sent");
  return Admission::accept();
}

void Application::on_open(Connection connection) {
  audit_->opened(connection.id());
  if (!connection.is_open()) audit_->fail("on_open for a connection that is not open");
  connection.set_word(connection.id().value);
  if (audit_->mode() == Mode::broadcast && !connection.subscribe(kEverybody)) {
    *refused_ = true;
    connection.close(1013, "no room for another subscription");
  }
}

void Application::on_message(Connection connection, Message message) {
  check_word(connection);
  if (connection.protocol() == Protocol::http) return bytes_received(connection, message.characters());
  message_received(connection, message);
}

// A request's head first, then contents one after another, whose sizes the audit knows.
void Application::bytes_received(Connection connection, std::string_view bytes) {
  auto [found, first] = unread_.try_emplace(connection.id().value, "");
  std::string& unread = found->second;
  if (first) unread.push_back('\0');  // marks that the head is still to come
  unread.append(bytes);
  if (unread.front() == '\0') {
    const std::size_t end = unread.find(kHeadEnd);
    if (end == std::string::npos) return;
    unread.erase(0, end + kHeadEnd.size());
  }
  while (connection.is_open() && unread.size() >= Canary::kBytes) {
    const std::optional<std::size_t> size = audit_->size_of(unread);
    if (!size.has_value()) return connection.close(4002, "this is no message");
    if (unread.size() < *size) break;
    const std::string whole = unread.substr(0, *size);
    unread.erase(0, *size);
    message_received(connection, Message::binary(std::as_bytes(std::span(whole))));
  }
  if (random_->below(16) != 0) return;
  connection.pause_input();
  paused_.push_back(connection);
  if (random_->below(4) == 0) connection.resume_input();
}

void Application::message_received(Connection connection, Message message) {
  audit_->message(connection.id(), message.type, message.characters());
  // Of HTTP connections some are the operator's, who is not limited.
  if (audit_->rates() != nullptr && connection.protocol() != Protocol::http)
    audit_->rates()->message(connection.id(), message.bytes.size(), world_->now_ns());
  if (random_->below(8) == 0) try_parted(message);
  if (std::optional<Canary> canary = verify(message.characters())) obey(connection, canary->flag);
  if (!connection.is_open()) return;
  if (audit_->mode() == Mode::echo) return echo(connection, message);
  // Before the call, because it may deliver at once; one that is refused has no followers to confuse.
  audit_->published(message.characters());
  if (!shard::Shard::current()->publish(kEverybody, message)) {
    *refused_ = true;
    connection.close(1013, "too much at once");
  }
}

void Application::echo(Connection connection, const Message& message) {
  if (random_->below(3) != 0) {
    connection.send(message);
    return;
  }
  const SharedMessage shared = share(message);
  if (connection.send(shared) == SendResult::refused) {
    *refused_ = true;
    return connection.close(1013, "out of memory");
  }
  if (kept_.size() == kKeptMaximum) kept_.erase(kept_.begin());
  if (random_->below(2) == 0) kept_.push_back(shared);
}

void Application::on_close(Connection connection, Close close) {
  audit_->closed(connection.id(), close);
  check_word(connection);
  if (connection.is_open()) audit_->fail("on_close for a connection that is open");
  if (close.code < 1000 || close.code > 4999) {
    audit_->fail("on_close with code " + std::to_string(close.code));
  }
  unread_.erase(connection.id().value);
  parted_.push_back(connection);
}

ConnectionId Application::parted() {
  return parted_.empty() ? ConnectionId{} : parted_[random_->below(parted_.size())].id();
}

void Application::check_word(Connection connection) {
  if (connection.word() != connection.id().value) audit_->fail("a connection with another's word");
}

void Application::obey(Connection connection, Flag flag) {
  if (flag == Flag::close) connection.close(4000, "as you wish");
  if (flag != Flag::resubscribe) return;
  // The second time it is there already, so that both answers occur.
  if (!connection.subscribe("aside")) connection.unsubscribe("aside");
}

// Handles may be kept for ever: using one whose connection has ended must reach nobody.
void Application::try_parted(const Message& message) {
  if (parted_.empty()) return;
  Connection connection = parted_[random_->below(parted_.size())];
  if (connection.is_open()) audit_->fail("the handle of an ended connection is open");
  if (connection.send(message) != SendResult::closed ||
      connection.send(SharedMessage()) != SendResult::closed)
    audit_->fail("the handle of an ended connection sends");
  if (connection.subscribe("aside")) audit_->fail("the handle of an ended connection subscribes");
  // Its own it may still know, until the slot is free.
  if (connection.word() != 0 && connection.word() != connection.id().value)
    audit_->fail("the handle of an ended connection reads another's word");
  connection.prefetch();
  connection.pause_input();
  connection.resume_input();
  connection.close(4998, "nobody should see this");
}

}  // namespace holdfast::sim
