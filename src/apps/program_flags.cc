// Flags by absl; each becomes one field of Config.
#include "program_flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"

ABSL_FLAG(std::vector<std::string>, listen, {},
          "WebSocket addresses, ADDR:PORT[,ADDR:PORT]; [::]:PORT for IPv6");
ABSL_FLAG(std::vector<std::string>, listen_tcp, {},
          "length-prefixed TCP addresses: u32 big-endian length, payload");
ABSL_FLAG(std::vector<std::string>, listen_http, {}, "TCP addresses whose bytes are taken as they come");
ABSL_FLAG(std::uint32_t, shards, 0,
          "threads, each with its own ring; 0: as many as cores or connections need");
ABSL_FLAG(std::uint32_t, max_connections, 100'000, "the most connections to hold");
ABSL_FLAG(std::uint32_t, max_message_bytes, 64 * 1024, "the largest message taken");
ABSL_FLAG(std::uint32_t, max_fragments, 1024, "the most fragments of one message");
ABSL_FLAG(std::uint32_t, max_outbox_bytes, 0,
          "bytes queued for one connection before it is dropped; 0: 1 MiB or more");
ABSL_FLAG(std::uint64_t, message_memory_bytes, 0,
          "for queued messages and incomplete input, per shard; 0: 256 MiB or more");
ABSL_FLAG(std::uint32_t, max_outbox_messages, 0,
          "messages queued for one connection before it is dropped; 0: only the bytes count");
ABSL_FLAG(std::uint32_t, overflow_close_code, 0,
          "what a WebSocket client is told that does not keep up; 0: it is reset");
ABSL_FLAG(std::uint32_t, max_handshakes, 16384, "opening handshakes under way at once, per shard");
ABSL_FLAG(std::uint32_t, max_accepts_per_second, 0, "clients taken in per second; more wait; 0: any number");
ABSL_FLAG(std::uint32_t, max_connections_per_address, 0,
          "connections from one IPv4 address or IPv6 /64; more are reset; 0: any number");
ABSL_FLAG(std::uint32_t, max_messages_per_second, 0,
          "of one connection; one that sends more is made to wait; 0: any number");
ABSL_FLAG(std::uint32_t, max_bytes_per_second, 0, "of one connection, likewise; 0: any number");
ABSL_FLAG(absl::Duration, handshake_timeout, absl::Seconds(5), "from accept to the end of the handshake");
ABSL_FLAG(absl::Duration, ping_interval, absl::Seconds(25), "silence before a ping; 0: never");
ABSL_FLAG(absl::Duration, pong_timeout, absl::Seconds(10),
          "silence after a ping before the connection is dropped");
ABSL_FLAG(absl::Duration, message_timeout, absl::Seconds(30), "from a message's first byte to its last");
ABSL_FLAG(absl::Duration, close_timeout, absl::Seconds(5), "from our close frame to the end");
ABSL_FLAG(absl::Duration, stall_timeout, absl::Seconds(30),
          "a backlogged peer that takes nothing is dropped");
ABSL_FLAG(absl::Duration, http_idle_timeout, absl::Seconds(75),
          "silence before a connection to listen_http is ended; 0: never");
ABSL_FLAG(absl::Duration, drain_timeout, absl::Seconds(10), "from SIGTERM to a hard stop");
ABSL_FLAG(std::uint32_t, drain_close_code, 1012, "what WebSocket clients are told by a drain");
ABSL_FLAG(std::vector<std::string>, allowed_origins, {"*"},
          "origins of browsers, scheme://host[:port]; * for any");
ABSL_FLAG(std::vector<std::string>, subprotocols, {}, "WebSocket subprotocols, in order of preference");
ABSL_FLAG(std::uint32_t, receive_buffers, 0, "for tests: 16 KiB receive buffers per shard; 0: 16 to 64");
ABSL_FLAG(std::uint32_t, large_receive_buffers, 8, "for tests: 128 KiB receive buffers per shard");
ABSL_FLAG(std::uint32_t, submission_entries, 1024, "for tests: operations handed to the kernel at once");
ABSL_FLAG(std::uint32_t, completion_entries, 16384, "for tests: size of the completion queue");
ABSL_FLAG(bool, one_shot_accept, false, "for tests: the accept path of kernels before 6.7");
ABSL_FLAG(bool, batch_waits, true, "wait up to 50 us for more work while busy");

namespace holdfast::apps {
namespace {

constexpr int kExitUsage = 2;

std::chrono::milliseconds milliseconds(absl::Duration duration) {
  return std::chrono::milliseconds(absl::ToInt64Milliseconds(duration));
}

// Too large ones stay invalid, and are refused with the others.
std::uint16_t close_code(std::uint32_t flag) {
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(flag, 65'535));
}

}  // namespace

Config parse_flags(int argc, char** argv, const char* description) {
  absl::SetProgramUsageMessage(description);
  absl::FlagsUsageConfig usage;
  usage.contains_help_flags = [](absl::string_view file) { return absl::EndsWith(file, "program_flags.cc"); };
  absl::SetFlagsUsageConfig(usage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "%s: \"%s\" is not a flag; --help lists the flags\n", argv[0], rest[1]);
    std::exit(kExitUsage);
  }
  Config config;
  config.listen = absl::GetFlag(FLAGS_listen);
  config.listen_tcp = absl::GetFlag(FLAGS_listen_tcp);
  config.listen_http = absl::GetFlag(FLAGS_listen_http);
  if (config.listen.empty() && config.listen_tcp.empty() && config.listen_http.empty())
    config.listen = {"127.0.0.1:8000"};
  config.shards = absl::GetFlag(FLAGS_shards);
  config.max_connections = absl::GetFlag(FLAGS_max_connections);
  config.max_message_bytes = absl::GetFlag(FLAGS_max_message_bytes);
  config.max_fragments = absl::GetFlag(FLAGS_max_fragments);
  config.max_outbox_bytes = absl::GetFlag(FLAGS_max_outbox_bytes);
  config.message_memory_bytes = absl::GetFlag(FLAGS_message_memory_bytes);
  config.max_outbox_messages = absl::GetFlag(FLAGS_max_outbox_messages);
  config.overflow_close_code = close_code(absl::GetFlag(FLAGS_overflow_close_code));
  config.max_handshakes = absl::GetFlag(FLAGS_max_handshakes);
  config.max_accepts_per_second = absl::GetFlag(FLAGS_max_accepts_per_second);
  config.max_connections_per_address = absl::GetFlag(FLAGS_max_connections_per_address);
  config.max_messages_per_second = absl::GetFlag(FLAGS_max_messages_per_second);
  config.max_bytes_per_second = absl::GetFlag(FLAGS_max_bytes_per_second);
  config.handshake_timeout = milliseconds(absl::GetFlag(FLAGS_handshake_timeout));
  config.ping_interval = milliseconds(absl::GetFlag(FLAGS_ping_interval));
  config.pong_timeout = milliseconds(absl::GetFlag(FLAGS_pong_timeout));
  config.message_timeout = milliseconds(absl::GetFlag(FLAGS_message_timeout));
  config.close_timeout = milliseconds(absl::GetFlag(FLAGS_close_timeout));
  config.stall_timeout = milliseconds(absl::GetFlag(FLAGS_stall_timeout));
  config.http_idle_timeout = milliseconds(absl::GetFlag(FLAGS_http_idle_timeout));
  config.drain_close_code = close_code(absl::GetFlag(FLAGS_drain_close_code));
  config.drain_timeout = milliseconds(absl::GetFlag(FLAGS_drain_timeout));
  config.allowed_origins = absl::GetFlag(FLAGS_allowed_origins);
  config.subprotocols = absl::GetFlag(FLAGS_subprotocols);
  config.tuning.receive_buffers = absl::GetFlag(FLAGS_receive_buffers);
  config.tuning.large_receive_buffers = absl::GetFlag(FLAGS_large_receive_buffers);
  config.tuning.submission_entries = absl::GetFlag(FLAGS_submission_entries);
  config.tuning.completion_entries = absl::GetFlag(FLAGS_completion_entries);
  config.tuning.one_shot_accept = absl::GetFlag(FLAGS_one_shot_accept);
  config.tuning.batch_waits = absl::GetFlag(FLAGS_batch_waits);
  return config;
}

}  // namespace holdfast::apps
