// ChannelName: where a name is cut.
#include "gateway/channel_name.h"

#include <algorithm>

namespace holdfast::gateway {

ChannelName::Fault ChannelName::check(std::string_view name, std::size_t bytes_maximum) {
  if (name.empty()) return Fault::empty;
  if (name.size() > bytes_maximum) return Fault::too_long;
  const auto reserved = [](char byte) { return byte < ' ' || byte > '~' || byte == '*' || byte == '&'; };
  if (name.front() == '/' || std::any_of(name.begin(), name.end(), reserved)) return Fault::reserved;
  return Fault::none;
}

ChannelName ChannelName::parse(std::string_view name) {
  ChannelName parts;
  parts.whole = name;
  parts.is_private = name.starts_with('$');
  const std::string_view rest = name.substr(parts.is_private ? 1 : 0);
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    parts.has_space = true;
    parts.space = rest.substr(0, colon);
  }
  if (const std::size_t boundary = rest.rfind('#'); boundary != std::string_view::npos) {
    parts.names_users = true;
    parts.users = rest.substr(boundary + 1);
  }
  return parts;
}

bool ChannelName::names(std::string_view user) const {
  if (!names_users || user.empty()) return false;
  std::string_view rest = users;
  while (true) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == user) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace holdfast::gateway
