// Client: connecting, writing in pieces, reading in pieces, sending messages by plan, and ending.
#include "client.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"

namespace holdfast::sim {

using ring::SimulatedConnection;

Plan Plan::drawn(base::Random& random, bool calm, std::uint32_t message_bytes_maximum) {
  constexpr Ending kEndings[] = {Ending::close,  Ending::finish, Ending::cut,     Ending::reset,
                                 Ending::vanish, Ending::stall,  Ending::violate, Ending::flood};
  Plan plan;
  plan.messages = static_cast<std::uint32_t>(random.below(20));
  plan.message_bytes_maximum =
      random.below(4) == 0 ? message_bytes_maximum : std::min(message_bytes_maximum, 300u);
  // Even the smallest pieces bring the largest message over in a second or two.
  std::uint32_t least = plan.message_bytes_maximum / 256;
  plan.gap_maximum_ns = random.below(3) == 0 ? 3'000'000'000u : 1 + random.below(40'000'000);
  plan.window = random.below(6) == 0 ? 64 : static_cast<std::uint32_t>(1 + random.below(8));
  plan.write_maximum_bytes =
      static_cast<std::uint32_t>(random.below(2) == 0 ? 65'536 : least + 1 + random.below(2'000));
  plan.write_gap_maximum_ns = random.below(3) == 0 ? random.below(5'000'000) : 0;
  // Fast enough that a backlog is read long before a ping behind it is overdue, and that a third of the
  // largest socket buffer, after which the server's kernel says that there is room again, is read long before
  // a stall timeout.
  std::uint32_t least_read = std::max(1'000u, plan.message_bytes_maximum / 4);
  plan.read_maximum_bytes =
      static_cast<std::uint32_t>(random.below(2) == 0 ? 65'536 : least_read + random.below(2'000));
  plan.read_gap_maximum_ns = random.below(3) == 0 ? random.below(5'000'000) : 0;
  plan.sends_pings = random.below(4) == 0;
  plan.fragments = random.below(3) == 0;
  if (random.below(2) == 0) plan.ending = kEndings[random.below(std::size(kEndings))];
  if (plan.ending == Ending::flood) plan.message_bytes_maximum = std::min(plan.message_bytes_maximum, 100u);
  if (calm) return plan;
  plan.answers_pings = random.below(8) != 0;
  plan.finishes_handshake = random.below(12) != 0;
  if (random.below(6) == 0) plan.close_requests = 10;
  if (random.below(10) == 0) plan.write_gap_maximum_ns = 400'000'000;
  if (random.below(10) == 0) plan.read_gap_maximum_ns = 400'000'000;
  return plan;
}

void Client::start() {
  later(1'000'000, [this] { connect(); });
}

void Client::connect() {
  connection_ = world_->connect(listener_, this, address());
  if (connection_ == nullptr) return later(500'000'000, [this] { connect(); });
  if (plan_.ending == Ending::reset) {
    // At any moment: while it waits, in the handshake, between messages, in the middle of one.
    later(random().below(2) == 0 ? 5'000'000 : 5'000'000'000u, [this] {
      part();
      connection_->client_reset();
      end();
    });
  }
  connected();
  pump();
}

void Client::give_up() {
  if (ended_) {
    if (connection_ != nullptr && connection_->vanished()) connection_->fail(ETIMEDOUT);
    return;
  }
  part();
  if (connection_ != nullptr) connection_->client_close();
  end();
}

void Client::lose() {
  connection_->client_close();
  end();
}

void Client::write(std::string_view bytes) {
  if (finishing_ || ended_) return;
  outgoing_.append(bytes);
  if (!pumping_) pump();
}

// Writes a piece; goes on later, or when the network has room.
void Client::pump() {
  pumping_ = false;
  if (ended_ || connection_ == nullptr) return;
  if (!outgoing_.empty()) {
    std::size_t piece =
        std::min<std::size_t>(outgoing_.size(), 1 + random().below(plan_.write_maximum_bytes));
    std::size_t taken = connection_->client_send(std::as_bytes(std::span(outgoing_.data(), piece)));
    outgoing_.erase(0, taken);
    if (taken == 0 || outgoing_.empty()) {
      if (!outgoing_.empty()) return;  // on_network() says when there is room
    } else {
      pumping_ = true;
      return later(plan_.write_gap_maximum_ns + 20'000, [this] { pump(); });
    }
  }
  if (finishing_) connection_->client_finish();
}

void Client::on_network() {
  if (ended_) return;
  if (!stalled_ && !reading_) read();
  if (!ended_ && !pumping_) pump();
}

void Client::read() {
  reading_ = false;
  std::array<std::byte, 65'536> piece;
  std::size_t limit = std::min<std::size_t>(piece.size(), 1 + random().below(plan_.read_maximum_bytes));
  std::size_t count = connection_->client_receive(std::span(piece).first(limit));
  incoming_.append(reinterpret_cast<const char*>(piece.data()), count);
  while (!ended_) {
    std::size_t consumed = consume(incoming_);
    if (consumed == 0) break;
    incoming_.erase(0, consumed);
  }
  if (ended_) return;
  if (connection_->client_readable() > 0) {
    reading_ = true;
    return later(plan_.read_gap_maximum_ns + 20'000, [this] { read(); });
  }
  if (connection_->server_end() == SimulatedConnection::ServerEnd::open) return;
  connection_->client_close();
  end();
}

void Client::establish() {
  CHECK(!established_);
  established_ = true;
  later(plan_.gap_maximum_ns, [this] { next_message(); });
  sending_ = true;
}

void Client::next_message() {
  sending_ = false;
  if (parting_ || close_code_ != 0) return;
  if (sent_ >= messages_wanted_) {
    if (plan_.ending != Ending::stay && plan_.ending != Ending::reset) begin_ending();
    return;
  }
  if (!may_speak()) return;
  speak();
  if (ended_) return;
  if (plan_.sends_pings && random().below(3) == 0) ping();
  sending_ = true;
  later(plan_.gap_maximum_ns, [this] { next_message(); });
}

// The window is closed: the next echo opens it.
bool Client::may_speak() const {
  return audit_->mode() != Mode::echo || sent_ < audit_->received_count(number_) + plan_.window;
}

void Client::speak() {
  send_message(random().below(100) < plan_.close_requests ? Flag::close
               : random().below(10) == 0                  ? Flag::resubscribe
                                                          : Flag::none);
}

void Client::speak_again(std::uint32_t messages) {
  messages_wanted_ += messages;
  go_on();
}

void Client::go_on() {
  if (sending_ || !may_act()) return;
  sending_ = true;
  later(plan_.gap_maximum_ns, [this] { next_message(); });
}

bool Client::served() const {
  if (!established_ || !sent_everything()) return false;
  return audit_->mode() == Mode::echo ? audit_->all_echoed(number_) : audit_->up_to_date(number_);
}

void Client::send_message(Flag flag) {
  std::uint32_t most = std::max<std::uint32_t>(plan_.message_bytes_maximum, Canary::kBytes);
  std::size_t bytes = Canary::kBytes + random().below(most - Canary::kBytes + 1);
  MessageType type = draw_type();
  std::uint32_t sequence = audit_->sent(number_, type, bytes);
  ++sent_;
  write(encode(type, content(Canary{number_, sequence, flag}, bytes)));
}

void Client::probe() {
  if (may_act()) send_message(Flag::none);
}

void Client::message_received(std::optional<MessageType> type, std::string_view payload) {
  audit_->received(number_, type, payload);
  go_on();
}

void Client::begin_ending() {
  part();
  switch (plan_.ending) {
    case Ending::close:
      return close_politely();
    case Ending::finish:
      return finish();
    case Ending::cut: {
      std::uint32_t sequence = audit_->sent(number_, MessageType::binary, 100);
      std::string whole = encode(MessageType::binary, content(Canary{number_, sequence, Flag::none}, 100));
      write(std::string_view(whole).substr(0, 1 + random().below(whole.size() - 1)));
      return finish();
    }
    case Ending::vanish:
      connection_->client_vanish();
      return end();
    case Ending::stall:
      // Goes on sending, so that the server has something to answer, but takes nothing.
      for (int count = 0; count < 8; ++count) speak();
      stalled_ = true;
      return;
    case Ending::violate:
      violated_ = true;
      return write(violation());
    case Ending::flood:
      flood();
      return finish();
    case Ending::stay:
    case Ending::reset:
      CHECK(false);
  }
}

void Client::flood() {
  constexpr int kMessages = 200;
  for (int count = 0; count < kMessages; ++count) speak();
}

void Client::finish() {
  finishing_ = true;
  if (!pumping_) pump();
}

void Client::end() {
  ended_ = true;
  on_end();
}

void Client::fail(const std::string& what) {
  audit_->fail(describe() + ": " + what);
}

std::string Client::describe() const {
  return "client " + std::to_string(number_) + " (ending " + std::to_string(static_cast<int>(plan_.ending)) +
         ", sent " + std::to_string(sent_) + " of " + std::to_string(messages_wanted_) + ", received " +
         std::to_string(audit_->received_count(number_)) + ", close code " + std::to_string(close_code_) +
         (connection_ != nullptr ? ", connection " + std::to_string(connection_->id()) : "") +
         (waiting_in_backlog() ? ", waiting" : "") + (established_ ? ", established" : "") +
         (parting_ ? ", parting" : "") + (ended_ ? ", ended" : "") + audit_->close_of(number_) + ")";
}

}  // namespace holdfast::sim
