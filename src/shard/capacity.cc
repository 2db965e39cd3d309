// The checks and the arithmetic.
#include "shard/capacity.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "http/origin.h"
#include "http/syntax.h"
#include "hub/homes.h"
#include "shard/limits.h"
#include "ws/close_code.h"

namespace holdfast::shard {
namespace {

constexpr std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
  return (value + by - 1) / by;
}

// A tenth more than a fair share: SO_REUSEPORT spreads by hash, and a full shard makes its clients wait while
// others have room.
constexpr std::uint64_t with_headroom(std::uint64_t connections) {
  return divide_up(connections * 11, 10);
}

absl::Status out_of_range(const char* setting, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  return absl::InvalidArgumentError(
      absl::StrCat(setting, "=", value, " is out of range: choose a value from ", least, " to ", most));
}

absl::Status check_bounds(const Config& config) {
  const auto check = [](const char* name, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    return value < least || value > most ? out_of_range(name, value, least, most) : absl::OkStatus();
  };
  const Tuning& tuning = config.tuning;
  const struct {
    const char* name;
    std::uint64_t value, least, most;
  } bounds[] = {
      {"shards", config.shards, 0, hub::kShardsMaximum},
      {"max_connections", config.max_connections, 1,
       hub::kShardsMaximum * std::uint64_t{kConnectionsPerShardMaximum}},
      {"max_message_bytes", config.max_message_bytes, 1, kMessageBytesMaximum},
      {"max_fragments", config.max_fragments, 1, 1u << 20},
      {"max_handshakes", config.max_handshakes, 1, 1u << 20},
      {"max_bytes_per_second", config.max_bytes_per_second, config.max_bytes_per_second == 0 ? 0u : 1024u,
       0xffff'ffffu},
      {"tuning.submission_entries", tuning.submission_entries, 8, 32'768},
      {"tuning.completion_entries", tuning.completion_entries, 16, 65'536},
      {"tuning.receive_buffers", tuning.receive_buffers, 0, 4096},
      {"tuning.large_receive_buffers", tuning.large_receive_buffers, 0, 4096},
      {"tuning.accept_backlog", tuning.accept_backlog, 1, 65'535},
  };
  for (const auto& bound : bounds) {
    if (absl::Status status = check(bound.name, bound.value, bound.least, bound.most); !status.ok())
      return status;
  }
  constexpr std::uint32_t kLeastOutboxMessages = 16;
  if (config.max_outbox_messages != 0) {
    const absl::Status status =
        check("max_outbox_messages", config.max_outbox_messages, kLeastOutboxMessages, 0xffff'ffffu);
    if (!status.ok()) return status;
  }
  if (config.max_outbox_bytes == 0) return absl::OkStatus();
  const std::uint64_t least_outbox = std::uint64_t{config.max_message_bytes} + 16;
  return check("max_outbox_bytes", config.max_outbox_bytes, least_outbox, 1u << 30);
}

absl::Status check_times(const Config& config) {
  using std::chrono::milliseconds;
  const struct {
    const char* name;
    milliseconds value, least;
  } times[] = {
      {"handshake_timeout", config.handshake_timeout, milliseconds(1)},
      {"ping_interval", config.ping_interval, milliseconds(0)},
      {"pong_timeout", config.pong_timeout, milliseconds(1)},
      {"message_timeout", config.message_timeout, milliseconds(1)},
      {"close_timeout", config.close_timeout, milliseconds(1)},
      {"stall_timeout", config.stall_timeout, milliseconds(1)},
      {"http_idle_timeout", config.http_idle_timeout, milliseconds(0)},
      {"drain_timeout", config.drain_timeout, milliseconds(0)},
  };
  constexpr milliseconds kMost = std::chrono::hours(24);
  for (const auto& time : times) {
    if (time.value < time.least || time.value > kMost) {
      return absl::InvalidArgumentError(absl::StrCat(time.name, "=", time.value.count(),
                                                     "ms is out of range: choose from ", time.least.count(),
                                                     "ms to 24h"));
    }
  }
  return absl::OkStatus();
}

absl::Status check_handshake(const Config& config) {
  for (const std::string& origin : config.allowed_origins) {
    if (!http::valid_allowed_origin(origin)) {
      return absl::InvalidArgumentError(absl::StrCat("allowed_origins: \"", origin,
                                                     "\" can never match: write scheme://host or "
                                                     "scheme://host:port, or * for any"));
    }
  }
  for (const std::string& subprotocol : config.subprotocols) {
    if (!http::is_token(subprotocol)) {
      return absl::InvalidArgumentError(
          absl::StrCat("subprotocols: \"", subprotocol,
                       "\" is not a token: use letters, digits and !#$%&'*+-.^_`|~ (RFC 6455 section 4.1)"));
    }
  }
  return absl::OkStatus();
}

absl::Status check_close_codes(const Config& config) {
  const struct {
    const char* name;
    std::uint16_t code;
  } codes[] = {
      {"drain_close_code", config.drain_close_code},
      {"overflow_close_code", config.overflow_close_code != 0 ? config.overflow_close_code : ws::kNormal},
  };
  for (const auto& [name, code] : codes) {
    if (!ws::valid_close_code(code)) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, "=", code, " may not be sent: choose 1000-1003, 1007-1014 or 3000-4999 (RFC 6455 7.4)"));
    }
  }
  if (config.drain_close_reason.size() > ws::kCloseReasonMaximumBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("drain_close_reason has ", config.drain_close_reason.size(),
                     " bytes: a close frame has room for ", ws::kCloseReasonMaximumBytes));
  }
  return absl::OkStatus();
}

// Memory that stays touched on every shard. Shards beyond the cores share them, so each has less to read at a
// time: with 56 on two cores 64 buffers each would come to 16 B a connection at a million.
std::uint32_t receive_buffers(const Config& config, std::uint32_t shards, std::uint32_t cores) {
  if (config.tuning.receive_buffers > 0) return config.tuning.receive_buffers;
  return std::clamp(kReceiveBuffers * cores / shards, kReceiveBuffersLeast, kReceiveBuffers);
}

std::uint32_t slots_for_http(const Config& config) {
  return config.listen_http.empty() ? 0 : kSlotsReservedForHttp;
}

absl::StatusOr<std::uint32_t> choose_shards(const Config& config, const Host& host) {
  const std::uint64_t listeners = config.listen.size() + config.listen_tcp.size() + config.listen_http.size();
  const std::uint64_t table = std::min<std::uint64_t>(kConnectionsPerShardMaximum, host.open_files);
  if (table < 16 + slots_for_http(config)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "RLIMIT_NOFILE is ", host.open_files, ", too low to serve: raise it with ulimit -n or LimitNOFILE="));
  }
  // Spare slots: one per listener, see net/listener.h.
  const std::uint64_t per_shard = table - listeners - slots_for_http(config);
  const std::uint64_t needed =
      config.max_connections <= per_shard ? 1 : divide_up(with_headroom(config.max_connections), per_shard);
  if (needed > hub::kShardsMaximum) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "max_connections=", config.max_connections, " needs ", needed,
        " shards at RLIMIT_NOFILE=", host.open_files, ", but a server has at most ", hub::kShardsMaximum,
        ": raise the limit (ulimit -Hn, LimitNOFILE=) or lower max_connections"));
  }
  if (config.shards == 0) return static_cast<std::uint32_t>(std::max<std::uint64_t>(host.cores, needed));
  const std::uint64_t wanted = config.shards == 1
                                   ? config.max_connections
                                   : divide_up(with_headroom(config.max_connections), config.shards);
  if (wanted > per_shard) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shards=", config.shards, " cannot hold max_connections=", config.max_connections,
        ": one shard holds at most ", per_shard, " here (65,536 a ring, RLIMIT_NOFILE=", host.open_files,
        "); use shards=", needed, " or more, or 0 to have it computed"));
  }
  return config.shards;
}

}  // namespace

absl::StatusOr<Capacity> plan_capacity(const Config& config, const Host& host) {
  if (config.listen.empty() && config.listen_tcp.empty() && config.listen_http.empty()) {
    return absl::InvalidArgumentError(
        "nothing to listen on: give listen (WebSocket), listen_tcp or listen_http an ADDR:PORT");
  }
  if (absl::Status status = check_bounds(config); !status.ok()) return status;
  if (absl::Status status = check_times(config); !status.ok()) return status;
  if (absl::Status status = check_handshake(config); !status.ok()) return status;
  if (absl::Status status = check_close_codes(config); !status.ok()) return status;
  auto shards = choose_shards(config, host);
  if (!shards.ok()) return shards.status();

  Capacity capacity;
  capacity.shards = *shards;
  const std::uint64_t share =
      *shards == 1 ? config.max_connections : divide_up(with_headroom(config.max_connections), *shards);
  const std::uint64_t listeners = config.listen.size() + config.listen_tcp.size() + config.listen_http.size();
  capacity.sizes.slots_for_http = slots_for_http(config);
  capacity.sizes.slots = static_cast<std::uint32_t>(share + listeners - 1) + capacity.sizes.slots_for_http;
  // Frames owed at once: so many for each connection, because what is published within one turn waits for its
  // end; at least enough for one full outbox of small messages.
  constexpr std::uint32_t kPlacesPerConnection = 64;
  capacity.sizes.outbox_nodes = std::max<std::uint32_t>(kPlacesPerConnection * capacity.sizes.slots, 65'536);
  capacity.sizes.subscriptions =
      config.max_subscriptions > 0 ? config.max_subscriptions : 4 * capacity.sizes.slots;
  if (config.max_messages_per_second > 0 || config.max_bytes_per_second > 0)
    capacity.sizes.input_accounts = capacity.sizes.slots;
  const std::size_t wanted =
      config.message_memory_bytes > 0
          ? config.message_memory_bytes
          : std::max<std::size_t>(std::size_t{256} << 20,
                                  8 * (std::size_t{Limits::outbox_bytes(config)} + config.max_message_bytes));
  capacity.sizes.arena_bytes =
      divide_up(std::max<std::size_t>(wanted, 4u << 20), memory::BlockArena::kPageBytes) *
      memory::BlockArena::kPageBytes;
  capacity.sizes.receive_buffers = receive_buffers(config, capacity.shards, host.cores);
  const std::uint64_t descriptors = capacity.shards * (kOrdinaryDescriptorsPerShard + listeners) + 64;
  if (descriptors > host.open_files) {
    return absl::ResourceExhaustedError(absl::StrCat(capacity.shards, " shards need ", descriptors,
                                                     " ordinary descriptors, RLIMIT_NOFILE allows ",
                                                     host.open_files, ": raise it or use fewer shards"));
  }
  return capacity;
}

Host read_host() {
  Host host;
  host.cores = std::max(1u, std::thread::hardware_concurrency());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    if (limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
    }
    host.open_files = limit.rlim_cur;
  }
  return host;
}

}  // namespace holdfast::shard
