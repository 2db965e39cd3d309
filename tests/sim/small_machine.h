// A machine with one shard for a handful of connections: for tests that follow each of them by name.
#pragma once

#include <cstdint>

#include "machine.h"

namespace holdfast::sim {

inline MachineOptions small_machine(Protocol protocol, std::uint32_t outbox_nodes = 16) {
  return {.sizes = {.slots = 4,
                    .outbox_nodes = outbox_nodes,
                    .subscriptions = 4,
                    .arena_bytes = 1u << 20,
                    .receive_buffers = 4},
          .listeners = {protocol},
          .backlog = 4};
}

}  // namespace holdfast::sim
