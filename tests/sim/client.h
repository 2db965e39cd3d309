// Client: one simulated peer of the server, from its connect to its end, polite or not, as its plan says.
//
// Lives on the events of its world: it acts at times of its own and when the network has something for it.
// What it sends and receives goes to the audit. Transports derive from it: WebSocketClient,
// LengthPrefixedClient, HttpClient, StreamClient, EmulationClient. What the gateway's clients say by them is
// apart from them: Bidirectional and Unidirectional speak through a client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit.h"
#include "ring/simulated_world.h"

namespace holdfast::sim {

// What a client does when it has sent its messages.
enum class Ending {
  stay,     // until the server ends the connection
  close,    // closing handshake; length-prefixed: FIN
  finish,   // FIN, without a word
  cut,      // FIN in the middle of a message
  reset,    // RST, any time
  vanish,   // silently gone
  stall,    // never reads again
  violate,  // breaks the protocol
  flood,    // says as much at once as it can, and goes
};

// Who uses the gateway.
enum class Dialect { json, protobuf, stream, unidirectional, emulation, api };

struct Plan {
  std::uint32_t messages = 0;
  std::uint32_t message_bytes_maximum = 1024;
  std::uint64_t gap_maximum_ns = 50'000'000;  // between messages
  std::uint32_t window = 4;                   // echo: messages sent and not yet answered
  std::uint32_t write_maximum_bytes = 4096;   // bytes written at once
  std::uint64_t write_gap_maximum_ns = 0;     // between such writes
  std::uint32_t read_maximum_bytes = 65536;
  std::uint64_t read_gap_maximum_ns = 0;
  bool answers_pings = true;
  bool sends_pings = false;
  bool fragments = false;
  bool finishes_handshake = true;
  std::uint32_t close_requests = 0;  // in 100 messages: asks the server to close
  Ending ending = Ending::stay;
  std::optional<Protocol> protocol;  // none: any
  std::optional<Dialect> dialect;    // of the gateway; none: any
  std::uint32_t addresses = 0;       // that clients share; 0: each has its own

  // Polite, prompt readers and writers must be served whatever happens to others.
  bool healthy() const {
    return answers_pings && finishes_handshake && close_requests == 0 && ending == Ending::stay &&
           write_gap_maximum_ns <= 5'000'000 && read_gap_maximum_ns <= 5'000'000;
  }
  static Plan drawn(base::Random& random, bool calm, std::uint32_t message_bytes_maximum);
};

class Client : public ring::ClientObserver {
 public:
  Client(ring::SimulatedWorld* world, Audit* audit, std::uint32_t number, int listener, const Plan& plan)
      : world_(world),
        audit_(audit),
        number_(number),
        listener_(listener),
        plan_(plan),
        messages_wanted_(plan.messages) {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Connects, and again while it is refused.
  void start();
  void on_network() final;
  // Sends one more message, if it is still in a state to.
  virtual void probe();
  // Has more to say than was planned.
  void speak_again(std::uint32_t messages);
  // Nobody is patient for ever: closes its end, wherever it is. Of one that vanished the server's kernel
  // learns.
  void give_up();

  std::uint32_t number() const { return number_; }
  const Plan& plan() const { return plan_; }
  bool established() const { return established_; }
  bool ended() const { return ended_; }
  // It has begun to end the connection, or to misbehave, itself.
  bool parting() const { return parting_; }
  // It has broken the rules, for all to see.
  bool has_violated() const { return violated_ && outgoing_.empty(); }
  // The server ended a connection that wanted to stay.
  bool ended_by_server() const { return ended_ && !parting_; }
  virtual bool waiting_in_backlog() const { return connection_ == nullptr || !connection_->accepted(); }
  // How many connections it may have at once.
  virtual std::uint32_t connections() const { return 1; }
  bool sent_everything() const { return sent_ >= messages_wanted_ && outgoing_.empty(); }
  // It has all it is owed.
  virtual bool served() const;
  // Of the simulated world; nothing while it is refused.
  std::optional<std::uint32_t> connection_id() const {
    return connection_ == nullptr ? std::nullopt : std::optional(connection_->id());
  }
  std::uint16_t close_code() const { return close_code_; }
  std::uint32_t address() const {
    return kFirstAddress + (plan_.addresses > 0 ? number_ % plan_.addresses : number_);
  }
  int listener() const { return listener_; }
  // The server has said that it lets it in, and not closed its end.
  bool held_by_server() const { return admitted() && !connection_->server_closed(); }
  // When it ended the server owed it nothing, as far as both can have known: it may have been idle.
  virtual bool was_idle() const { return false; }
  // The server has said so; in some protocols it never does.
  virtual bool admitted() const { return established_; }
  virtual std::string describe() const;

  // ---- For what speaks through it.
  // It leaves, or misbehaves, of its own accord.
  void part() { parting_ = true; }
  // FIN, behind what it has to say.
  void finish();
  // Ready to speak, and heard.
  bool may_act() const { return established_ && !ended_ && !parting_ && close_code_ == 0; }
  void fail(const std::string& what);
  // Calls act() in up to `delay_maximum_ns`, unless the connection has ended by then.
  template <class Act>
  void later(std::uint64_t delay_maximum_ns, Act act) {
    world_->schedule(1 + world_->random().below(delay_maximum_ns + 1), [this, act] {
      if (!ended_) act();
    });
  }
  // The same after a time that is not drawn.
  template <class Act>
  void after(std::uint64_t delay_ns, Act act) {
    world_->schedule(delay_ns, [this, act] {
      if (!ended_) act();
    });
  }
  base::Random& random() { return world_->random(); }

 protected:
  // Longer than anything is under way.
  static constexpr std::uint64_t kUnderWayNs = 1'000'000'000;

  // Queues bytes for the network.
  void write(std::string_view bytes);
  // The connection is ready for messages.
  void establish();
  // The server has said that it ends the connection.
  void hear_close(std::uint16_t code) {
    close_code_ = code;
    on_close_code(code);
  }
  // The server has ended what belongs to the connection, and so the connection.
  void lose();
  virtual void message_received(std::optional<MessageType> type, std::string_view payload);
  // One thing to say has been said.
  void spoke() { ++sent_; }
  // It may speak again: something it waited for has come.
  void go_on();

  // ---- What a protocol adds.
  virtual void connected() = 0;
  // Takes whole pieces from the front of what has arrived; returns how many bytes.
  virtual std::size_t consume(std::string_view bytes) = 0;
  virtual std::string encode(MessageType type, std::string_view payload) = 0;
  virtual MessageType draw_type() = 0;
  virtual void close_politely() = 0;
  virtual std::string violation() = 0;
  // Writes much, without waiting for anything.
  virtual void flood();
  virtual void ping() {}
  // Not while it waits for answers.
  virtual bool may_speak() const;
  virtual void speak();
  virtual void on_end() {}
  virtual void on_close_code(std::uint16_t) {}

  ring::SimulatedWorld* world_;
  Audit* audit_;

 private:
  static constexpr std::uint32_t kFirstAddress = 0x0a000000;

  void connect();
  void pump();
  void read();
  void next_message();
  void send_message(Flag flag);
  void begin_ending();
  void end();

  const std::uint32_t number_;
  const int listener_;
  const Plan plan_;
  std::uint32_t messages_wanted_;
  ring::SimulatedConnection* connection_ = nullptr;
  std::string outgoing_;
  std::string incoming_;
  std::uint32_t sent_ = 0;
  std::uint16_t close_code_ = 0;
  bool established_ = false;
  bool parting_ = false;
  bool finishing_ = false;  // FIN follows the bytes in outgoing_
  bool stalled_ = false;
  bool violated_ = false;
  bool ended_ = false;
  bool pumping_ = false;  // a pump() is scheduled
  bool reading_ = false;  // a read() is scheduled
  bool sending_ = false;  // a next_message() is scheduled
};

}  // namespace holdfast::sim
