// bare_accept PORT: accepts every connection and holds it: the accepted socket and its descriptor, nothing
// else.
//
// What the kernel spends on a connection of a server is compared with what it spends on one held here (method
// in kernel_memory.py). One thread, blocked in accept; it keeps no list of what it holds. RLIMIT_NOFILE
// bounds one process, so several of them, each on its own port, hold what one server with several rings does.
// Ends when it is told to (SIGTERM).
#include "listening.h"

int main(int argc, char** argv) {
  using namespace holdfast::perf;
  if (argc != 2) fail("bare_accept PORT");
  const int listener = listen_on_loopback(port_argument(argv[1]));
  while (true) or_fail(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
}
