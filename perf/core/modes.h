// What the load client can do with its connections. Contents are always compared. Every mode opens its
// connections, says
// {"open": N}, and then, for each line on standard input, measures one window and prints it as one line of
// JSON; meanwhile it answers pings. So a script can let clients of several servers take turns with short
// windows. The end of standard input is the end of the program.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "connections.h"

namespace holdfast::perf {

struct Load {
  Target target;
  pid_t server = 0;  // whose CPU time is read; 0: nobody's
  std::uint32_t connections = 0;
  std::uint32_t message_bytes = 0;
  std::uint32_t warm_up_ms = 0;  // before each window
  std::uint32_t window_ms = 0;
};

// Closed loop: every connection always has exactly one binary message on its way; the answer to it causes the
// next. Between windows nothing is on its way. The count is of messages that came back right inside the
// window.
void run_echo(const Load& load);

// The first connection sends one message; when every connection, the first included, has it, it sends the
// next. The count is of deliveries.
void run_fanout(const Load& load);

// A window resets all connections, waits for the server to have forgotten them, and opens them all again: the
// opening is what is measured.
void run_handshake(const Load& load);

// Nothing is sent. The count is of the pings answered since the last window.
void run_idle(const Load& load);

}  // namespace holdfast::perf
