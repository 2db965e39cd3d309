// Slot: all that is kept of one connection between two events, in 64 bytes, plus 32 that only some events
// need.
//
// Lives in its shard's mapping; its index is the socket's index in the ring's file table. Touched only by the
// shard's thread. Everything in it is an index, a tick or a bit, never a pointer (rule R8). A socket being
// watched costs the kernel about 4.1 kB; this is what we add.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "holdfast/connection.h"
#include "memory/index.h"
#include "net/state.h"
#include "ring/tag.h"
#include "time/wheel.h"

namespace holdfast::net {

// Operations of a slot that are in the kernel. A slot is free only when none is.
enum InFlight : std::uint16_t {
  kReadableArmed =
      1 << 0,  // true exactly when a multishot poll was queued and its last completion not yet reaped
  kReadableCancel = 1 << 1,  // true exactly when a cancel of it was queued and not yet reaped
  kWritableArmed = 1 << 2,   // true exactly when a one-shot output poll was queued and not yet reaped
  kWritableCancel = 1 << 3,  // true exactly when a cancel of it was queued and not yet reaped
  kReceiving = 1 << 4,       // true exactly when a receive was queued and not yet reaped
  kSending = 1 << 5,         // true exactly when a send was queued and not yet reaped (never two: rule R3)
  kQueryingPeer = 1 << 6,    // true exactly when a peer address query was queued and not yet reaped
  kSettingReset = 1 << 7,    // true exactly when reset_on_close was queued and not yet reaped
  kClosing = 1 << 8,         // true exactly when the close was queued and not yet reaped
};

enum Flag : std::uint16_t {
  kQueuedReady = 1 << 0,  // true exactly when the slot is in the shard's list of slots to read
  kQueuedFlush = 1 << 1,  // true exactly when it is in the list of slots to write
  kQueuedReap = 1 << 2,  // true exactly when it is in the list of slots whose ending must be told or finished
  kOpened = 1 << 3,      // on_open was called and on_close was not
  kBacklogged = 1 << 4,  // the peer was behind; on_drained is owed when the outbox is empty
  kPingOutstanding = 1 << 5,  // a ping that must be answered was queued and nothing has arrived since
  kPongQueued = 1 << 6,       // a pong was queued since the outbox was last empty: further ones wait for it
  kCloseReceived = 1 << 7,    // the peer's close frame has arrived
  kDiscardInput = 1 << 8,     // the handler ended an HTTP connection whose peer may still be sending
  kReset = 1 << 9,            // end with RST and drop what is unsent: the peer does not read, or is gone
  kInputPaused = 1 << 10,     // the handler wants no input until it says so
  kSendGathered = 1 << 11,    // the send in flight reads from the shard's gather memory, not from a frame
  kInputPending = 1 << 12,    // the last receive said that the socket holds more
  kPeerFirst = 1 << 13,       // the peer's close frame came before ours
  kPeerFinished =
      1 << 15,  // a wake-up said the peer sends no more: read until that is seen, no other wake-up follows
  kQueuedDrained = 1 << 14,  // true exactly when it is in the list of slots whose on_drained is owed
};

struct Slot {
  std::uint64_t word;                                     // the application's
  std::uint32_t generation : ring::Tag::kGenerationBits;  // raised when the slot is freed
  std::uint32_t state_bits : 4;                           // State; written by ConnectionTable::to only
  std::uint32_t protocol_bits : 2;                        // Protocol; the listener's, until a plain request
                                                          // makes a WebSocket client one of Protocol::http
  std::uint32_t address_counted : 1;                      // AddressCounts::remove is owed
  std::uint32_t input_limited : 1;                        // it sent more than it may: not read until
                                                          // last_activity, which lies ahead as long
  std::uint16_t in_flight;
  std::uint16_t flags;
  holdfast::time::TimerLink timer;     // 12 bytes: the one deadline the connection's state implies
  holdfast::time::Tick last_activity;  // when something last arrived; HTTP: or left, or a request ended
  holdfast::time::Tick stall_since;    // when a backlogged peer last took something
  memory::Index outbox_head;
  memory::Index outbox_tail;
  std::uint32_t outbox_bytes;             // queued and not yet taken by the kernel
  std::uint32_t outbox_sent;              // bytes of the head frame the kernel has taken
  memory::Index assembly;                 // incomplete input, or kNoIndex
  memory::Index subscriptions;            // head of the connection's subscription list
  std::uint16_t close_code;               // why it ends: what on_close will report
  std::uint8_t large_receive_credit : 4;  // > 0: read into a large buffer, the last reads filled a small one
  std::uint8_t brief : 1;  // true exactly when its last read found little, all there was, and nothing wrong
  std::uint8_t request_under_way : 1;  // HTTP: the handler is answering one: not idle
  std::uint8_t answer_is_stream : 1;   // HTTP: and has no end, so that who sends no more has gone
  std::uint8_t input_ended : 1;        // HTTP: all its input was read when an answer was still awaited
  std::uint8_t listener;               // which listener of the shard accepted it

  State state() const { return static_cast<State>(state_bits); }
  Protocol protocol() const { return static_cast<Protocol>(protocol_bits); }
  void set_protocol(Protocol protocol) { protocol_bits = static_cast<std::uint32_t>(protocol) & 0x3u; }
  bool is(Flag flag) const { return (flags & flag) != 0; }
  // Neither its handler nor its rate keeps it from being read, and there may be something to read.
  bool wants_input() const { return !is(kInputPaused) && input_limited == 0 && input_ended == 0; }
  bool in_kernel(InFlight operation) const { return (in_flight & operation) != 0; }
  void set(Flag flag) { flags = static_cast<std::uint16_t>(flags | flag); }
  void clear(Flag flag) { flags = static_cast<std::uint16_t>(flags & ~flag); }
  // Pair assertions: an operation enters the kernel once and leaves it once.
  void enter_kernel(InFlight operation) {
    CHECK(!in_kernel(operation));
    in_flight = static_cast<std::uint16_t>(in_flight | operation);
  }
  void leave_kernel(InFlight operation) {
    CHECK(in_kernel(operation));
    in_flight = static_cast<std::uint16_t>(in_flight & ~operation);
  }
};
static_assert(sizeof(Slot) == 64, "one cache line: a fan-out touches one line per subscriber");

// SlotDetail::receive_buffer of a receive that goes straight to its assembly.
inline constexpr std::uint16_t kNoReceiveBuffer = static_cast<std::uint16_t>(memory::kNoIndex);

// What accepting, receiving, closing and the timers need, kept apart so that a fan-out does not pull it
// through the cache.
struct SlotDetail {
  std::uint8_t peer_ip[16];
  std::uint16_t peer_port;       // while the peer's address is being asked for: the index of the query
  std::uint16_t receive_buffer;  // while a receive is in the kernel: where to; see Shard::queue_receive
  holdfast::time::Tick assembly_since;  // when the incomplete message began
  holdfast::time::Tick pong_deadline;   // of the outstanding ping
  memory::Index close_reason;           // frame with the reason for on_close, or kNoIndex
};
static_assert(sizeof(SlotDetail) == 32);
static_assert(sizeof(Slot) + sizeof(SlotDetail) <= 96, "the byte budget of a plain connection");

}  // namespace holdfast::net
