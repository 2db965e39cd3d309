// Audit: compares what clients sent, what the handler saw and what clients received. It decides whether a run
// was right.
//
// Echo: a client gets exactly its own messages back, in order and whole. Broadcast: of each publisher a
// subscriber gets a run of consecutive messages, and all subscribers agree on what follows what (one order,
// gap-free or closed). Handler: on_open at most once, messages only in between and in the client's order,
// on_close exactly once for each on_open. Failures are collected as text; the first one counts, later ones
// are often its consequence.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canary.h"
#include "holdfast/connection.h"
#include "holdfast/handler.h"
#include "holdfast/message.h"
#include "rate_audit.h"

namespace holdfast::sim {

// The application echoes, or publishes to everybody; or it is the gateway, which ChannelAudit judges.
enum class Mode { echo, broadcast, gateway };

class Audit {
 public:
  explicit Audit(Mode mode) : mode_(mode) {}
  Mode mode() const { return mode_; }

  // ---- Told by clients.
  // Returns the message's sequence, counted from 0.
  std::uint32_t sent(std::uint32_t client, MessageType type, std::size_t bytes);
  // No type: the client's protocol has none.
  void received(std::uint32_t client, std::optional<MessageType> type, std::string_view payload);
  // Judged elsewhere.
  void count_received() { ++received_; }
  // Echo: all that was sent has come back.
  bool all_echoed(std::uint32_t client) const;
  std::uint32_t received_count(std::uint32_t client) const;
  // For protocols without framing: how long the content is that begins so (with Canary::kBytes at least).
  std::optional<std::size_t> size_of(std::string_view beginning) const;

  // ---- Told by handlers.
  void opened(ConnectionId connection);
  void message(ConnectionId connection, MessageType type, std::string_view payload);
  // Who looks at rates; nobody at first.
  void set_rates(RateAudit* rates) { rates_ = rates; }
  RateAudit* rates() { return rates_; }
  // Broadcast: publish() took the message.
  void published(std::string_view payload);
  void closed(ConnectionId connection, const Close& close);
  // What on_close said of the client's connection, for messages.
  std::string close_of(std::uint32_t client) const;
  std::uint64_t connections_opened() const { return opened_; }
  std::uint64_t connections_closed() const { return closed_; }
  std::uint64_t messages_handled() const { return handled_; }
  std::uint64_t messages_received() const { return received_; }

  // ---- At the end.
  // Broadcast: nothing is known to follow what this client received last.
  bool up_to_date(std::uint32_t client) const;
  void expect_all_closed();

  void fail(std::string what) { failures_.push_back(std::move(what)); }
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  using Key = std::pair<std::uint32_t, std::uint32_t>;  // client, sequence
  static constexpr Key kNone{0xffff'ffffu, 0xffff'ffffu};
  struct Sent {
    MessageType type;
    std::size_t bytes;
  };
  struct ClientRecord {
    std::vector<Sent> sent;
    std::uint32_t received = 0;
    std::string close;
    Key last = kNone;                                // broadcast: received last
    std::map<std::uint32_t, std::uint32_t> next_of;  // broadcast: by publisher
  };
  struct ConnectionRecord {
    bool closed = false;
    bool bound = false;
    std::uint32_t client = 0;
    std::uint32_t next_sequence = 0;
  };
  ClientRecord& record(std::uint32_t client);
  void received_echo(std::uint32_t client, ClientRecord& record, const Canary& canary);
  void received_broadcast(std::uint32_t client, ClientRecord& record, const Canary& canary);

  Mode mode_;
  RateAudit* rates_ = nullptr;
  std::vector<ClientRecord> clients_;
  std::map<std::uint64_t, ConnectionRecord> connections_;
  std::map<Key, Key> follower_;  // broadcast: what some subscriber received next
  std::map<Key, Key> precursor_;
  std::map<Key, bool> published_;
  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t received_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace holdfast::sim
