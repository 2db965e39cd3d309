// Tokens: who the connections say they are. Signed here (HS256, one for each connection), or read from a
// file. Thread-safe: nothing changes after it was made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::swarm {

class Tokens {
 public:
  Tokens() = default;  // no tokens: connections are anonymous
  // Tokens for `user`, or when that is empty for a user of each connection's own. Valid for a day.
  static Tokens signed_with(std::string secret, std::string user);
  // One a line, given out in turn.
  static absl::StatusOr<Tokens> from_file(const std::string& path);

  // Of connection `number` of the run; empty without tokens.
  std::string of(std::uint64_t number) const;
  // Whose connection that is: known of tokens signed here.
  bool knows_users() const { return !secret_.empty(); }
  bool one_user() const { return !user_.empty(); }
  std::string user_of(std::uint64_t number) const;

 private:
  std::string secret_;
  std::string user_;
  std::int64_t expires_unix_s_ = 0;
  std::vector<std::string> given_;
};

}  // namespace holdfast::swarm
