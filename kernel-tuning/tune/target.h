// Target: what the host shall hold, as the operator asks for it. The input of every computation here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tune/profile.h"

namespace holdfast::tune {

// What one connection takes; the defaults are measured (README.md, "What a connection takes"), and prove
// puts what it finds in their place.
struct ConnectionBytes {
  std::uint64_t socket = 3'830;  // kernel: tcp_sock, socket and inode, file, dentry
  std::uint64_t poll = 264;      // kernel: the armed multishot poll
  std::uint64_t table = 40;      // kernel: its place in the ring's file table
  std::uint64_t server = 128;    // holdfast: slot and slack
  std::uint64_t client = 4'500;  // the other end, when it is on this host: socket, poll, port bucket, program
};

struct Target {
  std::uint64_t connections = 1'000'000;
  Profile profile;
  bool tls = false;
  std::uint64_t message_bytes = 512;
  std::uint64_t active_millionths = 50'000;  // connections with bytes queued at one moment
  bool loopback = false;                     // the clients are on this host too, as in perf/million
  std::vector<std::uint16_t> ports = {8000};
  std::uint64_t shards = 0;       // 0: as the server chooses
  std::uint64_t neighbours = 0;   // clients on this host's own links, which need an ARP or NDP entry each
  std::uint64_t process = 0;      // whose limits count; 0: those this process was given
  std::string user = "holdfast";  // for limits.d
  ConnectionBytes bytes;
};

}  // namespace holdfast::tune
