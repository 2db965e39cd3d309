// The four modes of modes.h. One thread; each function owns its connections and ends with all of them reset.
#include "modes.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cpu_time.h"
#include "failure.h"

namespace holdfast::perf {
namespace {

constexpr std::uint32_t kSettleMs =
    50;  // lets work that trails behind the last answer be charged to its window
constexpr std::uint32_t kAfterResetMs = 700;

void turn_for(Connections& connections, std::uint32_t milliseconds) {
  const std::int64_t end_ns = monotonic_ns() + std::int64_t{milliseconds} * 1'000'000;
  while (true) {
    const std::int64_t left_ns = end_ns - monotonic_ns();
    if (left_ns <= 0) return;
    connections.turn(static_cast<int>(left_ns / 1'000'000 + 1));
  }
}

// Not turn_for: that would spin, because standard input, once ended, stays readable.
void pause_ms(std::uint32_t milliseconds) {
  const timespec pause{.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000L};
  nanosleep(&pause, nullptr);
}

void compare(const Piece& piece, Bytes expected) {
  if (piece.opcode != kBinary) fail("the server sent something else than a binary message");
  if (piece.message_bytes != expected.size()) fail("the server sent a message of another length");
  const Bytes part = expected.subspan(static_cast<std::size_t>(piece.offset), piece.bytes.size());
  if (!part.empty() && std::memcmp(part.data(), piece.bytes.data(), part.size()) != 0) {
    fail("the server sent a message with other contents");
  }
}

class Echo final : public Mode {
 public:
  explicit Echo(const Load& load)
      : messages_(load.message_bytes),
        sent_(load.connections),
        connections_(load.target, load.connections, *this) {
    connections_.open_until(load.connections);
  }

  void window(const Load& load) {
    stopping_ = false;
    for (std::uint32_t i = 0; i < connections_.open(); i++) send(i);
    turn_for(connections_, load.warm_up_ms);
    const std::uint64_t echoed_before = echoed_;
    const Sample begin = take_sample(load.server);
    turn_for(connections_, load.window_ms);
    const Sample end = take_sample(load.server);
    const std::uint64_t echoed = echoed_ - echoed_before;
    stopping_ = true;
    while (on_their_way_ > 0) connections_.turn(-1);
    print_window("echo", load.connections, load.message_bytes, echoed, end - begin);
  }

  void on_piece(std::uint32_t connection, const Piece& piece) override {
    compare(piece, messages_.payload(number(connection)));
    if (!piece.last()) return;
    echoed_++;
    on_their_way_--;
    sent_[connection]++;
    if (!stopping_) send(connection);
  }

  Connections& connections() { return connections_; }

 private:
  // Neighbours and successors carry different contents.
  std::uint64_t number(std::uint32_t connection) const {
    return std::uint64_t{connection} * 37 + sent_[connection];
  }

  void send(std::uint32_t connection) {
    on_their_way_++;
    connections_.send(connection, messages_.masked_frame(number(connection)));
  }

  Messages messages_;
  std::vector<std::uint32_t> sent_;  // by connection: messages that have come back
  Connections connections_;
  std::uint64_t echoed_ = 0;
  std::uint32_t on_their_way_ = 0;
  bool stopping_ = false;
};

class Fanout final : public Mode {
 public:
  explicit Fanout(const Load& load)
      : messages_(load.message_bytes), connections_(load.target, load.connections, *this) {
    connections_.open_until(1);  // the publisher is the server's first connection
    connections_.open_until(load.connections);
  }

  void window(const Load& load) {
    publish_for(load.warm_up_ms);
    pause_ms(kSettleMs);
    const Sample begin = take_sample(load.server);
    const std::uint64_t deliveries = publish_for(load.window_ms);
    pause_ms(kSettleMs);
    print_window("fanout", load.connections, load.message_bytes, deliveries,
                 take_sample(load.server) - begin);
  }

  void on_piece(std::uint32_t connection, const Piece& piece) override {
    if (rounds_[connection] == round_) fail("the server delivered a message twice");
    compare(piece, messages_.payload(round_));
    if (!piece.last()) return;
    rounds_[connection] = round_;
    delivered_++;
  }

  Connections& connections() { return connections_; }

 private:
  // At least one message; returns the deliveries.
  std::uint64_t publish_for(std::uint32_t milliseconds) {
    const std::int64_t end_ns = monotonic_ns() + std::int64_t{milliseconds} * 1'000'000;
    std::uint64_t deliveries = 0;
    rounds_.resize(connections_.open());
    do {
      delivered_ = 0;
      round_++;
      connections_.send(0, messages_.masked_frame(round_));
      while (delivered_ < connections_.open()) connections_.turn(-1);
      deliveries += delivered_;
    } while (monotonic_ns() < end_ns);
    return deliveries;
  }

  Messages messages_;
  Connections connections_;
  std::vector<std::uint64_t> rounds_;  // by connection: the last round that was delivered to it
  std::uint64_t round_ = 0;
  std::uint32_t delivered_ = 0;
};

class Handshake final : public Mode {
 public:
  explicit Handshake(const Load& load) : connections_(load.target, load.connections, *this) {
    connections_.open_until(load.connections);
  }

  void window(const Load& load) {
    connections_.reset_all();
    pause_ms(kAfterResetMs);
    const Sample begin = take_sample(load.server);
    connections_.open_until(load.connections);
    pause_ms(kSettleMs);
    print_window("handshake", load.connections, 0, load.connections, take_sample(load.server) - begin);
  }

  void on_piece(std::uint32_t, const Piece&) override { fail("the server sent a message nobody asked for"); }

  Connections& connections() { return connections_; }

 private:
  Connections connections_;
};

class Idle final : public Mode {
 public:
  explicit Idle(const Load& load)
      : connections_(load.target, load.connections, *this), begin_(take_sample(load.server)) {
    connections_.open_until(load.connections);
  }

  void window(const Load& load) {
    const Sample end = take_sample(load.server);
    const std::uint64_t answered = connections_.pings_answered();
    print_window("idle", load.connections, 0, answered - answered_before_, end - begin_);
    begin_ = end;
    answered_before_ = answered;
  }

  void on_piece(std::uint32_t, const Piece&) override { fail("the server sent a message nobody asked for"); }

  Connections& connections() { return connections_; }

 private:
  Connections connections_;
  Sample begin_;
  std::uint64_t answered_before_ = 0;
};

template <typename Measured>
void run(const Load& load) {
  Measured mode(load);
  Connections& connections = mode.connections();
  std::printf("{\"open\": %u}\n", connections.open());
  std::fflush(stdout);
  connections.watch(STDIN_FILENO);
  while (true) {
    if (connections.turn(-1)) continue;
    std::array<char, 64> line;
    if (read(STDIN_FILENO, line.data(), line.size()) <= 0) return;
    mode.window(load);
  }
}

}  // namespace

void run_echo(const Load& load) {
  run<Echo>(load);
}
void run_fanout(const Load& load) {
  run<Fanout>(load);
}
void run_handshake(const Load& load) {
  run<Handshake>(load);
}
void run_idle(const Load& load) {
  run<Idle>(load);
}

}  // namespace holdfast::perf
