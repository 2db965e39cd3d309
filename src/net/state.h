// The states of a connection, and which may follow which.
//
//   free ─► handshaking ─► open ─► closing ─┐
//              │    │       │ │             ▼
//              │    └───────┴─┴────────► flushing ─► lingering
//              │            │               │            │
//              └────────────┴───────────────┴────────────┴─► disarming ─► releasing ─► free
//
// ConnectionTable::to is the only writer and CHECKs every step against the table.
#pragma once

#include <cstdint>

namespace holdfast::net {

enum class State : std::uint8_t {
  free,         // no socket in the slot
  handshaking,  // a WebSocket client's request head is being read
  open,         // messages flow
  closing,      // our close frame is queued or sent, the peer's is awaited
  flushing,     // all is said; what is queued must leave, then the socket goes
  lingering,    // a rejection has left; input is discarded until the peer ends, so that RST does not destroy
                // the answer
  disarming,  // armed operations are being cancelled; waits until none of the slot is in the kernel, and then
              // for its turn to be closed
  releasing,  // the close is in the kernel
};
inline constexpr int kStates = 8;

const char* state_name(State state);
bool legal_transition(State from, State to);
// The socket is read, whether or not its bytes are still wanted.
bool reads_input(State state);
// Disarming or releasing: every kernel completion only counts down.
bool is_ending(State state);

}  // namespace holdfast::net
