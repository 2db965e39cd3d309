// The flags that make connections clients of the Centrifugo protocol, checked against the phases.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_client.h"
#include "client_protocol.h"
#include "phase.h"

namespace holdfast::swarm {

struct ClientFlags {
  std::unique_ptr<ClientProtocol> protocol;  // null: plain WebSocket messages
  std::optional<ApiAddress> api;
};

// As they were given; errors say what would be right. `run` is the seed of all contents.
absl::StatusOr<ClientFlags> read_client_flags(std::uint64_t run, const std::vector<std::string>& allowed);
// Whether these phases can be played with them.
absl::Status check_phases(const std::vector<Phase>& phases, const ClientFlags& flags);

}  // namespace holdfast::swarm
