// Connection: all the swarm keeps for one connection. 64 bytes in a flat array; the index in it is the
// connection's slot in its ring's file table.
//
// A connection owns no buffer: what it sends and what it expects are functions of its number and of sequence
// numbers (content.h), so a message that left in part is simply made again from where it stopped.
#pragma once

#include <cstdint>

#include "frames.h"
#include "memory/index.h"
#include "time/wheel.h"

namespace holdfast::swarm {

enum class State : std::uint8_t {
  free,
  waiting,     // holds a slot and no socket: its time to come back has not come
  connecting,  // the socket is being opened, bound or connected
  upgrading,   // the request has been asked to leave
  joining,     // upgraded, and what it said first has not been answered (client_protocol.h)
  half_open,   // half of a request was sent, and no more will be
  open,
  vanished,  // nothing that comes is let in but a reset, and nothing is sent: to its server it is gone
  closing,   // our close frame was asked to leave
  ending,    // nothing counts any more; the slot becomes free when the kernel holds nothing of it
};

// Operations of a slot that are in the kernel.
inline constexpr std::uint8_t kOpening = 1 << 0;  // open, option, bind or connect
inline constexpr std::uint8_t kReadable = 1 << 1;
inline constexpr std::uint8_t kReceiving = 1 << 2;
inline constexpr std::uint8_t kSending = 1 << 3;
inline constexpr std::uint8_t kWritable = 1 << 4;
inline constexpr std::uint8_t kCancelling = 1 << 5;
inline constexpr std::uint8_t kCancellingWritable = 1 << 6;
inline constexpr std::uint8_t kClosing = 1 << 7;

inline constexpr std::uint16_t kQueuedReady = 1 << 0;
inline constexpr std::uint16_t kQueuedSend = 1 << 1;
inline constexpr std::uint16_t kInPlay = 1 << 2;       // the phase has begun with it and is not done
inline constexpr std::uint16_t kDiffers = 1 << 3;      // some piece of the current message was wrong
inline constexpr std::uint16_t kPingPending = 1 << 4;  // our ping has not been answered
inline constexpr std::uint16_t kCloseSeen = 1 << 5;    // or, of one that vanished, that the server ended it
inline constexpr std::uint16_t kReceiveMore = 1 << 6;  // the poll may not tell of the input that is left
inline constexpr std::uint16_t kPublisher = 1 << 7;
inline constexpr std::uint16_t kDeaf = 1 << 8;        // does not read, on purpose
inline constexpr std::uint16_t kReturns = 1 << 9;     // opened again when its slot is free
inline constexpr std::uint16_t kSlow = 1 << 10;       // reads late, on purpose: the server may end it
inline constexpr std::uint16_t kSip = 1 << 11;        // deaf, but one small receive is due
inline constexpr std::uint16_t kCollector = 1 << 12;  // receives what everybody sends
inline constexpr std::uint16_t kResets = 1 << 13;     // its close is to leave nothing behind

// What is to be sent, in the order of the bits; `sending` is the bit of what is on its way. Clients of the
// Centrifugo protocol collect nothing: for them two bits mean something else.
inline constexpr std::uint8_t kSendRequest = 1 << 0;
inline constexpr std::uint8_t kSendCollect = 1 << 1;  // from now on a collector
inline constexpr std::uint8_t kSendPong = 1 << 2;
inline constexpr std::uint8_t kSendMessage = 1 << 3;
inline constexpr std::uint8_t kSendPublication = 1 << 4;
inline constexpr std::uint8_t kSendPing = 1 << 5;
inline constexpr std::uint8_t kSendLeave = 1 << 6;  // a collector no longer
inline constexpr std::uint8_t kSendClose = 1 << 7;
inline constexpr std::uint8_t kSendJoin = kSendCollect;        // connect and subscribe
inline constexpr std::uint8_t kSendEmptyCommand = kSendLeave;  // the pong to the empty message

struct Connection {
  std::uint32_t send_offset;      // of the frame on its way. First: a free record's first word is the pool's
  std::uint32_t generation;       // 24 bits
  std::uint64_t since_ns;         // when what is being waited for began
  std::uint32_t sequence_sent;    // echoes asked for
  std::uint32_t sequence_left;    // of these, those that have left entirely
  std::uint32_t sequence_echoed;  // of these, those that came back right
  std::uint16_t pings;            // of ours
  std::uint16_t round;            // publications received in this run
  FrameState frame;
  time::TimerLink timer;
  std::uint8_t wanted;  // kSend...
  std::uint8_t sending;
  std::uint8_t buffer;  // of the worker, that is being received into
  std::uint8_t spare;
  std::uint16_t flags;
  State state;
  std::uint8_t in_kernel;
};
static_assert(sizeof(Connection) <= 64);

}  // namespace holdfast::swarm
