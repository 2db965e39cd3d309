// What each counter counts, in the words of the metrics page. A counter without an entry here fails a test.
#include <span>

#include "admin/metrics.h"

namespace holdfast::admin {
namespace {

constexpr Metric kServerMetrics[] = {
    {"connections_open", true, "Connections that are open."},
    {"slots_in_use", true, "Sockets held, whatever their state."},
    {"buffers_out", true, "Receive buffers lent."},
    {"frames_live", true, "Encoded messages somebody is still owed."},
    {"assemblies_in_use", true, "Connections with incomplete input."},
    {"bytes_queued", true, "Bytes in all outboxes."},
    {"message_memory_used", true, "Bytes of message memory in use."},
    {"subscriptions", true, "Subscriptions of the core; the gateway keeps its own."},
    {"ring_overflows", false, "Times a completion queue was found overflown."},
    {"ring_enters", false, "System calls into the rings."},
    {"ring_completions", false, "Completions reaped."},
    {"wslay_contexts", true, "WebSocket contexts lent to frames that come in pieces."},
    {"accepted", false, "Sockets taken in."},
    {"closed", false, "Sockets given back."},
    {"accept_errors", false, "Accepts that failed and made a listener pause."},
    {"accept_pauses", false, "Times the rate of accepts was used up."},
    {"address_refusals", false, "Connections reset because their address had as many as it may."},
    {"handshakes_completed", false, "Opening handshakes completed."},
    {"handshakes_rejected", false, "Opening handshakes rejected."},
    {"handshakes_timed_out", false, "Opening handshakes that took too long."},
    {"messages_in", false, "Messages received."},
    {"messages_out", false, "Messages queued, to one connection each."},
    {"bytes_in", false, "Bytes received."},
    {"bytes_out", false, "Bytes sent."},
    {"pings_out", false, "WebSocket pings sent."},
    {"pongs_out", false, "WebSocket pongs sent."},
    {"pong_timeouts", false, "Connections dropped because a WebSocket pong did not come."},
    {"message_timeouts", false, "Messages that took too long to arrive."},
    {"violations", false, "Connections closed for what they sent."},
    {"early_flushes", false, "Times a turn sent what it had before its end, for want of room."},
    {"outbox_overflows", false, "Connections dropped because they did not keep up."},
    {"stall_timeouts", false, "Connections dropped because the peer took nothing."},
    {"http_idle_timeouts", false, "HTTP connections ended because no byte moved."},
    {"memory_refusals", false, "Times message memory was used up."},
    {"input_pauses", false, "Times a connection was not read for a while because of its rate."},
    {"receive_buffer_waits", false, "Turns in which sockets waited for a receive buffer."},
    {"short_sends", false, "Sends the kernel took only partly or not at all."},
    {"rearms", false, "Polls armed again because the kernel had ended them."},
    {"stale_completions", false, "Completions for earlier tenants of a slot."},
    {"transient_errors", false, "Operations tried again after ENOBUFS or ENOMEM."},
    {"mailbox_refusals", false, "Letters between shards refused by a full mailbox."},
    {"clock_gaps", false, "Times a shard did not run for long."},
    {"slow_turns", false, "Turns of more than 50 ms: everybody on the shard waited."},
    {"turns", false, "Turns of the shards' loops."},
    {"longest_turn_us", true, "The longest turn so far: everybody on its shard waited for it."},
};

constexpr Metric kGatewayMetrics[] = {
    {"clients", true, "Connections whose connect has succeeded."},
    {"users", true, "Users with connections, once for each shard they are on."},
    {"subscriptions", true, "Subscriptions."},
    {"local_channels", true, "Channels with subscribers, once for each shard they are on."},
    {"home_channels", true, "Channels known, the remembered ones included."},
    {"idle_channels", true, "Channels known only by a remembered epoch and top."},
    {"presence_bytes", true, "Bytes charged for presence."},
    {"idempotency_results", true, "Results remembered for idempotency keys."},
    {"letters_waiting", true, "Letters between shards that are not handed over yet."},
    {"commands", false, "Commands of clients."},
    {"connects", false, "Connects that succeeded."},
    {"connect_failures", false, "Connects answered with an error or closed."},
    {"errors", false, "Replies that are errors."},
    {"disconnects", false, "Connections closed by this side."},
    {"pings", false, "Pings of the protocol sent."},
    {"no_pongs", false, "Connections closed because a pong did not come."},
    {"tokens_verified", false, "Tokens found valid."},
    {"tokens_refused", false, "Tokens found not valid."},
    {"publications", false, "Publications numbered."},
    {"duplicates", false, "Publishes answered from a remembered result."},
    {"publications_refused", false, "Publishes refused because memory or mailboxes were full."},
    {"deliveries", false, "Publications queued, to one connection each."},
    {"json_checks", false, "Binary payloads that were read to see whether they are JSON."},
    {"encodings", false, "Times a publication was encoded."},
    {"deltas", false, "Of these as a delta."},
    {"recoveries", false, "Recoveries asked for."},
    {"recoveries_failed", false, "Recoveries that could not be complete."},
    {"gaps", false, "Subscriptions ended because they missed something."},
    {"overruns", false, "Times a shard was too far behind to take deliveries."},
    {"channels_refused", false, "Channels refused at the bound of channels."},
    {"streams_evicted", false, "Idle epochs forgotten early."},
    {"subscriptions_refused", false, "Subscriptions refused at their bound."},
    {"presence_refused", false, "Presences refused at the bound of presence memory."},
    {"idempotency_evictions", false, "Results of idempotency keys forgotten early."},
};

constexpr Metric kApiMetrics[] = {
    {"http_connections", true, "Open HTTP connections that are not streams."},
    {"api_requests", false, "Requests to the API with a valid key."},
    {"api_errors", false, "Of these answered with an error."},
    {"api_unauthorized", false, "Requests to the API without a valid key."},
    {"http_timeouts", false, "Requests that took too long to arrive."},
    {"http_refusals", false, "Requests turned away because too many arrived in pieces."},
    {"streams_begun", false, "Event streams and HTTP streams begun."},
};

const Metric* find(std::span<const Metric> metrics, std::string_view name) {
  for (const Metric& metric : metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

}  // namespace

const Metric* find_server_metric(std::string_view name) {
  return find(kServerMetrics, name);
}
const Metric* find_gateway_metric(std::string_view name) {
  return find(kGatewayMetrics, name);
}
const Metric* find_api_metric(std::string_view name) {
  return find(kApiMetrics, name);
}

}  // namespace holdfast::admin
