// Opening the sockets a server listens on: one per address and shard, sharing the port (SO_REUSEPORT).
//
// TCP options are set here, once: accepted sockets inherit them (rule R6). Runs before the shards start.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/address.h"

namespace holdfast::net {

struct ListenOptions {
  std::uint32_t shards = 1;
  std::uint32_t backlog = 1024;  // per socket
  // Unacknowledged data or a closed window for longer than this ends a connection (TCP_USER_TIMEOUT): the net
  // below the server's own stall deadline.
  std::chrono::milliseconds user_timeout{35'000};
  // The protocol has the client speak first: it is accepted when its first bytes are there
  // (TCP_DEFER_ACCEPT). Of one that says nothing the kernel keeps a connection request until it has sent its
  // answer a second time, about a second, and then lets it in all the same.
  bool client_speaks_first = false;
};

struct ListeningSockets {
  ListenAddress bound;           // with the port the kernel chose
  std::vector<int> descriptors;  // one per shard; the caller closes them
};

// Errors name the address, the reason and the next step. A port that another process listens on is an error
// even though SO_REUSEPORT would let us share it.
absl::StatusOr<ListeningSockets> open_listening_sockets(std::string_view address,
                                                        const ListenOptions& options);

}  // namespace holdfast::net
