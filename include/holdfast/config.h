// Config: everything a server can be told. Every bound has a default with its reason beside it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// Settings that exist for tests and measurements; the defaults are right for production.
struct Tuning {
  std::uint32_t submission_entries = 1024;  // per shard; operations handed to the kernel at once
  std::uint32_t completion_entries =
      16384;                          // per shard; a multiple of the submissions plus a burst of wake-ups
  std::uint32_t receive_buffers = 0;  // per shard, 16 KiB each: connections read at once; 0: 64, down to
                                      // 16 where shards outnumber the cores
  std::uint32_t large_receive_buffers = 8;  // per shard, 128 KiB each, for connections that send a lot
  std::uint32_t accept_backlog = 1024;      // per shard and address; the kernel caps it at net.core.somaxconn
  std::size_t mailbox_bytes = 1u << 20;     // per shard and direction; raised to hold four whole messages
  bool one_shot_accept = false;             // the accept path of kernels before 6.7
  bool batch_waits = true;                  // wait up to 50 us for more work while busy
};

struct Config {
  // "ADDR:PORT" each, "[::]:PORT" for IPv6; port 0 lets the kernel choose (see Server::endpoints).
  std::vector<std::string> listen;       // WebSocket; plain requests as Handler::on_plain_request says
  std::vector<std::string> listen_tcp;   // length-prefixed: u32 big-endian length, payload
  std::vector<std::string> listen_http;  // Protocol::http: bytes for the handler, see Handler::on_message

  // Threads, each with its own ring; 0 means max(cores, connections / 65,536, connections * 1.1 /
  // RLIMIT_NOFILE), rounded up. 1 to 256.
  std::uint32_t shards = 0;
  // The most connections to hold. With several shards each may hold a tenth more than its share, because the
  // kernel spreads connections at random. Further clients wait in the accept backlog.
  std::uint32_t max_connections = 100'000;

  // Whole messages, in bytes, 1 .. 64 MiB. Larger ones are refused as soon as a header announces them (close
  // code 1009).
  std::uint32_t max_message_bytes = 64 * 1024;
  // Frames of one fragmented message (1008 beyond).
  std::uint32_t max_fragments = 1024;
  // Connections per shard that may be in their opening handshake at once; more wait in the backlog. One costs
  // no more than its socket and its slot unless its request comes in pieces.
  std::uint32_t max_handshakes = 16'384;

  // The four that follow are off at 0, and none concerns listen_http: that is where the operator comes in.
  //
  // Clients taken in per second, by all shards together and with bursts of a tenth of a second; more wait in
  // the backlog. Spreads a storm of clients that come back.
  std::uint32_t max_accepts_per_second = 0;
  // Connections from one address, of IPv6 from one network of 64 bits; more are reset as they come. Behind
  // one address may be a proxy, or a company.
  std::uint32_t max_connections_per_address = 0;
  // What one connection may send per second, with bursts of a second's worth. One that sends more is not read
  // for as long as that takes: TCP makes it wait, nothing is lost. At least 1,024 bytes.
  std::uint32_t max_messages_per_second = 0;
  std::uint32_t max_bytes_per_second = 0;

  // Bytes queued for one connection that the kernel did not take; beyond it the connection is dropped. What
  // is sent within one turn counts only once it has been offered. 0: 1 MiB, or four whole messages when that
  // is more.
  std::uint32_t max_outbox_bytes = 0;
  // The same for messages, control frames among them; one more counts as too many bytes do. On
  // connections of Protocol::http a message is what was given to one send. 0: only the bytes count; otherwise
  // at least 16.
  std::uint32_t max_outbox_messages = 0;
  // What a WebSocket client is told that does not keep up: 1000 to 4999 as for Connection::close, and
  // on_close has it too, also after a stall_timeout. At the bound, what it is owed and has not begun to leave
  // is thrown away, and a close frame with this code and the reason "slow" takes its place. A client that
  // reads, however slowly, gets a beginning without gaps and then the close; one that does not read is ended
  // after close_timeout, with a reset if something is still queued. 0: it is told nothing and reset at the
  // bound.
  std::uint16_t overflow_close_code = 0;
  // Memory per shard for queued messages and incomplete input together; reserved as address space, used on
  // demand. 0: 256 MiB, or 8 times a full outbox and a whole message when that is more.
  std::size_t message_memory_bytes = 0;
  // Subscriptions per shard; 0: four for each connection it can hold.
  std::uint32_t max_subscriptions = 0;

  // From accept to the end of the opening handshake; no byte resets it. 1 ms .. 1 h. On listen_http: to the
  // first byte; how long a request may take from there is for the handler to say.
  std::chrono::milliseconds handshake_timeout{5'000};
  // Once in an interval a connection from which nothing arrived for a quarter of it is pinged (WebSocket), so
  // nobody stays quiet for more than five quarters; when in the interval is up to the server, which spreads
  // clients that arrived together. 0: never.
  std::chrono::milliseconds ping_interval{25'000};
  // A pinged connection from which nothing arrives for this long is dropped.
  std::chrono::milliseconds pong_timeout{10'000};
  // From the first byte of a message to its last.
  std::chrono::milliseconds message_timeout{30'000};
  // From our close frame to the end of the connection.
  std::chrono::milliseconds close_timeout{5'000};
  // A backlogged peer that takes nothing for this long is dropped.
  std::chrono::milliseconds stall_timeout{30'000};
  // An HTTP connection on which no byte moved in either direction for this long is ended, unless a request is
  // being answered (Connection::begin_request); 0: never. Longer than the minute that proxies commonly keep a
  // connection, so that it is they who end it.
  std::chrono::milliseconds http_idle_timeout{75'000};
  // From drain to a hard stop. Closes are spread at random over the first two thirds of it.
  std::chrono::milliseconds drain_timeout{10'000};
  // What WebSocket clients are told by a drain: a code as for Connection::close, at most 123 bytes of UTF-8.
  // The default says what to do: come back at a random moment within that many milliseconds.
  std::uint16_t drain_close_code = 1012;
  std::string drain_close_reason = "server is restarting; retry in 0-5000 ms";

  // "scheme://host[:port]" each, or "*". Empty: a browser's Origin must match the Host it connected to.
  std::vector<std::string> allowed_origins;
  // Clients that are not browsers send no Origin.
  bool allow_missing_origin = true;
  // Subprotocols the server speaks, in its order of preference.
  std::vector<std::string> subprotocols;

  // Receives one line at a time, without a newline, from any thread; must not block. Default: standard error.
  std::function<void(std::string_view line)> log;

  Tuning tuning;
};

}  // namespace holdfast
