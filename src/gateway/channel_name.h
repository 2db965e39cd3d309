// ChannelName: the parts of a channel's name that mean something: `$` in front, the namespace before the
// first
// `:`, and the users after the last `#`. Pure views into the name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::gateway {

struct ChannelName {
  enum class Fault : std::uint8_t {
    none,
    empty,     // the client is closed with 3501
    too_long,  // error 107
    reserved,  // error 107: not printable ASCII, `/` in front, or `*` or `&` anywhere
  };

  std::string_view whole;
  std::string_view space;  // the namespace's name; empty: none
  std::string_view users;  // separated by commas; empty: none, or nobody
  bool has_space = false;
  bool is_private = false;   // `$`: only with a token
  bool names_users = false;  // `#`

  static Fault check(std::string_view name, std::size_t bytes_maximum);
  // Any text has parts; check() it first where it matters.
  static ChannelName parse(std::string_view name);

  // An anonymous user is never named, not even by `dialog#` or `dialog#42,`.
  bool names(std::string_view user) const;
};

}  // namespace holdfast::gateway
