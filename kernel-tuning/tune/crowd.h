// Crowd: real connections on loopback, held by child processes while the parent measures.
//
// Each child listens on a port of its own on 127.0.0.1, connects to itself, and accepts; as many children as
// RLIMIT_NOFILE makes necessary. They end with the parent, however it ends, and leave no TIME_WAIT: the
// connecting side closes with RST.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast::tune {

class Crowd {
 public:
  // Opens that many connections; they are idle when this returns.
  static absl::StatusOr<Crowd> open(std::uint64_t connections);
  ~Crowd();
  Crowd(Crowd&& other) noexcept;
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  Crowd& operator=(Crowd&&) = delete;

  // Watches each accepted socket as the server does: in a ring's file table, by a multishot poll.
  absl::Status watch();

  std::size_t children() const { return children_.size(); }

 private:
  struct Child {
    pid_t process = 0;
    int orders = -1;   // we write
    int answers = -1;  // we read
  };

  Crowd() = default;
  absl::Status add_child(std::uint64_t connections);
  absl::Status wait_for_answers();

  std::vector<Child> children_;
};

}  // namespace holdfast::tune
