// Counters: what the gateway of a shard has done and holds, written by its thread, readable by any.
#pragma once

#include "shard/counters.h"

namespace holdfast::gateway {

// name, what it counts. Gauges first, then counters.
#define HOLDFAST_GATEWAY_COUNTERS(X)                                                      \
  X(clients)             /* connections whose connect has succeeded */                    \
  X(users)               /* with connections on this shard */                             \
  X(subscriptions)       /* live */                                                       \
  X(local_channels)      /* with subscribers on this shard */                             \
  X(home_channels)       /* whose home is this shard, the remembered ones included */     \
  X(idle_channels)       /* of these known only by a remembered epoch and top */          \
  X(presence_bytes)      /* charged for presence */                                       \
  X(idempotency_results) /* remembered */                                                 \
  X(letters_waiting)     /* for other shards, written and not handed over */              \
  X(commands)            /* of clients */                                                 \
  X(connects)            /* that succeeded */                                             \
  X(connect_failures)    /* answered with an error or closed */                           \
  X(errors)              /* replies that are errors */                                    \
  X(disconnects)         /* connections this side closed */                               \
  X(pings)                                                                                \
  X(no_pongs) /* connections closed because a pong did not come */                        \
  X(tokens_verified)                                                                      \
  X(tokens_refused)                                                                       \
  X(publications)         /* numbered here */                                             \
  X(duplicates)           /* publishes answered from a remembered result */               \
  X(publications_refused) /* publication memory used up, or too many letters under way */ \
  X(json_checks)          /* of binary payloads: one each, for all channels together */   \
  X(deliveries)           /* publications queued to one connection each */                \
  X(encodings)            /* publications encoded, once for each form somebody wants */   \
  X(deltas)               /* of these as a delta */                                       \
  X(recoveries)           /* asked for at this home */                                    \
  X(recoveries_failed)                                                                    \
  X(gaps)                  /* subscriptions ended because they missed something */        \
  X(overruns)              /* times a shard was too far behind to take deliveries */      \
  X(channels_refused)      /* the bound of channels */                                    \
  X(streams_evicted)       /* idle epochs forgotten early */                              \
  X(subscriptions_refused) /* the bound of subscriptions */                               \
  X(presence_refused)      /* the bound of presence memory */                             \
  X(idempotency_evictions) /* results forgotten early */

struct Counters {
  using Counter = shard::Counter;
#define HOLDFAST_GATEWAY_COUNTER_FIELD(name) Counter name;
  HOLDFAST_GATEWAY_COUNTERS(HOLDFAST_GATEWAY_COUNTER_FIELD)
#undef HOLDFAST_GATEWAY_COUNTER_FIELD
};

}  // namespace holdfast::gateway
