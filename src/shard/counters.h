// Counters: what a shard has done, written by its thread, readable by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::shard {

// One writer, any readers: a relaxed load and store cost what a plain increment costs.
class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// name, what it counts. Gauges (set once per turn) first, then counters.
#define HOLDFAST_COUNTERS(X)                                                                  \
  X(connections_open)    /* connections whose on_open was called and on_close was not */      \
  X(slots_in_use)        /* sockets held, whatever their state */                             \
  X(buffers_out)         /* receive buffers lent */                                           \
  X(frames_live)         /* encoded messages somebody is still owed */                        \
  X(assemblies_in_use)   /* connections with incomplete input */                              \
  X(bytes_queued)        /* in all outboxes */                                                \
  X(message_memory_used) /* bytes of the arena claimed by frames and assemblies */            \
  X(subscriptions)       /* live */                                                           \
  X(ring_overflows)      /* completion queue found overflown */                               \
  X(ring_enters)         /* io_uring_enter calls */                                           \
  X(ring_completions)    /* completions reaped */                                             \
  X(wslay_contexts)      /* lent */                                                           \
  X(accepted)            /* sockets taken in */                                               \
  X(closed)              /* sockets given back */                                             \
  X(accept_errors)       /* accepts that failed and made a listener pause */                  \
  X(accept_pauses)       /* times the rate of accepts was used up */                          \
  X(address_refusals)    /* connections reset: their address has as many as it may */         \
  X(handshakes_completed)                                                                     \
  X(handshakes_rejected)                                                                      \
  X(handshakes_timed_out)                                                                     \
  X(messages_in)  /* calls of on_message */                                                   \
  X(messages_out) /* queued to one connection each */                                         \
  X(bytes_in)                                                                                 \
  X(bytes_out)                                                                                \
  X(pings_out)                                                                                \
  X(pongs_out)                                                                                \
  X(pong_timeouts)                                                                            \
  X(message_timeouts)                                                                         \
  X(violations)           /* connections closed for what they sent */                         \
  X(early_flushes)        /* times a turn sent before its end, for want of room */            \
  X(outbox_overflows)     /* connections dropped at max_outbox_bytes */                       \
  X(stall_timeouts)       /* connections dropped because the peer took nothing */             \
  X(http_idle_timeouts)   /* HTTP connections ended because no byte moved */                  \
  X(memory_refusals)      /* memory used up: connections dropped, nothing shared */           \
  X(input_pauses)         /* connections not read for a while because of their rate */        \
  X(receive_buffer_waits) /* turns in which sockets had to wait for a receive buffer */       \
  X(short_sends)          /* sends the kernel took only partly or not at all */               \
  X(rearms)               /* polls armed again because the kernel had ended them */           \
  X(stale_completions)    /* for earlier tenants of a slot */                                 \
  X(transient_errors)     /* ENOBUFS or ENOMEM from the kernel, tried again */                \
  X(mailbox_refusals)     /* publishes, sends and tasks refused because a mailbox was full */ \
  X(clock_gaps)           /* times this thread did not run for long; deadlines were moved */  \
  X(slow_turns)           /* turns of more than 50 ms: everybody on the shard waited */       \
  X(turns)

// What of all shards the greatest says.
#define HOLDFAST_MAXIMA(X) X(longest_turn_us) /* of all turns so far */

struct Counters {
#define HOLDFAST_COUNTER_FIELD(name) Counter name;
  HOLDFAST_COUNTERS(HOLDFAST_COUNTER_FIELD)
  HOLDFAST_MAXIMA(HOLDFAST_COUNTER_FIELD)
#undef HOLDFAST_COUNTER_FIELD
};

}  // namespace holdfast::shard
