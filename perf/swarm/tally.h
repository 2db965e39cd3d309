// Tally: what a worker has seen, by name. Written by its thread, read by any.
#pragma once

#include <array>
#include <cstddef>

#include "shard/counters.h"

namespace holdfast::swarm {

// name, what went wrong. Any of them makes the run fail.
#define SWARM_FAULTS(X)                                                                              \
  X(refused)                /* the server's port answered the connect with a reset */                \
  X(connect_failed)         /* any other end of a connect; the first errno is in the report */       \
  X(out_of_ports)           /* no local port was left for this destination */                        \
  X(connect_missing)        /* connects that were not answered in time */                            \
  X(handshake_ended)        /* the connection ended instead of being upgraded */                     \
  X(not_upgraded)           /* an HTTP answer that was not 101 */                                    \
  X(wrong_accept_key)       /* 101 with a key that belongs to another request */                     \
  X(bad_handshake)          /* no HTTP, or an upgrade to something else */                           \
  X(handshake_missing)      /* upgrades that were not answered in time */                            \
  X(bad_frame)              /* fragments, reserved bits, masks, lengths beyond anything asked for */ \
  X(echo_differs)           /* an echo that is not what was sent */                                  \
  X(echo_missing)           /* an echo that did not come in time */                                  \
  X(broadcast_differs)      /* a publication that is none of ours */                                 \
  X(broadcast_twice)        /* a publication that had come before, or that comes too late */         \
  X(broadcast_out_of_order) /* a publication before its time */                                      \
  X(broadcast_missing)      /* a publication that did not come in time */                            \
  X(pong_differs)           /* a pong with another payload than our ping, or without one */          \
  X(pong_missing)           /* a pong that did not come in time */                                   \
  X(unexpected_message)     /* a message nobody had asked for */                                     \
  X(unexpected_close)       /* the server ended a connection that should have stayed */              \
  X(unexpected_reset)       /* the same, by RST */                                                   \
  X(close_differs)          /* an answer to our close with another code, or an end without one */    \
  X(close_missing)          /* a close that was not answered in time */                              \
  X(bad_message)            /* a message that is not of the clients' protocol */                     \
  X(join_ended)             /* the server ended a connection before it had joined */                 \
  X(join_missing)           /* replies to connect and subscribe that did not come in time */         \
  X(command_refused)        /* an error instead of a reply; the first code is in the report */       \
  X(reply_differs)          /* a reply to no command of ours, or without what it has to say */       \
  X(reply_missing)          /* replies to publish that did not come in time */                       \
  X(not_recoverable)        /* a subscription without the positions that were asked for */           \
  X(not_recovered)          /* a client that came back and was told that it has missed something */  \
  X(position_differs)       /* a subscription at another epoch or offset than it must be */          \
  X(offset_differs)         /* the right publication with a wrong offset */                          \
  X(disconnect_missing)     /* clients the server kept although it was told to disconnect them */    \
  X(api_failed)             /* calls of the server's HTTP API; the first reason is on stderr */      \
  X(half_open_kept)         /* a half-sent request that the server did not end in time */            \
  X(slow_wrongly_closed)    /* a slow reader that was ended, where the phase says kept */            \
  X(slow_wrongly_kept)      /* a slow reader that was kept, where the phase says closed */           \
  X(vanish_failed)          /* the kernel did not let a connection vanish */                         \
  X(vanished_kept)          /* a vanished peer that the server did not end in time */                \
  X(gathered_differs)       /* a message at a collector that is none of ours */                      \
  X(gathered_twice)         /* a message that had come to this collector before */                   \
  X(gathered_out_of_order)  /* a message before an earlier one of its sender */                      \
  X(gathered_missing)       /* a message that did not come to a collector in time */

#define SWARM_COUNTS(X)                                                                    \
  X(opened)                 /* sockets connected */                                        \
  X(upgraded)               /* handshakes whose answer was right */                        \
  X(joined)                 /* clients whose connect and subscribe were answered right */  \
  X(disconnected)           /* clients the server closed with the awaited code */          \
  X(recovered)              /* of these, those that came back and were told so */          \
  X(publications_recovered) /* publications that came in replies to subscribe */           \
  X(published)              /* through the server's HTTP API */                            \
  X(echoes)                 /* messages that came back as they were sent */                \
  X(deliveries)             /* publications that came once, in order, as they were sent */ \
  X(pings_answered)         /* of the server's, by us */                                   \
  X(pongs)                  /* right answers to our pings */                               \
  X(closed)                 /* connections that ended with the right close frame */        \
  X(dropped)                /* connections that we ended without a close frame */          \
  X(half_open_ended)        /* half-sent requests that the server ended */                 \
  X(gathered)               /* messages that came once, in order, to a collector */        \
  X(slow_kept)              /* slow readers that received everything in the end */         \
  X(slow_closed)            /* slow readers the server ended, without a gap before */      \
  X(vanished)               /* connections that ceased to answer */                        \
  X(vanished_ended)         /* of these, those the server ended */                         \
  X(messages_out) X(messages_in) X(bytes_out) X(bytes_in)

enum class Fault : unsigned char {
#define SWARM_NAME(name) name,
  SWARM_FAULTS(SWARM_NAME)
#undef SWARM_NAME
      none
};
enum class Count : unsigned char {
#define SWARM_NAME(name) name,
  SWARM_COUNTS(SWARM_NAME)
#undef SWARM_NAME
      none
};

inline constexpr const char* kFaultNames[] = {
#define SWARM_NAME(name) #name,
    SWARM_FAULTS(SWARM_NAME)
#undef SWARM_NAME
};
inline constexpr const char* kCountNames[] = {
#define SWARM_NAME(name) #name,
    SWARM_COUNTS(SWARM_NAME)
#undef SWARM_NAME
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::none);
inline constexpr std::size_t kCounts = static_cast<std::size_t>(Count::none);

struct Tally {
  std::array<shard::Counter, kFaults> faults;
  std::array<shard::Counter, kCounts> counts;
  shard::Counter open;           // connections that are open now
  shard::Counter connect_errno;  // of the first connect_failed
  shard::Counter error_code;     // of the first command_refused
  shard::Counter close_code;     // of the first close frame that nobody awaited

  void add(Fault fault, std::uint64_t amount = 1) { faults[static_cast<std::size_t>(fault)].add(amount); }
  void add(Count count, std::uint64_t amount = 1) { counts[static_cast<std::size_t>(count)].add(amount); }
};

// The sum over workers at one moment.
struct Totals {
  std::array<std::uint64_t, kFaults> faults{};
  std::array<std::uint64_t, kCounts> counts{};
  std::uint64_t open = 0;

  void add(const Tally& tally) {
    for (std::size_t i = 0; i < kFaults; ++i) faults[i] += tally.faults[i].get();
    for (std::size_t i = 0; i < kCounts; ++i) counts[i] += tally.counts[i].get();
    open += tally.open.get();
  }
  std::uint64_t of(Count count) const { return counts[static_cast<std::size_t>(count)]; }
  std::uint64_t of(Fault fault) const { return faults[static_cast<std::size_t>(fault)]; }
  std::uint64_t all_faults() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t fault : faults) sum += fault;
    return sum;
  }
};

}  // namespace holdfast::swarm
