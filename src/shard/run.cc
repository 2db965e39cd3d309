// holdfast::run: a server as the whole of a program: prints where it listens, obeys signals, returns an exit
// code.
#include <signal.h>

#include <cstdio>
#include <string>
#include <thread>

#include "base/standard_error.h"
#include "holdfast/server.h"

namespace holdfast {
namespace {

constexpr int kExitError = 1;

sigset_t signals_obeyed() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

// First SIGTERM or SIGINT: drain. Second: stop at once. SIGUSR1: print the counters. SIGUSR2 is how run()
// ends this loop.
void obey_signals(Server& server, const sigset_t& set) {
  bool draining = false;
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0 || signal == SIGUSR2) return;
    if (signal == SIGUSR1) {
      base::write_line("holdfast: counters " + server.counters());
    } else if (!draining) {
      draining = true;
      server.drain();
    } else {
      server.stop();
    }
  }
}

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::websocket:
      return "ws";
    case Protocol::length_prefixed:
      return "tcp";
    case Protocol::http:
      return "http";
  }
  return "";
}

}  // namespace

int run(Config config, const Server::HandlerFactory& make_handler) {
  base::keep_standard_descriptors();
  // Blocked before any thread exists, so that every thread inherits it and only the one below takes them.
  const sigset_t set = signals_obeyed();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  auto server = Server::create(std::move(config), make_handler);
  if (!server.ok()) {
    std::fprintf(stderr, "holdfast: %s\n", std::string(server.status().message()).c_str());
    return kExitError;
  }
  for (const Endpoint& endpoint : (*server)->endpoints()) {
    std::printf("listening %s %s\n", name_of(endpoint.protocol), endpoint.address.c_str());
  }
  std::fflush(stdout);
  std::thread signals([&] { obey_signals(**server, set); });
  const absl::Status status = (*server)->run();
  pthread_kill(signals.native_handle(), SIGUSR2);
  signals.join();
  if (status.ok()) return 0;
  std::fprintf(stderr, "holdfast: %s\n", std::string(status.message()).c_str());
  return kExitError;
}

}  // namespace holdfast
