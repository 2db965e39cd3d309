// Herd: one ring with the connections whose sockets lie in its file table, and everything that is done to
// them: opened, upgraded, read, compared, written, ended.
//
// Owned and driven by one worker (worker.h); several herds share that worker's Desk, since receives and sends
// complete inside the submit that hands them over. What a phase wants to know it learns through Events.
// Invariant: a slot is given back only when nothing of it is in the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "client_protocol.h"
#include "connection.h"
#include "content.h"
#include "handshake.h"
#include "memory/mapping.h"
#include "memory/pool.h"
#include "ring/kernel_ring.h"
#include "tally.h"
#include "time/wheel.h"

namespace holdfast::swarm {

class Herd;
using memory::Index;

// Where connections go to, and from where. Connection n of the run takes destination n modulo their number.
struct Route {
  std::vector<ring::SocketAddress> destinations;
  std::vector<ring::SocketAddress> sources;  // empty: the kernel chooses
};

// What messages are expected to be, set by the phase.
enum class Expect : std::uint8_t { nothing, echoes, publications, gathered };

// What all herds of a worker share.
struct Desk {
  static constexpr std::size_t kReceives = 64;
  static constexpr std::size_t kReceiveBytes = 16 * 1024;
  static constexpr std::size_t kSendBytes = 256 * 1024;

  // `protocol` is that of all connections; null: plain WebSocket messages.
  Desk(std::string_view host, std::string_view path, ClientProtocol* client_protocol)
      : handshake(host, path, client_protocol == nullptr ? "" : client_protocol->subprotocol()),
        protocol(client_protocol) {}
  std::vector<std::byte> receive =
      std::vector<std::byte>(kReceives * kReceiveBytes + MessageReader::kPaddingBytes);
  std::vector<std::byte> send;
  std::vector<ring::Completion> completions = std::vector<ring::Completion>(1024);
  Handshake handshake;
  Tally tally;
  base::SystemClock clock;
  std::uint64_t now_ns = 0;  // read again before every batch of receives
  void read_clock() { now_ns = clock.monotonic_ns(); }
  std::uint64_t run = 0;  // seed of all contents
  Expect expect = Expect::nothing;
  Sizes sizes;                          // of echoes, publications and what is gathered
  std::uint32_t publication_round = 0;  // of the next kSendPublication
  std::uint8_t marker = '!';
  // Of the clients of a protocol alone.
  ClientProtocol* protocol;
  MessageReader messages;
  std::uint16_t awaited_close = 0;  // a close frame of the server's with this code is right; 0: none is
  std::string commands, expected;   // for the moment they are needed
};

// Told to the phase, from inside Herd::turn. It may call any method of the herd but turn.
class Events {
 public:
  virtual ~Events() = default;
  virtual void connected(Herd&, Index) {}
  virtual void upgraded(Herd&, Index) {}  // it is open: a client has joined
  virtual void echoed(Herd&, Index) {}
  virtual void delivered(Herd&, Index) {}
  virtual void ponged(Herd&, Index) {}
  // Some of a message at a collector, which the phase has to judge.
  virtual void gathered(Herd&, Index, const Piece&) {}
  // The connection was `before`, and counts no more. A fault, if it was one, has been counted.
  virtual void ended(Herd&, Index, State /*before*/) {}
  // Asked when its socket is closed: when it is to be opened again in the same slot; 0: never.
  virtual std::uint64_t comes_back_ns(Herd&, Index) { return 0; }
  virtual void returned(Herd&, Index) {}  // its socket is closed and its slot free
};

class Herd {
 public:
  // `first_number` is the number of slot 0 in the run.
  static absl::StatusOr<std::unique_ptr<Herd>> create(Desk* desk, const Route* route, std::uint32_t capacity,
                                                      std::uint64_t first_number);
  absl::Status start();  // on the thread that drives it
  void report_to(Events* events) { events_ = events; }

  // One round: takes in what the kernel has finished, reads, writes. Never sleeps.
  void turn();
  // True when turn has something to do that no event announces.
  bool has_work() const { return !ready_.empty() || !sends_.empty() || queued_; }
  bool has_timers() const { return wheel_.scheduled_count() > 0; }
  int descriptor() const { return ring_->descriptor(); }

  // A new connection, at once or at a moment to come; memory::kNoIndex when the herd is full.
  Index open();
  Index open_at(std::uint64_t when_ns);
  void send(Index slot, std::uint8_t wanted);  // kSend...
  void send_echo(Index slot) {
    ++connections_[slot].sequence_sent;
    send(slot, kSendMessage);
  }
  void ping(Index slot);
  void publish(Index slot);  // the publication of desk().publication_round, by a command
  // Reads no more, but what sip() lets it; until listen().
  void turn_deaf(Index slot);
  void sip(Index slot, std::uint32_t bytes);
  void listen(Index slot);
  // From now on neither this end's kernel nor we answer anything. probe() undoes it and pings. Only when
  // can_set_options().
  void vanish(Index slot);
  void probe(Index slot);
  bool can_set_options() const { return ring_->has_peer_address(); }  // both came with Linux 6.7
  void close(Index slot);                                             // the closing handshake
  void drop(Index slot);                                              // the end, without one
  void fail(Index slot, Fault fault);                                 // the end, counted

  Connection& operator[](Index slot) { return connections_[slot]; }
  const Client& client(Index slot) const { return clients_[slot]; }
  std::uint32_t channel_of(Index slot) const { return desk_->protocol->channels.of(number_of(slot)); }
  std::uint32_t used() const { return pool_.used(); }
  std::uint32_t capacity() const { return pool_.capacity(); }
  // Slots from here on were never used.
  std::uint32_t touched() const { return pool_.state().fresh; }
  std::uint32_t open_count() const { return open_; }
  Desk& desk() { return *desk_; }
  std::uint64_t number_of(Index slot) const { return first_number_ + slot; }
  // Differs for every opening of a slot.
  std::uint64_t identity(Index slot) const;
  std::string describe() const { return ring_->describe(); }

 private:
  enum class Step : std::uint8_t {
    open = 1,
    option,
    bind,
    connect,
    readable,
    receive,
    send,
    writable,
    cancel,
    cancel_writable,
    filter,
    close
  };
  // A frame that is to leave: its payload is a content, or literal.
  struct Outgoing {
    ws::Opcode opcode = ws::Opcode::binary;
    Content content;
    std::span<const std::byte> literal;
    std::uint32_t payload_bytes() const {
      return content.bytes != 0 ? content.bytes : static_cast<std::uint32_t>(literal.size());
    }
  };
  Herd(Desk* desk, const Route* route, std::uint32_t capacity, std::uint64_t first_number)
      : desk_(desk), route_(route), first_number_(first_number), slots_(capacity) {}

  ring::Tag tag(Step step, Index slot) const;
  Index claim();
  void begin(Index slot);
  void closed(Index slot);
  void reap();
  void dispatch(const ring::Completion& completion);
  void opening_done(Index slot, Step step, int result);
  void connect_failed(Index slot, int error);
  void arm(Index slot);
  void readable_done(Index slot, const ring::Completion& completion);
  void read_ready();
  void receive_done(Index slot, const ring::Completion& completion);
  void input(Index slot, std::span<const std::byte> bytes);
  std::size_t answer(Index slot, std::span<const std::byte> bytes);
  void opened(Index slot);
  bool piece(Index slot, const Piece& piece);
  bool message(Index slot, const Piece& piece);
  void echo(Index slot, const Piece& piece);
  void publication(Index slot, const Piece& piece);
  // herd_client.cc
  void join(Index slot);
  void write_commands(Index slot, std::string& frame);
  bool client_frame(Index slot, const Piece& piece);
  bool client_message(Index slot, const ServerMessage& message);
  bool await(Index slot, std::uint8_t reply, std::uint32_t id);
  bool connect_reply(Index slot, const ServerMessage& message);
  bool subscribe_reply(Index slot, const ServerMessage& message);
  bool error_reply(Index slot, const ServerMessage& message);
  void channel_publication(Index slot, const Publication& publication);
  Fault judge(Index slot, const Publication& publication, std::uint64_t* steps);
  bool control(Index slot, const Piece& piece);
  void peer_closed(Index slot, std::span<const std::byte> payload);
  void input_ended(Index slot, bool reset);
  bool sends_commands(Index slot) const;
  Outgoing outgoing(Index slot);
  void leave_open(Index slot, State next);
  void settle();
  void write_pending();
  bool queue_send(Index slot);
  std::span<const std::byte> encode(Index slot, std::size_t room);
  void send_done(Index slot, int result);
  void end(Index slot, Fault fault);
  void release_when_joined(Index slot);
  void fire_timers();
  void queue_ready(Index slot);
  bool live(Index slot) const;

  Desk* desk_;
  const Route* route_;
  Events* events_ = nullptr;
  std::uint64_t first_number_;
  std::uint32_t slots_;
  memory::Mapping mapping_;
  memory::Pool<Connection> pool_;
  Connection* connections_ = nullptr;
  Client* clients_ = nullptr;  // null without a protocol
  std::unique_ptr<ring::KernelRing> ring_;
  time::Wheel wheel_;
  std::vector<Index> due_;
  std::vector<Index> ready_, reading_;
  std::vector<Index> sends_, sending_;
  std::size_t desk_used_ = 0;      // bytes of desk_->send in the kernel's hands
  std::uint32_t inline_left_ = 0;  // receives and sends that have not completed
  std::uint32_t sip_bytes_ = 0;
  std::uint32_t open_ = 0;
  bool queued_ = false;  // operations wait for a submit
  // Rare: heads and control frames that came in pieces, and what a pong has to say.
  std::unordered_map<Index, std::string> partial_;
  std::unordered_map<Index, std::string> pongs_;
};

}  // namespace holdfast::swarm
